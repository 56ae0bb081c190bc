"""Calls for bids, and one sealed bid of each bidder for each call: nobody sees another's."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from clients.relying_party import clock

SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, number TEXT NOT NULL, title TEXT NOT NULL,
  closes_at INTEGER NOT NULL, UNIQUE (organization_id, number));
CREATE TABLE IF NOT EXISTS bids (
  call_id TEXT NOT NULL REFERENCES calls (id), member_id TEXT NOT NULL, amount INTEGER NOT NULL,
  handed_in_at INTEGER NOT NULL,
  PRIMARY KEY (call_id, member_id));
"""

DAY = 86400
_FIRST = (
    ("K-21", "Inspection of 40 chain hoists", 30),
    ("K-22", "New crane rails, hall 2", 60),
    ("K-19", "Transport of lifting beams", -7),
)


@dataclass(frozen=True)
class Call:
    """Work that is offered until `closes_at` (UTC seconds); `amount` is the reader's own bid in kroner, if any."""

    id: str
    number: str
    title: str
    closes_at: int
    amount: int | None


def seed(connection: sqlite3.Connection, organization_id: str) -> None:
    now = clock.now()
    connection.executemany(
        "INSERT INTO calls VALUES (?, ?, ?, ?, ?)",
        [(secrets.token_hex(8), organization_id, number, title, now + days * DAY) for number, title, days in _FIRST],
    )


_CALLS = (
    "SELECT id, number, title, closes_at, amount FROM calls"
    " LEFT JOIN bids ON call_id = id AND member_id = ? WHERE organization_id = ?"
)


def calls(connection: sqlite3.Connection, organization_id: str, member_id: str, limit: int, offset: int) -> list[Call]:
    """A page of the organization's calls, the one that closes last first, each with this member's own bid."""
    rows = connection.execute(
        f"{_CALLS} ORDER BY closes_at DESC, number LIMIT ? OFFSET ?", (member_id, organization_id, limit, offset)
    )
    return [Call(**row) for row in rows]


def find(connection: sqlite3.Connection, organization_id: str, member_id: str, id_: str) -> Call | None:
    """One of the organization's calls, with this member's own bid."""
    row = connection.execute(f"{_CALLS} AND id = ?", (member_id, organization_id, id_)).fetchone()
    return Call(**row) if row else None


def hand_in(
    connection: sqlite3.Connection, organization_id: str, member_id: str, id_: str, amount: int, now: int
) -> bool:
    """Bid `amount` whole kroner; a new bid takes the old one's place. False when the call is closed or not there."""
    return bool(
        connection.execute(
            "INSERT INTO bids SELECT id, ?, ?, ? FROM calls WHERE organization_id = ? AND id = ? AND closes_at > ?"
            " ON CONFLICT (call_id, member_id)"
            " DO UPDATE SET amount = excluded.amount, handed_in_at = excluded.handed_in_at",
            (member_id, amount, now, organization_id, id_, now),
        ).rowcount
    )
