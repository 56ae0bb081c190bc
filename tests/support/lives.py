"""A row of a person in every table that leads to an account, and whatever is written of somebody anywhere.

For the two promises about own data: the export tells of every such table, and after an erasure no word is left in any.
Rows are made from the tables' own descriptions, so that a table of tomorrow is filled too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Integer, LargeBinary, String, Table, Text, cast, func, insert, or_, select

from idp.kernel import clock
from idp.kernel.database import db, new_id, unit_of_work
from idp.migrations import import_models


def tables() -> list[Table]:
    """Every table there is."""
    import_models()
    return list(db.metadata.sorted_tables)


def references(table: Table, name: str) -> list[Column[Any]]:
    """The columns of a table that are a foreign key to `name`.id."""
    return [column for column in table.columns if any(key.column.table.name == name for key in column.foreign_keys)]


def personal() -> list[Table]:
    """The tables that lead to an account, straight or through a membership, or that name one by its id."""
    return [
        table
        for table in tables()
        if table.name == "account"
        or references(table, "account")
        or references(table, "member")
        or {"account_id", "actor_id"} & set(table.columns.keys())
    ]


def live(account_id: str, word: str) -> list[str]:
    """Write a row of this account into each table that has a foreign key to it and none of its rows yet.

    Every text of it is `word`, but those that a secret stands in. Gives the tables. Inside an application context.
    """
    filled = []
    with unit_of_work() as session:
        for table in tables():
            own = references(table, "account")
            if not own or session.scalar(select(func.count()).select_from(table).where(own[0] == account_id)):
                continue
            session.execute(insert(table).values({c.name: _value(c, account_id, word) for c in table.columns}))
            filled.append(table.name)
    return filled


def _value(column: Column[Any], account_id: str, word: str) -> Any:
    for key in column.foreign_keys:
        if key.column.table.name == "account":
            return account_id
        return db.session.scalar(select(key.column).limit(1))
    if column.primary_key and isinstance(column.type, String) and column.type.length == 36:
        return new_id()
    if _secret(column):
        return f"kept-secret-{column.table.name}-{column.name}".ljust(40, "x")
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, Integer):
        return clock.now()
    if isinstance(column.type, LargeBinary):
        return word.encode()
    if isinstance(column.type, JSON):
        return {"said": [word]}
    if isinstance(column.type, String):
        return word[: column.type.length]
    raise AssertionError(f"no value known for {column}")


def _secret(column: Column[Any]) -> bool:
    """Whether the column keeps a secret, or the digest of one, by its name."""
    return any(part in column.name for part in ("hash", "digest", "secret", "seed", "private"))


def found(words: Iterable[str]) -> list[str]:
    """Where one of these words (in small letters) stands: `table.column`, in whatever column of whatever table."""
    where = []
    for table in tables():
        for column in table.columns:
            if isinstance(column.type, LargeBinary):
                contents = db.session.scalars(select(column).where(column.is_not(None)))
                if any(word.encode() in bytes(content).lower() for content in contents for word in words):
                    where.append(f"{table.name}.{column.name}")
            elif isinstance(column.type, String | JSON):
                text = func.lower(cast(column, Text))
                stands = or_(*(text.contains(word, autoescape=True) for word in words))
                if db.session.scalar(select(func.count()).select_from(table).where(stands)):
                    where.append(f"{table.name}.{column.name}")
    db.session.rollback()
    return where


def secrets_of(account_id: str) -> set[str]:
    """What stands of this account in columns that keep a secret or the digest of one."""
    kept = set()
    for table in tables():
        own = [table.c.id] if table.name == "account" else references(table, "account")
        for column in table.columns:
            if own and _secret(column):
                kept.update(db.session.scalars(select(column).where(own[0] == account_id, column.is_not(None))))
    db.session.rollback()
    return {str(value) for value in kept}
