"""Who finds which table and what of it; how long a sign-in counts; and the way in."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel.database import unit_of_work
from idp.kernel.records import Right, Scope
from idp.organizations import service
from idp.platform.policy import fresh
from idp.platform.tables import ZONES
from tests.support.authenticators import add_passkey, live_on
from tests.support.databases import one_database
from tests.support.forms import form_with, text_of

from .conftest import ADMIN, KEYS, LICENSES, READS, WRITES, Office

READERS = {
    "core/user": {ADMIN, READS, WRITES},
    "core/organization": {ADMIN, LICENSES, READS, WRITES},
    "core/role": {ADMIN, READS, WRITES},
    "core/license": {ADMIN, LICENSES, READS, WRITES},
    "core/seat": {ADMIN, LICENSES, READS, WRITES},
    "protocol/client": {ADMIN},
    "protocol/authorization": {ADMIN},
    "protocol/session": {ADMIN},
    "protocol/signing-key": {ADMIN, KEYS},
    "delivery/outbox": {ADMIN},
    "delivery/job": {ADMIN},
    "audit/audit": {ADMIN},
}
WRITERS = {
    "core/user": {ADMIN, WRITES},
    "core/organization": {ADMIN},
    "core/role": {ADMIN, WRITES},
    "core/license": {LICENSES},
    "core/seat": {ADMIN, LICENSES, WRITES},
}
ACTIONS = {
    "protocol/client": ({"disable", "enable"}, {ADMIN}),
    "protocol/authorization": ({"withdraw"}, {ADMIN}),
    "protocol/session": ({"end"}, {ADMIN}),
    "protocol/signing-key": ({"rotate", "rotate-now"}, {KEYS}),
    "delivery/outbox": ({"retry"}, {ADMIN}),
    "delivery/job": (set(), set()),
    "audit/audit": (set(), set()),
}
EVERYBODY = {ADMIN, LICENSES, KEYS, READS, WRITES}


def test_every_table_is_written_down() -> None:
    tables = {f"{zone.name}/{table.name}": table for zone in ZONES for table in zone.tables}
    assert set(tables) == set(READERS)
    assert {name for name, table in tables.items() if table.add or table.edit} == set(WRITERS)
    for name, (actions, rights) in ACTIONS.items():
        found = {action.name: action.right for action in tables[name].actions}
        assert set(found) == actions and all(right == Right(frozenset(rights)) for right in found.values())


@one_database
@pytest.mark.parametrize("privilege", sorted(EVERYBODY))
def test_a_privilege_opens_its_tables_and_no_other(privilege: str, office: Office) -> None:
    browser = office.signed_in(privilege)
    chooser = browser.reads("/admin/records")
    for name, readers in READERS.items():
        answer = browser.get(f"/admin/records/{name}")
        assert answer.status_code == (200 if privilege in readers else 403), name
        if name in WRITERS:
            added = browser.get(f"/admin/records/{name}/add")
            assert added.status_code == (200 if privilege in WRITERS[name] else 403), name
            has_add = ">Add</a>" in answer.get_data(as_text=True)
            assert has_add == (privilege in WRITERS[name] and privilege in readers), name
        else:
            assert browser.get(f"/admin/records/{name}/add").status_code == (404 if privilege in readers else 403)
    for zone, title in (("core", "Core"), ("protocol", "Protocol"), ("delivery", "Delivery"), ("audit", "Audit")):
        opens = any(privilege in readers for name, readers in READERS.items() if name.startswith(zone))
        assert (title in chooser) == opens
        shown = 303 if zone == "audit" else 200  # a zone of one table leads to it
        assert browser.get(f"/admin/records/{zone}").status_code == (shown if opens else 403)
    for name in ("nothing", "core/nothing", "nothing/user"):
        assert browser.get(f"/admin/records/{name}").status_code == 404


def test_a_right_is_computed_of_all_privileges_that_are_held() -> None:
    right = Right(frozenset({"a"}), own=frozenset({"b"}))
    assert right.scope(frozenset({"a", "b"}), "own") == Scope()
    assert right.scope(frozenset({"b"}), "own") == Scope(within="own")
    assert right.scope(frozenset({"c"}), "own") is None


@one_database
def test_without_a_license_oneoffice_s_privileges_are_nothing(office: Office) -> None:
    """Privileges are roles ∩ edition: the same role without a seat finds no page."""
    person = office.operator(READS, WRITES, seat=False)
    assert office.browser(person).get("/admin/").status_code == 404


@one_database
def test_the_launcher_leads_here_for_those_who_may(office: Office, world: Any) -> None:
    assert 'href="/admin/"' in office.signed_in(KEYS).get("/").get_data(as_text=True)
    assert 'href="/admin/"' in office.signed_in(READS).get("/").get_data(as_text=True)
    assert 'href="/admin/"' not in office.browser(office.operator()).get("/").get_data(as_text=True)
    page = office.signed_in(LICENSES).reads("/admin/")
    assert "Records" in page and "Organizations" in page
    assert "Organizations" not in office.signed_in(READS).reads("/admin/").partition("Administration")[2][:40]


@pytest.mark.parametrize(
    ("auth_time", "administered_at", "now", "counts"),
    [
        (1000, 0, 1000 + 1799, True),
        (1000, 0, 1000 + 1800, False),
        (1000, 40_000, 40_000 + 1799, True),
        (1000, 40_000, 40_000 + 1800, False),
        (1000, 44_000, 1000 + 43_199, True),
        (1000, 44_000, 1000 + 43_200, False),
    ],
)
def test_r32_how_long_a_sign_in_counts(auth_time: int, administered_at: int, now: int, counts: bool) -> None:
    assert fresh(auth_time=auth_time, administered_at=administered_at, now=now) is counts


@one_database
def test_r32_after_thirty_minutes_the_password_is_asked_again(office: Office, clock: Any) -> None:
    """The launcher doesn't keep the administration open, and signing in comes back to the page."""
    person = office.operator(ADMIN)
    browser = office.browser(person)
    path = "/admin/records/core/user?q=kari"
    assert browser.get(path).status_code == 200
    clock.advance(29 * 60)
    assert browser.get(path).status_code == 200
    for _ in range(4):
        clock.advance(10 * 60)
        assert browser.get("/").status_code == 200
    asked = browser.get(path)
    assert asked.status_code == 303 and asked.headers["Location"].startswith("/login?continue=")
    posted = browser.post("/admin/organizations/add")
    assert browser.get("/").status_code == 200, "signed in everywhere else"

    def signs_in(address: str) -> str:
        form = form_with(browser.get(address).get_data(as_text=True), "password")
        assert form.fields["identifier"] == person.address
        back = browser.client.post(form.action, data=form.filled(password=office.world.password))
        return str(back.headers["Location"])

    assert signs_in(asked.headers["Location"]) == path
    assert browser.get(path).status_code == 200
    assert signs_in(posted.headers["Location"]) == "/admin/", "nothing is done without a look"
    clock.advance(31 * 60)
    typed = {"csrf_token": browser.token(), "name": "Typed AS", "slug": "typed-as"}
    late = browser.client.post("/admin/organizations/add", data=typed, headers={"Sec-Fetch-Site": "same-origin"})
    form = form_with(browser.get(late.headers["Location"]).get_data(as_text=True), "password")
    back = browser.client.post(form.action, data=form.filled(password=office.world.password))
    kept = form_with(browser.get(back.headers["Location"]).get_data(as_text=True), "slug")
    again = browser.client.post(kept.action, data=kept.fields)
    assert again.status_code == 400 and form_with(again.get_data(as_text=True), "slug").fields["slug"] == "typed-as"


