"""Two factors in the protocol: step-up for a client and for an organization, and what a sign-in with one is worth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idp.kernel.database import unit_of_work
from idp.oidc import authorizations
from idp.oidc.events import LogoutDue
from idp.organizations import service as organizations
from idp.organizations.models import Organization
from tests.specs.person import CALLBACK, Browser, answer_of
from tests.support.authenticators import (
    SoftKey,
    add_passkey,
    live_on,
    password_then,
    set_up_app,
    show_passkey,
    token_of,
)
from tests.support.forms import log_in, submit
from tests.support.protocol import Protocol, claims_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TWO, ONE = "urn:onix:acr:2", "urn:onix:acr:1"
SECRET = "a-secret-of-the-tests-0123456789"


@pytest.fixture
def office(world: Any) -> str:
    return str(world.organization(name="Nordic Lift AS"))


@pytest.fixture
def person(world: Any, office: str) -> Any:
    return world.user(office, privileges=["tag:access"])


@pytest.fixture
def browser(app: Any, world: Any, client: Any, person: Any) -> Browser:
    """Signed in with a password; the client is Tag's."""
    world.client("Tag", client_id="rp", app_id="tag", deny_mode="token", redirect_uris=[CALLBACK], secret=SECRET)
    return Browser(client, "rp").signed_in(person)


