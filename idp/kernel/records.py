"""Tables as data: what the platform's *Records* pages show of a room's rows, and which of the room's verbs they call.

A room declares its tables beside its models (`records`); one set of pages draws them all. A declaration says what is
seen, searched, sorted and typed, and names the service verb that acts: the pages know no other way to change a row.
Everything here is a frozen value. Texts are lazy sentences; what is computed is a function of plain values or of a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select

Pairs = Sequence[tuple[str, Any]]
"""(value, label) each, in the order in which they are shown."""

Values = Mapping[str, Any]
"""What was typed, by field: a text, or a list of texts where several can be chosen."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is there for someone. `within`: only what belongs to this organization (its id); None: all there is."""

    within: str | None = None


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, and within which scope: every verb gets it."""

    actor_id: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class Right:
    """Who may: holders of one privilege of `everywhere`; of `own`, within the platform's own organization only."""

    everywhere: frozenset[str]
    own: frozenset[str] = frozenset()

    def scope(self, held: frozenset[str], own_id: str) -> Scope | None:
        """What of the table is there for somebody with these privileges; None: nothing. `own_id`: of `self`."""
        if not self.everywhere.isdisjoint(held):
            return Scope()
        return None if self.own.isdisjoint(held) else Scope(within=own_id)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list. kind: `text`; `time` and `date` for UTC seconds, `day` for a day that
    somebody chose; `number`; `state` for (kind, text).

    sort: what the database orders by; None: the list doesn't sort by it. beside: (table, condition) where `sort` is of
    another table, which has at most one row for each of these.
    """

    name: str
    label: Any
    show: Callable[[Any], Any]
    kind: Literal["text", "time", "date", "day", "number", "state"] = "text"
    sort: Any | None = None
    beside: tuple[Any, Any] | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """One value of `choices` at a time narrows the list; every other value is ignored."""

    name: str
    label: Any
    choices: Callable[[], Pairs]
    where: Callable[[str], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Field:
    """What is typed. kind: `select` is one of `choices`, `many` any number of them.

    kept: *Save and Add Another* keeps it. on: `add`, `edit` or both. initial: what stands in a new form.
    """

    name: str
    label: Any
    kind: Literal["text", "email", "number", "date", "password", "select", "many"] = "text"
    required: bool = False
    hint: Any = None
    choices: Callable[[Scope], Pairs] | None = None
    initial: Callable[[Scope], Any] | None = None
    kept: bool = False
    on: frozenset[str] = frozenset({"add", "edit"})
    longest: int = 200


@dataclass(frozen=True, slots=True)
class Belonging:
    """What goes when a row goes: how many there are of it. The sentences have `%(num)s`."""

    count: Callable[[str], int]
    one: Any
    many: Any


@dataclass(frozen=True, slots=True)
class Note:
    """What is still to do about a row: a sentence, and where to do it."""

    text: Any
    link: Any
    address: str


@dataclass(frozen=True, slots=True)
class Action:
    """A named verb for a row, or for the whole table (`whole`: the row's id is then "all").

    asks: a sentence on a page of its own before it is done: only for what can't be undone or what strikes many.
    typed: (label, what has to be typed) of a row. reason: (label, hint) of a text that goes along as `reason`.
    gone: there is no row afterwards. allowed: raises `Refusal` before anything is shown of what would happen.
    limited: called outside of the transaction before; raises `Refusal`.
    """

    name: str
    label: Any
    act: Callable[[str, Values, Acting], Any]
    done: Any
    right: Right | None = None
    shown: Callable[[Any], bool] = lambda _row: True
    danger: bool = False
    asks: Any = None
    typed: Callable[[Any], tuple[Any, str]] | None = None
    reason: tuple[Any, Any] | None = None
    belongings: tuple[Belonging, ...] = ()
    gone: bool = False
    whole: bool = False
    limited: Callable[[Any], None] | None = None
    allowed: Callable[[str, Scope], None] | None = None


def by_id(verb: Callable[..., Any]) -> Callable[[str, Values, Acting], Any]:
    """The act of a verb that takes the row's id and who acts, and nothing that is typed."""
    return lambda row_id, _values, acting: verb(row_id, actor_id=acting.actor_id)


def by_id_within(verb: Callable[..., Any]) -> Callable[[str, Values, Acting], Any]:
    """The same of a verb that minds how far the one who acts may reach."""
    return lambda row_id, _values, acting: verb(row_id, within=acting.scope.within, actor_id=acting.actor_id)


@dataclass(frozen=True, slots=True)
class Trail:
    """For a table that only grows: it is read from its newest row back, and nobody counts it (`listing.stretch_of`).

    at: the column of the moment. seek: which rows a text means, and whether an index finds them.
    """

    at: Any
    seek: Callable[[str, Scope], tuple[ColumnElement[bool], bool]]


def _as_they_are(rows: Sequence[Any], _scope: Scope) -> Sequence[Any]:
    return rows


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `select` gives its rows within a scope, `rows` what is shown of a page of them, in a fixed number of
    statements; columns, facts and actions get what `rows` made, which tells nothing beyond the scope.

    sort: column by which the list begins (`-name`: descending). trail: instead of `search`,
    for what only grows. fields, `add` and `edit` stay empty for what is read.
    prepare: called outside of the transaction with what was typed, gives what the verb gets; raises `Refusal`.
    values: what stands in the form of a row, with the row's `version`. fixed: why a row can't be edited, or None.
    note: what is still to do about a row.
    """

    zone: str
    name: str
    title: Any
    key: Any
    read: Right
    select: Callable[[Scope], Select[Any]]
    columns: tuple[Column, ...]
    name_of: Callable[[Any], str]
    sort: str
    write: Right | None = None
    rows: Callable[[Sequence[Any], Scope], Sequence[Any]] = _as_they_are
    search: Callable[[str, Scope], ColumnElement[bool]] | None = None
    search_label: Any = None
    trail: Trail | None = None
    filters: tuple[Filter, ...] = ()
    facts: Callable[[Any], Pairs] = lambda _row: ()
    fields: tuple[Field, ...] = ()
    prepare: Callable[[Values], Values] | None = None
    add: Callable[[Values, Acting], str] | None = None
    edit: Callable[[str, Values, Acting], Any] | None = None
    values: Callable[[Any], Values] = lambda _row: {}
    fixed: Callable[[Any], Any | None] = lambda _row: None
    note: Callable[[Any], Note | None] = lambda _row: None
    actions: tuple[Action, ...] = field(default=())
    empty: Any = None

    @property
    def sorts(self) -> tuple[str, ...]:
        """The names that the list sorts by, the one it begins with first."""
        first = self.sort.removeprefix("-")
        return (self.sort, *(c.name for c in self.columns if c.sort is not None and c.name != first))

    def fields_on(self, form: str) -> tuple[Field, ...]:
        """The fields of the form `add` or `edit`."""
        return tuple(one for one in self.fields if form in one.on)
