"""The people of an organization as a list: who is found, in which state each is, and what each holds.

Reading only, with a fixed number of statements whatever the number of rows. What an organization sees of a person is
what `people.shown_as` says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import joinedload, raiseload, selectinload

from idp.accounts.models import Account
from idp.kernel.database import db
from idp.kernel.listing import Listing, Page, contains, directed, page_of

from .catalog import MEMBER_TYPES, App, current_catalog
from .models import Invitation, License, Member, MemberRole, Organization, Role, RolePrivilege, Seat
from .people import Shown, kept_out, shown_as

STATES = (
    "contact",
    "invited",
    "invitation_expired",
    "active",
    "not_activated",
    "disabled",
    "ended",
    "inactive",
)
"""What the list calls a member. `not_activated`: Active, but nobody has made the account yet."""

SORTS = ("name", "state", "used", "added")
NONE = "none"
"""As a filter of roles or licenses: those who hold none."""

PORTION = 500
"""So many people are read at once where a whole list is walked."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One person of the list. `invited_until`: when the open invitation ends or ended, UTC seconds.

    `kept_out`: why no app opens whatever the person holds (`people.kept_out`).
    """

    member: Member
    person: Shown
    state: str
    invited_until: int | None
    roles: tuple[Role, ...]
    licenses: tuple[License, ...]
    kept_out: str | None = None

    @property
    def id(self) -> str:
        return self.member.id


def state_of(member: Member, invited_until: int | None, now: int) -> str:
    """The word for how things stand with a member; `invited_until` is of its open invitation."""
    match member.status:
        case "contact" if invited_until is not None:
            return "invited" if invited_until > now else "invitation_expired"
        case "active" if member.terminates_at is not None and member.terminates_at <= now:
            return "inactive"
        case "active":
            return "active" if member.account_id else "not_activated"
        case "ended" if member.ended_reason == "inactive":
            return "inactive"
        case status:
            return status


def filters(roles: Iterable[Role], licenses: Iterable[License]) -> dict[str, Sequence[str]]:
    """What the list can be narrowed by, with the values that count."""
    return {
        "state": STATES,
        "type": MEMBER_TYPES,
        "role": [NONE, *(role.id for role in roles)],
        "license": [NONE, *(license_.id for license_ in licenses)],
    }


def page(organization_id: str, listing: Listing, now: int) -> Page[Entry]:
    """One page of the people that a list asks for."""
    asked, columns = _asked(organization_id, listing, now), Member
    statement = select(Member.id).where(*asked)
    if NONE in (listing.filters.get("role"), listing.filters.get("license")):
        statement, columns = all_found_first(*asked)
    found = page_of(statement, listing, _order(listing, columns))
    return found.with_rows(entries(found.rows, now))


def count(organization_id: str, listing: Listing, now: int, *, after: str = "") -> int:
    """How many people a list has; with `after` only those whose id follows."""
    asked = _asked(organization_id, listing, now)
    if after:
        asked.append(Member.id > after)
    return db.session.scalar(select(func.count()).select_from(Member).where(*asked)) or 0


def ids(organization_id: str, listing: Listing, now: int, *, after: str, most: int) -> list[str]:
    """The ids that a list finds, in the order of ids, beginning behind `after`: a walk that can be taken up again."""
    statement = select(Member.id).where(*_asked(organization_id, listing, now), Member.id > after)
    return list(db.session.scalars(statement.order_by(Member.id).limit(most)))


def walk(organization_id: str, listing: Listing, now: int) -> Iterator[Entry]:
    """Everybody that a list finds, in its order, read in portions."""
    found = list(
        db.session.scalars(select(Member.id).where(*_asked(organization_id, listing, now)).order_by(*_order(listing)))
    )
    for start in range(0, len(found), PORTION):
        yield from entries(found[start : start + PORTION], now)


def find(organization_id: str, member_id: str, now: int) -> Entry | None:
    """One person of the organization; None for an unknown id and for another organization's alike."""
    known = db.session.scalar(
        select(Member.id).where(Member.id == member_id, Member.organization_id == organization_id)
    )
    return next(iter(entries([known], now)), None) if known else None


