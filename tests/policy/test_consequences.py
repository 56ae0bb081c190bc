"""What a change does to people is the difference of two decisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.organizations.policy import (
    AccountFacts,
    Consequence,
    RoleFacts,
    consequences,
    entitlement,
    with_role,
)

from .test_decision import members
from .worlds import CATALOG, NOW, PICK_AND_PACK, TAG, account, member, role

APPS = (TAG, PICK_AND_PACK)
CREW = RoleFacts("r-crew", "Crew", False, frozenset({"tag:access", "tag:equipment.read"}))

# what the role becomes                            what that does
TABLE: dict[str, tuple[Iterable[str] | None, tuple[Consequence, ...]]] = {
    "the same": (CREW.privileges, ()),
    "one more": (
        CREW.privileges | {"tag:tag.write"}, (Consequence("tag", gained=("tag:tag.write",)),)),
    "one less": (["tag:access"], (Consequence("tag", lost=("tag:equipment.read",)),)),
    "another app too": (
        [*CREW.privileges, "pickandpack:access"],
        (Consequence("pickandpack", opens=True, gained=("pickandpack:access",)),)),
    "without what opens the app": (
        ["tag:equipment.read", "pickandpack:access"],
        (Consequence("tag", closes=True, lost=("tag:access", "tag:equipment.read")),
         Consequence("pickandpack", opens=True, gained=("pickandpack:access",)))),
    "nothing": ([], (Consequence("tag", closes=True, lost=("tag:access", "tag:equipment.read")),)),
    "gone": (None, (Consequence("tag", closes=True, lost=("tag:access", "tag:equipment.read")),)),
    "an app without a license": ([*CREW.privileges, "work:access"], ()),
}  # fmt: skip


@pytest.mark.parametrize(("privileges", "expected"), TABLE.values(), ids=TABLE.keys())
def test_a_role_becomes_another(privileges: Iterable[str] | None, expected: tuple[Consequence, ...]) -> None:
    before = account(member(id="m", roles=(CREW,)))
    found = consequences(before, with_role(before, CREW.id, privileges), CATALOG.apps.values(), NOW)
    assert found == ({"m": expected} if expected else {})


def test_another_role_keeps_the_app_open() -> None:
    before = account(member(id="m", roles=(CREW, role("tag:access", name="Reader"))))
    found = consequences(before, with_role(before, CREW.id, None), APPS, NOW)
    assert found == {"m": (Consequence("tag", lost=("tag:equipment.read",)),)}


def test_members_on_one_side_only() -> None:
    there = account(member(id="m", roles=(CREW,)))
    nowhere = account()
    opened = Consequence("tag", opens=True, gained=("tag:access", "tag:equipment.read"))
    closed = Consequence("tag", closes=True, lost=("tag:access", "tag:equipment.read"))
    assert consequences(nowhere, there, APPS, NOW) == {"m": (opened,)}
    assert consequences(there, nowhere, APPS, NOW) == {"m": (closed,)}


_names = st.sets(st.sampled_from(sorted([*TAG.privileges, *PICK_AND_PACK.privileges])))


@st.composite
def holders(draw: st.DrawFn) -> AccountFacts:
    """Someone who may hold the role, among others."""
    one = draw(members())
    roles = (*one.roles, RoleFacts(CREW.id, CREW.name, False, frozenset(draw(_names)))) if draw(st.booleans()) else ()
    return account(replace(one, roles=roles or one.roles), disabled=draw(st.integers(0, 9)) == 0)


@given(holders(), st.none() | _names)
def test_predicted_gain_and_loss_is_the_actual_difference(before: AccountFacts, privileges: set[str] | None) -> None:
    """Whatever the world looks like: the decisions before and after differ by exactly what was said."""
    after = with_role(before, CREW.id, privileges)
    said = consequences(before, after, APPS, NOW)
    for old, new in zip(before.members, after.members, strict=True):
        told = {one.app_id: one for one in said.get(old.id, ())}
        for app in APPS:
            was, becomes = entitlement(before, old, app, NOW), entitlement(after, new, app, NOW)
            one = told.get(app.id, Consequence(app.id))
            assert one.opens is (becomes.allowed and not was.allowed)
            assert one.closes is (was.allowed and not becomes.allowed)
            assert set(becomes.privileges) == (set(was.privileges) - set(one.lost)) | set(one.gained)
            assert not set(one.lost) & set(one.gained)
            assert (app.id in told) is (was.privileges != becomes.privileges)
    assert with_role(after, CREW.id, privileges) == after, "saying it again changes nothing"
