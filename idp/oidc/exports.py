"""What of this room's rows a person takes along (`idp.kernel.exports`): never a code, a token or a digest of one."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.kernel import language
from idp.kernel.database import db
from idp.kernel.exports import Part, Taken, instant, walk
from idp.organizations.exports import places_told

from .clients import cached_client
from .models import Authorization, ClientOwner, Consent, LastChoice


def _name(client_id: str) -> str:
    client = cached_client(client_id)
    return client.name(language.shown()) if client else client_id


def _grants(account_id: str) -> Iterator[Taken]:
    places = places_told(account_id)
    for row in walk(
        select(
            Authorization.id, Authorization.client_id, Authorization.organization_id, Authorization.scope,
            Authorization.offline, Authorization.auth_time, Authorization.created_at, Authorization.expires_at,
            Authorization.withdrawn_at, Authorization.withdrawn_reason,
        ).where(Authorization.account_id == account_id),
        Authorization.id,
    ):  # fmt: skip
        yield {
            "app": _name(row.client_id),
            "client_id": row.client_id,
            "organization": places.get(row.organization_id),
            "may_ask": row.scope.split(),
            "while_signed_out": row.offline,
            "signed_in_at": instant(row.auth_time),
            "given_at": instant(row.created_at),
            "expires_at": instant(row.expires_at),
            "withdrawn_at": instant(row.withdrawn_at),
            "withdrawn_because": row.withdrawn_reason,
        }


def _consents(account_id: str) -> Iterator[Taken]:
    places = places_told(account_id)
    for row in walk(
        select(
            Consent.id, Consent.client_id, Consent.organization_id, Consent.scope, Consent.created_at,
            Consent.updated_at,
        ).where(Consent.account_id == account_id),
        Consent.id,
    ):  # fmt: skip
        yield {
            "app": _name(row.client_id),
            "client_id": row.client_id,
            "organization": places.get(row.organization_id),
            "may_ask": row.scope.split(),
            "agreed_at": instant(row.created_at),
            "changed_at": instant(row.updated_at),
        }


def _opened(account_id: str) -> Iterator[Taken]:
    for row in walk(
        select(LastChoice.client_id.label("id"), LastChoice.used_at).where(LastChoice.account_id == account_id),
        LastChoice.client_id,
    ):
        yield {"app": _name(row.id), "client_id": row.id, "last_opened_at": instant(row.used_at)}


def _managed(account_id: str) -> Iterator[Taken]:
    rows = select(ClientOwner.client_id).where(ClientOwner.account_id == account_id).order_by(ClientOwner.client_id)
    for client_id in db.session.scalars(rows):
        yield {"app": _name(client_id), "client_id": client_id}


PARTS = (
    Part("connected_apps", _l("The apps that you signed in to."), frozenset({"authorization"}), _grants),
    Part("consents", _l("What you agreed to share with apps."), frozenset({"consent"}), _consents),
    Part("apps_opened", _l("When you last opened each app."), frozenset({"last_choice"}), _opened),
    Part("clients", _l("The clients that you manage as a developer."), frozenset({"client_owner"}), _managed),
)  # fmt: skip
