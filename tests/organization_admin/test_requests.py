"""Requests: a badge, the change applied in two clicks, declining with a reason, and what others did meanwhile."""

from __future__ import annotations

from typing import Any

from idp.audit.models import AuditEntry
from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.models import AccessRequest, Member, Seat
from idp.organizations.service import requests
from idp.outbox import mails
from idp.outbox.models import Delivery
from tests.support.databases import one_database
from tests.support.forms import browser_of, form_with, forms_of, text_of

from .access_worlds import administrator
from .test_access import Place, changes_form


def asks(app: Any, world: Any, place: Place, app_id: str = "tag", **values: Any) -> tuple[Any, str]:
    """A person of the place who is denied, has a role and asks; gives (person, request's id)."""
    person = world.account()
    member = world.member(place.id, person.account_id, **values)
    if values.get("status", "active") == "active":
        world.role(place.id, [f"{app_id}:access"], members=[member])
    with app.app_context(), unit_of_work():
        row = requests.request_access(person.account_id, app_id, message="For the crane\nat Mongstad")
        return type(person)(person.account_id, person.address, member), row.id


def row_of(app: Any, request_id: str) -> AccessRequest:
    with app.app_context():
        return db.session.get(AccessRequest, request_id)  # type: ignore[return-value]


def letters(app: Any, kind: str) -> list[Any]:
    """What the outbox owes of this kind, as (address, message or None)."""
    with app.app_context():
        found = db.session.query(Delivery).filter_by(kind=kind).order_by(Delivery.id).all()
        return [(delivery.payload["address"], mails.compose(delivery)) for delivery in found]


def test_from_the_badge_to_the_open_app_in_two_clicks(app: Any, world: Any) -> None:
    place = Place(app, world)
    other = administrator(world, place.id, "account:requests.manage")
    administrator(world, place.id, "account:people.read")
    person, request_id = asks(app, world, place)
    mailed = letters(app, "access_requested")
    assert {address for address, _message in mailed} == {place.administrator.address, other.address}
    assert f"/org/here/requests/{request_id}" in mailed[0][1].body and "Onix Tag" in mailed[0][1].subject

    overview = place.browser.get("/org/here/").get_data(as_text=True)
    assert 'class="count">1<' in overview and "1 person is waiting for access" in overview
    listed = place.browser.get("/org/here/requests")
    assert "For the crane\nat Mongstad" in listed.get_data(as_text=True)
    form = changes_form(listed)
    answer = place.browser.post(form.action, data=form.fields)
    assert answer.status_code == 303
    text = place.browser.get(answer.headers["Location"]).get_data(as_text=True)
    assert "can use Onix Tag now." in text and "Nobody is waiting." in text and 'class="count"' not in text
    assert place.verdict(person.member_id)["decision"] == "allow"
    row = row_of(app, request_id)
    assert (row.outcome, row.decided_by) == ("granted", place.administrator.account_id)
    assert [(address, message.subject) for address, message in letters(app, "access_granted")] == [
        (person.address, "You have access to Onix Tag")
    ]
    assert letters(app, "access_requested")[0][1] is None, "a mail that waits too long has nothing to tell any more"
    with app.app_context():
        entries = db.session.query(AuditEntry).filter(AuditEntry.event.like("Access%")).order_by(AuditEntry.id).all()
        assert [entry.event for entry in entries] == ["AccessRequested", "AccessGranted"]
        assert entries[1].actor_id == place.administrator.account_id
        assert "Mongstad" not in str([entry.data for entry in entries])
    assert "Granted" in place.browser.get("/org/here/requests?state=decided").get_data(as_text=True)


@one_database
def test_declining_asks_for_a_reason_and_tells_it(app: Any, world: Any) -> None:
    place = Place(app, world)
    person, request_id = asks(app, world, place)
    path = f"/org/here/requests/{request_id}"
    form = form_with(place.browser.get(path).get_data(as_text=True), "reason", path)
    for nothing in ("", "   "):
        answer = place.browser.post(form.action, data=form.filled(reason=nothing))
        assert answer.status_code == 400 and "Say why" in answer.get_data(as_text=True)
    long = place.browser.post(form.action, data=form.filled(reason="x" * 501))
    assert long.status_code == 400 and "x" * 501 in long.get_data(as_text=True), "what was typed is still there"
    assert row_of(app, request_id).decided_at is None and letters(app, "access_declined") == []
    assert place.browser.post(form.action, data=form.filled(reason="Ask <b>again</b>\nin May")).status_code == 303
    row = row_of(app, request_id)
    assert (row.outcome, row.reason) == ("declined", "Ask <b>again</b>\nin May")
    ((address, message),) = letters(app, "access_declined")
    assert address == person.address
    assert "Ask &lt;b&gt;again" in message.html and "Ask <b>again</b>" in message.body
    assert place.verdict(person.member_id)["code"] == "license_missing"


