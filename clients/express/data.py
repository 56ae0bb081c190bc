"""Documents and the log of what was opened. Every statement is bounded by a `Reach`, so none can go beyond it."""

from __future__ import annotations

import secrets
import sqlite3
import unicodedata
from dataclasses import dataclass
from typing import Any

from clients.express.reach import Reach

SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
  id TEXT PRIMARY KEY, supplier_id TEXT NOT NULL, company_id TEXT NOT NULL, company_name TEXT NOT NULL,
  number TEXT NOT NULL, title TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('certificate', 'report', 'picture')),
  equipment TEXT NOT NULL, issued_at INTEGER NOT NULL, media_type TEXT NOT NULL, content BLOB NOT NULL,
  search_text TEXT NOT NULL, UNIQUE (supplier_id, number));
CREATE INDEX IF NOT EXISTS document_reach ON document (supplier_id, company_id, issued_at);
CREATE TABLE IF NOT EXISTS opening (
  id INTEGER PRIMARY KEY, supplier_id TEXT NOT NULL, company_id TEXT NOT NULL, company_name TEXT NOT NULL,
  document_id TEXT NOT NULL, number TEXT NOT NULL, title TEXT NOT NULL, account_id TEXT NOT NULL, person TEXT NOT NULL,
  how TEXT NOT NULL CHECK (how IN ('opened', 'downloaded')), at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS opening_reach ON opening (supplier_id, company_id, id);
CREATE INDEX IF NOT EXISTS opening_last ON opening (document_id, account_id, how, at);
CREATE TABLE IF NOT EXISTS supplied (
  supplier_id TEXT NOT NULL, company_id TEXT NOT NULL, PRIMARY KEY (supplier_id, company_id));
CREATE TABLE IF NOT EXISTS visited (
  account_id TEXT NOT NULL, supplier_id TEXT NOT NULL, supplier_name TEXT NOT NULL, company_name TEXT NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY (account_id, supplier_id));
"""

KINDS = ("certificate", "report", "picture")
ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}
"""What is served, and nothing else: the types that a browser shows without running anything of ours."""
LARGEST = 20 * 1024 * 1024  # bytes of one document
SAME_OPENING = 300  # seconds within which a person's second look at a document is the same look
LONGEST_SEARCH = 100
COMPANIES = 200  # that the choice of a customer offers
SUPPLIERS = 20  # that a person can switch to with one click

_COLUMNS = (
    "id, company_id, company_name, number, title, kind, equipment, issued_at, media_type, length(content) AS size"
)


@dataclass(frozen=True)
class Document:
    """What stands in a list. `issued_at`: UTC seconds; `size`: bytes."""

    id: str
    company_id: str
    company_name: str
    number: str
    title: str
    kind: str
    equipment: str
    issued_at: int
    media_type: str
    size: int

    @property
    def file_name(self) -> str:
        """A name that every system can store; the number is typed by people."""
        plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in self.number)
        return f"{plain.strip('-') or 'document'}.{ENDINGS[self.media_type]}"


@dataclass(frozen=True)
class Delivery:
    """A document as the supplier hands it over."""

    number: str
    title: str
    kind: str
    equipment: str
    issued_at: int
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Wish:
    """What a list is narrowed by; empty: everything."""

    text: str = ""
    kind: str = ""
    company_id: str = ""


@dataclass(frozen=True)
class Opening:
    """One line of the log. `how`: `opened` (in the browser) or `downloaded`; `at`: UTC seconds."""

    company_name: str
    document_id: str
    number: str
    title: str
    person: str
    how: str
    at: int


class Unfit(Exception):
    """A delivery that can't be taken: not a type that is served, empty, too large, or its number is used."""


def fold(text: str) -> str:
    """Text as it is searched: composed, one line, without case."""
    return unicodedata.normalize("NFC", " ".join(text.split()).casefold())


def seed(connection: sqlite3.Connection, organization_id: str) -> None:
    """Nothing comes from nowhere: documents are delivered."""


def deliver(
    connection: sqlite3.Connection, supplier_id: str, company_id: str, company_name: str, delivery: Delivery
) -> str:
    """Keep a document that the supplier delivered to a customer; its new id. Raises `Unfit`."""
    if delivery.kind not in KINDS or media_type_of(delivery.content) != delivery.media_type:
        raise Unfit("type")
    if not 0 < len(delivery.content) <= LARGEST:
        raise Unfit("size")
    id_ = secrets.token_hex(16)
    found = fold(f"{delivery.number} {delivery.title} {delivery.equipment} {company_name}")
    try:
        connection.execute(
            "INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                id_, supplier_id, company_id, company_name, delivery.number, delivery.title, delivery.kind,
                delivery.equipment, delivery.issued_at, delivery.media_type, delivery.content, found,
            ),
        )  # fmt: skip
    except sqlite3.IntegrityError as error:
        raise Unfit("number") from error
    return id_


def media_type_of(content: bytes) -> str | None:
    """The type that the bytes themselves tell, of those that are served; what somebody calls a file tells nothing."""
    for mark, media_type in ((b"%PDF-", "application/pdf"), (b"\x89PNG\r\n\x1a\n", "image/png")):
        if content.startswith(mark):
            return media_type
    return "image/jpeg" if content.startswith(b"\xff\xd8\xff") else None


