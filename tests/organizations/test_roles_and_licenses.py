"""Roles, licenses and seats: what is refused, what is told, and that forty at once get twenty-five seats."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.kernel import clock
from idp.kernel.database import db
from idp.organizations import events, service
from idp.organizations.catalog import current_catalog
from idp.organizations.models import License, Organization, Role, Seat
from tests.support.races import outcomes_at_once

Do = Callable[..., Any]


@pytest.fixture
def place(world: Any) -> str:
    return str(world.organization())


@pytest.fixture
def kari(world: Any, place: str) -> Any:
    return world.user(place, seat=False)


def test_system_roles_follow_the_catalog(world: Any, do: Do, roles: dict[str, str], place: str, kari: Any) -> None:
    catalog = current_catalog()
    assert do(service.sync_system_roles, catalog) == 0
    do(service.assign_role, kari.member_id, roles["Inspector"])
    before = world.get(Organization, place).rev
    smaller = type(catalog)(catalog.apps, {name: role for name, role in catalog.roles.items() if name != "Inspector"})
    assert do(service.sync_system_roles, smaller) == 1
    assert world.get(Role, roles["Inspector"]) is None
    assert world.get(Organization, place).rev == before + 1
    assert do(service.sync_system_roles, catalog) == 1


def test_system_roles_are_immutable(do: Do, refused: Do, roles: dict[str, str]) -> None:
    """R38."""
    assert refused(service.set_role_privileges, roles["Inspector"], ["tag:access"]) == "system_role"
    assert refused(service.delete_role, roles["Inspector"]) == "system_role"


def test_roles_of_an_organization(
    world: Any, do: Do, refused: Do, roles: dict[str, str], place: str, kari: Any
) -> None:
    role = do(service.create_role, place, "  Yard   crew ", ["tag:access"])
    assert role.name == "Yard crew"
    assert refused(service.create_role, place, "Yard crew") == "role_exists"
    assert refused(service.create_role, place, "Inspector") == "role_exists"
    assert refused(service.create_role, place, " ") == "required"
    assert refused(service.create_role, place, "X", ["tag:fly"]) == "privilege_unknown"
    assert refused(service.create_role, place, "X", ["account:platform.admin"]) == "privilege_of_platform"
    elsewhere = do(service.create_role, world.organization(), "Yard crew")
    assert refused(service.assign_role, kari.member_id, elsewhere.id) == "role_unknown"
    contact = do(service.add_member, place, given_name="C")
    assert refused(service.assign_role, contact.id, role.id) == "not_active"


def test_roles_are_news_for_their_holders_only(world: Any, do: Do, news: Any, place: str, kari: Any) -> None:
    role = do(service.create_role, place, "Crew", ["tag:access"])
    with news() as heard:
        do(service.assign_role, kari.member_id, role.id)
        do(service.assign_role, kari.member_id, role.id)
        do(service.set_role_privileges, role.id, ["tag:access"])
        do(service.set_role_privileges, role.id, ["tag:equipment.read"])
        do(service.delete_role, role.id)
    told = [event for event in heard if isinstance(event, events.EntitlementChanged)]
    assert [type(event) for event in told] == [events.RoleAssigned, events.RoleChanged, events.RoleDeleted]
    assert {event.member_ids for event in told} == {(kari.member_id,)}


def test_last_administrator_is_protected(world: Any, do: Do, refused: Do, roles: dict[str, str], place: str) -> None:
    """R38."""
    boss = world.user(place, seat=False, privileges=["tag:access"])
    do(service.assign_role, boss.member_id, roles["Administrator"])
    for verb, arguments in (
        (service.unassign_role, (boss.member_id, roles["Administrator"])),
        (service.disable_member, (boss.member_id,)),
        (service.end_member, (boss.member_id,)),
        (service.set_contact_only, (boss.member_id,)),
    ):
        assert refused(verb, *arguments) == "last_administrator"
    assert [account.id for account in service.administrators_of(place)] == [boss.account_id]
    deputy = world.user(place, seat=False)
    do(service.assign_role, deputy.member_id, roles["Administrator"])
    do(service.end_member, boss.member_id)
    assert [account.id for account in service.administrators_of(place)] == [deputy.account_id]


def test_last_administrator_by_an_own_role(world: Any, do: Do, refused: Do, place: str) -> None:
    boss = world.user(place, seat=False)
    role = do(service.create_role, place, "Boss", ["account:people.manage"])
    do(service.assign_role, boss.member_id, role.id)
    assert refused(service.set_role_privileges, role.id, ["account:access"]) == "last_administrator"
    assert refused(service.delete_role, role.id) == "last_administrator"
    assert [entry.privilege for entry in world.get(Role, role.id).privileges] == ["account:people.manage"]


def test_somebody_can_always_assign_roles(world: Any, do: Do, refused: Do, place: str) -> None:
    """Nobody could give that right again: what one gives is bounded by what one holds."""
    boss, clerk = world.user(place, seat=False), world.user(place, seat=False)
    people = do(service.create_role, place, "People", ["account:people.manage"])
    roles = do(service.create_role, place, "Roles", ["account:roles.manage"])
    do(service.assign_role, clerk.member_id, people.id)
    do(service.assign_role, boss.member_id, roles.id)
    for verb, arguments in (
        (service.unassign_role, (boss.member_id, roles.id)),
        (service.disable_member, (boss.member_id,)),
        (service.end_member, (boss.member_id,)),
        (service.set_role_privileges, (roles.id, ["account:people.read"])),
        (service.delete_role, (roles.id,)),
    ):
        assert refused(verb, *arguments) == "last_administrator_of_roles"
    both = do(service.create_role, place, "Both", ["account:people.manage", "account:roles.manage"])
    do(service.assign_role, clerk.member_id, both.id)
    do(service.end_member, boss.member_id)
    do(service.delete_role, people.id)
    assert refused(service.end_member, clerk.member_id) == "last_administrator"


def test_seats_never_exceed(world: Any, do: Do, refused: Do, place: str, kari: Any) -> None:
    license_ = do(service.sell_license, place, "tag:standard", 1)
    do(service.assign_seat, license_.id, kari.member_id)
    do(service.assign_seat, license_.id, kari.member_id)
    other = world.user(place, seat=False)
    assert refused(service.assign_seat, license_.id, other.member_id) == "seat_limit_reached"
    assert refused(service.change_license, license_.id, seats=0) == "seats_below_held"
    do(service.unassign_seat, license_.id, kari.member_id)
    do(service.unassign_seat, license_.id, kari.member_id)
    do(service.assign_seat, license_.id, other.member_id)
    do(service.end_member, other.member_id)
    assert do(service.change_license, license_.id, seats=0).seats == 0


def test_licenses_that_make_no_sense(world: Any, do: Do, refused: Do, place: str, kari: Any) -> None:
    now = clock.now()
    assert refused(service.sell_license, place, "tag:gold", 1) == "edition_unknown"
    assert refused(service.sell_license, place, "tag:standard", -1) == "seats_invalid"
    assert refused(service.sell_license, place, "tag:standard", 10**30) == "seats_invalid"
    assert refused(service.sell_license, place, "tag:standard", 1, now, now) == "ends_before_start"
    assert refused(service.sell_license, place, "tag:standard", 1, now, 2**70) == "date_invalid"
    assert refused(service.sell_license, "nowhere", "tag:standard", 1) == "organization_unknown"
    ended = do(service.sell_license, place, "tag:standard", 1, now - 20, now - 10)
    assert refused(service.assign_seat, ended.id, kari.member_id) == "license_expired"
    current = do(service.sell_license, place, "tag:standard", 1)
    stranger = world.user()
    assert refused(service.assign_seat, current.id, stranger.member_id) == "member_unknown"
    contact = do(service.add_member, place, given_name="C")
    assert refused(service.assign_seat, current.id, contact.id) == "not_active"
    express = do(service.sell_license, place, "express:standard", 5)
    assert refused(service.assign_seat, express.id, kari.member_id) == "no_seat_needed"
    assert refused(service.assign_seat, "nothing", kari.member_id) == "license_unknown"


def test_ending_a_license_is_news_for_who_sits_on_it(world: Any, do: Do, news: Any, place: str, kari: Any) -> None:
    license_ = do(service.sell_license, place, "tag:standard", 2)
    do(service.assign_seat, license_.id, kari.member_id)
    with news() as heard:
        do(service.change_license, license_.id, ends_at=license_.starts_at + 1)
    assert [event.member_ids for event in heard if isinstance(event, events.LicenseChanged)] == [(kari.member_id,)]
    express = do(service.sell_license, place, "express:standard", 0)
    with news() as heard:
        do(service.change_license, express.id, ends_at=express.starts_at + 1)
    assert [event.member_ids for event in heard if isinstance(event, events.LicenseChanged)] == [None]


def test_organizations(world: Any, do: Do, refused: Do, news: Any) -> None:
    own = do(service.create_organization, "onix-works", "Onix Works AS", kind="self")
    assert refused(service.create_organization, "onix-works", "X") == "slug_taken"
    assert refused(service.create_organization, "other", "X", kind="self") == "self_taken"
    assert refused(service.create_organization, "other", "X", kind="royal") == "kind_invalid"
    for slug in ("", "Caps", "a--b", "-a", "å", "a" * 61, "a/b"):
        assert refused(service.create_organization, slug, "X") == "slug_invalid"
    assert refused(service.suspend_organization, own.id) == "self_needed"
    place = do(service.create_organization, "nordic-lift", "Nordic Lift AS")
    with news() as heard:
        for verb in (service.suspend_organization, service.suspend_organization, service.resume_organization):
            do(verb, place.id)
    told = [event for event in heard if isinstance(event, events.EntitlementChanged)]
    assert [(type(event), event.member_ids) for event in told] == [
        (events.OrganizationSuspended, None),
        (events.OrganizationResumed, None),
    ]
    assert service.find_organization("nordic-lift") == service.find_organization(place.id)
    do(service.add_company, place.id, "Havgap AS", organization_number="1")
    assert refused(service.add_company, place.id, "Havgap", organization_number="1") == "company_exists"
    assert refused(service.add_company, place.id, "Havgap", linked_organization_id="x") == "organization_unknown"


@pytest.mark.parametrize("kind", ["change", "same"])
def test_revision_rises_with_every_change(world: Any, do: Do, place: str, kind: str) -> None:
    before = world.get(Organization, place).rev
    do(service.sell_license, place, "tag:standard", 1)
    assert world.get(Organization, place).rev == before + 1


@pytest.mark.timeout(120)
def test_forty_at_once_get_twenty_five_seats(world: Any, app: Any) -> None:
    """Seats held never exceed seats bought, whoever comes first (P27)."""
    with app.app_context():
        place = world.organization()
        license_id = world.license(place, "tag:standard", seats=25)
        members = [world.member(place, given_name=f"M{number}") for number in range(40)]
        db.session.remove()
    outcomes = outcomes_at_once(app, [partial(service.assign_seat, license_id, member_id) for member_id in members])
    assert sorted(outcomes) == ["done"] * 25 + ["seat_limit_reached"] * 15
    with app.app_context():
        held = db.session.scalar(select(func.count()).select_from(Seat).where(Seat.license_id == license_id))
        assert held == world.get(License, license_id).seats == 25
