"""What a person agreed to, remembered: account, client, organization, scopes. Clients of the family need none.

The organization is part of it: agreeing for one employer says nothing about another. Withdrawing a consent withdraws
the authorizations that stand on it.
"""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from idp.kernel import clock
from idp.kernel.database import db, new_id
from idp.kernel.events import emit

from .events import ConsentGiven, ConsentWithdrawn
from .models import Consent

_table = Consent.__table__


def remembered(account_id: str, client_id: str, organization_id: str | None) -> frozenset[str] | None:
    """The scopes agreed to before for this organization (None: the client asks for none), or None."""
    scope = db.session.scalar(select(_table.c.scope).where(*_key(account_id, client_id, organization_id)))
    return None if scope is None else frozenset(scope.split())


def give(account_id: str, client_id: str, organization_id: str | None, scope: frozenset[str]) -> None:
    """Remember these scopes beside those agreed to before. Inside a unit of work; emits `ConsentGiven`."""
    now = clock.now()
    before = remembered(account_id, client_id, organization_id)
    words = " ".join(sorted(scope | (before or frozenset())))
    if before is None:
        db.session.execute(
            insert(_table).values(
                id=new_id(),
                account_id=account_id,
                client_id=client_id,
                organization_id=organization_id or "",
                scope=words,
                created_at=now,
                updated_at=now,
            )
        )
    else:
        db.session.execute(
            update(_table)
            .where(*_key(account_id, client_id, organization_id))
            .values(scope=words, updated_at=now)
        )
    emit(ConsentGiven(at=now, actor_id=account_id, account_id=account_id, client_id=client_id, scope=words))


def withdraw(account_id: str, client_id: str, *, actor_id: str | None = None) -> bool:
    """Forget what was agreed with this client. Inside a unit of work; False when nothing was remembered.

    Emits `ConsentWithdrawn`, which withdraws the client's authorizations (DESIGN §3 *Loss*: identity): also those of
    a client of the family, for which no consent was ever asked.
    """
    had = db.session.scalars(
        delete(_table)
        .where(_table.c.account_id == account_id, _table.c.client_id == client_id)
        .returning(_table.c.id)
    ).all()
    emit(ConsentWithdrawn(at=clock.now(), actor_id=actor_id or account_id, account_id=account_id, client_id=client_id))
    return bool(had)


def consents_of(account_id: str) -> list[Consent]:
    """Everything that this person agreed to, newest first."""
    return list(
        db.session.scalars(select(Consent).where(Consent.account_id == account_id).order_by(Consent.updated_at.desc()))
    )


def _key(account_id: str, client_id: str, organization_id: str | None) -> tuple[object, ...]:
    return (
        _table.c.account_id == account_id,
        _table.c.client_id == client_id,
        _table.c.organization_id == (organization_id or ""),
    )
