"""Who can use an app, and what a person can use: the decision for many, read in portions.

Every verdict is `policy.entitlement` of facts as a token gets them. `opens` says the same in SQL, so that those who can
use an app are found without judging everybody; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, or_, select, true, tuple_

from idp.accounts.models import Account
from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.listing import contains

from .catalog import App, current_catalog
from .facts import load_members_facts
from .models import License, Member, MemberRole, Organization, Role, RolePrivilege, Seat
from .people import Shown, activation_told, shown_as
from .policy import Decision, entitlement
from .simulator import Path, as_if_linked, explain_path

PORTION = 200
"""So many people are judged at once."""


@dataclass(frozen=True, slots=True)
class Line:
    """One person of a report. `activated`: as far as it is told; without an account the verdict is as if it were."""

    member: Member
    person: Shown
    activated: bool | None
    verdict: Decision


def opens(organization: Organization, app: App, now: int, *, named: bool = False) -> ColumnElement[bool]:
    """Whether a member of this organization, who has activated, can use the app now.

    Two statements read the few roles and licenses that matter: with their ids at hand the database knows beforehand
    whether many hold them, and walks the people by name, or few, and begins with these. `named`: the people are
    searched by name besides, so that the name is read first, and the roles of those alone who bear it.
    """
    if organization.status != "active" or (
        app.privileges[app.access].reach == "platform" and organization.kind != "self"
    ):
        return false()
    sold = [edition.id for edition in app.editions.values() if app.access in edition.privileges]
    roles = db.session.scalars(
        select(Role.id)
        .join(RolePrivilege, RolePrivilege.role_id == Role.id)
        .where(
            RolePrivilege.privilege == app.access,
            or_(Role.organization_id == organization.id, Role.organization_id.is_(None)),
        )
    ).all()
    licenses = db.session.scalars(
        select(License.id).where(
            License.organization_id == organization.id,
            License.app_id == app.id,
            License.edition.in_(sold),
            License.starts_at <= now,
            or_(License.ends_at.is_(None), License.ends_at > now),
        )
    ).all()
    steps: dict[str, ColumnElement[bool]] = {
        "nothing": true(),
        "organization": true() if licenses else false(),
        "seat": select(Seat.id).where(Seat.member_id == Member.id, Seat.license_id.in_(licenses)).exists(),
    }
    licensed = [
        and_(Member.type.in_([kind for kind, asked in app.license_step.items() if asked == step]), condition)
        for step, condition in steps.items()
        if step in app.license_step.values()
    ]
    holds = select(MemberRole.member_id).where(
        MemberRole.organization_id == organization.id, MemberRole.role_id.in_(roles)
    )
    return and_(
        Member.status == "active",
        select(Account.id).where(Account.id == Member.account_id, Account.status == "active").exists(),
        # With an OFFSET PostgreSQL asks it of one member after the other, and does not begin with it.
        holds.where(MemberRole.member_id == Member.id).offset(0).exists() if named else Member.id.in_(holds),
        or_(*licensed),
    )


def portion(
    organization: Organization,
    app: App,
    *,
    everybody: bool = False,
    query: str = "",
    after: str = "",
    size: int = PORTION,
) -> list[Line]:
    """The people who can use the app, or everybody with the reason, by name, beginning behind the member `after`.

    A fixed number of statements. An `after` that is nobody of the organization begins at the first.
    """
    statement = select(Member.id).where(Member.organization_id == organization.id)
    if not everybody:
        statement = statement.where(opens(organization, app, clock.now(), named=bool(query)))
    if query:
        statement = statement.where(contains(Member.search_text, query))
    if after:
        mark = db.session.execute(
            select(Member.search_text, Member.id).where(Member.id == after, Member.organization_id == organization.id)
        ).first()
        if mark:
            statement = statement.where(tuple_(Member.search_text, Member.id) > tuple_(*mark))
    found = list(db.session.scalars(statement.order_by(Member.search_text, Member.id).limit(size)))
    return judged(organization.id, found, app)


def walk(organization: Organization, app: App, *, everybody: bool = False, query: str = "") -> Iterator[Line]:
    """All of them, a portion at a time; nothing is held between two portions."""
    after = ""
    while True:
        lines = portion(organization, app, everybody=everybody, query=query, after=after)
        yield from lines
        if len(lines) < PORTION:
            return
        after = lines[-1].member.id
        db.session.expunge_all()  # first: rolling back would make what is still held unreadable
        db.session.rollback()


def judged(organization_id: str, member_ids: list[str], app: App) -> list[Line]:
    """The verdict for each of these members, in their order."""
    now = clock.now()
    facts = load_members_facts(db.session(), organization_id, member_ids, app.id, ask=False)
    people = shown(organization_id, member_ids)
    lines = []
    for member_id, found in facts.items():
        if member_id not in people:
            continue
        member, person = people[member_id]
        account, judged_as = as_if_linked(found, found.members[0])
        lines.append(Line(member, person, activation_told(member), entitlement(account, judged_as, app, now)))
    return lines


def shown(organization_id: str, member_ids: list[str]) -> dict[str, tuple[Member, Shown]]:
    """These members with their people as the organization sees them. Two statements."""
    if not member_ids:
        return {}
    rows = db.session.execute(
        select(Member, Account)
        .outerjoin(Account, Account.id == Member.account_id)
        .where(Member.organization_id == organization_id, Member.id.in_(member_ids))
    )
    return {member.id: (member, shown_as(member, account)) for member, account in rows}


def apps_of(organization_id: str, member_id: str) -> list[Path] | None:
    """Every app of the catalog with the path of its verdict; None when the organization has no such member."""
    found = load_members_facts(db.session(), organization_id, [member_id]).get(member_id)
    if found is None:
        return None
    account, member = as_if_linked(found, found.members[0])
    return [explain_path(account, member, app, clock.now()) for app in current_catalog().apps.values()]