def essential(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


def redeemed(browser: Browser, answer: dict[str, str]) -> Any:
    form = {
        "grant_type": "authorization_code", "code": answer["code"], "redirect_uri": CALLBACK,
        "code_verifier": browser.verifier, "client_id": "rp", "client_secret": SECRET,
    }  # fmt: skip
    import base64

    secret = base64.b64encode(f"rp:{SECRET}".encode()).decode()
    form.pop("client_secret")
    form.pop("client_id")
    return browser.http.post("/oauth2/token", data=form, headers={"Authorization": f"Basic {secret}"})


def id_token(browser: Browser, answer: dict[str, str]) -> dict[str, Any]:
    token = redeemed(browser, answer)
    assert token.status_code == 200, token.text
    return claims_of(token.json["id_token"])


def with_factor_in_another_browser(app: Any, world: Any, person: Any, clock: Any) -> Any:
    """The account gets an authenticator app elsewhere; this browser's session stays one of a password, as it may where
    both happen at the same moment."""
    other = app.test_client()
    log_in(other, person.address, world.password)
    found, _done = set_up_app(other, clock.now())
    live_on(app, person.account_id)
    clock.advance(30)
    return found


@pytest.mark.parametrize("wish", [{"claims": essential(TWO)}, {"acr_values": f"{TWO} {ONE}"}])
def test_a_client_that_asks_for_two_factors_gets_them(
    app: Any, world: Any, person: Any, browser: Browser, clock: Any, wish: dict[str, str]
) -> None:
    authenticator = with_factor_in_another_browser(app, world, person, clock)
    page = browser.follow(browser.ask(**wish))
    assert "One more step" in page.text and "to continue to Tag" in page.text
    claims = id_token(
        browser, answer_of(browser.follow(submit(browser.http, page, "code", code=authenticator.at(clock.now()))))
    )
    assert (claims["acr"], claims["amr"]) == (TWO, ["pwd", "otp", "mfa"])
    assert claims["auth_time"] == clock.now() - 30, "of the password: a code alone is no sign-in"
    fresh = browser.follow(browser.ask(max_age="20", **wish))
    assert 'name="password"' in fresh.text, "and answers no max_age"
    again = id_token(browser, answer_of(browser.ask(**wish)))
    assert again["acr"] == TWO, "the session is strong enough now"


def test_an_account_without_a_second_factor(browser: Browser) -> None:
    refused = answer_of(browser.ask(claims=essential(TWO)))
    assert refused["error"] == "unmet_authentication_requirements"
    assert id_token(browser, answer_of(browser.ask(acr_values=TWO)))["acr"] == ONE, "a wish is only tried"
    assert answer_of(browser.ask(claims=essential(TWO), prompt="none"))["error"] == "unmet_authentication_requirements"


def test_silently_nobody_is_asked(app: Any, world: Any, person: Any, browser: Browser, clock: Any) -> None:
    with_factor_in_another_browser(app, world, person, clock)
    assert answer_of(browser.ask(claims=essential(TWO), prompt="none"))["error"] == "login_required"
    assert "code" in answer_of(browser.ask(acr_values=TWO, prompt="none"))


def test_the_first_value_that_was_reached_is_told(app: Any, world: Any, person: Any, browser: Browser) -> None:
    """Core §5.5.1.1: the answer holds one of the values asked for; two factors include the password's class."""
    add_passkey(browser.http)
    for wish, told in (
        ({}, TWO), ({"claims": essential(ONE)}, ONE), ({"acr_values": f"urn:x {ONE}"}, ONE),
        ({"acr_values": "urn:x"}, TWO), ({"claims": essential(TWO, ONE)}, TWO),
    ):  # fmt: skip
        assert id_token(browser, answer_of(browser.ask(**wish)))["acr"] == told, wish


def test_default_acr_values_of_a_client(app: Any, world: Any, person: Any, browser: Browser, clock: Any) -> None:
    world.client(
        "Careful", client_id="careful", app_id="tag", redirect_uris=[CALLBACK], secret=SECRET, default_acr_values=[TWO]
    )
    with_factor_in_another_browser(app, world, person, clock)
    careful = Browser(browser.http, "careful")
    assert "One more step" in careful.follow(careful.ask()).text
    assert "code" in answer_of(careful.ask(acr_values=ONE)), "what the request says stands above it"


def test_max_age_is_met_by_a_passkey(app: Any, world: Any, person: Any, browser: Browser, clock: Any) -> None:
    key, _done = add_passkey(browser.http)
    clock.advance(100)
    page = browser.follow(browser.ask(max_age="50"))
    handle = page.request.query_string.decode().partition("continue=")[2]
    answer = show_passkey(browser.http, key, handle=handle)
    claims = id_token(browser, answer_of(browser.follow(answer)))
    assert claims["auth_time"] == clock.now() and claims["acr"] == TWO


def test_cancelling_the_second_step_tells_the_client(
    app: Any, world: Any, person: Any, browser: Browser, clock: Any
) -> None:
    with_factor_in_another_browser(app, world, person, clock)
    page = browser.follow(browser.ask(claims=essential(TWO)))
    assert answer_of(browser.follow(browser.press(page, "/cancel")))["error"] == "access_denied"


# An organization that asks for two factors ---------------------------------------------------------------------------


def require(app: Any, organization_id: str, required: bool = True) -> None:
    with app.app_context(), unit_of_work():
        organizations.require_second_factor(organization_id, required)


def test_a_person_without_a_factor_is_led_through_setting_one_up_and_back(
    app: Any, world: Any, person: Any, browser: Browser, office: str, clock: Any
) -> None:
    require(app, office)
    assert answer_of(browser.ask(prompt="none"))["error"] == "interaction_required"
    page = browser.follow(browser.ask())
    assert "A second factor is needed" in page.text and "/account/security/passkeys/new?continue=" in page.text
    where = page.text.split('href="/account/security/authenticator')[1].split('"')[0]
    setting_up = browser.http.get("/account/security/authenticator" + where)
    key = setting_up.text.split('id="key">')[1].split("</code>")[0].replace(" ", "").upper()
    import pyotp

    done = submit(browser.http, setting_up, "code", code=pyotp.TOTP(key).at(clock.now()))
    onward = done.text.split('class="actions"><a')[1].split('href="')[1].split('"')[0]
    assert onward.startswith("/oauth2/authorize/")
    claims = id_token(browser, answer_of(browser.follow(browser.http.get(onward))))
    assert (claims["acr"], claims["onix_access"]["decision"]) == (TWO, "allow")


def test_other_organizations_of_the_person_ask_for_nothing(
    app: Any, world: Any, person: Any, browser: Browser, office: str
) -> None:
    other = world.organization("other", name="Other AS")
    member = world.member(other, person.account_id)
    world.role(other, ["tag:access"], members=[member])
    world.license(other, "tag:standard", holders=[member])
    require(app, other)
    assert "code" in answer_of(browser.ask(organization=office))
    assert "A second factor is needed" in browser.follow(browser.ask(organization="other")).text


def test_a_denial_is_told_without_a_second_factor(app: Any, world: Any, browser: Browser, office: str) -> None:
    require(app, office)
    world.change(Organization, office, status="suspended")
    assert id_token(browser, answer_of(browser.ask()))["onix_access"]["reason"] == "organization_suspended"


@pytest.fixture
def heard(protocol: Protocol) -> list[Any]:
    protocol.register("tag-bc", app_id="tag", deny_mode="token", backchannel_logout_uri="http://localhost:9999/bc")
    news: list[Any] = []
    protocol.app.extensions["onix_events"].subscribe(LogoutDue, news.append)
    return news


def expand(app: Any) -> None:
    with app.app_context():
        while True:
            with unit_of_work():
                if authorizations.expand_losses() is None:
                    return


def test_what_was_granted_for_one_factor_gives_nothing_any_more(
    app: Any, protocol: Protocol, heard: list[Any], statements: Any
) -> None:
    weak_grant = protocol.grant("tag-bc")
    weak = protocol.redeem(weak_grant, "tag-bc").json
    unspent = protocol.grant("tag-bc")
    sid = protocol.session(acr=TWO, amr=["pwd", "otp", "mfa"])
    strong_grant = protocol.grant("tag-bc", sid=sid)
    strong = protocol.redeem(strong_grant, "tag-bc").json
    lesser = protocol.redeem(protocol.grant("tag-bc", sid=sid, acr=ONE), "tag-bc").json
    assert claims_of(lesser["access_token"])["acr"] == ONE
    require(app, protocol.organization_id)
    expand(app)
    assert {event.sid for event in heard} == {weak_grant.sid, unspent.sid}, "told once, to whom it concerns"

    answer = protocol.refresh(weak["refresh_token"], "tag-bc")
    assert answer.status_code == 400 and answer.json["error"] == "invalid_grant"
    assert protocol.redeem(unspent, "tag-bc").json["error"] == "invalid_grant"
    userinfo = protocol.userinfo(weak["access_token"])
    assert userinfo.status_code == 401 and 'error="invalid_token"' in userinfo.headers["WWW-Authenticate"]
    for token in (weak["access_token"], weak["refresh_token"]):
        asked = protocol.post({"token": token}, "tag-bc", path="/oauth2/introspect")
        assert asked.json == {"active": False}

    for token in (strong, lesser):
        assert protocol.userinfo(token["access_token"]).status_code == 200
        refreshed = protocol.refresh(token["refresh_token"], "tag-bc")
        assert refreshed.status_code == 200
    with statements() as seen:
        protocol.refresh(refreshed.json["refresh_token"], "tag-bc")
    assert len(seen) <= 5, str(seen)

    require(app, protocol.organization_id, False)
    assert protocol.refresh(weak["refresh_token"], "tag-bc").status_code == 200, "entitlement, not identity"


def test_its_administration_asks_too(
    app: Any, world: Any, person: Any, browser: Browser, office: str, clock: Any
) -> None:
    member = person.member_id
    world.role(office, {"account:access", "account:people.manage"}, members=[member])
    slug = world.get(Organization, office).slug
    assert browser.http.get(f"/org/{slug}/security").status_code == 200
    require(app, office)
    asked = browser.http.get(f"/org/{slug}/security")
    assert asked.status_code == 303 and asked.headers["Location"].startswith("/login/stronger?continue=")
    posted = browser.http.post(
        f"/org/{slug}/security/second-factor", data={"required": "no", "csrf_token": token_of(browser.http)}
    )
    assert (
        posted.headers["Location"].startswith("/login/stronger?")
        and world.get(Organization, office).second_factor_required
    )
    add_passkey(browser.http)
    assert browser.follow(asked).status_code == 200


def test_a_session_of_a_passkey_needs_no_more(app: Any, world: Any, person: Any, browser: Browser, office: str) -> None:
    key, _done = add_passkey(browser.http, SoftKey())
    require(app, office)
    fresh = Browser(app.test_client(), "rp")
    page = fresh.follow(fresh.ask())
    handle = page.request.query_string.decode().partition("continue=")[2]
    assert id_token(fresh, answer_of(fresh.follow(show_passkey(fresh.http, key, handle=handle))))["acr"] == TWO


def test_a_password_leads_to_the_second_step_and_on_to_the_app(
    app: Any, world: Any, person: Any, browser: Browser, clock: Any
) -> None:
    authenticator = with_factor_in_another_browser(app, world, person, clock)
    fresh = Browser(app.test_client(), "rp")
    page = fresh.follow(fresh.ask())
    second = password_then(fresh.http, person, world.password, page.request.full_path)
    assert "to continue to Tag" in second.text
    answer = submit(fresh.http, second, "code", code=authenticator.at(clock.now()))
    assert id_token(fresh, answer_of(fresh.follow(answer)))["amr"] == ["pwd", "otp", "mfa"]
