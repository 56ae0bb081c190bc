"""A table as its address asks for it: searched, filtered, sorted, one page."""

from __future__ import annotations

from typing import Any

from flask import request
from sqlalchemy import ColumnElement, Select

from idp.kernel import listing
from idp.kernel.listing import Listing
from idp.kernel.records import Scope, Table, Trail


def listed(table: Table, scope: Scope, path: str) -> listing.Page[Any] | listing.Stretch[Any]:
    """One page of the table's rows within the scope, as (address, row)."""
    asked = listing.read(
        path,
        request.args,
        sorts=table.sorts,
        filters={one.name: [value for value, _label in one.choices()] for one in table.filters},
    )
    narrowing = [one.where(asked.filters[one.name]) for one in table.filters if one.name in asked.filters]
    found = (
        _stretch(table, table.trail, scope, asked, narrowing) if table.trail else _page(table, scope, asked, narrowing)
    )
    addresses = (f"{path}/{getattr(row, table.key.key)}" for row in found.rows)
    return found.with_rows(zip(addresses, table.rows(found.rows, scope), strict=True))


def _page(table: Table, scope: Scope, asked: Listing, narrowing: list[ColumnElement[bool]]) -> listing.Page[Any]:
    statement: Select[Any] = table.select(scope).where(*narrowing)
    if asked.query and table.search is not None:
        statement = statement.where(table.search(asked.query, scope))
    column = next(one for one in table.columns if one.name == asked.sort)
    order = [listing.directed(one, asked) for one in (column.sort, table.key)]
    return listing.page_of(statement, asked, order, beside=column.beside)


def _stretch(
    table: Table, trail: Trail, scope: Scope, asked: Listing, narrowing: list[ColumnElement[bool]]
) -> listing.Stretch[Any]:
    quick = not narrowing
    if asked.query:
        meant, quick = trail.seek(asked.query, scope)
        narrowing = [*narrowing, meant]
    sought = listing.Sought(table.select(scope), tuple(narrowing), quick)
    return listing.stretch_of(sought, asked, trail.at, table.key)
