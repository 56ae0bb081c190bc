"""A table as its address asks for it: searched, filtered, sorted, one page."""

from __future__ import annotations

from typing import Any

from flask import request
from sqlalchemy import Select

from idp.kernel import listing
from idp.kernel.records import Scope, Table


def listed(table: Table, scope: Scope, path: str) -> listing.Page[Any]:
    """One page of the table's rows within the scope, as (address, row)."""
    asked = listing.read(
        path,
        request.args,
        sorts=table.sorts,
        filters={one.name: [value for value, _label in one.choices()] for one in table.filters},
    )
    statement: Select[Any] = table.select(scope)
    if asked.query and table.search is not None:
        statement = statement.where(table.search(asked.query, scope))
    for one in table.filters:
        if one.name in asked.filters:
            statement = statement.where(one.where(asked.filters[one.name]))
    column = next(one for one in table.columns if one.name == asked.sort)
    found = listing.page_of(statement, asked, [listing.directed(column.sort, asked), table.key])
    addresses = (f"{path}/{getattr(row, table.key.key)}" for row in found.rows)
    return found.with_rows(zip(addresses, table.rows(found.rows, scope), strict=True))
