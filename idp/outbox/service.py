"""Queueing deliveries in the transaction of what caused them, and taking them out again under a lease.

A delivery is due at `due_at`, belongs to whoever holds its lease until `leased_until`, and is settled once: as
delivered, given up (visibly: a row, an error line and a metric), or dropped because there is nothing left to tell.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, delete, func, select, update

from idp.kernel import clock
from idp.kernel.database import change, db, new_id
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from .events import DeliveriesRetried
from .models import Delivery

MAIL, LOGOUT = "mail", "logout"
KEPT = 30 * 86400  # seconds that a settled delivery stays to be looked at
FORGOTTEN = frozenset({"account_erased"})
"""Kinds of mails to somebody who is known no more: nothing stays of them once they are settled."""


def queue_mail(kind: str, *, address: str, language: str | None, payload: dict[str, Any] | None = None) -> Delivery:
    """Owe one mail of `kind` (a folder of `templates/mail/`) to one address; `payload` holds ids and plain words.

    Raises ValueError for an address that could break a header.
    """
    if any(character in address for character in "\r\n\0") or "@" not in address:
        raise ValueError("not an address that a mail can be sent to")
    data = {**(payload or {}), "address": address, "language": language}
    return _queue(MAIL, address.rsplit("@", 1)[1].lower(), kind, data)


def queue_logout(*, client_id: str, sub: str, sid: str | None) -> Delivery:
    """Owe one logout token (OpenID Connect Back-Channel Logout §2.4) to one client."""
    return _queue(LOGOUT, client_id, "logout", {"client_id": client_id, "sub": sub, "sid": sid})


def _queue(lane: str, destination: str, kind: str, payload: dict[str, Any]) -> Delivery:
    now = clock.now()
    delivery = Delivery(
        id=new_id(), lane=lane, destination=destination[:254], kind=kind, payload=payload, created_at=now, due_at=now
    )
    db.session.add(delivery)
    return delivery


def due(lane: str, now: int, *, without: Collection[str] = (), limit: int = 32) -> list[str]:
    """Destinations for which something is due, so that a long queue for one hides no other's."""
    statement = select(Delivery.destination).where(*_due(lane, now)).group_by(Delivery.destination)
    if without:
        statement = statement.where(Delivery.destination.not_in(list(without)))
    return list(db.session.scalars(statement.limit(limit)))


