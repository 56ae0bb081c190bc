"""Beginning something in a browser and ending it once: challenges, seeds to confirm, the second step of a sign-in."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from idp.kernel import clock, continuation
from idp.kernel.database import change, db
from idp.kernel.secrets import digest

from .models import Ceremony

LIFETIME = 600
"""Seconds: what was begun has to end within them."""


def begin(purpose: str, account_id: str | None, secret: str) -> Ceremony:
    """Begin in this browser. Inside a unit of work."""
    now = clock.now()
    row = Ceremony(
        purpose=purpose,
        browser_digest=digest(continuation.browser()),
        account_id=account_id,
        secret=secret,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    db.session.add(row)
    db.session.flush()
    return row


def find(purpose: str, *, ceremony_id: str | None = None, account_id: str | None = None) -> Ceremony | None:
    """This browser's newest one of a kind that has neither ended nor expired, by its id or its account."""
    statement = select(Ceremony).where(
        Ceremony.purpose == purpose,
        Ceremony.browser_digest == digest(continuation.browser()),
        Ceremony.spent_at.is_(None),
        Ceremony.expires_at > clock.now(),
    )
    if ceremony_id is not None:
        statement = statement.where(Ceremony.id == ceremony_id[:36])
    if account_id is not None:
        statement = statement.where(Ceremony.account_id == account_id)
    return db.session.scalar(statement.order_by(Ceremony.id.desc()).limit(1))


def spend(purpose: str, ceremony_id: str) -> Ceremony | None:
    """End it: of many who try at once, in this browser and in time, one gets the row. Inside a unit of work."""
    now = clock.now()
    spent = change(
        update(Ceremony)
        .where(
            Ceremony.id == ceremony_id[:36],
            Ceremony.purpose == purpose,
            Ceremony.browser_digest == digest(continuation.browser()),
            Ceremony.spent_at.is_(None),
            Ceremony.expires_at > now,
        )
        .values(spent_at=now)
        .execution_options(synchronize_session=False)
    )
    return db.session.get(Ceremony, ceremony_id[:36], populate_existing=True) if spent == 1 else None


def tidy(now: int) -> int:
    """Delete those that are over. A job calls this in a unit of work."""
    return change(delete(Ceremony).where(Ceremony.expires_at <= now).execution_options(synchronize_session=False))
