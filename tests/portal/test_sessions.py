"""Where a person is signed in, and the way out of each; what is connected, and its end (R16, R33)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from idp.kernel.database import db, unit_of_work
from idp.oidc import consents
from idp.oidc.models import Authorization, Consent
from idp.outbox.models import Delivery
from idp.sessions.devices import device_of, network_shown
from idp.sessions.models import Session
from idp.sessions.service import end_session
from tests.support.forms import browser_of, forms_of, log_in, text_of

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
    " Mobile/15E148 Safari/604.1"
)


def press(client: Any, path: str, ending: str) -> Any:
    """Press the button of the page whose form's address ends so."""
    form = next(form for form in forms_of(client.get(path).text) if form.action.endswith(ending))
    return client.post(form.action, data=form.fields)


def logouts(app: Any) -> set[tuple[str, str]]:
    """(client, sid) of every logout notice that is owed."""
    with app.app_context():
        rows = db.session.scalars(select(Delivery).where(Delivery.lane == "logout")).all()
        return {(row.payload["client_id"], row.payload["sid"]) for row in rows}


@pytest.mark.parametrize(
    ("header", "browser", "system", "hand_held"),
    [
        (CHROME, "Chrome", "Windows", False),
        (PHONE, "Safari", "iOS", True),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox", "Linux", False),
        ("", None, None, False),
        ("<script>alert(1)</script>", None, None, False),
        ("(" * 300, None, None, False),
    ],
)
def test_a_device_is_called_as_people_call_it(header: str, browser: Any, system: Any, hand_held: bool) -> None:
    device = device_of(header)
    assert (device.browser, device.system, device.hand_held) == (browser, system, hand_held)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_of_an_address_the_network_is_shown(address: str, shown: str) -> None:
    assert network_shown(address) == shown


