"""Orders and their way:  new ──pick──▶ picked ──pack──▶ packed ──ship──▶ shipped.  No step back, none left out.

Every statement names the organization, so none can reach another's.
"""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass

from clients.relying_party.rows import next_step, take_step

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, number TEXT NOT NULL, customer TEXT NOT NULL, goods TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'picked', 'packed', 'shipped')), moved_by TEXT,
  UNIQUE (organization_id, number));
"""

STEPS = {"pick": ("new", "picked"), "pack": ("picked", "packed"), "ship": ("packed", "shipped")}

_FIRST = (
    ("5001", "Havn & Last AS", "4 × shackle 4.75 t, 2 × sling 3 m", "new"),
    ("5002", "Nordvik Mekaniske", "1 × chain hoist 2 t", "new"),
    ("5003", "Fjellbygg AS", "10 × round sling 2 t", "picked"),
    ("5004", "Kystservice AS", "1 × lifting beam 5 t", "packed"),
    ("5005", "Havn & Last AS", "6 × hook 3.2 t", "shipped"),
)


@dataclass(frozen=True)
class Order:
    """What a customer waits for, and how far it has come."""

    id: str
    number: str
    customer: str
    goods: str
    status: str
    moved_by: str | None

    @property
    def next_step(self) -> str | None:
        """The only step that can be taken now, if any."""
        return next_step(STEPS, self.status)


def seed(connection: sqlite3.Connection, organization_id: str) -> None:
    """A few orders for an organization that opens Onix Pick and Pack for the first time."""
    connection.executemany(
        "INSERT INTO orders (id, organization_id, number, customer, goods, status) VALUES (?, ?, ?, ?, ?, ?)",
        [(secrets.token_hex(8), organization_id, *row) for row in _FIRST],
    )


def orders(connection: sqlite3.Connection, organization_id: str, limit: int, offset: int) -> list[Order]:
    """A page of the organization's orders, those that are furthest from done first."""
    rows = connection.execute(
        "SELECT id, number, customer, goods, status, moved_by FROM orders WHERE organization_id = ?"
        " ORDER BY CASE status WHEN 'new' THEN 0 WHEN 'picked' THEN 1 WHEN 'packed' THEN 2 ELSE 3 END, number"
        " LIMIT ? OFFSET ?",
        (organization_id, limit, offset),
    )
    return [Order(**row) for row in rows]


def move(connection: sqlite3.Connection, organization_id: str, id_: str, step: str, by: str) -> bool | None:
    """Take `step` for one order. False when it is not at that point any more, None when there is no such order."""
    return take_step(connection, "orders", organization_id, id_, STEPS[step], moved_by=by)
