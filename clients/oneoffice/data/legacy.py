"""What the older half keeps: paper folders, taken out and put back, and forms, handed in and handled."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from clients.relying_party.rows import take

SCHEMA = """
CREATE TABLE IF NOT EXISTS folders (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, number TEXT NOT NULL, title TEXT NOT NULL, shelf TEXT NOT NULL,
  taken_by TEXT, UNIQUE (organization_id, number));
CREATE TABLE IF NOT EXISTS forms (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('travel', 'purchase', 'leave')),
  about TEXT NOT NULL, handed_in_by TEXT NOT NULL, handled_by TEXT, number INTEGER NOT NULL,
  UNIQUE (organization_id, number));
"""

KINDS = {"travel": "Travel claim", "purchase": "Purchase", "leave": "Leave"}

_FOLDERS = (
    ("A-1987-04", "Crane register, Bergen", "B 12", None),
    ("A-1994-11", "Inspection reports, Mongstad", "B 14", "Ola Dal"),
    ("A-2001-02", "Drawings, quay at Florø", "C 3", None),
)
_FORMS = (("travel", "Bergen to Odda and back", "Ida Bø"), ("purchase", "Two chain hoists", None))


@dataclass(frozen=True)
class Folder:
    """A paper folder on its shelf, or with the one who has taken it out."""

    id: str
    number: str
    title: str
    shelf: str
    taken_by: str | None


@dataclass(frozen=True)
class Form:
    """A form that somebody handed in."""

    id: str
    number: int
    kind: str
    about: str
    handed_in_by: str
    handled_by: str | None


def seed(connection: sqlite3.Connection, organization_id: str) -> None:
    connection.executemany(
        "INSERT INTO folders (id, organization_id, number, title, shelf, taken_by) VALUES (?, ?, ?, ?, ?, ?)",
        [(secrets.token_hex(8), organization_id, *row) for row in _FOLDERS],
    )
    for kind, about, handled_by in _FORMS:
        id_ = hand_in(connection, organization_id, kind, about, "Ola Dal")
        if handled_by:
            handle(connection, organization_id, id_, handled_by)


def folders(connection: sqlite3.Connection, organization_id: str, limit: int, offset: int) -> list[Folder]:
    """A page of the organization's folders, by number."""
    rows = connection.execute(
        "SELECT id, number, title, shelf, taken_by FROM folders WHERE organization_id = ?"
        " ORDER BY number LIMIT ? OFFSET ?",
        (organization_id, limit, offset),
    )
    return [Folder(**row) for row in rows]


def take_out(connection: sqlite3.Connection, organization_id: str, id_: str, by: str) -> bool | None:
    """Take a folder from its shelf. False when somebody has it already, None when there is no such folder."""
    return take(connection, "folders", organization_id, id_, "taken_by = :by", "taken_by IS NULL", by=by)


def put_back(connection: sqlite3.Connection, organization_id: str, id_: str) -> bool | None:
    """Put a folder back on its shelf. False when it stands there, None when there is no such folder."""
    return take(connection, "folders", organization_id, id_, "taken_by = NULL", "taken_by IS NOT NULL")


def forms(connection: sqlite3.Connection, organization_id: str, limit: int, offset: int) -> list[Form]:
    """A page of the forms that were handed in, those that wait first."""
    rows = connection.execute(
        "SELECT id, number, kind, about, handed_in_by, handled_by FROM forms WHERE organization_id = ?"
        " ORDER BY handled_by IS NOT NULL, number LIMIT ? OFFSET ?",
        (organization_id, limit, offset),
    )
    return [Form(**row) for row in rows]


def hand_in(connection: sqlite3.Connection, organization_id: str, kind: str, about: str, by: str) -> str:
    """Hand in a form under the next number; gives its id. Call in a write transaction."""
    id_ = secrets.token_hex(8)
    connection.execute(
        "INSERT INTO forms (id, organization_id, kind, about, handed_in_by, number)"
        " SELECT ?, ?, ?, ?, ?, coalesce(max(number), 0) + 1 FROM forms WHERE organization_id = ?",
        (id_, organization_id, kind, about, by, organization_id),
    )
    return id_


def handle(connection: sqlite3.Connection, organization_id: str, id_: str, by: str) -> bool | None:
    """Note that a form is handled. False when it was already, None when there is no such form."""
    return take(connection, "forms", organization_id, id_, "handled_by = :by", "handled_by IS NULL", by=by)
