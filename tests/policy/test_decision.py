"""The decision, in the order of its table: one line for each way to get in or to be turned away."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.organizations.policy import (
    BEFORE_LICENSE,
    CODES,
    AccountFacts,
    MemberFacts,
    choose,
    entitlement,
    may,
    tellable,
)

from .worlds import CATALOG, DAY, NOW, PICK_AND_PACK, TAG, account, license_, member, organization, role

SUSPENDED = organization(status="suspended")
TODAY, ENDED, LATER = license_("current"), license_("ended"), license_("future")
FULL = license_("current", free=0)
NO_SEAT: dict[str, Any] = {"seats": ()}

# what the member is                                                          what is told
TABLE = {
    "active, seat, role": ({}, None),
    # 3 to 5: is it a user at all
    "contact": ({"status": "contact"}, "contact_only"),
    "contact with an open invitation": ({"status": "contact", "invitation": "pending"}, "invitation_pending"),
    "contact whose invitation ran out": ({"status": "contact", "invitation": "expired"}, "invitation_expired"),
    "active, an old invitation is open": ({"invitation": "pending"}, None),
    "ended by an administrator": ({"status": "ended", "ended_reason": "ended"}, "membership_ended"),
    "left by the person": ({"status": "ended", "ended_reason": "left"}, "membership_ended:left"),
    "came back after leaving, disabled since": ({"status": "disabled", "ended_reason": "left"}, "member_disabled"),
    "ended for inactivity": ({"status": "ended", "ended_reason": "inactive"}, "terminated_inactive"),
    "announced to end, and the job is late": ({"terminates_at": NOW}, "terminated_inactive"),
    "announced to end in a second": ({"terminates_at": NOW + 1}, None),
    "disabled": ({"status": "disabled"}, "member_disabled"),
    "somebody else's record": ({"account_linked": False}, "no_organization"),
    # 6
    "suspended organization": ({"organization": SUSPENDED}, "organization_suspended"),
    "contact of a suspended organization": ({"organization": SUSPENDED, "status": "contact"}, "contact_only"),
    "suspended, and no license either": ({"organization": SUSPENDED, "licenses": ()}, "organization_suspended"),
    # 7: the license step
    "no license was bought": ({"licenses": ()}, "license_missing"),
    "seats left, none held": ({"licenses": (TODAY,), **NO_SEAT}, "license_missing"),
    "no seats left, none held": ({"licenses": (FULL,), **NO_SEAT}, "seat_limit_reached"),
    "no seats left, one held": ({"licenses": (FULL,)}, None),
    "full edition beside one with seats left": (
        {"licenses": (FULL, license_("current", edition="tag:basic")), **NO_SEAT}, "license_missing"),
    "seat of an ended license": ({"licenses": (ENDED,)}, "license_expired"),
    "seat of an ended license, another has seats": (
        {"licenses": (ENDED, TODAY), "seats": (ENDED.id,)}, "license_expired"),
    "seat of an ended license, another is full": ({"licenses": (ENDED, FULL), "seats": (ENDED.id,)}, "license_expired"),
    "seat of an ended license and of a current one": ({"licenses": (ENDED, TODAY)}, None),
    "ended license, no seat of it": ({"licenses": (ENDED,), **NO_SEAT}, "license_missing"),
    "full but ended license, no seat of it": (
        {"licenses": (dataclasses.replace(ENDED, held=10),), **NO_SEAT}, "license_missing"),
    "seat of a license that starts later": ({"licenses": (LATER,)}, "license_missing"),
    "seat of one that starts later, another is full": (
        {"licenses": (LATER, FULL), "seats": (LATER.id,)}, "license_missing"),
    "seat of an ended one and of one that starts later": ({"licenses": (ENDED, LATER)}, "license_missing"),
    "seat of another app only": ({"licenses": (license_(app="pickandpack"),)}, "license_missing"),
    "seat of a license that starts this second": (
        {"licenses": (dataclasses.replace(TODAY, starts_at=NOW),)}, None),
    "more seats held than bought, none of them": (
        {"licenses": (license_("current", free=-1),), **NO_SEAT}, "seat_limit_reached"),
    "seat of an edition that is sold no more": (
        {"licenses": (license_("current", edition="tag:gone"),)}, "privilege_missing:role"),
    "bidder, no license at all": ({"type": "bidder", "licenses": ()}, None),
    "consultant, no license at all": ({"type": "consultant", "licenses": ()}, None),
    "no license and no role": ({"licenses": (), "roles": ()}, "license_missing"),
    # 8
    "no role at all": ({"roles": ()}, "privilege_missing:no_role"),
    "role without the privilege": ({"roles": (role("work:access"),)}, "privilege_missing:role"),
    "role that reads but does not open": ({"roles": (role("tag:equipment.read"),)}, "privilege_missing:role"),
    "role with a privilege nobody declared": ({"roles": (role("tag:acces"),)}, "privilege_missing:role"),
}  # fmt: skip


def told(decision: Any) -> str | None:
    return f"{decision.code}:{decision.detail}" if decision.detail else decision.code


@pytest.mark.parametrize(("values", "expected"), TABLE.values(), ids=TABLE.keys())
def test_decision_table(values: dict[str, Any], expected: str | None) -> None:
    one = member(**values)
    assert told(entitlement(account(one), one, TAG, NOW)) == expected


@pytest.mark.parametrize("values", [values for values, _ in TABLE.values()], ids=TABLE.keys())
def test_disabled_account_comes_before_everything(values: dict[str, Any]) -> None:
    one = member(**values)
    for closing, expected in ((False, "account_disabled"), (True, "account_disabled:closing")):
        person = dataclasses.replace(account(one, disabled=True), closing=closing)
        decision = entitlement(person, one, TAG, NOW)
        assert (told(decision), decision.member, decision.ask) == (expected, None, ())


@pytest.mark.parametrize("members", [(), (member(account_linked=False),)])
def test_no_member_is_no_organization(members: Any) -> None:
    decision = choose(account(*members), TAG, NOW)
    assert (decision.code, decision.judged, decision.ask) == ("no_organization", None, ())


def test_organizations_that_are_told_to_the_person() -> None:
    """Those in which it gets as far as code 5: what would be told in a token."""
    for values, expected in TABLE.values():
        one = member(**values)
        told_of = {} if expected and expected in CODES[:5] else {one.organization.id: [one]}
        assert tellable(account(one), NOW) == told_of
        assert tellable(account(one, disabled=True), NOW) == {}
    both = [member(id=id_, company_id=id_) for id_ in ("m-1", "m-2")]
    assert tellable(account(*both), NOW) == {"o-nordic-lift": both}


@pytest.mark.parametrize("code", ["invitation_expired", "invitation_pending", "contact_only"])
def test_codes_2_to_4_tell_nothing_of_the_organization(code: str) -> None:
    values = next(values for values, expected in TABLE.values() if expected == code)
    one = member(**values)
    decision = entitlement(account(one), one, TAG, NOW)
    assert decision.member is None and decision.judged == one


def test_denial_carries_nothing_that_could_be_taken_for_a_right() -> None:
    for values, expected in TABLE.values():
        one = member(**values)
        decision = entitlement(account(one), one, TAG, NOW)
        carried = (decision.roles, decision.entitlements, decision.privileges)
        assert (decision.account_id, decision.app_id) == ("a", "tag")
        if expected:
            assert carried == ((), (), ()) and decision.license is None and decision.ends_at is None
        else:
            assert TAG.access in decision.privileges


# Of two licenses the first one counts: their edition, when they end, and their id, by which rows come.
BETTER: dict[str, tuple[tuple[str, int | None, str], tuple[str, int | None, str]]] = {
    "the higher edition": (("tag:standard", DAY, "l-1"), ("tag:basic", None, "l-2")),
    "the one that never ends": (("tag:basic", None, "l-1"), ("tag:basic", 2 * DAY, "l-2")),
    "the one that lasts longer": (("tag:basic", 2 * DAY, "l-1"), ("tag:basic", DAY, "l-2")),
    "one or the other, but always the same": (("tag:basic", DAY, "l-2"), ("tag:basic", DAY, "l-1")),
    "an edition that is still sold": (("tag:basic", DAY, "l-1"), ("tag:gone", None, "l-2")),
}


@pytest.mark.parametrize("both", BETTER.values(), ids=BETTER.keys())
@pytest.mark.parametrize("turned", [False, True])
def test_which_of_two_licenses_counts(both: Any, turned: bool) -> None:
    found = [
        dataclasses.replace(license_("open", edition=edition), id=id_, ends_at=None if lasts is None else NOW + lasts)
        for edition, lasts, id_ in both
    ]
    one = member(licenses=tuple(reversed(found) if turned else found))
    decision = entitlement(account(one), one, TAG, NOW)
    assert decision.license == found[0]
    assert decision.entitlements == (found[0].edition,)
    assert decision.ends_at == found[0].ends_at
    assert ("tag:print.write" in decision.privileges) is (found[0].edition == "tag:standard")


def test_license_ends_by_itself() -> None:
    one = member(licenses=(TODAY,))
    assert entitlement(account(one), one, TAG, NOW + DAY - 1).allowed
    assert entitlement(account(one), one, TAG, NOW + DAY).code == "license_expired"


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        ((), "license_missing:organization"),
        ((license_("current", app="express", free=0),), None),
        ((license_("ended", app="express"),), "license_expired:organization"),
        ((license_("future", app="express"),), "license_missing:organization"),
        ((license_("ended", app="express"), license_("open", app="express")), None),
        ((license_("ended", app="express"), license_("future", app="express")), "license_missing:organization"),
    ],
)
def test_express_guest_stands_on_the_suppliers_license(licenses: Any, expected: str | None) -> None:
    guest = member(
        type="express", licenses=licenses, seats=(), roles=(role("express:access", "express:documents.read"),)
    )
    assert told(entitlement(account(guest), guest, CATALOG.apps["express"], NOW)) == expected


def test_express_guest_only_reads_whatever_role_it_was_given() -> None:
    guest = member(type="express")
    assert entitlement(account(guest), guest, TAG, NOW).privileges == (
        "tag:access", "tag:equipment.read", "tag:print.read", "tag:tag.read")  # fmt: skip


@pytest.mark.parametrize("kind", ["customer", "self"])
def test_platform_privileges_count_only_in_the_platforms_own_organization(kind: str) -> None:
    admin = CATALOG.roles["Platform administrator"]
    one = member(organization=organization(kind=kind), roles=(role(*admin.privileges),), licenses=())
    decision = entitlement(account(one), one, CATALOG.apps["account"], NOW)
    assert ("account:platform.admin" in decision.privileges) is (kind == "self")
    assert "account:people.manage" in decision.privileges


def test_roles_named_are_those_that_count_in_this_app() -> None:
    one = member(roles=(role("tag:access", name="Reader"), role("pickandpack:access", name="Picker")))
    assert entitlement(account(one), one, TAG, NOW).roles == ("Reader",)
    assert entitlement(account(one), one, PICK_AND_PACK, NOW).roles == ("Picker",)


def test_client_of_no_app_is_decided_by_codes_1_to_6() -> None:
    for values, expected in TABLE.values():
        one = member(**values)
        decision = entitlement(account(one), one, None, NOW)
        early = expected if expected and expected.split(":")[0] in BEFORE_LICENSE else None
        assert told(decision) == early
        assert (decision.roles, decision.privileges) == ((), ())


def test_at_most_three_are_named_to_ask() -> None:
    one = member(status="disabled", administrators=("A", "B", "C", "D"))
    assert entitlement(account(one), one, TAG, NOW).ask == ("A", "B", "C")


# Acting as an administrator ------------------------------------------------------------------------------------------

MAY = {
    "administrator, at home": (organization(), "account:people.manage", "nordic-lift", True),
    "administrator, by id": (organization(), "account:people.manage", "o-nordic-lift", True),
    "administrator, elsewhere": (organization(), "account:people.manage", "breim-kran", False),
    "administrator, nowhere in particular": (organization(), "account:people.manage", None, False),
    "administrator of self, nowhere in particular": (
        organization("onix", kind="self"),
        "account:people.manage",
        None,
        False,
    ),
    "of a suspended organization": (SUSPENDED, "account:people.manage", "nordic-lift", False),
    "platform privilege outside self": (organization(), "account:platform.admin", "nordic-lift", False),
    "platform privilege of self": (organization("onix", kind="self"), "account:platform.admin", "breim-kran", True),
    "privilege that nobody declared": (organization(), "account:everything", "nordic-lift", False),
}


@pytest.mark.parametrize(("place", "privilege", "where", "expected"), MAY.values(), ids=MAY.keys())
def test_may(place: Any, privilege: str, where: str | None, expected: bool) -> None:
    everything = role(*CATALOG.apps["account"].privileges)
    person = account(member(organization=place, roles=(everything,), licenses=()))
    assert may(person, privilege, CATALOG.apps["account"], NOW, organization=where) is expected


# Whatever the world looks like ----------------------------------------------------------------------------------------

_licenses = st.lists(
    st.builds(
        license_,
        st.sampled_from(["current", "open", "ended", "future"]),
        app=st.sampled_from(["tag", "pickandpack"]),
        free=st.integers(0, 2),
    ),
    max_size=4,
    unique_by=lambda found: found.id,
).map(tuple)


@st.composite
def members(draw: st.DrawFn, slug: str = "nordic-lift") -> MemberFacts:
    licenses = draw(_licenses)
    return member(
        organization=organization(slug, status=draw(st.sampled_from(["active", "suspended"]))),
        type=draw(st.sampled_from(["employee", "express", "bidder", "consultant"])),
        status=draw(st.sampled_from(["active", "active", "active", "contact", "disabled", "ended"])),
        ended_reason=draw(st.sampled_from(["ended", "inactive"])),
        invitation=draw(st.sampled_from(["none", "pending", "expired"])),
        licenses=licenses,
        seats=draw(st.sets(st.sampled_from([found.id for found in licenses]))) if licenses else (),
        roles=tuple(
            role(*draw(st.sets(st.sampled_from(sorted([*TAG.privileges, *PICK_AND_PACK.privileges])), min_size=1)))
            for _ in range(draw(st.integers(0, 2)))
        ),
    )


@st.composite
def accounts(draw: st.DrawFn) -> AccountFacts:
    slugs = draw(st.sets(st.sampled_from(["a", "b", "c"])))
    return account(
        *(draw(members(slug)) for slug in sorted(slugs)), disabled=draw(st.booleans()) and draw(st.booleans())
    )


@given(members())
def test_exactly_one_code_or_a_right_to_open(one: MemberFacts) -> None:
    decision = entitlement(account(one), one, TAG, NOW)
    assert decision.allowed is (decision.code is None) is (TAG.access in decision.privileges)
    assert decision.code is None or decision.code in CODES
    assert set(decision.privileges) <= set().union(*(found.privileges for found in one.roles)) & set(TAG.privileges)
    assert (decision.detail is not None) is (decision.code == "privilege_missing")


@given(accounts())
def test_the_choice_is_one_of_the_members_decisions_and_the_furthest(person: AccountFacts) -> None:
    chosen = choose(person, TAG, NOW)
    own = [entitlement(person, one, TAG, NOW) for one in person.members]
    if hasattr(chosen, "decisions"):
        assert len(chosen.decisions) > 1 and sorted(chosen.decisions, key=str) == sorted(
            (one for one in own if one.allowed), key=str
        )
    elif person.disabled or not own:
        assert chosen.code == ("account_disabled" if person.disabled else "no_organization")
        assert chosen.judged is None
    else:
        assert chosen in own and chosen.reached == max(one.reached for one in own)


@given(accounts(), st.randoms())
def test_the_order_of_rows_means_nothing(person: AccountFacts, random: Any) -> None:
    shuffled = list(person.members)
    random.shuffle(shuffled)
    assert choose(dataclasses.replace(person, members=tuple(shuffled)), TAG, NOW) == choose(person, TAG, NOW)
