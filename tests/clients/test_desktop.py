"""The native client (RFC 8252): system browser, loopback redirect on a changing port, PKCE, no secret, nothing kept."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from clients.desktop.__main__ import Desktop, TimedOut
from clients.relying_party.flow import SignInFailed
from clients.relying_party.provider import Unreachable
from tests.clients.conftest import Browser
from tests.clients.issuer import Issuer, deny


class Visitor:
    """A browser with a live session at the issuer; what it is shown at the end is kept."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.asked: list[dict[str, str]] = []
        self.pages: list[requests.Response] = []
        self.before: Any = lambda callback: None

    def __call__(self, url: str) -> None:
        self.asked.append({name: values[0] for name, values in parse_qs(urlsplit(url).query).items()})
        callback = self.issuer.authorize(url)

        def visit() -> None:
            self.before(callback)
            self.pages.append(requests.get(callback, timeout=30))

        threading.Thread(target=visit, daemon=True).start()


def desktop(issuer: Issuer, visitor: Any, language: str = "en", app: str = "tag") -> Desktop:
    client_id = "onix-tag-desktop" if app == "tag" else "onix-pick-and-pack-desktop"
    return Desktop(
        app, issuer.issuer, client_id, f"urn:onix:{app}", language, open_browser=visitor, show=lambda line: None
    )


def test_sign_in_shows_person_verdict_and_functions(issuer: Issuer) -> None:
    issuer.organization = {
        **issuer.organization, "privileges": ["tag:access", "tag:equipment.read", "tag:tag.read", "tag:tag.write"]
    }  # fmt: skip
    visitor = Visitor(issuer)
    running = desktop(issuer, visitor)
    running.sign_in(wait=60)
    report = "\n".join(running.report())
    for text in (
        "Kari Nordmann",
        "Nordic Lift AS",
        "Inspector",
        "License: Onix Tag Standard",
        "Equipment: read only",
        "Tagging: you can work",
    ):
        assert text in report
    assert "Labels" not in report
    asked = visitor.asked[0]
    assert asked["client_id"] == "onix-tag-desktop" and asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"].startswith("http://127.0.0.1:") and asked["redirect_uri"].endswith("/callback")
    sent = next(form for path, form in issuer.seen if path == "/oauth2/token")
    assert "client_secret" not in sent and sent["client_id"] == "onix-tag-desktop" and sent["code_verifier"]


def test_port_and_secrets_change_each_time(issuer: Issuer) -> None:
    visitor = Visitor(issuer)
    running = desktop(issuer, visitor)
    for _ in range(2):
        running.sign_in(wait=60)
    first, second = visitor.asked
    for name in ("redirect_uri", "state", "nonce", "code_challenge"):
        assert first[name] != second[name]


def test_denial_and_gain(issuer: Issuer) -> None:
    issuer.organization = deny("license_missing")
    running = desktop(issuer, Visitor(issuer), "nb")
    running.sign_in(wait=60)
    report = running.report()
    assert "Du har ikke tilgang til Nordic Lift AS fra denne appen." in report
    assert report[-1] == "(license_missing)" and "Hvem du kan spørre: Ada Berg" in report
    assert any(
        line.startswith(f"Be om tilgang i nettleseren: {issuer.issuer}/access/request?app=tag&") for line in report
    )
    issuer.organization = Issuer().organization
    running.check_again()
    assert any("Utstyr" in line for line in running.report())
    assert issuer.calls["/oauth2/token"] == 2


def test_pick_and_pack(issuer: Issuer) -> None:
    issuer.organization = {**issuer.organization, "privileges": ["pickandpack:access", "pickandpack:pick.write"]}
    running = desktop(issuer, Visitor(issuer), app="pickandpack")
    running.sign_in(wait=60)
    assert any("Picking" in line for line in running.report())


def test_other_programs_on_the_machine_do_not_get_in(issuer: Issuer) -> None:
    """A knock with a wrong state, another path or another method neither signs in nor ends the wait."""
    visitor = Visitor(issuer)
    answers: list[int] = []

    def knock(callback: str) -> None:
        base = callback.split("?")[0]
        forged = urlencode({"state": "x" * 64, "code": "stolen", "iss": issuer.issuer})
        answers.append(requests.get(f"{base}?{forged}", timeout=30).status_code)
        answers.append(requests.get(base.replace("/callback", "/other"), timeout=30).status_code)
        answers.append(requests.post(base, timeout=30).status_code)
        for _ in range(70):  # knocking is no waiting: the person has all the time there was
            requests.get(base.replace("/callback", "/other"), timeout=30)

    visitor.before = knock
    running = desktop(issuer, visitor)
    running.sign_in(wait=60)
    assert answers == [404, 404, 501]
    assert running.tokens is not None


def test_refusals(issuer: Issuer) -> None:
    issuer.authorize_error = "access_denied"
    with pytest.raises(SignInFailed, match="access_denied"):
        desktop(issuer, Visitor(issuer)).sign_in(wait=60)
    issuer.authorize_error = None
    issuer.edit_id = lambda claims: claims.update(nonce="other")
    with pytest.raises(SignInFailed, match="token_refused"):
        desktop(issuer, Visitor(issuer)).sign_in(wait=60)
    with pytest.raises(TimedOut):
        desktop(issuer, lambda url: None).sign_in(wait=1)
    issuer.stop()
    with pytest.raises(Unreachable):
        desktop(issuer, Visitor(issuer)).sign_in(wait=60)


def test_answer_of_another_issuer_is_refused(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = issuer.authorize
    monkeypatch.setattr(
        issuer, "authorize", lambda url: genuine(url).replace(urlencode({"iss": issuer.issuer}), "iss=https://evil")
    )
    with pytest.raises(SignInFailed, match="wrong_issuer"):
        desktop(issuer, Visitor(issuer)).sign_in(wait=60)
    assert issuer.calls["/oauth2/token"] == 0


def test_downloaded_file_runs_by_itself(tag: Browser, issuer: Issuer, tmp_path: Path) -> None:
    """The file from /windows, started alone in an empty folder, signs in with what it was told there."""
    content = tag.get("/windows/onix-tag.pyz").data
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert not [name for name in names if name.startswith("idp") or "secret" in name]
    (tmp_path / "onix-tag.pyz").write_bytes(content)
    running = subprocess.Popen(
        [sys.executable, "onix-tag.pyz", "--no-browser", "--once", "--language", "en"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        url = ""
        while not url.startswith("http"):
            url = running.stdout.readline().strip()
        assert "127.0.0.1" in parse_qs(urlsplit(url).query)["redirect_uri"][0]
        assert requests.get(issuer.authorize(url), timeout=30).status_code == 200
        told, _ = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 0
    assert "Kari Nordmann" in told and "Equipment: you can work with it" in told
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix not in (".sqlite3", "")) == ["onix-tag.pyz"]
