"""A signature under an inspection: fetched from the provider, held against its hash, kept with the document."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from flask import Flask, Response, redirect

from clients.relying_party import flow
from tests.clients.conftest import Browser
from tests.clients.issuer import Issuer
from tests.clients.test_functions import first_id, hold, rows
from tests.support.forms import text_of

PNG = b"\x89PNG\r\n\x1a\n one signature"
SIGNS = ("tag:access", "tag:equipment.read", "tag:signature.read")


class Shelf:
    """What the issuer answers at its signatures' addresses; nothing to begin with."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {}
        self.asked: list[str] = []


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Stands at `/signatures/…` of the issuer, which is started afterwards."""
    found, make = Shelf(), Issuer._app

    def app(self: Issuer) -> Flask:
        made = make(self)

        @made.get("/signatures/<name>")
        def signature(name: str) -> Any:
            found.asked.append(name)
            answer = found.files.get(name)
            if answer is None:
                return Response(status=404)
            return answer if isinstance(answer, Response) else Response(answer, mimetype="image/png")

        return made

    monkeypatch.setattr(Issuer, "_app", app)
    monkeypatch.setattr(flow, "RECHECK_PAUSE", -1)
    return found


@pytest.fixture
def signer(shelf: Shelf, issuer: Issuer, tag: Browser) -> Browser:
    hold(issuer, *SIGNS)
    return tag


def told(issuer: Issuer, name: str | None, content: bytes = PNG, **changes: Any) -> None:
    """From now on the issuer's tokens tell of this signature."""

    def edit(claims: dict[str, Any]) -> None:
        if name is not None:
            claims["signature"] = {
                "url": f"{issuer.issuer}/signatures/{name}",
                "sha256": hashlib.sha256(content).hexdigest(),
                "expires_at": claims["exp"],
                **changes,
            }

    issuer.edit_id = edit


def sign(browser: Browser, **fields: str) -> Any:
    where = f"/equipment/{first_id(browser, 'equipment', '1')}/inspections"
    form = {"csrf_token": browser.csrf(where), "result": "passed", "remark": "Hook worn", **fields}
    return browser.post(where, form), where


def test_an_inspection_is_signed_and_keeps_its_signature(signer: Browser, shelf: Shelf, issuer: Issuer) -> None:
    told(issuer, "one")
    shelf.files["one"] = PNG
    begun = signer.get("/login")
    assert "scope=openid+profile+email+signature" in begun.location and "signature%22%3Anull" in begun.location
    signer.follow(begun)
    signer.get("/")
    answer, where = sign(signer)
    assert answer.status_code == 303
    shelf.files.clear()  # the address is dead by now
    page = signer.get(where).text
    assert "Passed" in text_of(page) and "Hook worn" in page and "Signed by Kari Nordmann" in page
    source = page.split('src="/inspections/', 1)[1].split('"', 1)[0]
    kept = signer.get(f"/inspections/{source}")
    assert kept.data == PNG and kept.content_type == "image/png"
    assert "sandbox" in kept.headers["Content-Security-Policy"]
    issuer.organization = {**issuer.organization, "org_id": "elsewhere", "org_name": "Elsewhere AS"}
    other = Browser(signer.app, issuer)
    other.sign_in()
    assert other.get(f"/inspections/{source}").status_code == 404, "another organization's"


def test_a_signature_made_or_changed_meanwhile_is_asked_for(signer: Browser, shelf: Shelf, issuer: Issuer) -> None:
    signer.sign_in()
    signer.get("/")
    where = f"/equipment/{first_id(signer, 'equipment', '1')}/inspections"
    assert "You have no signature yet." in signer.get(where).text
    told(issuer, "one")
    shelf.files["one"] = PNG
    assert "Sign the inspection" in signer.get(where).text, "somebody came back from making one"
    del shelf.files["one"]
    shelf.files["two"] = PNG + b"!"
    told(issuer, "two", PNG + b"!")
    assert signer.get("/signature.png").data == PNG + b"!"
    told(issuer, None)
    del shelf.files["two"]
    answer, _where = sign_or_refused(signer, where)
    assert answer.status_code == 409 and "You have no signature yet." in answer.text
    assert rows(signer, "inspection") == []


def sign_or_refused(browser: Browser, where: str) -> Any:
    return browser.post(where, {"csrf_token": browser.csrf("/logout"), "result": "passed"}), where


@pytest.mark.parametrize(
    ("content", "changes", "said"),
    [
        (PNG + b" changed", {}, "did not arrive as Onix Account announced it"),
        (Response(PNG, mimetype="text/html"), {}, "did not arrive as Onix Account announced it"),
        (b"\0" * 600_000, {"sha256": hashlib.sha256(b"\0" * 600_000).hexdigest()}, "did not arrive as Onix Account"),
        (Response(status=500), {}, "had from Onix Account right now"),
        (redirect("http://127.0.0.1:1/x"), {}, "had from Onix Account right now"),
        (PNG, {"url": "http://127.0.0.1:1/signatures/one"}, "did not arrive as Onix Account announced it"),
        (PNG, {"url": "file:///etc/passwd"}, "did not arrive as Onix Account announced it"),
        (PNG, {"url": 7}, "You have no signature yet."),
        (PNG, {"expires_at": "soon"}, "You have no signature yet."),
    ],
)
def test_a_signature_that_is_not_the_one_announced_is_not_used(
    signer: Browser, shelf: Shelf, issuer: Issuer, content: Any, changes: dict[str, Any], said: str
) -> None:
    told(issuer, "one", **changes)
    shelf.files["one"] = content
    signer.sign_in()
    signer.get("/")
    where = f"/equipment/{first_id(signer, 'equipment', '1')}/inspections"
    answer, _where = sign_or_refused(signer, where)
    assert answer.status_code == 409 and said in answer.text.replace("&#39;", "'")
    assert rows(signer, "inspection") == [] and signer.get("/signature.png").status_code == 404


def test_without_the_privilege_nobody_signs(shelf: Shelf, issuer: Issuer, tag: Browser) -> None:
    hold(issuer, "tag:access", "tag:equipment.read")
    told(issuer, "one")
    tag.sign_in()
    tag.get("/")
    where = f"/equipment/{first_id(tag, 'equipment', '1')}/inspections"
    assert "Your role lets you look at inspections, but not sign them." in tag.get(where).text
    assert sign_or_refused(tag, where)[0].status_code == 403 and tag.get("/signature.png").status_code == 403
    assert shelf.asked == []


def test_the_picture_of_the_provider_is_shown_and_no_other(tag: Browser, issuer: Issuer) -> None:
    issuer.edit_id = lambda claims: claims.update(picture=f"{issuer.issuer}/pictures/abc")
    tag.sign_in()
    page = tag.get("/")
    assert f'src="{issuer.issuer}/pictures/abc?size=64"' in page.text
    assert f"img-src 'self' {issuer.issuer};" in page.headers["Content-Security-Policy"]
    issuer.edit_id = lambda claims: claims.update(picture="https://elsewhere.example/x.png")
    tag.sign_in()
    assert "elsewhere.example" not in tag.get("/").text
