"""Withdrawing: an authorization ends for life, and its client hears of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, and_, update

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.events import emit

from ..clients import ClientInfo, find_client
from ..events import AuthorizationWithdrawn, LogoutDue
from ..statements import authorization as _table


def withdraw(authorization_ids: Iterable[str], reason: str, *, actor_id: str | None = None) -> tuple[str, ...]:
    """End authorizations for life; gives those that were still alive. Their clients hear of it.

    reason: `code_reused`, `refresh_reused`, `revoked`, `session_ended`, `account_disabled`, `account_closing`,
    `password_changed`, `consent_withdrawn`, `client_disabled`, `by_admin`, `by_owner`, `factor_added`. Emits
    `AuthorizationWithdrawn` and a `LogoutDue` per client and session.
    """
    ids = tuple(authorization_ids)
    return withdraw_where(_table.c.id.in_(ids), reason, actor_id) if ids else ()


def withdraw_kin(row: Row[Any], reason: str) -> tuple[str, ...]:
    """End an authorization together with its siblings: whoever stole a token of it could have opened them."""
    same = [_table.c[name].is_not_distinct_from(getattr(row, name)) for name in (
        "client_id", "account_id", "sid", "auth_time", "nonce",
    )]  # fmt: skip
    return withdraw_where(_table.c.id == row.id if row.sid is None else and_(*same), reason)


def withdraw_where(which: Any, reason: str, actor_id: str | None = None) -> tuple[str, ...]:
    """The same for all that `which` (a condition on the table) names, also a sibling that a refresh was just opening:
    the first pass waits for it, the next one sees it."""
    now = clock.now()
    statement = (
        update(_table)
        .where(which, _table.c.withdrawn_at.is_(None))
        .values(withdrawn_at=now, withdrawn_reason=reason)
        .returning(_table.c.id, _table.c.client_id, _table.c.sub, _table.c.sid, _table.c.account_id)
        .execution_options(synchronize_session=False)
    )
    rows: list[Row[Any]] = []
    while found := db.session.execute(statement).all():
        rows += found
    if not rows:
        return ()
    ids = tuple(row.id for row in rows)
    emit(AuthorizationWithdrawn(at=now, actor_id=actor_id, authorization_ids=ids, reason=reason))
    tell_clients(now, {(row.client_id, row.sub, row.sid) for row in rows if row.account_id})
    return ids


def tell_clients(now: int, ended: Iterable[tuple[str, str, str | None]]) -> None:
    known: dict[str, ClientInfo | None] = {}
    for client_id, sub, sid in sorted(ended, key=str):
        if client_id not in known:
            known[client_id] = find_client(client_id)
        client = known[client_id]
        if client is not None and client.backchannel_logout_uri:
            emit(LogoutDue(at=now, client_id=client_id, sub=sub, sid=sid))
