"""What stands on the launcher, as a table of facts."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.organizations.catalog import load_catalog
from idp.organizations.policy import (
    AccountFacts,
    LicenseFacts,
    MemberFacts,
    OrganizationFacts,
    RoleFacts,
    tellable,
)
from idp.portal.launcher import MOST_RECENT, SHELVES, Launcher, Shelf, arrange
from idp.settings import ROOT

NOW = 1_800_000_000
ISSUER = "https://account.example"
APPS = load_catalog(ROOT / "config" / "catalog.toml", ISSUER).apps
ADDRESSES = {"tag": "https://tag.example/login", "pickandpack": "https://pick.example/login?tenant=1"}
LIFT = OrganizationFacts("o-lift", "nordic-lift", "Nordic Lift AS")
KRAN = OrganizationFacts("o-kran", "breim-kran", "Breim Kran AS")
TAG = LicenseFacts("l-tag", "tag", "tag:standard", 10, 1, 0)
PICK = LicenseFacts("l-pick", "pickandpack", "pickandpack:standard", 1, 1, 0)
BOTH = RoleFacts("r", "Both", False, frozenset({"tag:access", "pickandpack:access"}))


def member(place: OrganizationFacts = LIFT, **values: Any) -> MemberFacts:
    return MemberFacts(
        **{
            "id": f"m-{place.id}",
            "type": "employee",
            "status": "active",
            "organization": place,
            "roles": (BOTH,),
            "seats": frozenset({"l-tag"}),
            "licenses": (TAG, PICK),
            "administrators": ("Ada Berg", "Jonas Lie"),
            **values,
        }
    )


def launcher(*members: MemberFacts, disabled: bool = False, **values: Any) -> Launcher:
    options = {"came_from": None, "language": "en", "issuer": ISSUER, "now": NOW, **values}
    return arrange(AccountFacts("a", disabled, members), APPS.values(), ADDRESSES, **options)


def only(*members: MemberFacts, **values: Any) -> Shelf:
    """The shelf of a person of one organization."""
    found = launcher(*members, **values)
    assert len(found.shelves) == 1 and found.nowhere is None and found.front == ()
    return found.shelves[0]


def test_an_allowed_app_starts_signing_in_at_the_app() -> None:
    tile = only(member()).open[0]
    assert tile.app_id == "tag" and tile.why is None
    parts = urlsplit(tile.address or "")
    assert parts.netloc + parts.path == "tag.example/login"
    assert parse_qs(parts.query) == {"iss": [ISSUER], "organization": ["nordic-lift"]}


def test_an_address_with_a_query_keeps_it() -> None:
    found = only(member(seats=frozenset({"l-tag", "l-pick"})))
    address = next(tile.address for tile in found.open if tile.app_id == "pickandpack")
    assert parse_qs(urlsplit(address or "").query)["tenant"] == ["1"]


def test_a_locked_app_says_why_and_whom_to_ask() -> None:
    tile = next(tile for tile in only(member()).locked if tile.app_id == "pickandpack")
    assert tile.address is None and tile.why is not None
    assert "Onix Pick and Pack are in use" in tile.why.cause and tile.why.remedy
    assert tile.ask == ("Ada Berg", "Jonas Lie")


def test_the_reason_speaks_the_language() -> None:
    assert "er i bruk" in (only(member(), language="nb").locked[0].why.cause)  # type: ignore[union-attr]


def test_the_provider_itself_has_no_icon() -> None:
    found = only(member())
    assert "account" not in {tile.app_id for tile in found.open + found.locked}


def test_the_app_that_the_person_came_from_is_first() -> None:
    found = only(member(seats=frozenset({"l-tag", "l-pick"})), came_from="pickandpack")
    assert [(tile.app_id, tile.came_from) for tile in found.open] == [("pickandpack", True), ("tag", False)]
    assert only(member(), came_from="pickandpack").locked[0].app_id == "pickandpack"


def test_an_allowed_app_without_a_client_has_no_address() -> None:
    account = AccountFacts("a", False, (member(),))
    found = arrange(account, APPS.values(), {}, issuer=ISSUER, came_from=None, language="en", now=NOW).shelves[0]
    assert [(tile.app_id, tile.address) for tile in found.open] == [("tag", None)]


@pytest.mark.parametrize(
    ("values", "code", "named"),
    [
        ({"status": "contact", "invitation": "pending"}, "invitation_pending", False),
        ({"status": "contact", "invitation": "expired"}, "invitation_expired", False),
        ({"status": "contact"}, "contact_only", False),
        ({"status": "ended"}, "membership_ended", True),
        ({"status": "ended", "ended_reason": "inactive"}, "terminated_inactive", True),
        ({"status": "disabled"}, "member_disabled", True),
        ({"organization": OrganizationFacts("o", "s", "Suspendert Heis AS", status="suspended")},
         "organization_suspended", True),
    ],
)  # fmt: skip
def test_what_closes_every_app_is_said_once(values: dict[str, Any], code: str, named: bool) -> None:
    found = launcher(member(**values))
    shelf = found.shelves[0] if named else found.nowhere
    assert bool(found.shelves) is named, "codes 1 to 4 tell nothing of an organization"
    assert shelf is not None and shelf.closed_code == code and shelf.closed is not None
    assert not shelf.open and shelf.ask == ("Ada Berg", "Jonas Lie")
    assert {tile.app_id for tile in shelf.locked} == {"tag", "pickandpack", "express", "work", "oneoffice"}
    if not named:
        assert "Nordic Lift" not in repr(found)


def test_nobody_at_all() -> None:
    found = launcher()
    assert found.shelves == () and found.nowhere is not None
    assert (found.nowhere.closed_code, found.nowhere.ask) == ("no_organization", ())


BOTH_SEATS = frozenset({"l-tag", "l-pick"})


def names(found: Launcher) -> list[tuple[str, list[str]]]:
    return [(shelf.name, [tile.app_id for tile in shelf.open]) for shelf in found.shelves]


def test_each_organization_has_a_shelf_and_opens_for_itself() -> None:
    found = launcher(member(KRAN), member(seats=BOTH_SEATS))
    assert names(found) == [("Breim Kran AS", ["tag"]), ("Nordic Lift AS", ["tag", "pickandpack"])]
    slugs = {
        parse_qs(urlsplit(tile.address or "").query)["organization"][0] == shelf.slug
        for shelf in found.shelves
        for tile in shelf.open
    }
    assert slugs == {True}


def test_what_is_closed_comes_last_and_what_may_not_be_told_not_at_all() -> None:
    suspended = OrganizationFacts("o-a", "a", "Aaa AS", status="suspended")
    nothing = member(OrganizationFacts("o-b", "b", "Bbb AS"), roles=())
    found = launcher(member(), member(suspended), nothing, member(KRAN, status="contact"))
    assert [shelf.name for shelf in found.shelves] == ["Nordic Lift AS", "Aaa AS", "Bbb AS"]
    assert "Breim Kran" not in repr(found)


@pytest.mark.parametrize(
    ("came_from", "pinned", "recent", "front"),
    [
        (None, [], [], []),
        (None, [("o-kran", "tag")], [], [("o-kran", "tag")]),
        (None, [], [("o-lift", "pickandpack")], [("o-lift", "pickandpack")]),
        (None, [("o-lift", "tag"), ("o-kran", "tag")], [("o-kran", "tag"), ("o-lift", "pickandpack")],
         [("o-lift", "tag"), ("o-kran", "tag"), ("o-lift", "pickandpack")]),
        ("tag", [], [], [("o-kran", "tag")]),
        ("tag", [("o-lift", "pickandpack")], [("o-lift", "tag")], [("o-lift", "tag"), ("o-lift", "pickandpack")]),
        ("express", [], [], []),
        (None, [("o-kran", "express"), ("o-nobody", "tag")], [("o-nobody", "tag"), ("o-kran", "pickandpack")], []),
    ],
)  # fmt: skip
def test_what_is_at_hand_for_a_person_of_two_organizations(
    came_from: str | None, pinned: list[Any], recent: list[Any], front: list[Any]
) -> None:
    """Where one came from, then what is pinned in its order, then what was opened lately; nothing that is closed."""
    people = member(KRAN), member(seats=BOTH_SEATS)
    found = launcher(*people, came_from=came_from, pinned=pinned, recent=recent)
    assert [(tile.organization_id, tile.app_id) for tile in found.front] == front
    assert [tile.came_from for tile in found.front] == [came_from in ("tag",)] * bool(front) + [False] * (
        len(front) - 1
    )


def test_what_was_opened_lately_is_bounded() -> None:
    places = [OrganizationFacts(f"o-{n}", f"s-{n}", f"Place {n} AS") for n in range(7)]
    found = launcher(*map(member, places), recent=[(place.id, "tag") for place in reversed(places)])
    assert [tile.organization_id for tile in found.front] == ["o-6", "o-5", "o-4", "o-3"] and MOST_RECENT == 4


def test_on_a_single_shelf_a_pinned_app_stands_in_front() -> None:
    found = only(member(seats=BOTH_SEATS), pinned=[("o-lift", "pickandpack")], recent=[("o-lift", "tag")])
    assert [(tile.app_id, tile.pinned) for tile in found.open] == [("pickandpack", True), ("tag", False)]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("tag", [("Breim Kran AS", ["tag"]), ("Nordic Lift AS", ["tag"])]),
        ("TAG lift", [("Nordic Lift AS", ["tag"])]),
        ("breim", [("Breim Kran AS", ["tag"])]),
        ("express kran", [("Breim Kran AS", [])]),
        ("nothing of the kind", []),
        ("  ", [("Breim Kran AS", ["tag"]), ("Nordic Lift AS", ["tag", "pickandpack"])]),
        ("%", []),
    ],
)
def test_a_search_leaves_what_every_word_is_found_in(search: str, found: list[Any]) -> None:
    people = member(KRAN), member(seats=BOTH_SEATS)
    left = launcher(*people, search=search, pinned=[("o-lift", "tag")])
    assert names(left) == found and (left.front == ()) is bool(search.strip())


@pytest.mark.parametrize(("page", "shown"), [(1, SHELVES), (2, SHELVES), (3, 6), (99, 6), (0, SHELVES), (-1, SHELVES)])
def test_many_organizations_are_turned_page_by_page(page: int, shown: int) -> None:
    places = [OrganizationFacts(f"o-{n:02}", f"s-{n:02}", f"Place {n:02} AS") for n in range(30)]
    found = launcher(*map(member, places), page=page, pinned=[("o-29", "tag")])
    assert len(found.shelves) == shown and (found.places, found.pages) == (30, 3)
    assert bool(found.front) is (found.page == 1)


def test_a_guest_of_two_companies_is_one_organization() -> None:
    express = LicenseFacts("l-x", "express", "express:standard", 1, 0, 0)
    reads = RoleFacts("r", "Guest", True, frozenset({"express:access"}))
    guests = [
        member(id=f"m-{name}", type="express", company_id=name, company_name=name, roles=(reads,), licenses=(express,))
        for name in ("Havna AS", "Brygga AS")
    ]
    found = only(*guests)
    assert found.note == "Brygga AS, Havna AS"
    assert [tile.app_id for tile in found.open] == ["express"]


def test_tellable_leaves_contacts_out() -> None:
    facts = AccountFacts("a", False, (member(), member(KRAN, status="contact")))
    assert set(tellable(facts, NOW)) == {"o-lift"}
    assert tellable(AccountFacts("a", True, (member(),)), NOW) == {}


def test_an_administrator_has_nobody_else_to_ask() -> None:
    rights = RoleFacts("a", "Administrator", True, frozenset({"account:access", "account:people.read"}))
    answers = RoleFacts("b", "Desk", False, frozenset({"account:access", "account:requests.manage"}))
    found = only(member(roles=(BOTH, rights)))
    assert found.administration == "/org/nordic-lift/" and not found.handles_requests
    assert found.locked[0].access == f"/org/nordic-lift/access/people/m-o-lift/{found.locked[0].app_id}"
    desk = only(member(roles=(BOTH, answers)))
    assert desk.handles_requests and {tile.access for tile in desk.locked} == {None}
    nobody = only(member())
    assert nobody.administration is None and not nobody.handles_requests and nobody.locked[0].access is None
