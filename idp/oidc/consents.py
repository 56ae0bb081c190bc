"""What a person agreed to, remembered: account, client, organization, scopes. Clients of the family need none.

The organization is part of it: agreeing for one employer says nothing about another. Withdrawing a consent withdraws
the authorizations that stand on it.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from idp.kernel import clock
from idp.kernel.database import db, new_id
from idp.kernel.events import emit

from .events import ConsentGiven, ConsentWithdrawn
from .models import Consent, LastChoice

Row = dict[str, Any]

_table = cast(Table, Consent.__table__)


def remembered(account_id: str, client_id: str, organization_id: str | None) -> frozenset[str] | None:
    """The scopes agreed to before for this organization (None: the client asks for none), or None."""
    scope = db.session.scalar(select(_table.c.scope).where(*_key(account_id, client_id, organization_id)))
    return None if scope is None else frozenset(scope.split())


def give(account_id: str, client_id: str, organization_id: str | None, scope: frozenset[str]) -> None:
    """Remember these scopes beside those agreed to before. Inside a unit of work; emits `ConsentGiven`."""
    now = clock.now()
    words = " ".join(sorted(scope | (remembered(account_id, client_id, organization_id) or frozenset())))
    put(
        _table,
        ("account_id", "client_id", "organization_id"),
        {"account_id": account_id, "client_id": client_id, "organization_id": organization_id or ""},
        {"scope": words, "updated_at": now},
        {"id": new_id(), "created_at": now},
    )
    emit(ConsentGiven(at=now, actor_id=account_id, account_id=account_id, client_id=client_id, scope=words))


def withdraw(account_id: str, client_id: str, *, actor_id: str | None = None) -> bool:
    """Forget what was agreed with this client. Inside a unit of work; False when nothing was remembered.

    Emits `ConsentWithdrawn`, which withdraws the client's authorizations (DESIGN §3 *Loss*: identity): also those of
    a client of the family, for which no consent was ever asked.
    """
    had = db.session.scalars(
        delete(_table).where(_table.c.account_id == account_id, _table.c.client_id == client_id).returning(_table.c.id)
    ).all()
    emit(ConsentWithdrawn(at=clock.now(), actor_id=actor_id or account_id, account_id=account_id, client_id=client_id))
    return bool(had)


def remember_member(account_id: str, client_id: str, member_id: str) -> None:
    """The member last used with a client: what the organization picker would otherwise ask. Inside a unit of work."""
    put(
        cast(Table, LastChoice.__table__),
        ("account_id", "client_id"),
        {"account_id": account_id, "client_id": client_id},
        {"member_id": member_id, "used_at": clock.now()},
    )


def put(table: Table, key: tuple[str, ...], where: Row, values: Row, once: Row | None = None) -> None:
    """Insert a row, or update it when its key is there: two tabs may do the same at once.

    `once` are values of a new row that an update leaves alone.
    """
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values({**where, **values, **(once or {})})
    db.session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def _key(account_id: str, client_id: str, organization_id: str | None) -> tuple[ColumnElement[bool], ...]:
    return (
        _table.c.account_id == account_id,
        _table.c.client_id == client_id,
        _table.c.organization_id == (organization_id or ""),
    )
