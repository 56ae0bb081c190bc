"""One statement brings everything the decision asks, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from idp.accounts.models import Account
from idp.kernel import clock as kernel_clock
from idp.kernel.database import autocommit, db
from idp.organizations import facts as reading
from idp.organizations.catalog import App, current_catalog
from idp.organizations.facts import load_facts, load_facts_of_all_apps, load_members_facts
from idp.organizations.models import Member
from idp.organizations.policy import AccountFacts, entitlement

Do = Callable[..., Any]


def test_one_statement_however_much_there_is(world: Any, context: Any, statements: Any) -> None:
    person = world.account()
    for _ in range(4):
        place = world.organization()
        member = world.member(place, person.account_id)
        world.role(place, ["tag:access", "work:access"], members=[member])
        world.role(place, ["tag:equipment.read"], members=[member])
        world.license(place, holders=[member])
        world.license(place, "work:standard", holders=[member], ends_at=2**40)
    with autocommit() as connection:
        for read, count in (
            (lambda: load_facts(connection, person.account_id, "tag"), 1),
            (lambda: load_facts(connection, person.account_id, None), 1),
            (lambda: load_facts_of_all_apps(connection, person.account_id), 2),
            (lambda: load_facts(db.session, person.account_id, "tag"), 1),
            (lambda: load_facts(db.session, person.account_id, "express"), 2),
        ):
            with statements() as seen:
                facts = read()
            assert len(seen) == count and facts is not None and len(facts.members) == 4
    facts = load_facts(db.session, person.account_id, "tag")
    assert facts is not None
    for member in facts.members:
        assert [one.app_id for one in member.licenses] == ["tag"] and member.seats >= {member.licenses[0].id}
        assert sorted(name for one in member.roles for name in one.privileges) == ["tag:access", "tag:equipment.read"]
    everything = load_facts_of_all_apps(db.session, person.account_id)
    assert everything is not None and {len(member.licenses) for member in everything.members} == {2}


def test_one_member_only(world: Any, context: Any) -> None:
    person = world.account()
    first, second = (world.member(world.organization(), person.account_id) for _ in range(2))
    facts = load_facts(db.session, person.account_id, "tag", first)
    assert facts is not None and [member.id for member in facts.members] == [first]
    foreign = world.member(world.organization(), world.account().account_id)
    facts = load_facts(db.session, person.account_id, "tag", foreign)
    assert facts is not None and facts.members == ()
    assert second != foreign


def test_seats_are_counted_only_for_who_holds_none(world: Any, context: Any) -> None:
    """Two records of one person in one organization, one with a seat: the other is told that none is left."""
    place, person, other = world.organization(), world.account(), world.account()
    company = world.company(place)
    first = world.member(place, person.account_id)
    second = world.member(place, person.account_id, company_id=company)
    world.role(place, ["tag:access"], members=[first, second])
    basic = world.license(place, "tag:basic", seats=2, holders=[first, world.member(place, other.account_id)])
    standard = world.license(place, seats=0)
    work = world.license(place, "work:standard", seats=1, holders=[second])

    def held(app_id: str, member_id: str | None = None) -> dict[str, int]:
        facts = load_facts(db.session, person.account_id, app_id, member_id)
        assert facts is not None
        return {license_.id: license_.held for license_ in facts.members[-1].licenses}

    assert held("tag", first) == {basic: 0, standard: 0}, "holds one of the app: nobody asks how many are left"
    assert held("tag", second) == {basic: 2, standard: 0}
    assert held("tag") == {basic: 2, standard: 0}
    assert held("work", second) == {work: 0} and held("work", first) == {work: 1}
    facts = load_facts(db.session, person.account_id, "tag")
    assert facts is not None
    app = current_catalog().apps["tag"]
    codes = {member.id: entitlement(facts, member, app, kernel_clock.now()).code for member in facts.members}
    assert codes == {first: None, second: "seat_limit_reached"}


def test_unknown_and_disabled_accounts(world: Any, context: Any) -> None:
    assert load_facts(db.session, "nobody", "tag") is None
    person = world.account(status="disabled")
    facts = load_facts(db.session, person.account_id, "tag")
    assert facts is not None and facts.disabled and facts.members == ()


def test_whom_to_ask(world: Any, context: Any, statements: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most three names of active administrators with an account, never an address, oneself last."""
    place, person = world.organization(), world.account(given_name="Aa", family_name="Aa")
    manager = world.role(place, ["account:people.manage"])
    admins = []
    for given, family, status in (
        ("Dina", "Dahl", "active"), ("Carl", "Cats", "active"), ("Berit", "Berg", "active"),
        ("Anne", "Ås", "disabled"), ("", "", "active"),
    ):  # fmt: skip
        account = world.account(given_name=given, family_name=family, status=status)
        admins.append(world.member(place, account.account_id))
    admins.append(world.member(place, person.account_id))
    admins.append(world.member(place, world.account(given_name="Eva", family_name="A").account_id, status="disabled"))
    from idp.kernel.database import unit_of_work
    from idp.organizations.models import MemberRole

    with unit_of_work() as session:
        session.add_all(MemberRole(member_id=member, role_id=manager) for member in admins)
    facts = load_facts(db.session, person.account_id, "tag")
    assert facts is not None
    assert facts.members[0].administrators == ("Berit Berg", "Carl Cats", "Dina Dahl")

    # However few are looked at, many of one organization leave another with somebody to ask
    elsewhere = world.organization()
    zoe = world.member(elsewhere, world.account(given_name="Zoe", family_name="Zahl").account_id)
    world.role(elsewhere, ["account:people.manage"], members=[zoe])
    world.member(elsewhere, person.account_id)
    monkeypatch.setattr(reading, "MOST_LOOKED_AT", 1)
    with statements() as seen:
        several = load_facts(db.session, person.account_id, "tag")
    asked = {member.organization.id: member.administrators for member in several.members} if several else {}
    assert len(seen) == 2 and asked == {place: ("Berit Berg", "Carl Cats", "Dina Dahl"), elsewhere: ("Zoe Zahl",)}
    with statements() as seen:
        facts = load_facts(db.session, person.account_id, "tag", whom_to_ask=False)
    assert len(seen) == 1 and facts is not None and facts.members[0].administrators == ()


