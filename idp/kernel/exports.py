"""What a person may take along: every room declares which part of its rows is a person's, in a line of its `init_app`.

A `Part` becomes a file of the archive that *Your data* gives. A test goes through all tables that lead to an account:
one that no part tells of, and that nobody left out with a reason, fails it. Secrets (hashes, digests, seeds) and other
people never stand in a row; times are texts (`instant`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from sqlalchemy import Row, Select, select

from . import language
from .database import db

PAGE = 500
"""Rows that are read at once."""

Taken = Mapping[str, Any]
"""One row as it is written: plain values by name."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file, `name`.json, with what it holds in a sentence (`text`, lazy) and the `tables` that it tells of.

    `rows` gives an account's rows, read in portions; `files` what can't stand in JSON, as (name, content) pairs, which
    come to lie in a folder called `name`.
    """

    name: str
    text: Any
    tables: frozenset[str]
    rows: Callable[[str], Iterable[Taken]]
    files: Callable[[str], Iterable[tuple[str, bytes]]] | None = None


@dataclass(slots=True)
class Exports:
    """What the rooms of one application declare, in their order."""

    parts: tuple[Part, ...] = ()
    left_out: Mapping[str, str] | None = None

    @property
    def told(self) -> frozenset[str]:
        """The tables that are told of, or left out with a reason."""
        return frozenset(self.left_out or ()).union(*(part.tables for part in self.parts))


def declare(app: Flask, *parts: Part, left_out: Mapping[str, str] | None = None) -> None:
    """Add a room's parts. `left_out`: tables that lead to an account and hold nothing to take along, each with why."""
    known = app.extensions.setdefault("onix_exports", Exports())
    names = [part.name for part in (*known.parts, *parts)]
    if len(names) != len(set(names)):
        raise ValueError("two parts of the export have the same name")
    known.parts = (*known.parts, *parts)
    known.left_out = {**(known.left_out or {}), **(left_out or {})}


def declared() -> Exports:
    """Of the application that serves."""
    return current_app.extensions["onix_exports"]  # type: ignore[no-any-return]


def instant(seconds: int | None) -> str | None:
    """UTC seconds as an archive says them: `2026-11-22T09:30:00+00:00`."""
    return None if seconds is None else language.iso(seconds)


def taken(
    key: Any,
    columns: Mapping[str, Any],
    narrow: Callable[[Select[Any]], Select[Any]],
    **shown: Callable[[Any], Any],
) -> Iterator[Taken]:
    """Rows by the names that they are written under, each with the column it comes of; a name in `_at` is an instant.

    `narrow` adds to the select what it needs: joins, and whose rows they are. `shown`: what is made of the value of a
    name. `key` as for `walk`.
    """
    rows = narrow(select(key.label("id"), *(column.label(name) for name, column in columns.items())))
    shown = {name: instant for name in columns if name.endswith("_at")} | shown
    for row in walk(rows, key):
        values: dict[str, Any] = dict(zip(columns, row[1:], strict=True))
        yield values | {name: show(values[name]) for name, show in shown.items()}


def walk(statement: Any, key: Any) -> Iterator[Row[Any]]:
    """The rows of a select of columns, a page at a time, ordered by `key`, a unique text that it selects as `id`."""
    last = ""
    while page := db.session.execute(statement.where(key > last).order_by(key).limit(PAGE)).all():
        yield from page
        last = page[-1].id
