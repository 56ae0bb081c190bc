"""R19: after a whole journey, no log, page, mail or row holds a secret of it. P05, P24."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.acceptance.house import Guest
from tests.support.demo import Demo
from tests.support.flow import Application, query_of
from tests.support.forms import form_with

pytestmark = pytest.mark.slow


def test_a_whole_journey_leaves_no_secret_behind(
    demo: Demo, run: Callable[..., Any], guest_of: Callable[..., Guest]
) -> None:
    """Sign-up, activation, sign-in, wrong password, reset, tokens of every kind, errors; then everything is read."""
    known: dict[str, str] = {}
    pages: list[str] = []
    password, another, wrong = (f"{secrets.token_urlsafe(12)}-lake-tractor" for _ in range(3))
    known |= {"password": password, "new password": another, "wrong password": wrong}
    address = f"{secrets.token_hex(6)}@leak.example"
    http = requests.Session()

    def see(answer: requests.Response) -> requests.Response:
        pages.append(answer.text)
        return answer

    def post(page: requests.Response, field: str, **values: str) -> requests.Response:
        form = form_with(page.text, field, page.url)
        return see(http.post(form.action, data=form.filled(**values), timeout=30))

    post(http.get(f"{demo.base}/signup", timeout=30), "address", address=address)
    link = demo.link(demo.letter(address, "Welcome to Onix Work"))
    known["activation link"] = urlsplit(link).path.rsplit("/", 1)[1]
    page = http.get(link, timeout=30)
    assert known["activation link"] not in page.url, "P24: the token leaves the address at once"
    see(page)
    post(page, "password", given_name="Lea", family_name="Kasje", password=password)
    page = http.get(f"{demo.base}/password/forgot", timeout=30)
    name = next(field for field in form_with(page.text, "csrf_token", page.url).fields if field != "csrf_token")
    post(page, name, **{name: address})
    from tests.support.needs import wait_until

    wait_until(lambda: len(demo.letters(address)) > 1, what="the reset's mail")
    reset = demo.link(demo.letters(address)[-1])
    known["reset link"] = urlsplit(reset).path.rsplit("/", 1)[1]
    post(see(http.get(reset, timeout=30)), "password", password=another)

    bad = guest_of(address, wrong)
    with pytest.raises(AssertionError):
        bad.open(demo.apps["tag"])
    guest = guest_of(address, another)
    run("org", "add-member", "nordic-lift", "--email", address, "--status", "active", "--role", "Tag reader")
    see(guest.open(demo.apps["tag"]))
    see(guest.open(demo.apps["pickandpack"]))
    see(guest.open(demo.apps["oneoffice"]))
    see(guest.open(demo.apps["express"]))
    see(guest.open(demo.apps["work"]))
    probe = Application(demo.base, "demo-probe", "demo-probe-secret", demo.callback, "openid email offline_access")
    url, verifier = probe.authorization_url()
    answer = query_of(guest.visitor.walk(url, demo.callback))
    known["code"], known["verifier"] = answer["code"], verifier
    tokens = probe.redeem(answer["code"], verifier).json()
    later = probe.refresh(tokens["refresh_token"]).json()
    api = f"{demo.base}/api/v1"
    for_api = probe.refresh(later["refresh_token"], resource=api).json()
    known["API token"] = for_api["access_token"]
    for asked in (f"{api}/companies", f"{api}/companies?access_token={for_api['access_token']}"):
        see(requests.get(asked, headers={"Authorization": f"Bearer {for_api['access_token']}"}, timeout=30))
    for kind in ("access_token", "refresh_token", "id_token"):
        known[kind], known[f"next {kind}"] = tokens[kind], later[kind]
    probe.userinfo(later["access_token"])
    probe.introspect(later["access_token"])
    probe.introspect(later["refresh_token"])
    # Faults, with secrets in the places where they do not belong.
    for fault in (
        lambda: requests.post(f"{demo.base}/oauth2/token?client_secret=demo-probe-secret", timeout=30),
        lambda: requests.get(f"{demo.base}/oauth2/userinfo?access_token={later['access_token']}", timeout=30),
        lambda: requests.get(f"{demo.base}/nowhere/{later['refresh_token']}", timeout=30),
        lambda: requests.get(f"{demo.base}/login?password={another}", timeout=30),
        lambda: requests.get(f"{demo.base}/activate/{known['activation link']}x", timeout=30),
        lambda: requests.post(
            f"{demo.base}/oauth2/token", auth=("demo-probe", another), timeout=30,
            data={"grant_type": "refresh_token", "refresh_token": later["refresh_token"]},
        ),
        lambda: probe.redeem(answer["code"], verifier),
    ):  # fmt: skip
        answered = fault()
        assert answered.status_code < 500
        # The switch of language keeps the page's own address, whatever stands in it; nothing else is said back.
        said = answered.text.replace(urlsplit(answered.url).path, "").replace(urlsplit(answered.url).query, "")
        for what in ("password", "new password", "refresh_token", "next refresh_token", "next access_token"):
            assert known[what] not in said, what
    secret = run("client", "create", "Leaky", "--kind", "machine", "--json")["client_secret"]
    known["client secret"], known["demo secret"] = secret, "demo-probe-secret"
    for jar in (http.cookies, guest.visitor.http.cookies):
        for cookie in jar:
            if len(cookie.value or "") > 30:
                known[f"cookie {cookie.name}"] = str(cookie.value)
    for name in ("secret_key", "key_encryption_key", "tag_secret_key"):
        known[name] = (demo.folder / name).read_text()
    assert all(len(value) >= 16 for value in known.values()), known.keys()

    logs = {path.name: path.read_text(errors="replace") for path in (demo.folder / "logs").iterdir()}
    assert any("/oauth2/token" in text for text in logs.values()), "the log speaks of the journey"
    found = [(name, what) for name, text in logs.items() for what, value in known.items() if value in text]
    assert found == []
    assert [(what) for what, value in known.items() if value in demo.process.text()] == []
    # Nothing that was mailed is a secret but its own link; no page shows one either.
    mails = "".join(mail["text"] + mail["html"] + mail["subject"] for mail in demo.letters(address))
    assert [what for what, value in known.items() if value in mails and not what.endswith("link")] == []
    shown = "\n".join(pages)
    assert [what for what, value in known.items() if value in shown and "cookie" not in what] == []
    # At rest: digests, ciphertexts and row ids, never the thing itself (idea 8 of the house).
    rows = b"".join(path.read_bytes() for path in demo.folder.glob("onix-account.sqlite3*"))
    assert [what for what, value in known.items() if value.encode() in rows] == []
    assert not re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY", rows)
    for app in ("tag", "pick_and_pack", "oneoffice"):
        rows = b"".join(path.read_bytes() for path in demo.folder.glob(f"{app}.sqlite3*"))
        assert rows and [what for what, value in known.items() if value.encode() in rows] == []
