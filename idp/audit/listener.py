"""Turning an event into an audit entry: who, what, whom, where from; never a secret, an address or a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from flask import g, has_request_context, request
from sqlalchemy import Table, insert

from idp.kernel.database import db, new_id
from idp.kernel.events import Bus, Event
from idp.kernel.logging import redact

from .models import AuditEntry

_add = insert(cast("Table", AuditEntry.__table__))
_COLUMNS = frozenset(
    {"at", "actor_id", "account_id", "member_id", "organization_id", "client_id", "authorization_id", "app_ids"}
)
_PERSONAL = frozenset(
    {"address", "normalized", "language", "label"}
)  # the account or proof named beside them says whose
_GUESSABLE = "identifier_digest"  # of an address: kept only where no account tells whose it is
_MANY = 20  # longer lists are counted instead


def subscribe(bus: Bus) -> None:
    bus.subscribe(Event, record)


def record(event: Event) -> None:
    """Add the entry of one event to the current transaction."""
    here = has_request_context()
    db.session.connection().execute(
        _add,
        {
            "id": new_id(),
            "at": event.at,
            "event": type(event).__name__,
            "result": str(getattr(event, "reason", None) or getattr(event, "outcome", None) or "ok")[:40],
            "actor_id": event.actor_id or (_signed_in() if here else None),
            "account_id": getattr(event, "account_id", None),
            "member_id": getattr(event, "member_id", None),
            "organization_id": getattr(event, "organization_id", None),
            "client_id": getattr(event, "client_id", None),
            "request_id": g.get("request_id") if here else None,
            "address": request.remote_addr if here else None,
            "authorization_id": getattr(event, "authorization_id", None),
            "app_ids": _between_blanks(getattr(event, "app_ids", ())),
            "data": _data(event),
        },
    )


def _between_blanks(app_ids: tuple[str, ...]) -> str:
    return f" {' '.join(app_ids)} "[:200] if app_ids else ""


def _signed_in() -> str | None:
    """The account that this request has been found to act for, if anything has asked yet; never asks itself."""
    account = getattr(g.get("_login_user"), "account", None)
    return getattr(account, "id", None)


def _data(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name in _COLUMNS or field.name in _PERSONAL or value is None:
            continue
        if field.name == _GUESSABLE and getattr(event, "account_id", None):
            continue
        if field.name == "path" and isinstance(value, str):
            value = value.partition("?")[0]  # what was searched for may be somebody's name
        if isinstance(value, tuple | list | frozenset | set):
            value = list(value) if len(value) <= _MANY else {"count": len(value)}
        elif isinstance(value, Mapping):
            value = {name: list(part) if isinstance(part, tuple) else part for name, part in value.items()}
        elif not isinstance(value, str | int | bool):
            continue
        found[field.name] = redact(value, field.name)
    return found
