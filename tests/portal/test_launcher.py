"""What stands on the launcher, as a table of facts."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.organizations.catalog import load_catalog
from idp.organizations.policy import AccountFacts, LicenseFacts, MemberFacts, OrganizationFacts, RoleFacts
from idp.portal.launcher import Launcher, arrange, tellable
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
    options = {"organization_id": None, "came_from": None, "language": "en", "issuer": ISSUER, "now": NOW, **values}
    return arrange(AccountFacts("a", disabled, members), APPS.values(), ADDRESSES, **options)


def test_an_allowed_app_starts_signing_in_at_the_app() -> None:
    tile = launcher(member()).open[0]
    assert tile.app_id == "tag" and tile.why is None
    parts = urlsplit(tile.address or "")
    assert parts.netloc + parts.path == "tag.example/login"
    assert parse_qs(parts.query) == {"iss": [ISSUER], "organization": ["nordic-lift"]}


def test_an_address_with_a_query_keeps_it() -> None:
    found = launcher(member(seats=frozenset({"l-tag", "l-pick"})))
    address = next(tile.address for tile in found.open if tile.app_id == "pickandpack")
    assert parse_qs(urlsplit(address or "").query)["tenant"] == ["1"]


def test_a_locked_app_says_why_and_whom_to_ask() -> None:
    tile = next(tile for tile in launcher(member()).locked if tile.app_id == "pickandpack")
    assert tile.address is None and tile.why is not None
    assert "Onix Pick and Pack are in use" in tile.why.cause and tile.why.remedy
    assert tile.ask == ("Ada Berg", "Jonas Lie")


def test_the_reason_speaks_the_language() -> None:
    assert "er i bruk" in (launcher(member(), language="nb").locked[0].why.cause)  # type: ignore[union-attr]


def test_the_provider_itself_has_no_icon() -> None:
    found = launcher(member())
    assert "account" not in {tile.app_id for tile in found.open + found.locked}


def test_the_app_that_the_person_came_from_is_first() -> None:
    found = launcher(member(seats=frozenset({"l-tag", "l-pick"})), came_from="pickandpack")
    assert [(tile.app_id, tile.came_from) for tile in found.open] == [("pickandpack", True), ("tag", False)]
    assert launcher(member(), came_from="pickandpack").locked[0].app_id == "pickandpack"


def test_an_allowed_app_without_a_client_has_no_address() -> None:
    found = arrange(
        AccountFacts("a", False, (member(),)), APPS.values(), {},
        issuer=ISSUER, organization_id=None, came_from=None, language="en", now=NOW,
    )  # fmt: skip
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
    assert found.closed_code == code and found.closed is not None
    assert not found.open and found.ask == ("Ada Berg", "Jonas Lie")
    assert {tile.app_id for tile in found.locked} == {"tag", "pickandpack", "express", "work", "oneoffice"}
    assert bool(found.places) is named, "codes 1 to 4 tell nothing of an organization"
    if not named:
        assert "Nordic Lift" not in repr(found)


def test_nobody_at_all() -> None:
    found = launcher()
    assert (found.closed_code, found.ask, found.places) == ("no_organization", (), ())


def test_the_organization_in_which_most_opens_is_shown_first_of_all() -> None:
    both = member(seats=frozenset({"l-tag", "l-pick"}))
    found = launcher(member(KRAN), both)
    assert [place.name for place in found.places] == ["Breim Kran AS", "Nordic Lift AS"]
    assert found.place and (found.place.id, found.place.open_apps) == ("o-lift", 2)


def test_the_organization_of_the_session_stands_above_it() -> None:
    found = launcher(member(KRAN), member(seats=frozenset({"l-tag", "l-pick"})), organization_id="o-kran")
    assert found.place and found.place.id == "o-kran"
    assert [tile.app_id for tile in found.open] == ["tag"]


@pytest.mark.parametrize("organization_id", ["o-nobody", "", "o-kran"])
def test_an_organization_that_is_not_the_persons_counts_as_none(organization_id: str) -> None:
    found = launcher(member(), member(KRAN, status="contact"), organization_id=organization_id)
    assert found.place and found.place.id == "o-lift" and len(found.places) == 1


def test_a_guest_of_two_companies_is_one_organization() -> None:
    express = LicenseFacts("l-x", "express", "express:standard", 1, 0, 0)
    reads = RoleFacts("r", "Guest", True, frozenset({"express:access"}))
    guests = [
        member(id=f"m-{name}", type="express", company_id=name, company_name=name, roles=(reads,), licenses=(express,))
        for name in ("Havna AS", "Brygga AS")
    ]
    found = launcher(*guests)
    assert [place.note for place in found.places] == ["Brygga AS, Havna AS"]
    assert [tile.app_id for tile in found.open] == ["express"]


def test_tellable_leaves_contacts_out() -> None:
    facts = AccountFacts("a", False, (member(), member(KRAN, status="contact")))
    assert set(tellable(facts, NOW)) == {"o-lift"}
    assert tellable(AccountFacts("a", True, (member(),)), NOW) == {}


def test_an_administrator_has_nobody_else_to_ask() -> None:
    rights = RoleFacts("a", "Administrator", True, frozenset({"account:access", "account:people.read"}))
    answers = RoleFacts("b", "Desk", False, frozenset({"account:access", "account:requests.manage"}))
    found = launcher(member(roles=(BOTH, rights)))
    assert found.administration == "/org/nordic-lift/" and not found.handles_requests
    assert found.locked[0].access == f"/org/nordic-lift/access/people/m-o-lift/{found.locked[0].app_id}"
    desk = launcher(member(roles=(BOTH, answers)))
    assert desk.handles_requests and {tile.access for tile in desk.locked} == {None}
    nobody = launcher(member())
    assert nobody.administration is None and not nobody.handles_requests and nobody.locked[0].access is None