@one_database
def test_another_person_s_visit_opens_nothing(office: Office, world: Any, clock: Any) -> None:
    """What the browser remembers of the last visit counts for that session only."""
    browser = office.signed_in(ADMIN)
    assert browser.get("/admin/").status_code == 200
    clock.advance(31 * 60)
    for seen in (["another-session", clock.now()], [clock.now()], [], "x"):
        with browser.client.session_transaction() as cookie:
            cookie["administered"] = seen
        assert browser.get("/admin/").headers["Location"].startswith("/login?continue="), seen
    person = world.account()
    other = office.browser(person)
    assert other.get("/admin/").status_code == 404
    assert text_of(other.get("/admin/").get_data(as_text=True)).startswith(
        text_of(other.get("/no-such-page").get_data(as_text=True))[:40]
    )


@one_database
def test_where_the_platform_asks_for_a_second_factor_its_administration_does(app: Any, office: Office) -> None:
    """A stolen password alone opens nothing here, least of all the button that removes second factors."""
    admin = office.operator(ADMIN)
    browser = office.browser(admin)
    assert browser.get("/admin/records/core/user").status_code == 200
    with app.app_context(), unit_of_work():
        service.require_second_factor(office.own, True)
    for path in ("/admin/", "/admin/records/core/user", "/admin/organizations"):
        asked = browser.get(path)
        assert asked.status_code == 303 and asked.headers["Location"].startswith("/login/stronger?continue="), path
    assert browser.client.get(asked.headers["Location"]).headers["Location"].startswith("/login/set-up")
    add_passkey(browser.client)
    assert browser.get("/admin/records/core/user").status_code == 200


@one_database
def test_a_session_from_before_the_second_factor_administers_nothing(office: Office) -> None:
    """Who has a factor shows it here (docs/decisions/0022); a session that slipped through can't take it away."""
    admin = office.operator(ADMIN)
    thief, browser = office.browser(admin), office.browser(admin)
    add_passkey(browser.client)
    live_on(office.app, admin.account_id)
    action = f"/admin/records/core/user/{admin.account_id}/remove-second-factors"
    assert browser.get(action).status_code == 200
    for asked in (thief.get(action), thief.post(action)):
        assert asked.status_code == 303 and asked.headers["Location"].startswith("/login/stronger?continue=")
    assert browser.client.get("/account/security").text.count("/account/security/passkeys/") > 1