@one_database
def test_an_answer_to_somebody_whose_denial_named_no_organization_names_none(app: Any, world: Any) -> None:
    place = Place(app, world)
    _person, request_id = asks(app, world, place, status="contact")
    with app.app_context(), unit_of_work():
        requests.decline(request_id, "Not you", actor_id=place.administrator.account_id)
    ((_address, message),) = letters(app, "access_declined")
    assert "Nordic Lift" not in message.body + message.html + message.subject


@one_database
def test_whoever_comes_second_is_told_and_does_nothing(app: Any, world: Any) -> None:
    place = Place(app, world)
    other = administrator(world, place.id, given_name="Henrik", family_name="Dahl")
    second = browser_of(app, world, other)
    _person, request_id = asks(app, world, place)
    path = f"/org/here/requests/{request_id}"
    with app.app_context(), unit_of_work():
        db.session.query(Member).filter_by(account_id=other.account_id).update({"last_used_at": 1})
    page = place.browser.get(path)
    apply, decline = changes_form(page), form_with(page.get_data(as_text=True), "reason", path)
    theirs = form_with(second.get(path).get_data(as_text=True), "reason", path)
    assert second.post(theirs.action, data=theirs.filled(reason="No")).status_code == 303
    for answer in (
        place.browser.post(apply.action, data=apply.fields),
        place.browser.post(decline.action, data=decline.filled(reason="Mine")),
    ):
        assert answer.status_code == 409
        assert "Henrik Dahl has handled this request meanwhile" in answer.get_data(as_text=True)
    row = row_of(app, request_id)
    assert (row.outcome, row.reason) == ("declined", "No")
    with app.app_context():
        assert db.session.query(Seat).count() == 0


@one_database
def test_a_request_closes_by_itself_when_the_app_opens_otherwise(app: Any, world: Any) -> None:
    place = Place(app, world)
    person, request_id = asks(app, world, place)
    with app.app_context(), unit_of_work():
        service.assign_seat(place.license, person.member_id, actor_id=place.administrator.account_id)
    assert row_of(app, request_id).outcome == "opened"
    assert letters(app, "access_granted") == []
    # What time opens (a license begins) closes at the job's next turn; until then the page says that it is open.
    person, later = asks(app, world, place, "work")
    world.license(place.id, "work:standard", holders=[person.member_id], starts_at=clock.now() + 60)
    assert "Nobody is waiting." not in place.browser.get("/org/here/requests").get_data(as_text=True)
    clock.advance(120)
    assert "open to this person already" in place.browser.get("/org/here/requests").get_data(as_text=True)
    with app.app_context():
        from idp.jobs import answered_requests

        assert answered_requests() == 1 and answered_requests() == 0
    assert row_of(app, later).outcome == "opened"


@one_database
def test_other_tenants_requests_do_not_exist(app: Any, world: Any) -> None:
    place = Place(app, world)
    elsewhere = world.organization("elsewhere")
    person = world.account()
    world.member(elsewhere, person.account_id)
    with app.app_context(), unit_of_work():
        theirs = requests.request_access(person.account_id, "tag").id
    token = forms_of(place.browser.get("/org/here/requests").get_data(as_text=True))[0].fields["csrf_token"]
    for request_id in (theirs, "made-up"):
        path = f"/org/here/requests/{request_id}"
        assert place.browser.get(path).status_code == 404
        assert place.browser.post(f"{path}/apply", data={"csrf_token": token}).status_code == 404
        assert place.browser.post(f"{path}/decline", data={"csrf_token": token, "reason": "x"}).status_code == 404
    assert row_of(app, theirs).decided_at is None
    assert 'class="count"' not in place.browser.get("/org/here/").get_data(as_text=True)


@one_database
def test_applying_needs_the_privilege_of_each_change_and_opens_or_does_nothing(app: Any, world: Any) -> None:
    place = Place(app, world)
    person = world.account()
    member = world.member(place.id, person.account_id)
    with app.app_context(), unit_of_work():
        request_id = requests.request_access(person.account_id, "tag").id
    limited = browser_of(app, world, administrator(world, place.id, "account:requests.manage"))
    text = limited.get(f"/org/here/requests/{request_id}").get_data(as_text=True)
    assert "Your role does not include “Assign licenses”" in text and "Apply" not in text_of(text.split("<main")[1])
    form = changes_form(place.browser.get(f"/org/here/requests/{request_id}"))
    token = forms_of(text)[0].fields["csrf_token"]
    refused = limited.post(form.action, data={**form.fields, "csrf_token": token})
    assert refused.status_code == 403
    part = place.browser.post(form.action, data={**form.fields, "only": "0"})
    assert part.status_code == 409 and "does not open the app" in part.get_data(as_text=True)
    assert row_of(app, request_id).decided_at is None
    assert place.verdict(member)["code"] == "license_missing"


@one_database
def test_the_list_costs_the_same_for_few_and_for_many(app: Any, world: Any, statements: Any) -> None:
    place = Place(app, world, seats=100)
    for _ in range(2):
        asks(app, world, place)
    with statements() as few:
        place.browser.get("/org/here/requests")
    for _ in range(10):
        asks(app, world, place)
    with statements() as many:
        place.browser.get("/org/here/requests")
    assert 0 <= len(many) - len(few) <= 1, str(many)  # what is more than a page is counted
