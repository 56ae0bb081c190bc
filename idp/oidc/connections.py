"""What a person has let in: which clients hold something of the account now, since when, and what ends it.

A client is connected while an authorization of it is in force or a consent is remembered. Reading only; ending is
`consents.withdraw`, which withdraws the authorizations and tells the client.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union, union_all

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.listing import Listing, Page, page_of
from idp.sessions.models import Session
from idp.settings import current_settings

from .clients import text_of
from .models import Authorization, Client, Consent, RefreshToken


@dataclass(frozen=True, slots=True)
class Connection:
    """One client with what it holds. Times are UTC seconds; `scope` all that it may ask now, in any organization.

    `organization_ids` may hold some that the person must not be told of. `app_id` makes it one of the family, for which
    no consent is asked. `lasting`: it may come back without the person (`offline_access`). `consented`: the person's
    answer is remembered.
    """

    client_id: str
    name: str
    app_id: str | None
    address: str | None
    scope: frozenset[str]
    organization_ids: frozenset[str]
    first_used_at: int
    last_used_at: int
    lasting: bool
    consented: bool


def connections_of(account_id: str, listing: Listing, language: str) -> Page[Connection]:
    """The person's connected clients, by id of registration, a page of them: a fixed number of statements."""
    page = page_of(_connected(account_id), listing, (Client.created_at.asc(), Client.id.asc()))
    return page.with_rows(_read(account_id, page.rows, language)) if page.rows else page.with_rows(())


def count_connections(account_id: str) -> int:
    """How many clients are connected; one statement."""
    return db.session.scalar(select(func.count()).select_from(_connected(account_id).subquery())) or 0


def _connected(account_id: str) -> Select[Any]:
    in_force = _in_force(account_id)
    ids = union(
        select(Authorization.client_id).join(Session, Session.id == Authorization.sid, isouter=True).where(in_force),
        select(Consent.client_id).where(Consent.account_id == account_id),
    ).subquery()
    return select(Client.id).where(Client.id.in_(select(ids.c.client_id)))


def is_connected(account_id: str, client_id: str) -> bool:
    """Whether there is anything to end."""
    in_force = (
        select(Authorization.id)
        .join(Session, Session.id == Authorization.sid, isouter=True)
        .where(_in_force(account_id), Authorization.client_id == client_id)
    )
    agreed = select(Consent.id).where(Consent.account_id == account_id, Consent.client_id == client_id)
    return db.session.scalar(union_all(in_force, agreed).limit(1)) is not None


def clients_of_sessions(session_ids: Collection[str], language: str) -> dict[str, list[str]]:
    """The names of the clients that were signed in to in each of these sessions; one statement."""
    rows = db.session.execute(
        select(Authorization.sid, Client.id, Client.metadata_)
        .join(Client, Client.id == Authorization.client_id)
        .where(Authorization.sid.in_(session_ids))
        .distinct()
        .order_by(Client.id)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for sid, client_id, metadata in rows:
        found[sid].append(text_of(metadata, "client_name", language) or client_id)
    return found


def _in_force(account_id: str) -> ColumnElement[bool]:
    """Authorizations that still give something: as `authorizations.fallen` judges one, as far as rows tell."""
    now = clock.now()
    idle = current_settings().lifetimes.session_idle
    return and_(
        Authorization.account_id == account_id,
        Authorization.withdrawn_at.is_(None),
        or_(Authorization.expires_at.is_(None), Authorization.expires_at > now),
        or_(Authorization.offline, Session.alive_at(now, now - idle)),
    )


def _read(account_id: str, client_ids: Collection[str], language: str) -> list[Connection]:
    clients = {
        row.id: row
        for row in db.session.execute(
            select(Client.id, Client.app_id, Client.metadata_).where(Client.id.in_(client_ids))
        )
    }
    standing: dict[str, list[Any]] = defaultdict(list)
    for row in db.session.execute(
        select(Authorization.client_id, Authorization.scope, Authorization.offline, Authorization.organization_id)
        .join(Session, Session.id == Authorization.sid, isouter=True)
        .where(_in_force(account_id), Authorization.client_id.in_(client_ids))
        .distinct()
    ):
        standing[row.client_id].append(row)
    agreed: dict[str, list[Consent]] = defaultdict(list)
    for consent in db.session.scalars(
        select(Consent).where(Consent.account_id == account_id, Consent.client_id.in_(client_ids))
    ):
        agreed[consent.client_id].append(consent)
    used = {
        row.client_id: row
        for row in db.session.execute(
            select(
                Authorization.client_id,
                func.min(Authorization.created_at).label("first"),
                func.max(Authorization.created_at).label("last"),
                func.max(RefreshToken.created_at).label("refreshed"),
            )
            .join(RefreshToken, RefreshToken.authorization_id == Authorization.id, isouter=True)
            .where(Authorization.account_id == account_id, Authorization.client_id.in_(client_ids))
            .group_by(Authorization.client_id)
        )
    }
    return [
        _connection(clients[one], standing[one], agreed[one], used.get(one), language)
        for one in client_ids
        if one in clients
    ]


def _connection(client: Any, standing: list[Any], agreed: list[Consent], used: Any, language: str) -> Connection:
    words = {word for row in (*standing, *agreed) for word in row.scope.split()}
    times = [consent.created_at for consent in agreed] + [consent.updated_at for consent in agreed]
    times += [at for at in (used.first, used.last, used.refreshed) if at is not None] if used else []
    return Connection(
        client_id=client.id,
        name=text_of(client.metadata_, "client_name", language) or client.id,
        app_id=client.app_id,
        address=client.metadata_.get("client_uri"),
        scope=frozenset(words),
        organization_ids=frozenset(row.organization_id for row in standing if row.organization_id),
        first_used_at=min(times, default=0),
        last_used_at=max(times, default=0),
        lasting=any(row.offline for row in standing),
        consented=bool(agreed),
    )
