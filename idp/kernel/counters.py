"""Counters that several processes share: how often something happened to one subject within a window.

The rows live in the database, so that no number of web processes multiplies a limit; they are written through
`aside()`, so that a rolled-back request does not undo them (security P26). Subjects are stored as digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from ipaddress import IPv6Address, ip_address
from types import MappingProxyType
from typing import Any, cast

from sqlalchemy import Connection, String, Table, and_, bindparam, case, delete, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from . import clock
from .database import Base, aside
from .refusal import Refusal
from .secrets import digest


class ThrottleCounter(Base):
    """How often something happened to one subject since `window_start` (kind `sign_in`, `address`, `mail_reset`, …)."""

    __tablename__ = "throttle_counter"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    window_start: Mapped[int]
    count: Mapped[int]


_table = cast("Table", ThrottleCounter.__table__)
_over = _table.c.window_start <= bindparam("over")
_WITHIN = {
    "count": case((_over, literal(1)), else_=_table.c.count + 1),
    "window_start": case((_over, bindparam("now")), else_=_table.c.window_start),
}
_IN_A_ROW = {"count": _table.c.count + 1, "window_start": bindparam("now")}


@cache
def _one_more(dialect: str, windowed: bool) -> Any:
    """The first of its kind, or one more of what is there: one statement on either database."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = (
        insert(_table)
        .values(kind=bindparam("kind"), subject_digest=bindparam("subject"), window_start=bindparam("now"), count=1)
        .on_conflict_do_update(index_elements=["kind", "subject_digest"], set_=_WITHIN if windowed else _IN_A_ROW)
    )
    return statement.returning(_table.c.window_start, _table.c.count) if windowed else statement


def _these(number: int) -> Any:
    return or_(
        *(
            and_(_table.c.kind == bindparam(f"kind{n}"), _table.c.subject_digest == bindparam(f"subject{n}"))
            for n in range(number)
        )
    )


@cache
def _read(number: int) -> Any:
    return select(_table).where(_these(number))


@cache
def _forget(number: int) -> Any:
    return delete(_table).where(_these(number))


def _named(keys: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The values of a statement about so many (kind, digest of the subject)."""
    return {
        f"{name}{n}": part for n, key in enumerate(keys) for name, part in zip(("kind", "subject"), key, strict=True)
    }


def add(connection: Connection, kind: str, subject: str, *, now: int, window: int, limit: int) -> int:
    """Count one more and give the seconds to wait: 0 while at most `limit` were counted within `window` seconds.

    What comes above the limit is refused but does not prolong the wait, so a stranger can't keep a door shut by
    knocking. One statement: parallel callers are counted one after the other.
    """
    values = {"kind": kind, "subject": digest(subject), "now": now, "over": now - window}
    start, count = connection.execute(_one_more(connection.dialect.name, True), values).one()
    return max(start + window - now, 1) if count > limit else 0


def admit(
    kind: str, subject: str, *, window: int, limit: int, code: str, message: Any, within: Connection | None = None
) -> None:
    """Count one more. Raises `Refusal` (429, with the seconds to wait) above `limit` within `window` seconds.

    It is remembered whatever comes of it; call it outside a unit of work. `within`: the connection of a unit, where
    what is refused or undone is not counted.
    """
    values = {"now": clock.now(), "window": window, "limit": limit}
    if within is not None:
        wait = add(within, kind, subject, **values)
    else:
        with aside(each=True) as own:
            wait = add(own, kind, subject, **values)
    if wait:
        raise Refusal(code, message, status=429, retry_after=wait)


def read(connection: Connection, *counters: tuple[str, str]) -> list[tuple[int, int]]:
    """Start and count of each (kind, subject), without counting; (0, 0) where there is none. One statement."""
    keys = [(kind, digest(subject)) for kind, subject in counters]
    rows = connection.execute(_read(len(keys)), _named(keys))
    found = {(row.kind, row.subject_digest): (row.window_start, row[3]) for row in rows}
    return [found.get(key, (0, 0)) for key in keys]


def left(start: int, count: int, *, now: int, window: int, limit: int) -> int:
    """Pure: seconds to wait until one more is allowed; 0 when it is allowed now."""
    return max(start + window - now, 1) if start > now - window and count >= limit else 0


def add_in_a_row(connection: Connection, kind: str, subject: str, *, now: int) -> None:
    """Count one more of a row without a window; `window_start` is when the newest came."""
    values = {"kind": kind, "subject": digest(subject), "now": now}
    connection.execute(_one_more(connection.dialect.name, False), values)


def clear(connection: Connection, kinds: Iterable[str], *subjects: str) -> None:
    """Forget what was counted for these subjects. One statement."""
    connection.execute(*forgetting(kinds, *subjects))


def forgetting(kinds: Iterable[str], *subjects: str) -> tuple[Any, dict[str, str]]:
    """The statement of `clear`, always the same one for so many, and its values."""
    digests = [digest(subject) for subject in subjects]
    keys = [(kind, subject) for kind in kinds for subject in digests]
    return _forget(len(keys)), _named(keys)


def network_of(address: str) -> str:
    """What a network address is counted under: of IPv6 the first 64 bits, which one subscriber has for itself."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or found.packed[:8].hex())


def tidy(connection: Connection, *, now: int, window: int, rows: Mapping[str, int] = MappingProxyType({})) -> None:
    """Delete the counters whose window has passed. A job calls this inside a unit of work.

    `rows` names the kinds without a window, and for how many seconds after the newest each is kept.
    """
    connection.execute(delete(_table).where(_table.c.kind.not_in(list(rows)), _table.c.window_start <= now - window))
    for kind, kept in rows.items():
        connection.execute(delete(_table).where(_table.c.kind == kind, _table.c.window_start <= now - kept))