def test_invitations_as_they_stand_today(world: Any, context: Any, clock: Any) -> None:
    person = world.account()
    member = world.member(world.organization(), person.account_id, status="contact")

    def state() -> str:
        facts = load_facts(db.session, person.account_id, "tag")
        assert facts is not None
        return facts.members[0].invitation

    assert state() == "none"
    world.invitation(member, revoked_at=1)
    world.invitation(member, accepted_at=1)
    assert state() == "none"
    world.invitation(member, expires_at=clock.now() + 10)
    assert state() == "pending"
    clock.advance(10)
    assert state() == "expired"


def test_a_guest_whose_end_has_come_is_ended_before_the_job_says_so(world: Any, context: Any, clock: Any) -> None:
    person = world.account(status="closing")
    member = world.member(world.organization(), person.account_id, terminates_at=clock.now() + 10)

    def state() -> tuple[bool, bool, str, str | None]:
        facts = load_facts(db.session, person.account_id, "tag")
        assert facts is not None
        return facts.disabled, facts.closing, facts.members[0].status, facts.members[0].ended_reason

    clock.advance(9)
    assert state() == (True, True, "active", None)
    clock.advance(1)
    assert state() == (True, True, "ended", "inactive")
    world.change(Member, member, status="disabled")
    world.change(Account, person.account_id, status="disabled")
    assert state() == (True, False, "disabled", None)


def test_many_members_of_one_organization_read_alike(world: Any, context: Any, statements: Any) -> None:
    """Each member's facts are those that its own account's statement brings; two statements for all of them."""
    place = world.organization(name="Nordic Lift AS")
    boss = world.user(place, seat=False, privileges=["account:access", "account:people.manage"])
    deputies = [
        world.user(place, seat=False, privileges=["account:people.manage"], given_name="D", family_name=name)
        for name in ("Aas", "Berg", "Dahl")
    ]
    people = [boss, *deputies, *(world.user(place) for _ in range(3)), world.user(place, app="work", status="disabled")]
    contact = world.member(place, world.account().account_id, status="contact")
    world.invitation(contact)
    unlinked = world.member(place)
    world.role(place, ["tag:access", "work:access"], members=[unlinked])
    foreign = world.user().member_id
    ids = [*(person.member_id for person in people), contact, unlinked]
    for app, count in ((None, 2), ("tag", 2)):
        with statements() as seen:
            found = load_members_facts(db.session, place, [*ids, foreign, "nobody"], app)
        assert len(seen) == count and list(found) == ids
        for person in people:
            alone = load_facts_of_all_apps(db.session, person.account_id) if app is None else load_facts(
                db.session, person.account_id, app, person.member_id
            )  # fmt: skip
            assert alone is not None
            if all(entitlement(alone, alone.members[0], one, kernel_clock.now()).allowed for one in _apps(app)):
                assert alone.members[0].administrators == (), "who gets in asks nobody"
                found[person.member_id] = _nobody_asked(found[person.member_id])
            assert _uncounted(found[person.member_id]) == _uncounted(alone)
    assert found[contact].members[0].invitation == "pending"
    assert (found[unlinked].id, found[unlinked].members[0].account_linked) == ("", False)
    assert [role.privileges for role in found[unlinked].members[0].roles] == [{"tag:access"}]
    with statements() as seen:
        silent = load_members_facts(db.session, place, ids, "tag", ask=False)
        assert load_members_facts(db.session, place, []) == {}
    assert len(seen) == 1 and all(facts.members[0].administrators == () for facts in silent.values())
    assert found[boss.member_id].members[0].administrators == ("D Aas", "D Berg", "D Dahl")
    assert found[deputies[0].member_id].members[0].administrators == ("D Berg", "D Dahl", f"Kari {_family(boss)}")


def _apps(app_id: str | None) -> list[App]:
    return [app for app in current_catalog().apps.values() if app_id in (None, app.id)]


def _uncounted(facts: AccountFacts) -> AccountFacts:
    """Without how many seats are held of what the member holds itself: a page reads it, a token does not ask."""
    (member,) = facts.members
    mine = {license_.app_id for license_ in member.licenses if license_.id in member.seats}
    licenses = tuple(replace(one, held=0) if one.app_id in mine else one for one in member.licenses)
    return replace(facts, members=(replace(member, licenses=licenses),))


def _nobody_asked(facts: AccountFacts) -> AccountFacts:
    return replace(facts, members=tuple(replace(member, administrators=()) for member in facts.members))


def _family(person: Any) -> str:
    row = db.session.get(Account, person.account_id)
    assert row is not None
    return str(row.family_name)
