"""Asking for access: from a closed door to the page that waits."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import service
from idp.organizations.models import AccessRequest, Organization
from idp.organizations.service import requests
from tests.support.databases import one_database
from tests.support.forms import browser_of, form_with, forms_of


@pytest.fixture
def lift(world: Any) -> str:
    return world.organization("nordic-lift", name="Nordic Lift AS")


def asked(browser: Any, path: str, message: str = "") -> Any:
    page = browser.get(path)
    form = form_with(page.get_data(as_text=True), "message", path)
    return browser.post(form.action, data=form.filled(message=message))


def rows(app: Any) -> list[AccessRequest]:
    with app.app_context():
        return db.session.query(AccessRequest).order_by(AccessRequest.id).all()


def test_from_a_locked_icon_to_the_open_app(app: Any, world: Any, lift: str) -> None:
    """A stranger to the page signs in first; the page waits, and offers the app once it is open."""
    world.client("Onix Tag", app_id="tag", initiate_login_uri="https://tag.example/login")
    person = world.account()
    member = world.member(lift, person.account_id)
    world.role(lift, ["tag:access"], members=[member])
    license_id = world.license(lift)
    browser = browser_of(app, world, person)
    home = browser.get("/").get_data(as_text=True)
    assert '/access/request?app=tag&amp;organization=nordic-lift"' in home
    path = "/access/request?app=tag&organization=nordic-lift"
    page = browser.get(path).get_data(as_text=True)
    assert "Nordic Lift AS" in page and "no license of Onix Tag assigned" in page
    answer = asked(browser, path, "  For the crane\r\n\r\nat   Mongstad ")
    assert answer.status_code == 303
    (row,) = rows(app)
    assert (row.member_id, row.app_id, row.code) == (member, "tag", "license_missing")
    assert row.message == "For the crane\n\nat Mongstad"
    waiting = browser.get(answer.headers["Location"]).get_data(as_text=True)
    assert "Waiting for an answer" in waiting and '<meta http-equiv="refresh"' in waiting
    assert browser.get(f"{answer.headers['Location']}.json").json == {"state": "waiting"}
    again = browser.get(path)
    assert (again.status_code, again.headers["Location"]) == (303, answer.headers["Location"]), "it waits already"
    assert "You have asked and are waiting" in browser.get("/").get_data(as_text=True)
    with app.app_context(), unit_of_work():
        service.assign_seat(license_id, member)
    state = browser.get(f"{answer.headers['Location']}.json")
    assert state.json == {"state": "open"} and state.headers["Cache-Control"] == "no-store"
    page = browser.get(answer.headers["Location"]).get_data(as_text=True)
    assert "Open Onix Tag" in page and 'href="https://tag.example/login?iss=' in page
    opened = browser.get(path)
    assert opened.headers["Location"] == "/?app=tag"
    assert "open to you already" in browser.get("/").get_data(as_text=True)
    assert len(rows(app)) == 1


def test_two_requests_at_once_are_one(app: Any, world: Any, lift: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unique index decides: whoever comes second is given the one that waits."""
    person = world.account()
    world.member(lift, person.account_id)
    with app.app_context():
        with unit_of_work():
            first = requests.request_access(person.account_id, "tag").id
        looks = [None, requests.open_request]

        def late(*values: Any) -> Any:
            look = looks.pop(0)
            return look(*values) if look else None

        monkeypatch.setattr(requests, "open_request", late)
        with unit_of_work():
            assert requests.request_access(person.account_id, "tag").id == first
    assert len(rows(app)) == 1


@one_database
@pytest.mark.parametrize("values", [{"status": "contact"}, {"status": "contact", "invited": True}])
def test_what_the_denial_does_not_name_the_page_does_not_name(
    app: Any, world: Any, lift: str, values: dict[str, Any]
) -> None:
    invited = values.pop("invited", False)
    person = world.account()
    member = world.member(lift, person.account_id, **values)
    values["invited"] = invited
    if invited:
        world.invitation(member)
    browser = browser_of(app, world, person)
    home = browser.get("/").get_data(as_text=True)
    assert '"/access/request?app=tag"' in home and "Nordic Lift" not in home
    for path in ("/access/request?app=tag", "/access/request?app=tag&organization=nordic-lift"):
        assert "Nordic Lift" not in browser.get(path).get_data(as_text=True)
    answer = asked(browser, "/access/request?app=tag")
    assert "Nordic Lift" not in browser.get(answer.headers["Location"]).get_data(as_text=True)
    assert rows(app)[0].organization_id == lift


