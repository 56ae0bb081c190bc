"""The other tables: each list, each row, each named action, through the room's own verb."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from idp.audit.models import AuditEntry
from idp.kernel import listing
from idp.kernel.database import db, unit_of_work
from idp.oidc.models import Authorization, Client, LossCheck, SigningKey
from idp.organizations.models import License, Organization, Role, Seat
from idp.outbox import service as outbox
from idp.outbox.models import Delivery
from idp.platform.tables import ZONES
from idp.sessions.models import Session
from tests.support.forms import form_with, text_of

from .conftest import ADMIN, KEYS, LICENSES, WRITES, Office

CORE, PROTOCOL = "/admin/records/core", "/admin/records/protocol"


def _said(answer: Any) -> str:
    return text_of(answer.get_data(as_text=True))


def _count(office: Office, model: Any, *where: Any) -> int:
    with office.app.app_context():
        return db.session.scalar(select(func.count()).select_from(model).where(*where)) or 0


def test_a_role_is_made_changed_and_deleted(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN)
    customer = world.organization("nordic")
    made = browser.sends(
        f"{CORE}/role/add", organization="nordic", name="Driver", privileges=["tag:access", "tag:tag.read"]
    )
    with office.app.app_context():
        role = db.session.scalars(select(Role).where(Role.name == "Driver")).one()
        role_id = role.id
        assert {entry.privilege for entry in role.privileges} == {"tag:access", "tag:tag.read"}
        assert role.organization_id == customer
    assert made.headers["Location"] == f"{CORE}/role/{role_id}"
    page = browser.get(made.headers["Location"]).get_data(as_text=True)
    assert page.count("checked") == 2
    changed = browser.sends(made.headers["Location"], privileges=["tag:access"])
    assert changed.status_code == 303
    refused = browser.sends(made.headers["Location"], privileges=["account:platform.admin"])
    assert refused.status_code == 403 and "Only the platform's own organization" in _said(refused)
    taken = browser.sends(f"{CORE}/role/add", organization="nordic", name="Inspector")
    assert taken.status_code == 409 and "There already is a role of this name." in _said(taken)
    unknown = browser.sends(f"{CORE}/role/add", organization="nowhere", name="Driver")
    assert unknown.status_code == 404 and "There is no such organization." in _said(unknown)
    world.role(None, ["tag:access"], name="Held")
    system = f"{CORE}/role/{office.roles['Inspector']}"
    assert "can't be changed here" in browser.reads(system)
    assert browser.post(system, privileges="tag:access").status_code == 409
    assert browser.post(f"{system}/delete").headers["Location"] == system, "not offered"
    member = world.member(customer)
    with office.app.app_context(), unit_of_work():
        from idp.organizations import service

        service.assign_role(member, role_id)
    assert "1 member holds it" in browser.reads(f"{CORE}/role/{role_id}/delete")
    assert browser.sends(f"{CORE}/role/{role_id}/delete").headers["Location"] == f"{CORE}/role"
    assert _count(office, Role, Role.id == role_id) == 0


def test_oneoffice_s_administrators_keep_roles_and_seats_of_their_own_organization(office: Office, world: Any) -> None:
    browser = office.signed_in(WRITES)
    customer = world.organization("nordic")
    foreign = world.role(customer, ["tag:access"])
    sold = world.license(customer, holders=[world.member(customer, email="kari@works.example")])
    for path in (f"role/{foreign}", f"license/{sold}", f"organization/{customer}"):
        assert browser.get(f"{CORE}/{path}").status_code == 404
    for slug in ("nordic", "nowhere"):
        answer = browser.sends(f"{CORE}/role/add", organization=slug, name="Driver")
        assert answer.status_code == 404 and "There is no such organization." in _said(answer)
    assert browser.sends(f"{CORE}/role/add", organization="client/self", name="Driver").status_code == 303
    assert "kari@works.example" not in browser.reads(f"{CORE}/seat")
    refused = browser.sends(
        f"{CORE}/seat/add", organization="nordic", email="kari@works.example", edition="tag:standard"
    )
    assert refused.status_code == 404


def test_a_license_is_sold_changed_and_deleted(office: Office, world: Any) -> None:
    browser = office.signed_in(LICENSES)
    place = world.organization("nordic")
    sold = browser.sends(
        f"{CORE}/license/add", organization="nordic", edition="tag:standard", seats="2", ends_at="2090-03-31"
    )
    assert sold.status_code == 303
    path = sold.headers["Location"]
    license_id = path.rpartition("/")[2]
    row = world.get(License, license_id)
    assert (row.seats, row.ends_at, row.organization_id) == (2, 3_794_601_600, place)
    for values, said in (
        ({"seats": "many"}, "Enter a whole number."),
        ({"seats": "-1"}, "Enter a whole number."),
        ({"seats": ""}, "Fill in this field."),
        ({"ends_at": "31.3.2090"}, "Enter a date"),
        ({"ends_at": "1980-01-01"}, "A license has to end after it starts."),
        ({"seats": "9999999"}, "between 0 and 1,000,000"),
    ):
        answer = browser.sends(path, **values)
        assert answer.status_code == 400 and said in _said(answer), values
    world.get(License, license_id)
    member = world.member(place, email="kari@works.example", email_normalized="kari@works.example")
    given = browser.sends(f"{CORE}/seat/add", organization="nordic", email="KARI@works.example", edition="tag:standard")
    assert given.status_code == 303
    few = browser.sends(path, seats="0")
    assert few.status_code == 409 and "Take them back from people" in _said(few)
    assert browser.sends(f"{path}/delete").status_code == 409
    started = world.get(License, license_id).starts_at
    assert browser.sends(path, seats="1", ends_at="").status_code == 303
    row = world.get(License, license_id)
    assert (row.seats, row.ends_at, row.starts_at) == (1, None, started), "a day that stays keeps its instant"
    other = world.member(place, email="ola@works.example", email_normalized="ola@works.example")
    full = browser.sends(f"{CORE}/seat/add", organization="nordic", email="ola@works.example", edition="tag:standard")
    assert full.status_code == 409 and "All licenses are in use." in _said(full) and other
    none = browser.sends(f"{CORE}/seat/add", organization="nordic", email="ola@works.example", edition="work:standard")
    assert none.status_code == 409 and "no such license" in _said(none)
    with office.app.app_context():
        seat = db.session.scalars(select(Seat.id).where(Seat.member_id == member)).one()
    assert browser.post(f"{CORE}/seat/{seat}/take-back").headers["Location"] == f"{CORE}/seat"
    assert browser.sends(f"{path}/delete").headers["Location"] == f"{CORE}/license"
    assert _count(office, License, License.id == license_id) == 0


def test_an_organization_is_made_renamed_and_deleted_while_nobody_uses_it(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN)
    made = browser.sends(f"{CORE}/organization/add", name="Nordic Lift AS", slug="nordic", organization_number="9123")
    path = made.headers["Location"]
    organization_id = path.rpartition("/")[2]
    browser.sends(path, name="Nordic Løft AS")
    row = world.get(Organization, organization_id)
    assert (row.name, row.slug, row.organization_number) == ("Nordic Løft AS", "nordic", "9123")
    assert "Nordic Løft AS" in browser.reads(f"{CORE}/organization?q=LØFT")
    taken = browser.sends(f"{CORE}/organization/add", name="X", slug="nordic")
    assert taken.status_code == 409 and "Another organization has this short name." in _said(taken)
    member = world.member(organization_id)
    used = browser.sends(f"{path}/delete", typed="nordic")
    assert used.status_code == 409 and "Suspend it instead." in _said(used)
    with office.app.app_context(), unit_of_work() as session:
        from idp.organizations.models import Member

        session.delete(session.get_one(Member, member))
    assert browser.sends(f"{path}/delete", typed="other").status_code == 400
    assert browser.sends(f"{path}/delete", typed="nordic").headers["Location"] == f"{CORE}/organization"
    assert _count(office, Organization, Organization.id == organization_id) == 0
    own = f"{CORE}/organization/{office.own}"
    assert "Delete" not in browser.reads(own).partition("Actions")[2]
    assert browser.post(f"{own}/suspend", reason="x").headers["Location"] == own


def test_suspending_asks_for_the_reason_and_keeps_it(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN)
    place = world.organization("nordic")
    path = f"{CORE}/organization/{place}"
    silent = browser.sends(f"{path}/suspend", reason=" ")
    assert silent.status_code == 400 and "Fill in this field." in _said(silent)
    assert world.get(Organization, place).status == "active"
    assert browser.sends(f"{path}/suspend", reason="Bankrupt").status_code == 303
    assert world.get(Organization, place).status == "suspended"
    with office.app.app_context():
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.event == "OrganizationSuspended")).one()
        assert entry.data["why"] == "Bankrupt" and entry.actor_id is not None and entry.result == "ok"
    assert browser.sends(f"{path}/resume", reason="Paid").status_code == 303
    assert world.get(Organization, place).status == "active"


def test_the_protocol_s_rows_are_read_and_ended(office: Office, world: Any, protocol: Any) -> None:
    browser = office.signed_in(ADMIN)
    grant = protocol.tokens()
    client = protocol.client_id
    with office.app.app_context():
        authorization = db.session.scalars(select(Authorization.id)).one()
        session = db.session.scalars(select(Session.id).where(Session.account_id == protocol.person.account_id)).one()
    for path, said in (
        (f"authorization/{authorization}", client), (f"session/{session}", "Signed in"), (f"client/{client}", "web"),
    ):  # fmt: skip
        assert said in browser.reads(f"{PROTOCOL}/{path}")
        assert browser.post(f"{PROTOCOL}/{path}").status_code == 403, "read only"
    secret = browser.get(f"{PROTOCOL}/client/{client}").get_data(as_text=True)
    assert "secret_digest" not in secret and "PRIVATE" not in secret
    assert browser.post(f"{PROTOCOL}/authorization/{authorization}/withdraw").status_code == 303
    row = world.get(Authorization, authorization)
    assert row.withdrawn_reason == "by_admin"
    assert protocol.refresh(grant["refresh_token"]).json["error"] == "invalid_grant"
    assert browser.post(f"{PROTOCOL}/session/{session}/end").status_code == 303
    assert world.get(Session, session).ended_reason == "by_admin"
    again = browser.post(f"{PROTOCOL}/session/{session}/end")
    assert again.status_code == 303 and "somebody else was quicker" in browser.reads(f"{PROTOCOL}/session/{session}")
    assert "signed out of it" in browser.reads(f"{PROTOCOL}/client/{client}/disable")
    assert browser.sends(f"{PROTOCOL}/client/{client}/disable").status_code == 303
    assert world.get(Client, client).status == "disabled"
    assert browser.post(f"{PROTOCOL}/client/{client}/enable").status_code == 303
    assert world.get(Client, client).status == "active"
    with office.app.app_context():
        actors = db.session.scalars(
            select(AuditEntry.actor_id).where(AuditEntry.event.in_(["ClientDisabled", "AuthorizationWithdrawn"]))
        ).all()
        assert len(actors) >= 2 and all(actors)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_keys_are_rotated_by_those_who_may(office: Office) -> None:
    from idp.oidc.keys import ensure_keys

    with office.app.app_context(), unit_of_work():
        ensure_keys()
    browser, administrator = office.signed_in(KEYS), office.signed_in(ADMIN)
    assert "Rotate keys" not in administrator.reads(f"{PROTOCOL}/signing-key")
    assert administrator.post(f"{PROTOCOL}/signing-key/all/rotate").status_code == 403
    assert _count(office, SigningKey) == 2
    assert browser.post(f"{PROTOCOL}/signing-key/all/rotate").headers["Location"] == f"{PROTOCOL}/signing-key"
    assert _count(office, SigningKey) == 4
    assert "may have leaked" in browser.reads(f"{PROTOCOL}/signing-key/all/rotate-now")
    assert _count(office, SigningKey) == 4, "asking rotates nothing"
    browser.sends(f"{PROTOCOL}/signing-key/all/rotate-now")
    assert _count(office, SigningKey) == 6
    page = browser.reads(f"{PROTOCOL}/signing-key")
    assert "Signs" in page and "Published, signs no more" in page


def test_deliveries_are_retried_and_jobs_and_the_trail_are_read(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN)
    with office.app.app_context():
        with unit_of_work():
            delivery = outbox.queue_mail("test", address="kari@works.example", language="en").id
        with unit_of_work():
            outbox.settle(delivery, None, "given_up", 1, "answered 500")
        with unit_of_work() as session:
            session.add(LossCheck(organization_id=office.own, created_at=1_790_000_000))
    outboxes = "/admin/records/delivery/outbox"
    assert "Given up" in browser.reads(f"{outboxes}?state=given_up&q=works.example")
    assert "answered 500" in browser.reads(f"{outboxes}/{delivery}")
    assert browser.post(f"{outboxes}/{delivery}/retry").status_code == 303
    row = world.get(Delivery, delivery)
    assert (row.outcome, row.attempts) == (None, 0)
    assert "Onix Works AS" in browser.reads("/admin/records/delivery/job")
    trail = browser.reads("/admin/records/audit/audit?q=DeliveriesRetried")
    assert "1 record" in trail and "Kari" in trail


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_table_lists_sorts_filters_and_ignores_what_it_does_not_know(office: Office, protocol: Any) -> None:
    protocol.tokens()
    browser = office.signed_in(ADMIN, KEYS)
    for zone in ZONES:
        for table in zone.tables:
            path = f"/admin/records/{zone.name}/{table.name}"
            for sort in table.sorts:
                assert browser.get(f"{path}?sort={sort}").status_code == 200
            with office.app.test_request_context():
                asked = [(one.name, str(value)) for one in table.filters for value, _label in one.choices()]
            for name, value in asked:
                assert browser.get(f"{path}?{name}={value}&q=a%25_b").status_code == 200, (table.name, name, value)
            assert browser.get(f"{path}?sort=id;drop&page=99999999&state=x&q=%F0%9F%90%98").status_code == 200
            assert browser.get(f"{path}/{'x' * 300}").status_code == 404
            assert browser.get(f"{path}/nothing/explode").status_code == 404


def test_no_list_makes_statements_for_its_rows(office: Office, world: Any, statements: Any) -> None:
    """Every table, with one row and with a dozen more."""
    browser = office.signed_in(ADMIN, KEYS)
    paths = [f"/admin/records/{zone.name}/{table.name}" for zone in ZONES for table in zone.tables]
    paths.append("/admin/organizations")

    def costs() -> dict[str, int]:
        found = {}
        for path in paths:
            with statements() as seen:
                assert browser.get(path).status_code == 200
            found[path] = len(seen)
        return found

    def more() -> None:
        place = world.organization()
        person = world.user(place)
        office.browser(person)
        world.client()
        with office.app.app_context(), unit_of_work() as session:
            session.add(LossCheck(organization_id=place, created_at=1))
            outbox.queue_mail("test", address="kari@works.example", language="en")

    more()
    before = costs()
    for _ in range(6):
        more()
    assert costs() == before
    assert max(before.values()) <= 12, before


def test_forms_come_with_what_a_link_fills_in(office: Office) -> None:
    browser = office.signed_in(LICENSES)
    page = browser.get(f"{CORE}/license/add?organization=nordic&edition=x&seats=5").get_data(as_text=True)
    fields = form_with(page, "seats").fields
    assert (fields["organization"], fields["seats"]) == ("nordic", ""), "only what is kept is filled in"


def test_a_list_is_counted_up_to_a_bound_and_the_trail_not_at_all(
    office: Office, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = office.signed_in(ADMIN)
    for number in range(12):
        world.organization(f"place-{number:02}", name=f"Place {number:02} AS")
    monkeypatch.setattr(listing, "PAGE", 5)
    assert "12 records" in browser.reads("/admin/records/core/organization?q=place")
    monkeypatch.setattr(listing, "COUNTED", 10)
    monkeypatch.setattr(listing, "PAGED", 10)
    for page in ("", "&page=2"):
        shown = browser.reads(f"/admin/records/core/organization?q=place{page}")
        assert "More than 10 records" in shown and "of 2" in shown
    last = browser.reads("/admin/records/core/organization?q=place&page=7")
    assert "Place 09 AS" in last and "Place 10 AS" not in last and "6 to 10 shown" in last
    monkeypatch.setattr(listing, "COUNTED", 100)
    last = browser.reads("/admin/records/core/organization?q=place&page=3")
    assert "12 records" in last and "6 to 10 shown" in last and "Page 2 of 2" in last
    assert "Search or narrow the list to find them." in last, "which the page before does not say"
    assert "narrow the list" not in browser.reads("/admin/records/core/organization?q=place")
    with office.app.app_context(), unit_of_work() as session:
        session.add_all(AuditEntry(at=number, event="SignInFailed", result="wrong", data={}) for number in range(12))
    trail = browser.reads("/admin/records/audit/audit")
    assert "Older" in trail and "records" not in trail.split("Time")[0].split("Search")[-1]
    monkeypatch.setattr(listing, "WINDOW", 1)
    found = browser.reads("/admin/records/audit/audit?result=other")
    assert "Looked through back to" in found and "Look further back" in found
    assert "Newest" in browser.reads("/admin/records/audit/audit?before=9.x")