def documents(connection: sqlite3.Connection, reach: Reach, wish: Wish, limit: int, offset: int) -> list[Document]:
    """A page of what may be read, the newest first."""
    where, values = _within(reach)
    for word in fold(wish.text[:LONGEST_SEARCH]).split():
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        where += " AND search_text LIKE ? ESCAPE '\\'"
        values.append(f"%{escaped}%")
    if wish.kind in KINDS:
        where += " AND kind = ?"
        values.append(wish.kind)
    if wish.company_id:
        where += " AND company_id = ?"
        values.append(wish.company_id)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM document WHERE {where} ORDER BY issued_at DESC, number LIMIT ? OFFSET ?",  # noqa: S608
        (*values, limit, offset),
    )
    return [Document(**row) for row in rows]


def find(connection: sqlite3.Connection, reach: Reach, id_: str) -> Document | None:
    """One document; None alike for one that is not there and for another customer's or supplier's."""
    where, values = _within(reach)
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM document WHERE {where} AND id = ?",  # noqa: S608
        (*values, id_),
    ).fetchone()
    return Document(**row) if row else None


def content(connection: sqlite3.Connection, reach: Reach, id_: str) -> bytes | None:
    """The bytes of one document, within reach."""
    where, values = _within(reach)
    row = connection.execute(f"SELECT content FROM document WHERE {where} AND id = ?", (*values, id_)).fetchone()  # noqa: S608
    return bytes(row["content"]) if row else None


def companies(connection: sqlite3.Connection, reach: Reach) -> list[tuple[str, str]]:
    """Id and name of the customers within reach to whom something was delivered, by name."""
    where, values = _within(reach)
    rows = connection.execute(
        f"SELECT company_id, max(company_name) AS name FROM document WHERE {where}"  # noqa: S608
        " GROUP BY company_id ORDER BY name, company_id LIMIT ?",
        (*values, COMPANIES),
    )
    return [(row["company_id"], row["name"]) for row in rows]


def note_opening(
    connection: sqlite3.Connection,
    supplier_id: str,
    document: Document,
    account_id: str,
    person: str,
    how: str,
    now: int,
) -> None:
    """Write down that somebody opened or downloaded a document; a second look within minutes is the same one."""
    lately = connection.execute(
        "SELECT 1 FROM opening WHERE document_id = ? AND account_id = ? AND how = ? AND at > ?",
        (document.id, account_id, how, now - SAME_OPENING),
    ).fetchone()
    if lately is None:
        connection.execute(
            "INSERT INTO opening (supplier_id, company_id, company_name, document_id, number, title, account_id,"
            " person, how, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                supplier_id, document.company_id, document.company_name, document.id, document.number, document.title,
                account_id, person, how, now,
            ),
        )  # fmt: skip


def openings(
    connection: sqlite3.Connection, reach: Reach, account_id: str, company_id: str, limit: int, offset: int
) -> list[Opening]:
    """A page of the log, the newest first: for the supplier what its customers opened, for a guest its own part."""
    where, values = _within(reach)
    if not reach.every_company:
        where += " AND account_id = ?"
        values.append(account_id)
    elif company_id:
        where += " AND company_id = ?"
        values.append(company_id)
    rows = connection.execute(
        f"SELECT company_name, document_id, number, title, person, how, at FROM opening WHERE {where}"  # noqa: S608
        " ORDER BY id DESC LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return [Opening(**row) for row in rows]


def note_visit(
    connection: sqlite3.Connection, account_id: str, supplier_id: str, supplier_name: str, company_name: str, now: int
) -> None:
    """Remember with which supplier this person was, so that it can come back with one click."""
    connection.execute(
        "INSERT INTO visited VALUES (?, ?, ?, ?, ?) ON CONFLICT (account_id, supplier_id)"
        " DO UPDATE SET supplier_name = excluded.supplier_name, company_name = excluded.company_name, at = excluded.at",
        (account_id, supplier_id, supplier_name, company_name, now),
    )


def visited(
    connection: sqlite3.Connection, account_id: str, supplier_id: str, supplier_name: str, company_name: str
) -> bool:
    """Whether just this is remembered already."""
    found = connection.execute(
        "SELECT 1 FROM visited WHERE account_id = ? AND supplier_id = ? AND supplier_name = ? AND company_name = ?",
        (account_id, supplier_id, supplier_name, company_name),
    )
    return found.fetchone() is not None


def other_suppliers(connection: sqlite3.Connection, account_id: str, supplier_id: str) -> list[dict[str, Any]]:
    """The suppliers, beside this one, with which the person has been: `id`, `name` and the `company` there."""
    rows = connection.execute(
        "SELECT supplier_id AS id, supplier_name AS name, company_name AS company FROM visited"
        " WHERE account_id = ? AND supplier_id <> ? ORDER BY supplier_name LIMIT ?",
        (account_id, supplier_id, SUPPLIERS),
    )
    return [dict(row) for row in rows]


def _within(reach: Reach) -> tuple[str, list[Any]]:
    if reach.company_id is None:
        return "supplier_id = ?", [reach.supplier_id]
    return "supplier_id = ? AND company_id = ?", [reach.supplier_id, reach.company_id]
