"""A list as its address asks for it: `?q=berg&status=active&sort=-name&page=2`.

Names of sorts and filters come from the list's own allow-list and everything else in the address is ignored (security
P30), so a link that has grown old still shows a list. Sizes are bounded: a page has `PAGE` rows, a search `LONGEST`
characters. Search compares folded text with folded text, so that both databases find the same.

Two kinds: a list that is counted, up to `COUNTED`, and paged through, up to `PAGED` (`page_of`), and a trail that only
grows and that nobody counts, read from its newest row back (`stretch_of`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, true, tuple_

from .database import db

PAGE = 50
LAST_PAGE = 20_000
LONGEST = 100
COUNTED = 100_000
"""So many rows of a list are counted."""

PAGED = 10_000
"""So many can be paged through: what lies deeper is sorted for nobody. Whoever looks for others has to narrow the list,
or takes it as a file where there is one."""

WINDOW = 50_000
"""So many rows of a trail are looked through at once for those that are sought."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Listing:
    """What is asked for. `filters` holds only the filters that are set; `page` counts from 1.

    `before`: the moment and id of a trail's row behind which it goes on, None at its beginning.
    """

    path: str
    query: str = ""
    sort: str = ""
    descending: bool = False
    page: int = 1
    filters: Mapping[str, str] = field(default_factory=dict)
    before: tuple[int, str] | None = None

    def address(self, **changes: Any) -> str:
        """The address of this list with something else asked: `sort="-name"`, `page=2`, `before`, a filter (None: no).

        Whatever changes which rows are found begins at the first page again.
        """
        filters = {
            **self.filters,
            **{name: value for name, value in changes.items() if name not in ("sort", "page", "q", "before")},
        }
        sort = changes.get("sort", f"{'-' if self.descending else ''}{self.sort}")
        page = changes.get("page", 1)
        behind = changes.get("before")
        values = {
            "q": changes.get("q", self.query), **filters, "sort": sort, "page": page if page != 1 else None,
            "before": f"{behind[0]}.{behind[1]}" if behind else None,
        }  # fmt: skip
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
        before=_mark(arguments.get("before", "")),
    )


