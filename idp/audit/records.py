"""The table Audit, for *Records* (`idp.kernel.records`): every entry as it was written. It is read and nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, or_, select

from idp.accounts import records as accounts
from idp.kernel import language
from idp.kernel.events import kinds
from idp.kernel.listing import fold
from idp.kernel.records import Column, Filter, Pairs, Right, Scope, Table, Trail
from idp.organizations import records as organizations

from .models import AuditEntry

PLATFORM = Right(frozenset({"account:platform.admin"}))


@dataclass(frozen=True, slots=True)
class Row:
    """An entry with the names of who did it, to whom, and where; an id where nobody has it any more."""

    entry: AuditEntry
    actor: str
    person: str
    place: str


def _rows(found: Sequence[AuditEntry], _scope: Scope) -> list[Row]:
    people = accounts.named({one for row in found for one in (row.actor_id, row.account_id) if one})
    places = organizations.names_of({row.organization_id for row in found if row.organization_id})
    return [
        Row(
            row,
            people.get(row.actor_id or "", row.actor_id or ""),
            people.get(row.account_id or "", row.account_id or ""),
            places.get(row.organization_id or "", row.organization_id or ""),
        )
        for row in found
    ]


def _facts(row: Row) -> Pairs:
    entry = row.entry
    return (
        (_l("Time"), language.at_time(entry.at)),
        (_l("Event"), entry.event),
        (_l("Result"), entry.result),
        (_l("Done by"), row.actor or _l("the system")),
        (_l("Person"), row.person),
        (_l("Member"), entry.member_id or ""),
        (_l("Organization"), row.place),
        (_l("Client"), entry.client_id or ""),
        (_l("Network address"), entry.address or ""),
        (_l("Request"), entry.request_id or ""),
        (_l("Data"), json.dumps(entry.data, ensure_ascii=False, sort_keys=True) if entry.data else ""),
        (_l("Id"), entry.id),
    )


def _seek(text: str, _scope: Scope) -> tuple[ColumnElement[bool], bool]:
    """By event, person or organization. A few people and organizations are found by index; three short statements."""
    events = [one.__name__ for one in kinds() if fold(text) in one.__name__.casefold()]
    of_people, few = accounts.found_in(text, AuditEntry.account_id, AuditEntry.actor_id)
    of_places, few_places = organizations.found_in(text, AuditEntry.organization_id)
    return or_(AuditEntry.event.in_(events), of_people, of_places), not events and few and few_places


AUDIT = Table(
    zone="audit",
    name="audit",
    title=_l("Audit"),
    key=AuditEntry.id,
    read=PLATFORM,
    select=lambda _scope: select(AuditEntry),
    rows=_rows,
    columns=(
        Column("time", _l("Time"), lambda row: row.entry.at, kind="time", sort=AuditEntry.at),
        Column("event", _l("Event"), lambda row: row.entry.event),
        Column("actor", _l("Done by"), lambda row: row.actor or _l("the system")),
        Column("person", _l("Person"), lambda row: row.person),
        Column("organization", _l("Organization"), lambda row: row.place),
        Column("result", _l("Result"), lambda row: row.entry.result),
    ),
    sort="-time",
    trail=Trail(AuditEntry.at, _seek),
    search_label=_l("Search by event, person or organization"),
    filters=(
        Filter(
            "result",
            _l("Result"),
            lambda: (("ok", _l("Done")), ("other", _l("With a reason"))),
            lambda value: AuditEntry.result == "ok" if value == "ok" else AuditEntry.result != "ok",
        ),
    ),
    facts=_facts,
    name_of=lambda row: str(row.entry.event),
    empty=_l("Nothing has happened yet."),
)

TABLES = (AUDIT,)
