"""What of this room's rows a person takes along (`idp.kernel.exports`): never a code, a token or a digest of one."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l

from idp.kernel import language
from idp.kernel.exports import Part, Taken, taken
from idp.organizations.exports import places_told

from .clients import cached_client
from .models import Authorization, ClientOwner, Consent, LastChoice


def _name(client_id: str) -> str:
    client = cached_client(client_id)
    return client.name(language.shown()) if client else client_id


def _authorizations(account_id: str) -> Iterator[Taken]:
    return taken(
        Authorization.id,
        {
            "app": Authorization.client_id,
            "client_id": Authorization.client_id,
            "organization": Authorization.organization_id,
            "may_ask": Authorization.scope,
            "while_signed_out": Authorization.offline,
            "signed_in_at": Authorization.auth_time,
            "given_at": Authorization.created_at,
            "expires_at": Authorization.expires_at,
            "withdrawn_at": Authorization.withdrawn_at,
            "withdrawn_because": Authorization.withdrawn_reason,
        },
        lambda rows: rows.where(Authorization.account_id == account_id),
        app=_name,
        organization=places_told(account_id).get,
        may_ask=str.split,
    )


def _consents(account_id: str) -> Iterator[Taken]:
    return taken(
        Consent.id,
        {
            "app": Consent.client_id,
            "client_id": Consent.client_id,
            "organization": Consent.organization_id,
            "may_ask": Consent.scope,
            "agreed_at": Consent.created_at,
            "changed_at": Consent.updated_at,
        },
        lambda rows: rows.where(Consent.account_id == account_id),
        app=_name,
        organization=places_told(account_id).get,
        may_ask=str.split,
    )


def _opened(account_id: str) -> Iterator[Taken]:
    return taken(
        LastChoice.client_id,
        {"app": LastChoice.client_id, "client_id": LastChoice.client_id, "last_opened_at": LastChoice.used_at},
        lambda rows: rows.where(LastChoice.account_id == account_id),
        app=_name,
    )


def _managed(account_id: str) -> Iterator[Taken]:
    return taken(
        ClientOwner.client_id,
        {"app": ClientOwner.client_id, "client_id": ClientOwner.client_id},
        lambda rows: rows.where(ClientOwner.account_id == account_id),
        app=_name,
    )


PARTS = (
    Part("connected_apps", _l("The apps that you signed in to."), frozenset({"authorization"}), _authorizations),
    Part("consents", _l("What you agreed to share with apps."), frozenset({"consent"}), _consents),
    Part("apps_opened", _l("When you last opened each app."), frozenset({"last_choice"}), _opened),
    Part("clients", _l("The clients that you manage as a developer."), frozenset({"client_owner"}), _managed),
)  # fmt: skip
