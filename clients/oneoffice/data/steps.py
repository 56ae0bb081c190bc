"""One step of one row, taken once by whoever is first."""

from __future__ import annotations

import sqlite3


def take(
    connection: sqlite3.Connection, table: str, organization_id: str, id_: str, change: str, when: str, **values: str
) -> bool | None:
    """`change` (SQL, with `:name` places for `values`) the organization's row if `when` holds for it.

    False when it does not hold any more, None when the organization has no such row.
    """
    found = {**values, "organization": organization_id, "id": id_}
    here = "organization_id = :organization AND id = :id"
    if connection.execute(f"UPDATE {table} SET {change} WHERE {here} AND {when}", found).rowcount:  # noqa: S608 -- our own words
        return True
    return False if connection.execute(f"SELECT 1 FROM {table} WHERE {here}", found).fetchone() else None  # noqa: S608
