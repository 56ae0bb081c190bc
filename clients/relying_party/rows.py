"""Rows of working data, as every application has them: a number that stands once, and steps that are taken once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Taken(Exception):
    """The number is already used in this organization. Its text is what the form says."""

    def __str__(self) -> str:
        return "This number is already in use."


@contextmanager
def numbered() -> Iterator[None]:
    """Add a row whose number is unique in its organization. Raises `Taken`."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise Taken from error


def next_step(steps: Mapping[str, tuple[str, str]], status: str) -> str | None:
    """The only step that can be taken now, if any. `steps`: by name the status before each and after it."""
    return next((step for step, (before, _) in steps.items() if before == status), None)


def take_step(
    connection: sqlite3.Connection, table: str, organization_id: str, id_: str, step: tuple[str, str], **by: str
) -> bool | None:
    """Take a step, from the status before to the one after. `by`: under the name of its column, who takes it.

    False when the row is not at that point any more, None when the organization has no such row.
    """
    before, after = step
    change = ", ".join(["status = :after", *(f"{column} = :{column}" for column in by)])
    return take(connection, table, organization_id, id_, change, "status = :before", before=before, after=after, **by)


def take(
    connection: sqlite3.Connection, table: str, organization_id: str, id_: str, change: str, when: str, **values: str
) -> bool | None:
    """`change` (SQL, with `:name` places for `values`) the organization's row if `when` holds for it: whoever is first.

    False when it does not hold any more, None when the organization has no such row.
    """
    found = {**values, "organization": organization_id, "id": id_}
    here = "organization_id = :organization AND id = :id"
    if connection.execute(f"UPDATE {table} SET {change} WHERE {here} AND {when}", found).rowcount:  # noqa: S608 -- our own words
        return True
    return False if connection.execute(f"SELECT 1 FROM {table} WHERE {here}", found).fetchone() else None  # noqa: S608
