"""Long lists of working data, a page at a time (`?page=2`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from flask import request

from clients.relying_party.guard import granted, work_data

PAGE = 50  # entries of a page
LAST = 1_000_000


def listed(privilege: str, read: Callable[[sqlite3.Connection, str, int, int], list[Any]]) -> dict[str, Any]:
    """A page of the organization's list: without `privilege` an empty one.

    `read` takes a connection, the organization's id, how many and how many to pass over; without `privilege` it is not
    called.
    """
    access = granted()
    if not access.may(privilege):
        return paged(lambda _limit, _offset: [])
    with work_data().open() as connection:
        return paged(lambda limit, offset: read(connection, access.organization_id, limit, offset))


def paged(read: Callable[[int, int], list[Any]]) -> dict[str, Any]:
    """What a template and `kit/pages.html` show: `items`, `page` (from 1), and whether there are `more`.

    `read` takes how many and how many to pass over.
    """
    page = min(max(request.args.get("page", 1, type=int), 1), LAST)
    items = read(PAGE + 1, (page - 1) * PAGE)
    return {"items": items[:PAGE], "page": page, "more": len(items) > PAGE}
