"""A list as its address asks for it: `?q=berg&status=active&sort=-name&page=2`.

Names of sorts and filters come from the list's own allow-list and everything else in the address is ignored (security
P30), so a link that has grown old still shows a list. Sizes are bounded: a page has `PAGE` rows, a search `LONGEST`
characters. Search compares folded text with folded text, so that both databases find the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Select, func, select

from .database import db

PAGE = 50
LAST_PAGE = 20_000
LONGEST = 100

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Listing:
    """What is asked for. `filters` holds only the filters that are set; `page` counts from 1."""

    path: str
    query: str = ""
    sort: str = ""
    descending: bool = False
    page: int = 1
    filters: Mapping[str, str] = field(default_factory=dict)

    def address(self, **changes: Any) -> str:
        """The address of this list with something else asked: `sort="-name"`, `page=2`, or a filter (None: without).

        Whatever changes which rows are found begins at the first page again.
        """
        filters = {
            **self.filters,
            **{name: value for name, value in changes.items() if name not in ("sort", "page", "q")},
        }
        sort = changes.get("sort", f"{'-' if self.descending else ''}{self.sort}")
        page = changes.get("page", 1)
        values = {"q": changes.get("q", self.query), **filters, "sort": sort, "page": page if page != 1 else None}
        asked = urlencode({name: value for name, value in values.items() if value})
        return f"{self.path}?{asked}" if asked else self.path

    def sorted_by(self, name: str) -> str:
        """The address that sorts by this column, the other way round when it is sorted by it already."""
        return self.address(sort=f"-{name}" if self.sort == name and not self.descending else name)

    @property
    def narrowed(self) -> bool:
        """Whether a search or filter is set, so that an empty list means "nothing found"."""
        return bool(self.query or self.filters)


def read(
    path: str,
    arguments: Mapping[str, str],
    *,
    sorts: Sequence[str],
    filters: Mapping[str, Collection[str] | None] | None = None,
) -> Listing:
    """Read the address of a list. `sorts`: the columns that it sorts by, the first by default (`-name`: descending).

    `filters`: by name the values that count, or None where any text (an id) does.
    """
    wanted = arguments.get("sort", "")
    sort, descending = wanted.removeprefix("-"), wanted.startswith("-")
    known = [name.removeprefix("-") for name in sorts]
    if sort not in known:
        sort, descending = known[0], sorts[0].startswith("-")
    found = {}
    for name, values in (filters or {}).items():
        value = arguments.get(name, "")[:LONGEST]
        if value and (values is None or value in values):
            found[name] = value
    page = arguments.get("page", "1")
    return Listing(
        path=path,
        query=" ".join(arguments.get("q", "").replace("\0", " ").split())[:LONGEST],
        sort=sort,
        descending=descending,
        page=min(max(int(page), 1), LAST_PAGE) if page.isascii() and page.isdecimal() and len(page) < 9 else 1,
        filters=found,
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list: its rows, and how many there are in all."""

    listing: Listing
    rows: tuple[Row, ...]
    total: int

    @property
    def first(self) -> int:
        """The number of the first row shown, 0 when there is none."""
        return (self.listing.page - 1) * PAGE + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return (self.listing.page - 1) * PAGE + len(self.rows) if self.rows else 0

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))

    def with_rows(self, rows: Iterable[Any]) -> Page[Any]:
        """The same page with its rows as something else."""
        return Page(self.listing, tuple(rows), self.total)


def page_of(statement: Select[Any], listing: Listing, order: Iterable[ColumnElement[Any]]) -> Page[Any]:
    """One page of a select of one column or entity, and the number of all its rows: two statements.

    `order` has to end in something unique, so that no row is on two pages. A page behind the last one is the last one.
    """
    total = db.session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    last = max(1, -(-total // PAGE))
    if listing.page > last:
        listing = replace(listing, page=last)
    rows = db.session.scalars(statement.order_by(*order).limit(PAGE).offset((listing.page - 1) * PAGE))
    return Page(listing, tuple(rows.unique()), total)


def directed(column: Any, listing: Listing) -> ColumnElement[Any]:
    """The column in the direction that is asked for; empty values come last either way."""
    ordered: ColumnElement[Any] = (column.desc() if listing.descending else column.asc()).nulls_last()
    return ordered


def fold(*parts: str | None) -> str:
    """Text as it is searched: one line, composed, without case. What is empty is left out."""
    return unicodedata.normalize("NFC", " ".join(" ".join(part for part in parts if part).split()).casefold())


def contains(column: Any, text: str) -> ColumnElement[bool]:
    """Whether the folded column holds every word of `text`, wildcards taken literally."""
    found: ColumnElement[bool] = func.coalesce(column, "") == func.coalesce(column, "")
    for word in fold(text).split():
        escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found = found & column.like(f"%{escaped}%", escape="\\")
    return found
