"""The table Outbox, for *Records* (`idp.kernel.records`)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, or_, select

from idp.kernel import language
from idp.kernel.listing import contains
from idp.kernel.records import Action, Column, Filter, Pairs, Right, Table, by_id

from . import service
from .models import Delivery

PLATFORM = Right(frozenset({"account:platform.admin"}))

STATES: dict[str, tuple[str, Any]] = {
    "waiting": ("late", _l("Waiting")),
    "delivered": ("good", _l("Delivered")),
    "given_up": ("wrong", _l("Given up")),
    "dropped": ("plain", _l("Nothing left to tell")),
}


def _state(row: Delivery) -> tuple[str, Any]:
    return STATES[row.outcome or "waiting"]


def _facts(row: Delivery) -> Pairs:
    return (
        (_l("Kind"), row.kind),
        (_l("To"), row.payload.get("address") or row.destination),
        (_l("Status"), _state(row)[1]),
        (_l("Attempts"), row.attempts),
        (_l("Last error"), row.last_error or ""),
        (_l("Made"), language.at_time(row.created_at)),
        (_l("Due"), language.at_time(row.due_at) if row.settled_at is None else ""),
        (_l("Settled"), language.at_time(row.settled_at) if row.settled_at else ""),
        (_l("Id"), row.id),
    )


def _retry(delivery_id: str, *, actor_id: str | None) -> None:
    service.retry([delivery_id], actor_id=actor_id)


OUTBOX = Table(
    zone="delivery",
    name="outbox",
    title=_l("Outbox"),
    key=Delivery.id,
    read=PLATFORM,
    select=lambda _scope: select(Delivery),
    columns=(
        Column("kind", _l("Kind"), lambda row: row.kind, sort=Delivery.kind),
        Column("to", _l("To"), lambda row: row.destination, sort=Delivery.destination),
        Column("made", _l("Made"), lambda row: row.created_at, kind="time", sort=Delivery.created_at),
        Column("attempts", _l("Attempts"), lambda row: row.attempts, kind="number", sort=Delivery.attempts),
        Column("state", _l("Status"), _state, kind="state", sort=func.coalesce(Delivery.outcome, "waiting")),
    ),
    sort="-made",
    search=lambda text, _scope: or_(
        contains(func.lower(Delivery.destination), text), contains(func.lower(Delivery.kind), text)
    ),
    search_label=_l("Search by mail domain, client or kind"),
    filters=(
        Filter(
            "state",
            _l("Status"),
            lambda: tuple((name, label) for name, (_kind, label) in STATES.items()),
            lambda value: Delivery.settled_at.is_(None) if value == "waiting" else Delivery.outcome == value,
        ),
        Filter(
            "lane",
            _l("Lane"),
            lambda: ((service.MAIL, _l("Mail")), (service.LOGOUT, _l("Logout token"))),
            lambda value: Delivery.lane == value,
        ),
    ),
    facts=_facts,
    name_of=lambda row: f"{row.kind}, {row.destination}",
    actions=(
        Action(
            "retry",
            _l("Retry"),
            by_id(_retry),
            _l("It is sent once more."),
            right=PLATFORM,
            shown=lambda row: row.outcome in (None, "given_up", "dropped"),
        ),
    ),
    empty=_l("Nothing has been sent yet."),
)

TABLES = (OUTBOX,)
