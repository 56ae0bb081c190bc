"""How many there are: people by state. Counted, never kept."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, func, select

from idp.kernel.database import db

from .models import Invitation, Member


@dataclass(frozen=True, slots=True)
class People:
    """Members by what they are today. `invited`: contacts with an open invitation, who are among `contacts` too."""

    active: int
    contacts: int
    invited: int
    disabled: int


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
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
                Invitation.expires_at > now,
            ),
        )
    )
    return People(found.get("active", 0), found.get("contact", 0), invited or 0, found.get("disabled", 0))