def claim(lane: str, destination: str, now: int, seconds: int, *, limit: int = 1) -> list[Delivery]:
    """Lease the oldest due deliveries of one destination by one conditional update; counts an attempt of each.

    Those that another worker takes at this moment are left to it.
    """
    oldest = (
        select(Delivery.id)
        .where(*_due(lane, now), Delivery.destination == destination)
        .order_by(Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("oldest")  # evaluated once: PostgreSQL may run a subquery again for each row, and take more than the limit
    )
    taken = db.session.scalars(
        update(Delivery)
        .where(Delivery.id.in_(select(oldest.c.id)), *_due(lane, now))
        .values(lease=new_id(), leased_until=now + seconds, attempts=Delivery.attempts + 1)
        .returning(Delivery),
        execution_options={"synchronize_session": False, "populate_existing": True},
    )
    return sorted(taken, key=lambda delivery: delivery.id)


def _due(lane: str, now: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Delivery.lane == lane, Delivery.settled_at.is_(None), Delivery.due_at <= now, Delivery.leased_until <= now
    )  # fmt: skip


def release(deliveries: Collection[Delivery]) -> None:
    """Give back leases that were not used: nothing was tried, so no attempt counts."""
    for lease in {delivery.lease for delivery in deliveries}:
        ids = [delivery.id for delivery in deliveries if delivery.lease == lease]
        change(
            update(Delivery)
            .where(Delivery.id.in_(ids), Delivery.lease == lease, Delivery.settled_at.is_(None))
            .values(lease=None, leased_until=0, attempts=Delivery.attempts - 1)
            .execution_options(synchronize_session=False)
        )


def forget_mails_to(addresses: Collection[str]) -> int:
    """Delete every mail to these addresses, sent or not; gives how many. Inside a unit of work."""
    small = [address.lower() for address in addresses]
    return change(
        delete(Delivery)
        .where(
            Delivery.lane == MAIL,
            Delivery.destination.in_({address.rsplit("@", 1)[-1] for address in small}),
            func.lower(Delivery.payload["address"].as_string()).in_(small),
        )
        .execution_options(synchronize_session=False)
    )


def forget(delivery_id: str, lease: str | None) -> bool:
    """End a delivery of which nothing may stay. False when the lease has passed to another worker meanwhile."""
    which = (Delivery.id == delivery_id, Delivery.lease == lease, Delivery.settled_at.is_(None))
    return change(delete(Delivery).where(*which).execution_options(synchronize_session=False)) == 1


def settle(delivery_id: str, lease: str | None, outcome: str, now: int, error: str | None = None) -> bool:
    """End a delivery for good. False when the lease has passed to another worker meanwhile."""
    return _finish(
        delivery_id,
        lease,
        {"settled_at": now, "outcome": outcome, "last_error": error, "leased_until": 0, "lease": None},
    )


def postpone(delivery_id: str, lease: str | None, due_at: int, error: str | None) -> bool:
    """Give the lease back and try again at `due_at`. False when the lease has passed to another worker meanwhile."""
    return _finish(delivery_id, lease, {"due_at": due_at, "last_error": error, "leased_until": 0, "lease": None})


def _finish(delivery_id: str, lease: str | None, values: dict[str, Any]) -> bool:
    done = change(
        update(Delivery)
        .where(Delivery.id == delivery_id, Delivery.lease == lease, Delivery.settled_at.is_(None))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return done == 1


def retry(delivery_ids: Collection[str] | None = None, *, actor_id: str | None = None) -> int:
    """Owe what was given up once more, now: all of it, or these. Gives how many; what waits or has ended is left alone.

    Raises `Refusal("unknown_delivery")` for an id that there is not.
    """
    which = [Delivery.outcome == "given_up"]
    if delivery_ids is not None:
        wanted = set(delivery_ids)
        which.append(Delivery.id.in_(wanted))
        if wanted - set(db.session.scalars(select(Delivery.id).where(Delivery.id.in_(wanted)))):
            raise Refusal("unknown_delivery", _l("There is no such delivery."), status=404)
    now = clock.now()
    owed = db.session.scalars(
        update(Delivery)
        .where(*which)
        .values(settled_at=None, outcome=None, attempts=0, due_at=now, leased_until=0, lease=None)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    if owed:
        emit(DeliveriesRetried(at=now, actor_id=actor_id, delivery_ids=tuple(owed)))
    return len(owed)


def listed(*, state: str | None = None, limit: int = 100) -> list[Delivery]:
    """The newest deliveries: all, `waiting` ones, or those with one outcome."""
    statement = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
    if state == "waiting":
        statement = statement.where(Delivery.settled_at.is_(None))
    elif state:
        statement = statement.where(Delivery.outcome == state)
    return list(db.session.scalars(statement))


def counts() -> list[tuple[str, str, int]]:
    """(lane, state, how many) of everything that is waiting or was given up: what an operator has to see."""
    state = func.coalesce(Delivery.outcome, "waiting")
    rows = db.session.execute(
        select(Delivery.lane, state, func.count())
        .where(Delivery.settled_at.is_(None) | (Delivery.outcome == "given_up"))
        .group_by(Delivery.lane, state)
    )
    return [(lane, name, count) for lane, name, count in rows]


def tidy(now: int) -> int:
    """Delete what was settled long ago; returns how many rows went."""
    return change(delete(Delivery).where(Delivery.settled_at <= now - KEPT))
