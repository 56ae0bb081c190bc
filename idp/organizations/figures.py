"""How many there are: people by state. Counted, never kept."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import case, exists, func, select

from idp.accounts.credentials.methods import has_second_factor
from idp.kernel.database import db

from .models import Invitation, Member


def with_second_factor(organization_id: str) -> tuple[int, int]:
    """Of how many active users, how many have a second factor: numbers alone, it is the person's own affair which."""
    users, having = db.session.execute(
        select(func.count(), func.count(case((has_second_factor(Member.account_id), 1)))).where(
            Member.organization_id == organization_id, Member.status == "active", Member.account_id.is_not(None)
        )
    ).one()
    return int(having), int(users)


def people(organization_id: str, now: int) -> dict[str, int]:
    """How many there are in each state of the list (`roster.STATES`) but those that ended. Two statements."""
    rows = db.session.execute(
        select(Member.status, Member.account_id.is_(None), func.count())
        .where(Member.organization_id == organization_id)
        .group_by(Member.status, Member.account_id.is_(None))
    )
    found: dict[str, int] = defaultdict(int)
    for status, without_account, number in rows:
        found["not_activated" if status == "active" and without_account else str(status)] += int(number)
    offered = exists().where(Invitation.member_id == Member.id, Invitation.unanswered())
    pending = exists().where(Invitation.member_id == Member.id, Invitation.open_at(now))
    invited, open_ = db.session.execute(
        select(func.count(), func.count(case((pending, 1)))).where(
            Member.organization_id == organization_id, Member.status == "contact", offered
        )
    ).one()
    return {
        **{state: found[state] for state in ("active", "not_activated", "disabled")},
        "contact": found["contact"] - int(invited),
        "invited": int(open_),
        "invitation_expired": int(invited) - int(open_),
    }
