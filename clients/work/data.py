"""Orders and inspections. Every statement names the organization, so none can reach another's.

An order's way:  new ──process──▶ processing ──finish──▶ done.
"""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from clients.relying_party.rows import next_step, numbered, take_step

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, number TEXT NOT NULL, customer TEXT NOT NULL,
  customer_number TEXT NOT NULL, task TEXT NOT NULL, handled_by TEXT,
  status TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'processing', 'done')),
  UNIQUE (organization_id, number));
CREATE TABLE IF NOT EXISTS inspection (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, number TEXT NOT NULL, customer TEXT NOT NULL,
  customer_number TEXT NOT NULL, equipment TEXT NOT NULL, file_name TEXT NOT NULL, size INTEGER NOT NULL,
  uploaded_by TEXT NOT NULL, at INTEGER NOT NULL, delivered INTEGER NOT NULL DEFAULT 0,
  UNIQUE (organization_id, number));
CREATE TABLE IF NOT EXISTS undelivered (inspection_id TEXT PRIMARY KEY, content BLOB NOT NULL);
"""

STEPS = {"process": ("new", "processing"), "finish": ("processing", "done")}
SUGGESTED = 100  # customers that a form offers to complete
KEPT = 30 * 86400  # seconds that an upload waits for its customer to be found in Companies

_INSPECTION = (
    "SELECT id, number, customer, customer_number, equipment, file_name, size, uploaded_by, at, delivered,"
    " EXISTS (SELECT 1 FROM undelivered u WHERE u.inspection_id = inspection.id) AS waits FROM inspection"
)

_FIRST = (
    ("2001", "Havgap Rederi AS", "945678901", "Yearly inspection of lifting equipment", "new"),
    ("2002", "Bølgen Entreprenør AS", "956789012", "Load test of a lifting beam 5 t", "new"),
    ("2003", "Nordic Lift AS", "912345678", "Certificates for 12 round slings", "processing"),
    ("2004", "Kystservice AS", "", "Repair of a chain hoist 2 t", "new"),
)


@dataclass(frozen=True)
class Order:
    """What a customer has ordered, and how far it has come."""

    id: str
    number: str
    customer: str
    customer_number: str
    task: str
    status: str
    handled_by: str | None

    @property
    def next_step(self) -> str | None:
        """The only step that can be taken now, if any."""
        return next_step(STEPS, self.status)


@dataclass(frozen=True)
class Inspection:
    """A report or picture that was uploaded. `size`: bytes; `at`: UTC seconds.

    `delivered`: handed to Onix Express; `waits`: its bytes are kept to be delivered, at least until `waits_until`.
    """

    id: str
    number: str
    customer: str
    customer_number: str
    equipment: str
    file_name: str
    size: int
    uploaded_by: str
    at: int
    delivered: int
    waits: int

    @property
    def waits_until(self) -> int:
        """When the bytes that wait may go (UTC seconds)."""
        return self.at + KEPT


def seed(connection: sqlite3.Connection, organization_id: str) -> None:
    """A few orders for an organization that opens Onix Work for the first time."""
    connection.executemany(
        "INSERT INTO orders (id, organization_id, number, customer, customer_number, task, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(secrets.token_hex(8), organization_id, *row) for row in _FIRST],
    )


def orders(connection: sqlite3.Connection, organization_id: str, limit: int, offset: int) -> list[Order]:
    """A page of the organization's orders, those that are furthest from done first."""
    rows = connection.execute(
        "SELECT id, number, customer, customer_number, task, status, handled_by FROM orders WHERE organization_id = ?"
        " ORDER BY CASE status WHEN 'new' THEN 0 WHEN 'processing' THEN 1 ELSE 2 END, number LIMIT ? OFFSET ?",
        (organization_id, limit, offset),
    )
    return [Order(**row) for row in rows]


def order(connection: sqlite3.Connection, organization_id: str, id_: str) -> Order | None:
    """One order of the organization."""
    row = connection.execute(
        "SELECT id, number, customer, customer_number, task, status, handled_by FROM orders"
        " WHERE organization_id = ? AND id = ?",
        (organization_id, id_),
    ).fetchone()
    return Order(**row) if row else None


def add_order(
    connection: sqlite3.Connection, organization_id: str, number: str, customer: str, customer_number: str, task: str
) -> str:
    """A new order; its id. Raises `Taken`."""
    id_ = secrets.token_hex(8)
    with numbered():
        connection.execute(
            "INSERT INTO orders (id, organization_id, number, customer, customer_number, task)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (id_, organization_id, number, customer, customer_number, task),
        )
    return id_


def move(connection: sqlite3.Connection, organization_id: str, id_: str, step: str, by: str) -> bool | None:
    """Take `step` for one order. False when it is not at that point any more, None when there is no such order."""
    return take_step(connection, "orders", organization_id, id_, STEPS[step], handled_by=by)


def inspections(connection: sqlite3.Connection, organization_id: str, limit: int, offset: int) -> list[Inspection]:
    """A page of the organization's inspections, the newest first."""
    rows = connection.execute(
        f"{_INSPECTION} WHERE organization_id = ? ORDER BY at DESC, number LIMIT ? OFFSET ?",
        (organization_id, limit, offset),
    )
    return [Inspection(**row) for row in rows]


def inspection(connection: sqlite3.Connection, organization_id: str, id_: str) -> Inspection | None:
    """One inspection of the organization."""
    row = connection.execute(
        f"{_INSPECTION} WHERE organization_id = ? AND id = ?",
        (organization_id, id_),
    ).fetchone()
    return Inspection(**row) if row else None


def add_inspection(
    connection: sqlite3.Connection, organization_id: str, *, number: str, customer: str, customer_number: str,
    equipment: str, file_name: str, content: bytes, waits: bool, by: str, now: int,
) -> str:  # fmt: skip
    """Write down what was uploaded; its id. `waits`: the bytes are kept until they are delivered. Raises `Taken`."""
    id_ = secrets.token_hex(8)
    with numbered():
        connection.execute(
            "INSERT INTO inspection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                id_, organization_id, number, customer, customer_number, equipment, file_name, len(content), by, now,
            ),
        )  # fmt: skip
    if waits:
        _forget_old(connection, now)
        connection.execute("INSERT INTO undelivered VALUES (?, ?)", (id_, content))
    return id_


def _forget_old(connection: sqlite3.Connection, now: int) -> None:
    """Let the bytes go whose customer was not found for so long."""
    connection.execute(
        "DELETE FROM undelivered WHERE inspection_id IN"
        " (SELECT u.inspection_id FROM undelivered u JOIN inspection i ON i.id = u.inspection_id WHERE i.at < ?)",
        (now - KEPT,),
    )


def take_undelivered(connection: sqlite3.Connection, id_: str) -> bytes | None:
    """What waits to be delivered, which is then noted as delivered; None when it was already."""
    row = connection.execute("SELECT content FROM undelivered WHERE inspection_id = ?", (id_,)).fetchone()
    if row is None:
        return None
    connection.execute("DELETE FROM undelivered WHERE inspection_id = ?", (id_,))
    connection.execute("UPDATE inspection SET delivered = 1 WHERE id = ?", (id_,))
    return bytes(row["content"])


def customers(connection: sqlite3.Connection, organization_id: str) -> list[str]:
    """Names that orders have had, for forms to complete."""
    rows = connection.execute(
        "SELECT DISTINCT customer FROM orders WHERE organization_id = ? ORDER BY customer LIMIT ?",
        (organization_id, SUGGESTED),
    )
    return [row["customer"] for row in rows]
