"""How many there are: people by state, and seats bought and held. Counted, never kept."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, func, or_, select

from idp.kernel.database import db

from .models import Invitation, License, Member, Seat


@dataclass(frozen=True, slots=True)
class People:
    """Members by what they are today. `invited`: contacts with an open invitation, who are among `contacts` too."""

    active: int
    contacts: int
    invited: int
    disabled: int


@dataclass(frozen=True, slots=True)
class Seats:
    """A license that is in force, with its seats."""

    license_id: str
    edition: str
    bought: int
    held: int
    ends_at: int | None

    @property
    def nearly_full(self) -> bool:
        """Whether 90 % or more of the seats are held: time to buy more."""
        return self.held * 10 >= self.bought * 9 and self.bought > 0


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


def seats(organization_id: str, now: int) -> list[Seats]:
    """The licenses that are in force, fullest first; one statement."""
    held = select(func.count()).where(Seat.license_id == License.id).scalar_subquery()
    rows = db.session.execute(
        select(License.id, License.edition, License.seats, held, License.ends_at).where(
            License.organization_id == organization_id,
            License.starts_at <= now,
            or_(License.ends_at.is_(None), License.ends_at > now),
        )
    )
    found = [Seats(row[0], row[1], row[2], row[3] or 0, row[4]) for row in rows]
    return sorted(found, key=lambda one: (-(one.held / one.bought if one.bought else 0), one.edition, one.license_id))