def _mark(text: str) -> tuple[int, str] | None:
    moment, _dot, row_id = text[:LONGEST].partition(".")
    known = moment.isascii() and moment.isdecimal() and len(moment) < 12 and "\0" not in row_id
    return (int(moment), row_id) if known else None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list: its rows, and how many there are in all. `more`: and then some, which nobody counted."""

    listing: Listing
    rows: tuple[Row, ...]
    total: int
    more: bool = False

    @property
    def first(self) -> int:
        """The number of the first row shown, 0 when there is none."""
        return (self.listing.page - 1) * PAGE + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return (self.listing.page - 1) * PAGE + len(self.rows) if self.rows else 0

    @property
    def pages(self) -> int:
        return max(1, -(-min(self.total, PAGED) // PAGE))

    @property
    def ends_early(self) -> bool:
        """Whether this is the last page that is shown, and not the last there is."""
        return self.listing.page == self.pages and self.total > PAGED

    def with_rows(self, rows: Iterable[Any]) -> Page[Any]:
        """The same page with its rows as something else."""
        return Page(self.listing, tuple(rows), self.total, self.more)


def page_of(
    statement: Select[Any], listing: Listing, order: Iterable[ColumnElement[Any]], *, beside: Any = None
) -> Page[Any]:
    """One page of a select of one column or entity, and the number of its rows, at most `COUNTED`: two statements.

    They are counted only where the page does not tell itself how many there are: a search that finds few has looked at
    all of them once already. `order` has to end in something unique, so that no row is on two pages. A page behind the
    last one, also of the first `PAGED` rows, is the last one. beside: (table, condition) that the order needs and that
    adds no rows and takes none.
    """
    sorted_ = (statement if beside is None else statement.outerjoin(*beside)).order_by(*order).limit(PAGE)

    def rows(page: int) -> tuple[Any, ...]:
        return tuple(db.session.scalars(sorted_.offset((page - 1) * PAGE)).unique())

    found = rows(listing.page) if (listing.page - 1) * PAGE < PAGED else ()
    if len(found) < PAGE and (found or listing.page == 1):
        return Page(listing, found, (listing.page - 1) * PAGE + len(found))
    total = counted(statement)
    last = max(1, -(-min(total, PAGED) // PAGE))
    if not found:
        listing = replace(listing, page=last)
        found = rows(last)
    return Page(listing, found, min(total, COUNTED), total > COUNTED)


def counted(statement: Select[Any]) -> int:
    """How many rows a select has; `COUNTED` and one where there are more."""
    each = statement.with_only_columns(literal(1), maintain_column_froms=True).order_by(None).limit(COUNTED + 1)
    return db.session.scalar(select(func.count()).select_from(each.subquery())) or 0


@dataclass(frozen=True, slots=True)
class Sought:
    """What is sought in a trail. `scope`: all of it, as an index keeps it in order. `narrowing`: which rows of it.

    quick: an index finds these rows; otherwise the trail is looked through, `WINDOW` rows at a time.
    """

    scope: Select[Any]
    narrowing: tuple[ColumnElement[bool], ...] = ()
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Stretch(Generic[Row]):
    """A stretch of a trail, the newest row first. `older`: behind which row it goes on; None: it is at its end.

    reached: how far back it was looked through (UTC seconds) without filling the page, when there is more.
    """

    listing: Listing
    rows: tuple[Row, ...]
    older: tuple[int, str] | None = None
    reached: int | None = None

    @property
    def whole(self) -> bool:
        """Whether this is everything that was sought."""
        return self.listing.before is None and self.older is None

    def with_rows(self, rows: Iterable[Any]) -> Stretch[Any]:
        """The same stretch with its rows as something else."""
        return Stretch(self.listing, tuple(rows), self.older, self.reached)


def stretch_of(sought: Sought, listing: Listing, at: Any, key: Any) -> Stretch[Any]:
    """The rows that are sought, from `listing.before` back: one statement, or two where a window bounds the look.

    `at` is the column of the moment, `key` of the id: the trail is in their order. However rare what is sought is, and
    however long the trail, a page costs what a window costs.
    """
    scope, newest_first = sought.scope, (at.desc(), key.desc())
    if listing.before is not None:
        scope = scope.where(tuple_(at, key) < tuple_(*map(literal, listing.before)))
    edge = None
    if not sought.quick:
        each = scope.with_only_columns(at, key).order_by(*newest_first)
        edge = db.session.execute(each.offset(WINDOW - 1).limit(1)).first()
        if edge is not None:
            scope = scope.where(tuple_(at, key) >= tuple_(*map(literal, edge)))
    rows = db.session.scalars(scope.where(*sought.narrowing).order_by(*newest_first).limit(PAGE + 1)).unique().all()
    if len(rows) > PAGE:
        last = rows[PAGE - 1]
        return Stretch(listing, tuple(rows[:PAGE]), (getattr(last, at.key), getattr(last, key.key)))
    return Stretch(listing, tuple(rows), *((tuple(edge), edge[0]) if edge else ()))


def back_through(sought: Sought, at: Any, key: Any, portion: int) -> Iterator[Sequence[Any]]:
    """All rows that are sought, the newest first, a portion at a time."""
    behind: Any = None
    while True:
        scope = sought.scope if behind is None else sought.scope.where(tuple_(at, key) < tuple_(*map(literal, behind)))
        rows = (
            db.session.scalars(scope.where(*sought.narrowing).order_by(at.desc(), key.desc()).limit(portion))
            .unique()
            .all()
        )
        if rows:
            yield rows
        if len(rows) < portion:
            return
        behind = (getattr(rows[-1], at.key), getattr(rows[-1], key.key))


def directed(column: Any, listing: Listing) -> ColumnElement[Any]:
    """The column in the direction that is asked for; empty values come last either way.

    Where there are none, nothing is said of them: only so an index serves both directions.
    """
    ordered: ColumnElement[Any] = column.desc() if listing.descending else column.asc()
    return ordered.nulls_last() if getattr(column, "nullable", True) else ordered


def fold(*parts: str | None) -> str:
    """Text as it is searched: one line, composed, without case. What is empty is left out."""
    return unicodedata.normalize("NFC", " ".join(" ".join(part for part in parts if part).split()).casefold())


def contains(column: Any, text: str) -> ColumnElement[bool]:
    """Whether the folded column holds every word of `text`, wildcards taken literally."""
    words = (word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for word in fold(text).split())
    return and_(true(), *(column.like(f"%{word}%", escape="\\") for word in words))
