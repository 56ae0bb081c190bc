"""OpenID Connect Back-Channel Logout 1.0 §2.4, §2.7: who is told, and with what (conformance 99)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.kernel.events import Bus
from tests.specs.core_authorize.test_prompt import tokens_of
from tests.specs.person import CALLBACK, SECRET, answer_of
from tests.support.flow import claims_of

BACK = "https://rp.example/backchannel"


@pytest.fixture
def heard(app: Any) -> list[Any]:
    """Every `LogoutDue` of the test, in order."""
    from idp.oidc.events import LogoutDue

    found: list[Any] = []
    bus: Bus = app.extensions["onix_events"]
    bus.subscribe(LogoutDue, found.append)
    return found


@pytest.fixture(autouse=True)
def clients(world: Any) -> None:
    shared = {"app_id": "tag", "redirect_uris": [CALLBACK], "secret": SECRET}
    world.client("Told", client_id="told", backchannel_logout_uri=BACK, **shared)
    world.client("Told too", client_id="told-es", backchannel_logout_uri=BACK, id_token_signed_response_alg="ES256",
                 **shared)  # fmt: skip
    world.client("Silent", client_id="silent", **shared)


def open_all(browser_of: Any, person: Any) -> Any:
    browser = browser_of("told").signed_in(person)
    for client_id in ("told", "told-es", "silent"):
        browser.client_id = client_id
        browser.tokens = tokens_of(browser, answer_of(browser.ask()))
    return browser


def test_the_end_of_a_session_is_told_to_its_clients_that_want_to_know(
    browser_of: Any, person: Any, heard: list[Any]
) -> None:
    browser = open_all(browser_of, person)
    other = open_all(browser_of, person)  # another session of the same person is not touched
    claims = claims_of(browser.tokens["id_token"])
    browser.http.get("/oauth2/logout?id_token_hint=" + browser.tokens["id_token"])
    assert sorted((event.client_id, event.sub, event.sid) for event in heard) == [
        ("told", claims["sub"], claims["sid"]), ("told-es", claims["sub"], claims["sid"]),
    ]  # fmt: skip
    assert answer_of(other.ask(prompt="none"))["code"]


@pytest.mark.parametrize(("client_id", "alg"), [("told", "RS256"), ("told-es", "ES256")])
def test_the_logout_token(app: Any, client_id: str, alg: str, client: Any, clock: Any, person: Any) -> None:
    from idp.oidc.logout import logout_token

    keys = KeySet.import_key_set(client.get("/oauth2/jwks").get_json())
    with app.app_context():
        made = logout_token(client_id, person.account_id, "a-session")
    assert made is not None
    uri, text = made
    assert uri == BACK
    header = json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "=="))
    assert (header["typ"], header["alg"]) == ("logout+jwt", alg) and header["kid"]
    claims = jwt.decode(text, keys, algorithms=[alg]).claims
    assert claims.pop("jti") and claims.pop("iat") == clock.now()
    assert claims.pop("exp") == clock.now() + 120
    assert claims == {
        "iss": "http://localhost", "aud": client_id, "sub": person.account_id, "sid": "a-session",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }  # fmt: skip


def test_nothing_is_made_for_clients_that_are_gone_or_never_asked(app: Any, client: Any) -> None:
    from idp.kernel.database import unit_of_work
    from idp.oidc.clients import disable_client
    from idp.oidc.logout import logout_token

    client.get("/oauth2/jwks")
    with app.app_context():
        assert logout_token("silent", "ada", None) is None
        assert logout_token("nobody", "ada", None) is None
        assert logout_token("told", "ada", None) is not None
        with unit_of_work():
            disable_client("told")
        assert logout_token("told", "ada", None) is None


def test_a_logout_token_opens_nothing(app: Any, client: Any, browser_of: Any, person: Any) -> None:
    """Signed with the same keys, it is neither an access token nor an ID Token (security R14)."""
    from idp.oidc.logout import logout_token

    browser = browser_of("told-es").signed_in(person)
    client.get("/oauth2/jwks")
    with app.app_context():
        made = logout_token("told-es", person.account_id, None)
    assert made is not None
    answer = client.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {made[1]}"})
    assert answer.status_code == 401
    assert answer_of(browser.ask(prompt="none", id_token_hint=made[1]))["error"] == "invalid_request"


def test_what_else_ends_identity_is_told_too(app: Any, browser_of: Any, person: Any, heard: list[Any]) -> None:
    """Consent withdrawn: that client hears of it, once, and no other."""
    from idp.kernel.database import unit_of_work
    from idp.oidc import consents

    open_all(browser_of, person)
    with app.app_context(), unit_of_work():
        consents.withdraw(person.account_id, "told")
    assert [event.client_id for event in heard] == ["told"]


def test_metadata_says_so(client: Any) -> None:
    document = client.get("/.well-known/openid-configuration").get_json()
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
