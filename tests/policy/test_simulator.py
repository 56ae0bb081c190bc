"""Why a member may or may not use an app, and what would change it, as tables and as properties of every world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.organizations.policy import AccountFacts, RoleFacts, entitlement
from idp.organizations.simulator import Change, as_if_linked, changes_to_open, explain_path, made
from tests.policy.random_worlds import APPS, members, roles
from tests.policy.worlds import CATALOG, DAY, NOW, TAG, account, license_, member, organization

READER = RoleFacts("reader", "Tag reader", True, CATALOG.roles["Tag reader"].privileges)
INSPECTOR = RoleFacts("inspector", "Inspector", True, CATALOG.roles["Inspector"].privileges)
OWN = RoleFacts("own", "Tag only", False, frozenset({"tag:access"}))
ORDERS = RoleFacts("orders", "Order handler", True, CATALOG.roles["Order handler"].privileges)
ROLES = (INSPECTOR, READER, ORDERS)
FREE, FULL = license_("open"), license_("open", free=0)
BASIC = license_("open", edition="tag:basic")
HOLDERS = {FULL.id: ("m-idle", "m-busy")}


def proposed(who: Any, **values: Any) -> Any:
    values = {"roles": ROLES, "holders": HOLDERS, **values}
    return changes_to_open(account(who), who, TAG, NOW, **values)


# What is wrong with a person who is otherwise fine, and the fewest changes that mend it.
MENDED = {
    "nothing is wrong": (member(), []),
    "contact": (
        member(status="contact", roles=(), seats=frozenset()),
        ["set_active", f"assign_seat:{FREE.id}", "assign_role:reader"],
    ),
    "contact of whom nothing is asked": (
        member(status="contact", type="consultant", roles=(), seats=frozenset()),
        ["set_active", "assign_role:reader"],
    ),
    "invitation pending": (member(status="contact", invitation="pending"), ["set_active"]),
    "invitation expired": (member(status="contact", invitation="expired"), ["set_active"]),
    "disabled": (member(status="disabled"), ["enable"]),
    "disabled without a seat": (member(status="disabled", seats=frozenset()), ["enable", f"assign_seat:{FREE.id}"]),
    "ended": (
        member(status="ended", ended_reason="ended", roles=(), seats=frozenset()),
        ["bring_back", f"assign_seat:{FREE.id}", "assign_role:reader"],
    ),
    "ended for inactivity": (member(status="ended", ended_reason="inactive"), ["bring_back"]),
    "suspended": (member(organization=organization(status="suspended")), ["resume"]),
    "suspended and disabled": (
        member(organization=organization(status="suspended"), status="disabled"),
        ["resume", "enable"],
    ),
    "no seat": (member(seats=frozenset()), [f"assign_seat:{FREE.id}"]),
    "a seat of an ended license, another is current": (
        member(licenses=(license_("ended"), FREE), seats={license_("ended").id}),
        [f"assign_seat:{FREE.id}"],
    ),
    "a seat of a license to come": (
        member(licenses=(license_("future"), FREE), seats={license_("future").id}),
        [f"assign_seat:{FREE.id}"],
    ),
    "the least that is sold is enough": (
        member(licenses=(FREE, BASIC), seats=frozenset()),
        [f"assign_seat:{BASIC.id}"],
    ),
    "none left, somebody has not used it": (
        member(licenses=(FULL,), seats=frozenset()),
        [f"take_seat:{FULL.id}:m-idle", f"assign_seat:{FULL.id}"],
    ),
    "one edition is full, the other has seats": (
        member(licenses=(license_("open", edition="tag:basic", free=0), FREE), seats=frozenset()),
        [f"assign_seat:{FREE.id}"],
    ),
    "nothing was bought": (
        member(licenses=(), seats=frozenset()),
        ["buy_license:tag:basic", "assign_seat:tag:basic"],
    ),
    "all has ended": (
        member(licenses=(license_("ended"),), seats={license_("ended").id}),
        ["buy_license:tag:basic", "assign_seat:tag:basic"],
    ),
    "no role": (member(roles=()), ["assign_role:reader"]),
    "a role without the privilege": (member(roles=(ORDERS,)), ["assign_role:reader"]),
}


@pytest.mark.parametrize("case", MENDED)
def test_the_fewest_changes(case: str) -> None:
    who, keys = MENDED[case]
    found = proposed(who)
    assert [change.key for change in found.changes] == keys
    assert found.code == entitlement(account(who), who, TAG, NOW).code
    assert found.here == (bool(keys) and all(change.demands for change in found.changes))


def test_a_role_with_the_fewest_privileges_beyond_comes_first_and_others_are_offered() -> None:
    found = proposed(member(roles=()), roles=(*ROLES, OWN))
    assert [option[0].target for option in found.steps[0].options] == ["own", "reader", "inspector"]
    held = proposed(member(roles=(RoleFacts("most", "Most", False, INSPECTOR.privileges - {"tag:access"}),)))
    assert [option[0].target for option in held.steps[0].options] == ["inspector", "reader"], (
        "what is held costs nothing"
    )


def test_when_no_seat_is_left_somebody_gives_one_back_or_the_platform_sells_one() -> None:
    found = proposed(member(licenses=(FULL,), seats=frozenset()))
    ways = [[change.kind for change in option] for option in found.steps[0].options]
    assert ways == [["take_seat", "assign_seat"], ["take_seat", "assign_seat"], ["buy_seat", "assign_seat"]]
    assert found.takes and found.here
    alone = proposed(member(licenses=(FULL,), seats=frozenset()), holders={})
    assert [change.kind for change in alone.changes] == ["buy_seat", "assign_seat"] and not alone.here
    nothing = replace(FULL, seats=0, held=0)
    assert proposed(member(licenses=(nothing,), seats=frozenset())).changes[0].kind == "buy_seat"


def test_only_the_platform_enables_an_account() -> None:
    who = member()
    found = changes_to_open(account(who, disabled=True), who, TAG, NOW, ROLES)
    assert [change.key for change in found.changes] == ["enable_account"] and not found.here


def test_nobody_can_open_what_no_role_opens() -> None:
    assert proposed(member(roles=()), roles=(ORDERS,)).steps == ()


def test_a_contact_may_be_invited_instead() -> None:
    assert proposed(member(status="contact")).invite == Change("invite")
    assert proposed(member(status="ended")).invite == Change("invite")
    assert proposed(member(status="disabled")).invite is None
    assert proposed(member()).invite is None


def test_offers_takes_what_was_proposed_and_nothing_else() -> None:
    found = proposed(member(roles=(), licenses=(FREE, BASIC), seats=frozenset(), status="contact"))
    whole = [change.key for change in found.changes]
    assert found.offers(whole) == found.changes
    assert found.offers(reversed(whole)) == found.changes, "made in their own order whatever the form sends"
    assert found.offers(["set_active"]) == (Change("set_active"),), "each step is a button of its own"
    other = ["set_active", f"assign_seat:{FREE.id}", "assign_role:inspector"]
    assert [change.key for change in found.offers(other) or ()] == other
    assert found.offers(["invite"]) == (Change("invite"),)
    for refused in (
        [],
        ["assign_role:orders"],
        [*whole, "assign_role:made-up"],
        ["assign_role:reader", "assign_role:inspector"],
        ["invite", "set_active"],
        ["resume"],
        [f"assign_seat:{FULL.id}x"],
    ):
        assert found.offers(refused) is None, refused
    full = proposed(member(licenses=(FULL,), seats=frozenset()))
    assert full.offers([f"take_seat:{FULL.id}:m-busy", f"assign_seat:{FULL.id}"]) is not None
    assert full.offers([f"take_seat:{FULL.id}:m-busy"]) is None, "a seat is not taken for nothing"
    assert full.offers([f"take_seat:{FULL.id}:m-idle", f"take_seat:{FULL.id}:m-busy", f"assign_seat:{FULL.id}"]) is None


def test_the_path_of_an_allow() -> None:
    place = organization()
    basic = replace(BASIC, ends_at=NOW + DAY)
    who = member(organization=place, roles=(READER, INSPECTOR), licenses=(basic,), seats={basic.id})
    path = explain_path(account(who), who, TAG, NOW)
    assert path.decision == entitlement(account(who), who, TAG, NOW) and path.decision.allowed
    assert (path.step, path.license, path.seats) == ("seat", basic, (basic,))
    assert path.opening == ("Inspector", "Tag reader")
    given = {one.privilege: one.roles for one in path.privileges}
    assert set(given) == set(path.decision.privileges)
    assert given["tag:equipment.read"] == ("Inspector", "Tag reader") and given["tag:tag.write"] == ("Inspector",)
    assert {one.privilege: one.reason for one in path.left_out} == {
        "tag:print.read": "edition",
        "tag:print.write": "edition",
    }


def test_the_path_tells_what_is_held_in_vain() -> None:
    guest = member(type="express", roles=(INSPECTOR,))
    assert {one.reason for one in explain_path(account(guest), guest, TAG, NOW).left_out} == {"guest"}
    office = CATALOG.apps["oneoffice"]
    admin = RoleFacts("admin", "Admin", True, CATALOG.roles["Admin"].privileges)
    outsider = member(roles=(admin,), licenses=(license_("open", app="oneoffice"),))
    assert {one.reason for one in explain_path(account(outsider), outsider, office, NOW).left_out} == {"platform"}
    none = member(roles=(), seats=frozenset())
    path = explain_path(account(none), none, TAG, NOW)
    assert (path.license, path.seats, path.opening, path.privileges, path.left_out) == (None, (), (), (), ())


def test_a_member_without_an_account_is_judged_as_if_it_had_activated() -> None:
    who = member(account_linked=False)
    assert entitlement(account(who), who, TAG, NOW).code == "no_organization"
    assert entitlement(*as_if_linked(account(who), who), TAG, NOW).allowed
    linked = member()
    assert as_if_linked(account(linked, disabled=True), linked) == (account(linked, disabled=True), linked)


assignable = st.lists(roles, max_size=3, unique_by=lambda one: one.id).map(tuple)


@settings(max_examples=150, deadline=None)
@given(who=members, disabled=st.sampled_from([False, False, True]), app_id=st.sampled_from(APPS), roles=assignable,
       holders=st.dictionaries(st.sampled_from(["l0", "l1"]), st.just(("somebody",))))  # fmt: skip
def test_what_is_proposed_opens_the_app_and_nothing_less_does(
    who: Any, disabled: bool, app_id: str, roles: Any, holders: Any
) -> None:
    app = CATALOG.apps[app_id]
    facts = AccountFacts("account", disabled, (who,))
    facts, who = as_if_linked(facts, who)
    found = changes_to_open(facts, who, app, NOW, roles, holders)
    assert found.code == entitlement(facts, who, app, NOW).code
    assert (found.steps == ()) or found.code is not None
    known = {role.id: role for role in roles}
    first = [step.options[0] for step in found.steps]
    for place, step in enumerate(found.steps):
        for option in step.options:
            chosen = [*first[:place], option, *first[place + 1 :]]
            after = made(facts, who, app, NOW, known, [change for way in chosen for change in way])
            assert after is not None and entitlement(*after, app, NOW).allowed
        less = [*first[:place], *first[place + 1 :]]
        after = made(facts, who, app, NOW, known, [change for way in less for change in way])
        assert after is None or not entitlement(*after, app, NOW).allowed, "every step is needed"
