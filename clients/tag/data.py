"""Equipment and tags of each organization. Every statement names the organization, so none can reach another's."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from clients.relying_party.rows import numbered

SCHEMA = """
CREATE TABLE IF NOT EXISTS equipment (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, number TEXT NOT NULL, name TEXT NOT NULL, location TEXT NOT NULL,
  tag TEXT, tagged_by TEXT, labels INTEGER NOT NULL DEFAULT 0,
  UNIQUE (organization_id, number), UNIQUE (organization_id, tag));
CREATE TABLE IF NOT EXISTS inspection (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, equipment_id TEXT NOT NULL, result TEXT NOT NULL,
  remark TEXT NOT NULL, inspected_by TEXT NOT NULL, inspected_at INTEGER NOT NULL, signature BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS inspection_equipment ON inspection (organization_id, equipment_id, inspected_at);
"""

_FIRST = (
    ("E-1001", "Chain hoist 2 t", "Workshop", "T4KQ-7812"),
    ("E-1002", "Wire rope sling 3 m", "Store", None),
    ("E-1003", "Overhead crane 10 t", "Hall 2", "T4KQ-9035"),
    ("E-1004", "Shackle 4.75 t", "Store", None),
    ("E-1005", "Lifting beam 5 t", "Quay", None),
)


@dataclass(frozen=True)
class Equipment:
    """One thing that is lifted with. `tag` is the code on the tag that it carries, if any."""

    id: str
    number: str
    name: str
    location: str
    tag: str | None
    tagged_by: str | None
    labels: int


@dataclass(frozen=True)
class Inspection:
    """One inspection, signed. result: `passed`, `failed`. `inspected_at`: UTC seconds."""

    id: str
    result: str
    remark: str
    inspected_by: str
    inspected_at: int


def seed(connection: sqlite3.Connection, organization_id: str) -> None:
    """A little equipment for an organization that opens Onix Tag for the first time."""
    connection.executemany(
        "INSERT INTO equipment (id, organization_id, number, name, location, tag) VALUES (?, ?, ?, ?, ?, ?)",
        [(secrets.token_hex(8), organization_id, *row) for row in _FIRST],
    )


def equipment(connection: sqlite3.Connection, organization_id: str, limit: int, offset: int) -> list[Equipment]:
    """A page of the organization's equipment, by number."""
    rows = connection.execute(
        "SELECT id, number, name, location, tag, tagged_by, labels FROM equipment WHERE organization_id = ?"
        " ORDER BY number LIMIT ? OFFSET ?",
        (organization_id, limit, offset),
    )
    return [Equipment(**row) for row in rows]


def find(connection: sqlite3.Connection, organization_id: str, id_: str) -> Equipment | None:
    """One piece of the organization's equipment."""
    row = connection.execute(
        "SELECT id, number, name, location, tag, tagged_by, labels FROM equipment WHERE organization_id = ? AND id = ?",
        (organization_id, id_),
    ).fetchone()
    return Equipment(**row) if row else None


def register(connection: sqlite3.Connection, organization_id: str, number: str, name: str, location: str) -> None:
    """Add equipment. Raises `Taken`."""
    with numbered():
        connection.execute(
            "INSERT INTO equipment (id, organization_id, number, name, location) VALUES (?, ?, ?, ?, ?)",
            (secrets.token_hex(8), organization_id, number, name, location),
        )


def put_tag(connection: sqlite3.Connection, organization_id: str, id_: str, by: str) -> bool:
    """Give untagged equipment a tag with a new code. False when it carries one already or is not there."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    code = "".join(secrets.choice(letters) for _ in range(4)) + "-" + "".join(secrets.choice(letters) for _ in range(4))
    return bool(
        connection.execute(
            "UPDATE equipment SET tag = ?, tagged_by = ? WHERE organization_id = ? AND id = ? AND tag IS NULL",
            (code, by, organization_id, id_),
        ).rowcount
    )


def count_label(connection: sqlite3.Connection, organization_id: str, id_: str) -> bool:
    """Note that a label was printed. False when there is no tag to print one for."""
    return bool(
        connection.execute(
            "UPDATE equipment SET labels = labels + 1 WHERE organization_id = ? AND id = ? AND tag IS NOT NULL",
            (organization_id, id_),
        ).rowcount
    )


def sign_inspection(
    connection: sqlite3.Connection,
    organization_id: str,
    equipment_id: str,
    *,
    result: str,
    remark: str,
    by: str,
    at: int,
    signature: bytes,
) -> None:
    """Note an inspection, with the signature as it was on that day: a document keeps what was put under it."""
    connection.execute(
        "INSERT INTO inspection (id, organization_id, equipment_id, result, remark, inspected_by, inspected_at,"
        " signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (secrets.token_hex(8), organization_id, equipment_id, result, remark, by, at, signature),
    )


def inspections(
    connection: sqlite3.Connection, organization_id: str, equipment_id: str, limit: int = 20
) -> list[Inspection]:
    """The last inspections of a piece of equipment, the newest first."""
    rows = connection.execute(
        "SELECT id, result, remark, inspected_by, inspected_at FROM inspection"
        " WHERE organization_id = ? AND equipment_id = ? ORDER BY inspected_at DESC, id LIMIT ?",
        (organization_id, equipment_id, limit),
    )
    return [Inspection(**row) for row in rows]


def signature_of(connection: sqlite3.Connection, organization_id: str, inspection_id: str) -> bytes | None:
    """The signature under an inspection."""
    row = connection.execute(
        "SELECT signature FROM inspection WHERE organization_id = ? AND id = ?", (organization_id, inspection_id)
    ).fetchone()
    return bytes(row["signature"]) if row else None
