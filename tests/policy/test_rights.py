"""R38: what an administrator may give and take is what it holds itself."""

from __future__ import annotations

from typing import Any

import pytest

from idp.organizations.policy import THE_SYSTEM, AccountFacts, MemberFacts, Rights, administers, rights_of

from .worlds import CATALOG, NOW, account, member, organization, role

ACCOUNT = CATALOG.apps["account"]
HELPER = ("account:access", "account:people.read", "account:people.manage")
FULL = tuple(CATALOG.roles["Administrator"].privileges)
PLATFORM = tuple(CATALOG.roles["Platform administrator"].privileges)
HERE = organization()
SELF = organization("onix-works", kind="self")


def acting(*privileges: str, place: Any = HERE, disabled: bool = False, **values: Any) -> AccountFacts:
    found: MemberFacts = member(organization=place, roles=(role(*privileges),), licenses=(), **values)
    return account(found, disabled=disabled)


# who acts                                      what is given or taken                     what is lacking
TABLE = {
    "its own": (acting(*HELPER), ["account:people.manage", "account:people.read"], ()),
    "more than its own": (
        acting(*HELPER), FULL,
        ("account:audit.read", "account:clients.manage", "account:companies.manage", "account:companies.read",
         "account:licenses.manage", "account:licenses.read", "account:requests.manage",
         "account:roles.manage")),
    "one that it lacks among its own": (
        acting(*HELPER), ["account:people.manage", "account:audit.read"], ("account:audit.read",)),
    "applications, freely": (acting(*HELPER), ["tag:access", "work:orders.write"], ()),
    "applications, by someone who holds nothing": (acting("tag:access"), ["tag:access"], ()),
    "the whole administration by who holds it": (acting(*FULL), FULL, ()),
    "the platform's by an organization's administrator": (
        acting(*FULL), ["account:platform.admin"], ("account:platform.admin",)),
    "everything by a platform administrator": (acting(*PLATFORM, place=SELF), [*PLATFORM, "oneoffice:admin.write"], ()),
    "platform privileges typed into a customer's role": (
        acting(*PLATFORM), ["account:platform.admin", "account:people.manage"], ("account:platform.admin",)),
    "administrator elsewhere": (
        acting(*FULL, place=organization("breim-kran")), ["account:people.read"], ("account:people.read",)),
    "administrator of self, not of the platform": (acting(*FULL, place=SELF), ["account:people.read"],
                                                   ("account:people.read",)),
    "without what opens the administration": (
        acting("account:people.manage"), ["account:people.manage"], ("account:people.manage",)),
    "disabled": (acting(*FULL, status="disabled"), ["account:people.read"], ("account:people.read",)),
    "account disabled": (acting(*PLATFORM, place=SELF, disabled=True), ["account:access"], ("account:access",)),
    "of a suspended organization": (
        acting(*FULL, place=organization(status="suspended")), ["account:people.read"], ("account:people.read",)),
    "guest, who only reads": (
        acting(*FULL, type="express"), ["account:people.read", "account:people.manage"], ("account:people.manage",)),
    "nobody": (None, ["account:people.read", "tag:access"], ("account:people.read",)),
    "what nobody declared": (acting("tag:access"), ["account:everything", "nothing"], ()),
}  # fmt: skip


@pytest.mark.parametrize(("who", "privileges", "lacking"), TABLE.values(), ids=TABLE.keys())
def test_what_is_given_and_taken_is_bounded_by_what_is_held(who: Any, privileges: Any, lacking: Any) -> None:
    """In Nordic Lift, wherever the actor is a member."""
    assert rights_of(who, HERE.id, ACCOUNT, NOW).lack(privileges, CATALOG.apps) == lacking


def test_the_platforms_privileges_of_an_application_are_bounded_too() -> None:
    """Holding one does not make a person one who may give it."""
    rights = rights_of(acting(*FULL, "oneoffice:admin.write", place=SELF), SELF.id, ACCOUNT, NOW)
    assert rights.lack(["oneoffice:admin.write", "oneoffice:access"], CATALOG.apps) == ("oneoffice:admin.write",)


def test_the_system_lacks_nothing() -> None:
    assert THE_SYSTEM.lack(PLATFORM, CATALOG.apps) == ()
    assert Rights().lack(PLATFORM, CATALOG.apps) == tuple(sorted(PLATFORM))


def test_several_records_in_one_organization_count_together() -> None:
    """A guest of two companies of the same supplier, say."""
    one = member(id="m-1", roles=(role(*HELPER),), licenses=())
    other = member(id="m-2", roles=(role("account:access", "account:audit.read"),), licenses=())
    rights = rights_of(account(one, other), HERE.id, ACCOUNT, NOW)
    assert rights == Rights(frozenset({*HELPER, "account:audit.read"}))


def test_what_administers() -> None:
    found = {name for app in CATALOG.apps.values() for name in app.privileges if administers(name, CATALOG.apps)}
    assert found == {*ACCOUNT.privileges, "oneoffice:admin.read", "oneoffice:admin.write"}
