"""How many there are: people by state. Counted, never kept."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, exists, func, select

from idp.accounts.credentials.methods import has_second_factor
from idp.kernel.database import db

from .models import Invitation, Member


@dataclass(frozen=True, slots=True)
class People:
    """Members by what they are today. `invited`: contacts with an open invitation, who are among `contacts` too."""

    active: int
    contacts: int
    invited: int
    disabled: int


def with_second_factor(organization_id: str) -> tuple[int, int]:
    """Of how many active users, how many have a second factor: numbers alone, it is the person's own affair which."""
    users, having = db.session.execute(
        select(func.count(), func.count(case((has_second_factor(Member.account_id), 1)))).where(
            Member.organization_id == organization_id, Member.status == "active", Member.account_id.is_not(None)
        )
    ).one()
    return int(having), int(users)


def people(organization_id: str, now: int) -> People:
    """The people of an organization, in two statements."""
    rows = db.session.execute(
        select(Member.status, func.count()).where(Member.organization_id == organization_id).group_by(Member.status)
    )
    found = {str(status): int(number) for status, number in rows}
    invited = db.session.scalar(
        select(func.count())
        .select_from(Member)
        .where(
            Member.organization_id == organization_id,
            Member.status == "contact",
            exists().where(
                Invitation.member_id == Member.id,
                Invitation.open_at(now),
            ),
        )
    )
    return People(found.get("active", 0), found.get("contact", 0), invited or 0, found.get("disabled", 0))
