"""Reading what an organization's roles and licenses are, and who holds them, in a fixed number of statements.

Everything is asked within one organization: another's id finds nothing, as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from idp.accounts.models import Account
from idp.kernel.database import db
from idp.kernel.listing import Listing, Page, contains, directed, page_of

from .catalog import MEMBER_TYPES, App, Edition, current_catalog
from .models import License, Member, MemberRole, Organization, Role, RolePrivilege, Seat
from .people import Shown, shown_as
from .policy import LicenseFacts
from .roster import all_found_first

SOON = 30 * 86400
"""A license that ends within so many seconds ends soon."""

NEARLY_ALL = 0.9
"""From this share of its seats held on, a license is nearly all in use."""


@dataclass(frozen=True, slots=True)
class Person:
    """A member and the person as its organization sees it."""

    member: Member
    shown: Shown

    @property
    def name(self) -> str:
        return self.shown.name


def people_of(page: Page[str]) -> Page[Person]:
    """A page of members' ids with their persons; the members, the accounts and their addresses are read at once.

    Only ids are sorted and skipped: a hundred thousand of them fit in an index, their rows do not.
    """
    if not page.rows:
        return page.with_rows(())
    found = db.session.scalars(select(Member).where(Member.id.in_(page.rows)).execution_options(populate_existing=True))
    members = {row.id: row for row in found}
    ids = [member.account_id for member in members.values() if member.account_id]
    accounts = {row.id: row for row in db.session.scalars(select(Account).where(Account.id.in_(ids)))} if ids else {}
    return page.with_rows(
        Person(member, shown_as(member, accounts.get(member.account_id or "")))
        for member in (members[member_id] for member_id in page.rows if member_id in members)
    )


def _by_name(listing: Listing, of: Any = Member) -> tuple[ColumnElement[Any], ...]:
    return (directed(of.search_text, listing), directed(of.id, listing))


def _members(organization_id: str, listing: Listing) -> Select[Any]:
    """The ids of an organization's members, of those who are searched for."""
    statement = select(Member.id).where(Member.organization_id == organization_id)
    return statement.where(contains(Member.search_text, listing.query)) if listing.query else statement


# Roles ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoleInUse:
    """A role in one organization: how many of its members hold it, and the apps that it says something about."""

    role: Role
    holders: int

    @property
    def apps(self) -> tuple[App, ...]:
        named = {entry.privilege.partition(":")[0] for entry in self.role.privileges}
        return tuple(app for app in current_catalog().apps.values() if app.id in named)


def _of_platform() -> list[str]:
    apps = current_catalog().apps.values()
    return [name for app in apps for name, privilege in app.privileges.items() if privilege.reach == "platform"]


def _roles(organization: Organization) -> Select[Any]:
    """The organization's own roles and the system's; those for the platform only where they mean something."""
    statement = select(Role).where(or_(Role.organization_id == organization.id, Role.organization_id.is_(None)))
    if organization.kind == "self":
        return statement
    of_platform = select(RolePrivilege.role_id).where(RolePrivilege.privilege.in_(_of_platform()))
    held = (
        select(MemberRole.member_id)
        .where(MemberRole.organization_id == organization.id, MemberRole.role_id == Role.id)
        .exists()
    )
    return statement.where(or_(Role.organization_id.is_not(None), Role.id.not_in(of_platform), held))


def roles_page(organization: Organization, listing: Listing) -> Page[RoleInUse]:
    """Roles with their holders: own ones first, by name. Filter `kind`: `own` or `system`."""
    statement = _roles(organization)
    if kind := listing.filters.get("kind"):
        own = Role.organization_id.is_not(None)
        statement = statement.where(own if kind == "own" else ~own)
    order = (Role.organization_id.is_(None).asc(), directed(Role.name, listing), Role.id.asc())
    page = page_of(statement, listing, order)
    here = (
        select(MemberRole.role_id, func.count())
        .where(MemberRole.organization_id == organization.id, MemberRole.role_id.in_([role.id for role in page.rows]))
        .group_by(MemberRole.role_id)
    )
    counted = {row[0]: row[1] for row in db.session.execute(here)}
    return page.with_rows(RoleInUse(role, counted.get(role.id, 0)) for role in page.rows)


def role_of(organization: Organization, role_id: str) -> Role | None:
    """A role that the organization has or can use, or None."""
    row: Role | None = db.session.scalar(
        _roles(organization).where(Role.id == role_id).execution_options(populate_existing=True)
    )
    return row


def role_holders(organization_id: str, role_id: str, listing: Listing) -> Page[Person]:
    """Who holds the role in this organization, by name."""
    holds = select(MemberRole.member_id).where(
        MemberRole.organization_id == organization_id, MemberRole.role_id == role_id
    )
    statement = _members(organization_id, listing).where(Member.id.in_(holds))
    return people_of(page_of(statement, listing, _by_name(listing)))


