"""Client: a program that may ask, and whether it still may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, or_, select

from idp.kernel import language
from idp.kernel.listing import contains
from idp.kernel.records import Action, Column, Filter, Pairs, Scope, Table, by_id
from idp.organizations import records as organizations
from idp.organizations.catalog import current_catalog
from idp.organizations.titles import app_name

from .. import clients
from ..models import Client
from .rights import PLATFORM

CLIENT_STATES = {
    "active": ("good", _l("Active")),
    "disabled": ("wrong", _l("Disabled")),
    "unverified": ("late", _l("Unverified")),
}


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client and the name of its organization."""

    client: Client
    place: str

    @property
    def name(self) -> str:
        return str(self.client.metadata_.get("client_name") or self.client.id)


def _client_rows(found: Sequence[Client], _scope: Scope) -> list[ClientRow]:
    places = organizations.names_of({one.organization_id for one in found if one.organization_id})
    return [ClientRow(one, places.get(one.organization_id or "", "")) for one in found]


def _client_facts(row: ClientRow) -> Pairs:
    metadata = row.client.metadata_
    return (
        (_l("Client id"), row.client.id),
        (_l("App"), app_name(row.client.app_id or "")),
        (_l("Organization"), row.place),
        (_l("Kind"), row.client.kind),
        (_l("Status"), CLIENT_STATES[row.client.status][1]),
        (_l("Denials"), row.client.deny_mode),
        (_l("Authentication"), metadata.get("token_endpoint_auth_method", "")),
        (_l("Grants"), ", ".join(metadata.get("grant_types", ()))),
        (_l("Redirect addresses"), ", ".join(metadata.get("redirect_uris", ()))),
        (_l("Logout address"), metadata.get("backchannel_logout_uri", "")),
        (_l("Added"), language.at_time(row.client.created_at)),
    )


CLIENT = Table(
    zone="protocol",
    name="client",
    title=_l("Client"),
    key=Client.id,
    read=PLATFORM,
    select=lambda _scope: select(Client),
    rows=_client_rows,
    columns=(
        Column("name", _l("Name"), lambda row: row.name),
        Column("id", _l("Client id"), lambda row: row.client.id, sort=Client.id),
        Column("app", _l("App"), lambda row: app_name(row.client.app_id or ""), sort=Client.app_id),
        Column("kind", _l("Kind"), lambda row: row.client.kind, sort=Client.kind),
        Column("status", _l("Status"), lambda row: CLIENT_STATES[row.client.status], kind="state", sort=Client.status),
        Column("added", _l("Added"), lambda row: row.client.created_at, kind="date", sort=Client.created_at),
    ),
    sort="id",
    search=lambda text, _scope: or_(
        contains(func.lower(Client.id), text),
        contains(func.lower(Client.metadata_["client_name"].as_string()), text),
    ),
    search_label=_l("Search by name or client id"),
    filters=(
        Filter(
            "status",
            _l("Status"),
            lambda: tuple((name, label) for name, (_kind, label) in CLIENT_STATES.items()),
            lambda value: Client.status == value,
        ),
        Filter(
            "app",
            _l("App"),
            lambda: tuple((app.id, app.name) for app in current_catalog().apps.values()),
            lambda value: Client.app_id == value,
        ),
    ),
    facts=_client_facts,
    name_of=lambda row: str(row.name),
    actions=(
        Action(
            "disable",
            _l("Disable client"),
            by_id(clients.disable_client),
            _l("The client is disabled: its requests are refused, and what it was given counts no more."),
            right=PLATFORM,
            shown=lambda row: row.client.status != "disabled",
            danger=True,
            asks=_l("Everybody who uses it is signed out of it. What ends now stays ended when it is enabled again."),
        ),
        Action(
            "enable",
            _l("Enable client"),
            by_id(clients.enable_client),
            _l("The client is enabled: it may ask again."),
            right=PLATFORM,
            shown=lambda row: row.client.status == "disabled",
        ),
    ),
    empty=_l("No client is registered yet."),
)