@one_database
def test_where_nobody_can_be_asked(app: Any, world: Any, lift: str) -> None:
    """No organization: no button. An organization that is not the person's answers like one that does not exist."""
    stranger = browser_of(app, world, world.account())
    assert "/access/request" not in stranger.get("/").get_data(as_text=True)
    answers = [
        stranger.get(f"/access/request?app=tag{organization}")
        for organization in ("", "&organization=nordic-lift", f"&organization={lift}", "&organization=made-up")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert all("nobody who could be asked" in answer.get_data(as_text=True) for answer in answers)
    assert stranger.get("/access/request?app=made-up").status_code == 404
    assert stranger.get("/access/request").status_code == 404
    assert rows(app) == []


@one_database
def test_a_request_is_the_persons_own(app: Any, world: Any, lift: str) -> None:
    person = world.account()
    world.member(lift, person.account_id)
    browser = browser_of(app, world, person)
    mine = asked(browser, "/access/request?app=tag").headers["Location"]
    other = browser_of(app, world, world.account())
    token = forms_of(other.get("/logout").get_data(as_text=True))[0].fields["csrf_token"]
    for path in (mine, "/access/request/made-up"):
        assert other.get(path).status_code == 404
        assert other.get(f"{path}.json").status_code == 404
        assert other.post(f"{path}/withdraw", data={"csrf_token": token}).status_code == 404
    form = next(form for form in forms_of(browser.get(mine).get_data(as_text=True)) if form.action.endswith("withdraw"))
    assert browser.post(form.action, data=form.fields).status_code == 303
    assert rows(app)[0].outcome == "withdrawn"
    assert "You took your request back" in browser.get(mine).get_data(as_text=True)
    assert browser.get(f"{mine}.json").json == {"state": "withdrawn"}
    assert asked(browser, "/access/request?app=tag").headers["Location"] != mine, "and may be asked again"


@one_database
def test_administrators_are_not_flooded(app: Any, world: Any, lift: str) -> None:
    person = world.account()
    world.member(lift, person.account_id)
    browser = browser_of(app, world, person)
    for number in range(requests.MOST_A_DAY + 1):
        answer = asked(browser, "/access/request?app=tag")
        if number == requests.MOST_A_DAY:
            assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 3600
            break
        assert answer.status_code == 303
        with app.app_context(), unit_of_work():
            requests.withdraw(rows(app)[-1].id, person.account_id)
    assert len(rows(app)) == requests.MOST_A_DAY
    clock.advance(86400)
    assert asked(browser_of(app, world, person), "/access/request?app=tag").status_code == 303


@one_database
def test_a_message_has_bounds_and_stays_in_the_form(app: Any, world: Any, lift: str) -> None:
    person = world.account()
    world.member(lift, person.account_id)
    browser = browser_of(app, world, person)
    for message, told in (("x" * 501, "too long"), ("turned \u202e around", "can't be used")):
        answer = asked(browser, "/access/request?app=tag", message)
        text = answer.get_data(as_text=True)
        assert answer.status_code == 400 and told in text.replace("&#39;", "'") and message in text
    assert rows(app) == []


@one_database
def test_what_became_of_it_is_told(app: Any, world: Any, lift: str) -> None:
    """Declined with the reason; granted and closed again says so."""
    person = world.account()
    member = world.member(lift, person.account_id)
    browser = browser_of(app, world, person)
    declined = asked(browser, "/access/request?app=tag").headers["Location"]
    with app.app_context(), unit_of_work():
        requests.decline(declined.rsplit("/", 1)[1], "Ask <b>later</b>")
    page = browser.get(declined).get_data(as_text=True)
    assert "Ask &lt;b&gt;later&lt;/b&gt;" in page and browser.get(f"{declined}.json").json == {"state": "declined"}
    again = re.search(r'href="([^"]+)"[^>]*>Ask again<', page)
    assert again and browser.get(html.unescape(again[1])).status_code == 200, "a no need not be the last word"
    asked(browser, "/access/request?app=tag")
    world.role(lift, ["tag:access"], members=[member])
    license_id = world.license(lift)
    row = rows(app)[-1]
    with app.app_context():
        with unit_of_work():
            held = {"account:licenses.manage"}
            requests.grant(row.id, [f"assign_seat:{license_id}"], held=held)
        with pytest.raises(Refusal) as refused, unit_of_work():
            requests.grant(row.id, [f"assign_seat:{license_id}"], held=held)
        assert refused.value.code == "handled_meanwhile"
        with unit_of_work():
            service.unassign_seat(license_id, member)
    assert browser.get(f"/access/request/{row.id}.json").json == {"state": "closed"}
    with app.app_context(), unit_of_work() as session:
        session.get(Organization, lift).status = "suspended"
    assert browser.get(f"/access/request/{row.id}").status_code == 200
