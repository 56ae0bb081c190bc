"""A first password to be changed and a mailbox to be proven stand before every token, also a silent one's."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.house import Guest
from tests.support.demo import PASSPHRASE, Demo
from tests.support.flow import Application, Stuck, claims_of, query_of
from tests.support.forms import text_of

pytestmark = pytest.mark.slow


def probe(demo: Demo, client_id: str = "demo-probe") -> Application:
    return Application(demo.base, client_id, f"{client_id}-secret", demo.callback, "openid profile email")


@pytest.mark.parametrize("client_id", ["demo-probe", "demo-strict"])
def test_prove_the_mailbox_then_change_the_password_then_the_token(
    client_id: str, demo: Demo, run: Callable[..., Any], guest_of: Callable[..., Guest]
) -> None:
    """DESIGN §3 *Administration*: a first password given by the platform leads there at its first use."""
    address = f"first-{secrets.token_hex(4)}@nordic-lift.example"
    run(
        "user", "create", address, "--given-name", "Vilde", "--family-name", "Ness", "--password-stdin",
        stdin=PASSPHRASE + "\n",
    )  # fmt: skip
    run("org", "add-member", "nordic-lift", "--email", address, "--account", address, "--status", "active", "--role",
        "Tag reader")  # fmt: skip
    license_id = next(
        row["id"] for row in run("license", "list", "--organization", "nordic-lift", "--json")
        if row["edition"] == "tag:standard" and row["held"] < row["seats"]
    )  # fmt: skip
    run("license", "assign", license_id, address)
    assert not demo.letters(address), "a first password is never mailed"
    application = probe(demo, client_id)
    guest = guest_of(address)

    # Signed in, and no further: neither to this application, nor silently, nor to the launcher or another one.
    def stands_before(what: str) -> Any:
        url, _ = application.authorization_url()
        with pytest.raises(Stuck) as stuck:
            guest.visitor.walk(url, demo.callback)
        assert "/login/required" in stuck.value.page.url
        silent = query_of(guest.visitor.walk(application.authorization_url(prompt="none")[0], demo.callback))
        assert silent["error"] == "interaction_required" and "code" not in silent, what
        assert "/login/required" in guest.visitor.http.get(demo.base + "/", timeout=30).url
        return stuck.value.page

    page = stands_before("the mailbox")
    guest.post_form(page, "/login/required")
    letter = demo.letter(address)
    assert PASSPHRASE not in letter["text"] + letter["html"]
    proof = guest.visitor.http.get(demo.link(letter), timeout=30)
    stands_before("the mailbox, its link only looked at")
    guest.visitor.http.post(proof.url, data=_only_form(proof), timeout=30)

    page = stands_before("the first password")
    assert "password" in text_of(page.text).casefold()
    refused = guest.post_form(page, "/login/required", current_password=PASSPHRASE, password=PASSPHRASE)
    assert refused.status_code == 400, "the first password again is no other one"
    done = guest.visitor.post(*_post(page, current_password=PASSPHRASE, password="a-lake-behind-nine-tractors"))
    assert done.status_code == 303
    tokens = application.tokens_for(guest.visitor)
    assert claims_of(tokens["access_token"])["onix_access"]["decision"] == "allow"
    silent = query_of(guest.visitor.walk(application.authorization_url(prompt="none")[0], demo.callback))
    assert "code" in silent
    with pytest.raises(Stuck):
        application.tokens_for(guest_of(address).visitor)  # the first password is worth nothing now


def _only_form(page: Any) -> dict[str, str]:
    from tests.support.forms import form_with

    return form_with(page.text, "csrf_token", page.url).fields


def _post(page: Any, **values: str) -> tuple[str, dict[str, str]]:
    from tests.support.forms import form_with

    form = form_with(page.text, "password", page.url)
    return form.action, form.filled(**values)
