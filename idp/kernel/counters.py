"""Counters that several processes share: how often something happened to one subject within a window.

The rows live in the database, so that no number of web processes multiplies a limit; they are written through
`aside()`, so that a rolled-back request does not undo them (security P26). Subjects are stored as digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import String, and_, case, delete, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from .database import Base
from .secrets import digest


class ThrottleCounter(Base):
    """How often something happened to one subject since `window_start` (kind `sign_in`, `address`, `mail`, …)."""

    __tablename__ = "throttle_counter"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    window_start: Mapped[int]
    count: Mapped[int]


def add(session: Session, kind: str, subject: str, *, now: int, window: int, limit: int) -> int:
    """Count one more and give the seconds to wait: 0 while at most `limit` were counted within `window` seconds.

    What comes above the limit is refused but does not prolong the wait, so a stranger can't keep a door shut by
    knocking. One statement: parallel callers are counted one after the other.
    """
    table = ThrottleCounter.__table__
    over = table.c.window_start <= now - window
    again = {
        "count": case((over, literal(1)), else_=table.c.count + 1),
        "window_start": case((over, literal(now)), else_=table.c.window_start),
    }
    statement = _one_more(session, kind, subject, now, again).returning(table.c.window_start, table.c.count)
    start, count = session.execute(statement).one()
    return max(start + window - now, 1) if count > limit else 0


def read(session: Session, *counters: tuple[str, str]) -> list[tuple[int, int]]:
    """Start and count of each (kind, subject), without counting; (0, 0) where there is none. One statement."""
    keys = [(kind, digest(subject)) for kind, subject in counters]
    rows = session.execute(
        select(
            ThrottleCounter.kind, ThrottleCounter.subject_digest, ThrottleCounter.window_start, ThrottleCounter.count
        ).where(
            or_(*(and_(ThrottleCounter.kind == kind, ThrottleCounter.subject_digest == mark) for kind, mark in keys))
        )
    )
    found = {(row.kind, row.subject_digest): (row.window_start, row[3]) for row in rows}
    return [found.get(key, (0, 0)) for key in keys]


def left(start: int, count: int, *, now: int, window: int, limit: int) -> int:
    """Pure: seconds to wait until one more is allowed; 0 when it is allowed now."""
    return max(start + window - now, 1) if start > now - window and count >= limit else 0


def add_in_a_row(session: Session, kind: str, subject: str, *, now: int) -> None:
    """Count one more of a row without a window; `window_start` is when the newest came."""
    again = {"count": ThrottleCounter.__table__.c.count + 1, "window_start": now}
    session.execute(_one_more(session, kind, subject, now, again))


def _one_more(session: Session, kind: str, subject: str, now: int, again: dict[str, Any]) -> Any:
    """The first of its kind, or what `again` says of a row that is there: one statement on either database."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return (
        insert(ThrottleCounter)
        .values(kind=kind, subject_digest=digest(subject), window_start=now, count=1)
        .on_conflict_do_update(index_elements=["kind", "subject_digest"], set_=again)
    )


def clear(session: Session, kinds: Iterable[str], subject: str) -> None:
    """Forget what was counted for this subject."""
    session.execute(
        delete(ThrottleCounter).where(
            ThrottleCounter.kind.in_(list(kinds)), ThrottleCounter.subject_digest == digest(subject)
        )
    )


def tidy(session: Session, *, now: int, window: int, rows: Mapping[str, int] = MappingProxyType({})) -> None:
    """Delete the counters whose window has passed. A job calls this inside a unit of work.

    `rows` names the kinds without a window, and for how many seconds after the newest each is kept.
    """
    session.execute(
        delete(ThrottleCounter).where(
            ThrottleCounter.kind.not_in(list(rows)), ThrottleCounter.window_start <= now - window
        )
    )
    for kind, kept in rows.items():
        session.execute(
            delete(ThrottleCounter).where(ThrottleCounter.kind == kind, ThrottleCounter.window_start <= now - kept)
        )