def test_sessions_are_listed_and_ended_one_by_one(app: Any, world: Any, protocol: Any, statements: Any) -> None:
    client, person = app.test_client(), protocol.person
    log_in(client, person.address, world.password)
    protocol.register("other", app_id="tag", backchannel_logout_uri="https://other.example/logout")
    there = protocol.session(user_agent=CHROME, address="203.0.113.77")
    code = protocol.grant("other", sid=there)
    tokens = protocol.redeem(code, "other").json
    away = protocol.tokens("other", sid=there, scope="openid offline_access", offline=True)
    theirs_before = protocol.session(user_agent=PHONE)
    before = protocol.tokens(sid=theirs_before, scope="openid offline_access", offline=True)
    with app.app_context(), unit_of_work():
        end_session(theirs_before, "signed_out")  # whoever was there signed out, and kept what it had been granted
    stranger = world.account()
    browser = browser_of(app, world, stranger)
    page = client.get("/account/sessions")
    read = text_of(page.text)
    assert "Chrome on Windows" in read and "203.0.113.0/24" in read and "203.0.113.77" not in page.text
    assert "Opened: Other" in read and read.count("This one") == 1
    with app.app_context():
        theirs = db.session.scalar(select(Session.id).where(Session.account_id == stranger.account_id))
    assert theirs not in page.text
    token = forms_of(page.text)[-1].fields["csrf_token"]
    assert client.post(f"/account/sessions/{theirs}/end", data={"csrf_token": token}).status_code == 404
    assert browser.get("/account/sessions").status_code == 200
    done = press(client, "/account/sessions", f"{there}/end")
    assert done.status_code == 303
    read = text_of(client.get("/account/sessions").text)
    assert "Chrome on Windows is signed out" in read and "Ended by you" in read
    assert protocol.refresh(tokens["refresh_token"], "other").json["error"] == "invalid_grant"
    assert protocol.userinfo(tokens["access_token"]).status_code == 401
    assert protocol.refresh(away["refresh_token"], "other").json["error"] == "invalid_grant"
    assert logouts(app) == {("other", there)}
    assert world.get(Session, there).ended_reason == "by_owner"
    with statements() as few:
        client.get("/account/sessions")
    for _number in range(12):
        protocol.grant(sid=protocol.session(user_agent=PHONE))
    with statements() as many:
        assert client.get("/account/sessions").text.count("Safari on iOS") >= 12
    assert len(many) <= len(few) + 1, str(many)
    with app.app_context():
        mine = db.session.scalar(
            select(Session.id).where(Session.account_id == person.account_id, Session.user_agent.like("Werkzeug%"))
        )
    kept = protocol.tokens(sid=mine, scope="openid offline_access", offline=True)
    before = protocol.refresh(before["refresh_token"]).json
    assert press(client, "/account/sessions", "/end-others").status_code == 303
    assert protocol.refresh(before["refresh_token"]).json["error"] == "invalid_grant"
    assert protocol.refresh(kept["refresh_token"]).status_code == 200, "this browser's own go on"
    read = text_of(client.get("/account/sessions").text)
    assert "You are signed out everywhere else." in read and "Sign out everywhere else" not in read
    with app.app_context():
        alive = select(Session.id).where(Session.account_id == person.account_id, Session.ended_at.is_(None))
        assert len(db.session.scalars(alive).all()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_ended_browser_says_so_and_no_other(app: Any, client: Any, world: Any) -> None:
    person = world.account()
    log_in(client, person.address, world.password)
    other = browser_of(app, world, person)
    press(client, "/account/sessions", "/end-others")
    said = "You were signed out here from another browser of yours."
    asked = other.get("/account/").headers["Location"]
    assert said in other.get(asked).text and said in other.get("/login").text
    assert said not in app.test_client().get("/login").text
    log_in(other, person.address, world.password)
    other.post("/logout", data={"csrf_token": forms_of(other.get("/logout").text)[-1].fields["csrf_token"]})
    assert said not in other.get("/login").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_ending_this_one_is_signing_out(client: Any, world: Any) -> None:
    person = world.account()
    log_in(client, person.address, world.password)
    answer = press(client, "/account/sessions", "/end")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/logout")
    assert client.get("/account/sessions").status_code == 303


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sessions_come_in_pages(app: Any, protocol: Any, world: Any) -> None:
    client = app.test_client()
    log_in(client, protocol.person.address, world.password)
    for _number in range(60):
        protocol.session(user_agent=CHROME)
    first, second = client.get("/account/sessions").text, client.get("/account/sessions?page=2").text
    assert first.count('/end"') == 50 and second.count('/end"') == 11 and "This one" in first


def test_a_connected_app_is_told_in_words_and_ended_at_once(app: Any, protocol: Any, world: Any, clock: Any) -> None:
    client, person = app.test_client(), protocol.person
    log_in(client, person.address, world.password)
    uri = "https://partner.example/logout"
    protocol.register("partner", scope="openid profile email organization offline_access", backchannel_logout_uri=uri)
    scope = "openid email organization offline_access"
    tokens = protocol.tokens("partner", scope=scope, offline=True)
    hidden = world.organization(name="Hemmelig Kontakt AS")
    contact = world.member(hidden, person.account_id, status="contact")
    protocol.grant("partner", scope="openid organization", member_id=contact, organization_id=hidden)
    other = world.account()
    with app.app_context(), unit_of_work():
        consents.give(person.account_id, "partner", protocol.organization_id, frozenset({"openid", "profile"}))
        consents.give(other.account_id, "partner", None, frozenset({"openid"}))
    clock.advance(86400)
    log_in(client, person.address, world.password)
    tokens = protocol.refresh(tokens["refresh_token"], "partner").json
    read = text_of(client.get("/account/apps").text)
    for shown in (
        "Partner",
        "For Nordic Lift AS",
        "Your e-mail address",
        "Your name and profile",
        "Also while you are",
    ):
        assert shown in read, shown
    assert "Hemmelig" not in read and "Tag" not in read, "no session is left that opened Tag"
    first, _comma, last = read.partition("First used ")[2].partition(", last used ")
    assert first != last[: len(first)], "the refresh was a use"
    assert press(client, "/account/apps", "/partner/remove").status_code == 303
    assert "No app has access to your account now." in text_of(client.get("/account/apps").text)
    assert protocol.refresh(tokens["refresh_token"], "partner").json["error"] == "invalid_grant"
    assert protocol.userinfo(tokens["access_token"]).status_code == 401
    assert "partner" in {client_id for client_id, _sid in logouts(app)}
    with app.app_context():
        assert len(db.session.scalars(select(Consent)).all()) == 1, "another person's consent stays"
        alive = select(Authorization).where(
            Authorization.account_id == person.account_id, Authorization.withdrawn_at.is_(None)
        )
        assert db.session.scalars(alive).all() == []
    token = forms_of(client.get("/account/apps").text)[0].fields["csrf_token"]
    for gone in ("partner", "nobody", "%20", "tag"):
        assert client.post(f"/account/apps/{gone}/remove", data={"csrf_token": token}).status_code == 404


def test_an_app_of_the_family_is_signed_out_of(app: Any, protocol: Any, world: Any, statements: Any) -> None:
    client, person = app.test_client(), protocol.person
    log_in(client, person.address, world.password)
    tokens = protocol.tokens()
    read = text_of(client.get("/account/apps").text)
    assert "One of ours" in read and "your organization decides whether it opens" in read
    with statements() as few:
        client.get("/account/apps")
    for number in range(8):
        protocol.register(f"more-{number}")
        protocol.tokens(f"more-{number}", scope="openid email")
    with statements() as many:
        assert client.get("/account/apps").text.count("Remove access") == 8
    assert len(many) <= len(few), f"{few}\n{many}"
    assert press(client, "/account/apps", "/tag/remove").status_code == 303
    assert "You are signed out of Tag." in text_of(client.get("/account/apps").text)
    assert protocol.userinfo(tokens["access_token"]).status_code == 401
    assert client.get("/account/apps").status_code == 200, "the session at the provider lives on"