def here(organization_id: str, member_ids: Sequence[str]) -> list[str]:
    """Those of these ids that are members of the organization, in the order of ids."""
    return list(
        db.session.scalars(
            select(Member.id)
            .where(Member.id.in_(member_ids), Member.organization_id == organization_id)
            .order_by(Member.id)
        )
    )


def addresses_of(member_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By member the address that it is mailed at, as it is compared; nothing for those who have none."""
    rows = db.session.execute(
        select(Member.id, Member.email_normalized).where(
            Member.id.in_(member_ids), Member.email_normalized.is_not(None)
        )
    )
    return {member_id: (str(address),) for member_id, address in rows}


def roles_of(organization: Organization) -> list[Role]:
    """The roles that members of the organization can hold: its own, then the system's.

    The system's roles with platform privileges are for the platform's own organization.
    """
    found = db.session.scalars(
        select(Role)
        .where(or_(Role.organization_id == organization.id, Role.organization_id.is_(None)))
        .order_by(Role.organization_id.is_(None), Role.name)
        .options(raiseload(Role.privileges))
    )
    catalog = current_catalog()
    of_platform = {
        role.name
        for role in catalog.roles.values()
        if any((known := catalog.privilege(name)) and known.reach == "platform" for name in role.privileges)
    }
    return [
        role
        for role in found
        if role.organization_id or organization.kind == "self" or role.name not in of_platform
    ]  # fmt: skip


def opened_by(roles: Iterable[Role]) -> dict[str, list[App]]:
    """By role the apps that it opens to people, in the order of the catalog. One statement."""
    access = {app.access: app for app in current_catalog().apps.values()}
    held = db.session.execute(
        select(RolePrivilege.role_id, RolePrivilege.privilege).where(
            RolePrivilege.role_id.in_([role.id for role in roles]), RolePrivilege.privilege.in_(access)
        )
    )
    found: dict[str, set[str]] = defaultdict(set)
    for role_id, privilege in held:
        found[role_id].add(privilege)
    return {role.id: [app for privilege, app in access.items() if privilege in found[role.id]] for role in roles}


def licenses_of(organization_id: str) -> list[tuple[License, int]]:
    """The organization's licenses and how many seats of each are held; the newest of an edition first."""
    held = select(func.count()).select_from(Seat).where(Seat.license_id == License.id).scalar_subquery()
    return [
        (license_, number)
        for license_, number in db.session.execute(
            select(License, held)
            .where(License.organization_id == organization_id)
            .order_by(License.app_id, License.edition, License.starts_at.desc(), License.id)
            .execution_options(populate_existing=True)
        )
    ]


def entries(member_ids: Sequence[str], now: int) -> list[Entry]:
    """These members, in this order."""
    if not member_ids:
        return []
    members: dict[str, Member] = {
        member.id: member
        for member in db.session.scalars(
            select(Member)
            .where(Member.id.in_(member_ids))
            .options(
                joinedload(Member.company),
                raiseload(Member.organization),
                selectinload(Member.roles).options(raiseload(Role.privileges)),
            )
            .execution_options(populate_existing=True)
        )
    }
    accounts = _accounts({member.account_id for member in members.values() if member.account_id})
    invited = _invited(member_ids)
    licenses = _licenses(member_ids)
    return [
        Entry(
            member=member,
            person=shown_as(member, accounts.get(member.account_id or "")),
            state=state_of(member, invited.get(member.id), now),
            invited_until=invited.get(member.id) if member.status == "contact" else None,
            roles=tuple(member.roles),
            licenses=tuple(licenses.get(member.id, ())),
            kept_out=kept_out(member, accounts.get(member.account_id or "")),
        )
        for member in (members[member_id] for member_id in member_ids if member_id in members)
    ]


def _accounts(account_ids: Iterable[str]) -> Mapping[str, Account]:
    found = db.session.scalars(
        select(Account).where(Account.id.in_(account_ids)).execution_options(populate_existing=True)
    )
    return {account.id: account for account in found}


def _invited(member_ids: Sequence[str]) -> Mapping[str, int]:
    rows = db.session.execute(
        select(Invitation.member_id, func.max(Invitation.expires_at).label("until"))
        .where(Invitation.member_id.in_(member_ids), Invitation.unanswered())
        .group_by(Invitation.member_id)
    )
    return {row.member_id: row.until for row in rows}


def _licenses(member_ids: Sequence[str]) -> Mapping[str, list[License]]:
    found: dict[str, list[License]] = defaultdict(list)
    for member_id, license_ in db.session.execute(
        select(Seat.member_id, License)
        .join(License, License.id == Seat.license_id)
        .where(Seat.member_id.in_(member_ids))
        .order_by(License.app_id, License.edition, License.starts_at)
    ):
        found[member_id].append(license_)
    return found


def _asked(organization_id: str, listing: Listing, now: int) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = [Member.organization_id == organization_id]
    if listing.query:
        asked.append(contains(Member.search_text, listing.query))
    if "type" in listing.filters:
        asked.append(Member.type == listing.filters["type"])
    if state := listing.filters.get("state"):
        asked += _in_state(state, now)
    if role := listing.filters.get("role"):
        asked.append(_among(select(MemberRole.member_id), MemberRole.member_id, MemberRole.role_id, role))
    if license_ := listing.filters.get("license"):
        asked.append(_among(select(Seat.member_id), Seat.member_id, Seat.license_id, license_))
    return asked


def _among(holders: Select[Any], member_id: Any, held: Any, wanted: str) -> ColumnElement[bool]:
    """Those who hold this role or license, or none at all."""
    if wanted == NONE:
        return ~exists().where(member_id == Member.id)
    return Member.id.in_(holders.where(held == wanted))


def all_found_first(*where: ColumnElement[bool]) -> tuple[Select[Any], Any]:
    """The ids of the members for whom this is true, found before they are put in order; and the columns to order by.

    For those who hold none of something. A database that wants the first fifty in order looks up one after the other
    what they hold, in hope of meeting them soon; where nearly all hold it, it looks up everybody.
    """
    columns = (Member.id, Member.search_text, Member.status, Member.last_used_at, Member.created_at)
    found = select(*columns).where(*where).cte().prefix_with("MATERIALIZED")
    return select(found.c.id), found.c


def _in_state(state: str, now: int) -> list[ColumnElement[bool]]:
    offered = exists().where(Invitation.member_id == Member.id, Invitation.unanswered())
    pending = offered.where(Invitation.expires_at > now)
    return {
        "contact": [Member.status == "contact", ~offered],
        "invited": [Member.status == "contact", pending],
        "invitation_expired": [Member.status == "contact", offered, ~pending],
        "active": [Member.status == "active", Member.account_id.is_not(None)],
        "not_activated": [Member.status == "active", Member.account_id.is_(None)],
        "disabled": [Member.status == "disabled"],
        "ended": [Member.status == "ended", func.coalesce(Member.ended_reason, "") != "inactive"],
        "inactive": [Member.status == "ended", Member.ended_reason == "inactive"],
    }[state]


def _order(listing: Listing, of: Any = Member) -> list[Any]:
    """Every column in the one direction, so that an index can be walked either way. `of`: whose columns."""
    columns: dict[str, list[Any]] = {
        "name": [of.search_text],
        "state": [of.status, of.search_text],
        "used": [of.last_used_at],
        "added": [of.created_at],
    }
    ordered = columns[listing.sort]
    if listing.sort == "used":
        return [directed(of.last_used_at, listing), of.id]
    return [column.desc() if listing.descending else column.asc() for column in [*ordered, of.id]]
