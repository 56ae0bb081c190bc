"""Which organization the answer is about."""

from __future__ import annotations

from typing import Any

import pytest

from idp.organizations.policy import Choices, Decision, choose

from .worlds import NOW, TAG, account, license_, member, organization

NORDIC, BREIM, FJORD = organization("nordic"), organization("breim"), organization("fjord")
UNLICENSED: dict[str, Any] = {"licenses": ()}

# members (organization: what is different there) · what was asked · who is meant and what is told; * is the picker
TABLE: dict[str, tuple[dict[str, dict[str, Any]], dict[str, str], str]] = {
    "only candidate allows": ({"nordic": {}}, {}, "nordic"),
    "only candidate denies": ({"nordic": UNLICENSED}, {}, "nordic license_missing"),
    "only one of two allows": ({"nordic": UNLICENSED, "breim": {}}, {}, "breim"),
    "only one allows, the other was used last": (
        {"nordic": UNLICENSED, "breim": {}}, {"last_member_id": "m-nordic"}, "breim"),
    "two allow": ({"nordic": {}, "breim": {}}, {}, "* breim nordic"),
    "two allow, one was used last": ({"nordic": {}, "breim": {}}, {"last_member_id": "m-nordic"}, "nordic"),
    "two allow, a third was used last": (
        {"nordic": {}, "breim": {}, "fjord": UNLICENSED}, {"last_member_id": "m-fjord"}, "* breim nordic"),
    "two allow, one is asked for": ({"nordic": {}, "breim": {}}, {"organization": "nordic"}, "nordic"),
    "asked for by id": ({"nordic": {}, "breim": {}}, {"organization": "o-breim"}, "breim"),
    "the one asked for denies": (
        {"nordic": UNLICENSED, "breim": {}}, {"organization": "nordic"}, "nordic license_missing"),
    "asked for beats used last": (
        {"nordic": {}, "breim": {}}, {"organization": "nordic", "last_member_id": "m-breim"}, "nordic"),
    "another's organization": ({"nordic": {}}, {"organization": "breim"}, "- no_organization"),
    "an unknown organization": ({"nordic": {}}, {"organization": "nobody"}, "- no_organization"),
    "an empty organization": ({"nordic": {}}, {"organization": ""}, "- no_organization"),
    "member picked": ({"nordic": {}, "breim": {}}, {"member_id": "m-breim"}, "breim"),
    "another's member picked": ({"nordic": {}}, {"member_id": "m-breim"}, "- no_organization"),
    "none allows: license gets further than contact": (
        {"nordic": {"status": "contact"}, "breim": UNLICENSED}, {}, "breim license_missing"),
    "none allows: role gets further than license": (
        {"nordic": {"roles": ()}, "breim": UNLICENSED}, {}, "nordic privilege_missing"),
    "none allows: suspended gets further than disabled": (
        {"nordic": {"status": "disabled"}, "breim": {"organization": organization("breim", status="suspended")}}, {},
        "breim organization_suspended"),
    "none allows: equally far, the one used last": (
        {"nordic": UNLICENSED, "breim": UNLICENSED}, {"last_member_id": "m-nordic"}, "nordic license_missing"),
    "none allows: equally far, by name": ({"nordic": UNLICENSED, "breim": UNLICENSED}, {}, "breim license_missing"),
    "contact in the one asked for": (
        {"nordic": {"status": "contact"}, "breim": {}}, {"organization": "nordic"}, "- contact_only"),
    "no organization at all": ({}, {}, "- no_organization"),
}  # fmt: skip


def read(found: Decision | Choices) -> str:
    if isinstance(found, Choices):
        return "* " + " ".join(one.member.organization.slug for one in found.decisions if one.member)
    who = found.member.organization.slug if found.member else "-"
    return f"{who} {found.code}" if found.code else who


@pytest.mark.parametrize(("members", "asked", "expected"), TABLE.values(), ids=TABLE.keys())
def test_which_organization(members: dict[str, dict[str, Any]], asked: dict[str, Any], expected: str) -> None:
    person = account(*(member(**{"organization": organization(slug), **values}) for slug, values in members.items()))
    assert read(choose(person, TAG, NOW, **asked)) == expected


def test_another_and_an_unknown_organization_answer_alike() -> None:
    person = account(member(organization=NORDIC))
    assert choose(person, TAG, NOW, organization="breim") == choose(person, TAG, NOW, organization="nobody")


def test_guest_of_two_companies_of_one_supplier_is_asked() -> None:
    """And one of its own people who is a guest as well; by the name of the company, whatever their ids."""
    records = [
        member(id=id_, organization=FJORD, company_id=company, company_name=company, licenses=(license_(),))
        for id_, company in (("m-1", "havgap"), ("m-2", "bolgen"), ("m-3", None))
    ]
    found = choose(account(*records), TAG, NOW, organization="fjord")
    assert isinstance(found, Choices)
    assert [one.member.company_id for one in found.decisions if one.member] == [None, "bolgen", "havgap"]