# Licenses -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LicenseInUse:
    """A license with what is held of it. `app` and `edition` are None when the catalog no longer sells them."""

    license: License
    held: int
    app: App | None
    edition: Edition | None

    @property
    def title(self) -> str:
        """What is sold, as the catalog names it."""
        return self.edition.name if self.edition else self.license.edition

    @property
    def by_seat(self) -> bool:
        """Whether somebody needs a seat of it; else it covers the organization as a whole."""
        return self.app is None or any(self.app.license_step[kind] == "seat" for kind in MEMBER_TYPES)

    @property
    def left(self) -> int:
        return max(0, self.license.seats - self.held)

    @property
    def share(self) -> float:
        """How much of it is in use, 0 to 1."""
        return self.held / self.license.seats if self.by_seat and self.license.seats else 0.0

    @property
    def nearly_all(self) -> bool:
        """Whether 90 % of the seats are held, or more."""
        return self.share >= NEARLY_ALL

    def state(self, now: int) -> str:
        """`current`, `soon` (ends within a month), `future`, or `ended`."""
        facts = LicenseFacts("", "", "", 0, 0, self.license.starts_at, self.license.ends_at)
        if facts.ended(now):
            return "ended"
        if not facts.current(now):
            return "future"
        return "soon" if self.license.ends_at is not None and self.license.ends_at <= now + SOON else "current"


LICENSE_STATES = {
    "current": (_l("Current"), "good"),
    "soon": (_l("Ends soon"), "late"),
    "future": (_l("Not started"), "plain"),
    "ended": (_l("Expired"), "wrong"),
}
"""By state of a license: its word, and the kind of label that shows it."""


def _in_state(state: str, now: int) -> ColumnElement[bool]:
    begun, endless = License.starts_at <= now, License.ends_at.is_(None)
    return {
        "current": and_(begun, or_(endless, License.ends_at > now + SOON)),
        "soon": and_(begun, License.ends_at > now, License.ends_at <= now + SOON),
        "future": and_(License.starts_at > now, or_(endless, License.ends_at > now)),
        "ended": License.ends_at <= now,
    }[state]


def in_use(rows: Iterable[License]) -> list[LicenseInUse]:
    """These licenses with what is held of each; one statement."""
    rows, catalog = list(rows), current_catalog()
    seats = (
        select(Seat.license_id, func.count())
        .where(Seat.license_id.in_([row.id for row in rows]))
        .group_by(Seat.license_id)
    )
    counted = {row[0]: row[1] for row in db.session.execute(seats)}
    found = []
    for row in rows:
        sold = catalog.edition(row.edition)
        app = catalog.apps.get(row.app_id)
        found.append(LicenseInUse(row, counted.get(row.id, 0), app, sold[1] if sold else None))
    return found


def licenses_page(organization_id: str, listing: Listing, now: int) -> Page[LicenseInUse]:
    """The organization's licenses by app, the latest start first. Filter `state`."""
    statement = select(License).where(License.organization_id == organization_id)
    if state := listing.filters.get("state"):
        statement = statement.where(_in_state(state, now))
    page = page_of(statement, listing, (directed(License.app_id, listing), License.starts_at.desc(), License.id.asc()))
    return page.with_rows(in_use(page.rows))


def licenses_in_force(organization_id: str, now: int) -> list[LicenseInUse]:
    """The licenses that count today, fullest first; those for the whole organization last."""
    rows = db.session.scalars(
        select(License).where(
            License.organization_id == organization_id, or_(_in_state("current", now), _in_state("soon", now))
        )
    )
    return sorted(in_use(rows), key=lambda one: (-one.share, one.license.edition, one.license.id))


def license_of(organization_id: str, license_id: str) -> LicenseInUse | None:
    """A license of this organization, or None."""
    row = db.session.scalar(
        select(License)
        .where(License.id == license_id, License.organization_id == organization_id)
        .execution_options(populate_existing=True)
    )
    return in_use([row])[0] if row else None


def license_holders(license_: License, listing: Listing) -> Page[Person]:
    """Who holds a seat of the license, by name."""
    holds = select(Seat.member_id).where(Seat.license_id == license_.id)
    statement = _members(license_.organization_id, listing).where(Member.id.in_(holds))
    return people_of(page_of(statement, listing, _by_name(listing)))


def without_license(license_: License, listing: Listing) -> Page[Person]:
    """Who of the organization holds no seat of the license, former members left out, by name."""
    holds = select(Seat.member_id).where(Seat.license_id == license_.id, Seat.member_id == Member.id).exists()
    statement, columns = all_found_first(
        Member.organization_id == license_.organization_id,
        Member.status != "ended",
        contains(Member.search_text, listing.query),
        ~holds,
    )
    return people_of(page_of(statement, listing, _by_name(listing, columns)))


def seller() -> str | None:
    """The name of the platform owner's organization, which sells licenses; None when there is none yet."""
    return db.session.scalar(select(Organization.name).where(Organization.kind == "self"))
