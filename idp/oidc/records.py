"""The tables of the zone Protocol that this room owns, and Job, for *Records* (`idp.kernel.records`).

They are read; what can be done to a row is a named action. No secret, token or private key is in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, func, or_, select

from idp.accounts import records as accounts
from idp.kernel import clock, language
from idp.kernel.database import db
from idp.kernel.listing import contains
from idp.kernel.records import Acting, Action, Belonging, Column, Filter, Pairs, Right, Scope, Table, Values
from idp.organizations import records as organizations
from idp.organizations.catalog import current_catalog
from idp.organizations.titles import app_name

from . import authorizations, clients, keys
from .models import Authorization, Client, Consent, LossCheck, SigningKey

PLATFORM = Right(frozenset({"account:platform.admin"}))
ROTATES = Right(frozenset({"account:platform.keys"}))
SEES_KEYS = Right(frozenset({"account:platform.admin", "account:platform.keys"}))

CLIENT_STATES = {
    "active": ("good", _l("Active")),
    "disabled": ("wrong", _l("Disabled")),
    "unverified": ("late", _l("Unverified")),
}


# Client --------------------------------------------------------------------------------------------------------------


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


def _disable_client(client_id: str, values: Values, acting: Acting) -> None:
    del values
    clients.disable_client(client_id, actor_id=acting.actor_id)


def _enable_client(client_id: str, values: Values, acting: Acting) -> None:
    del values
    clients.enable_client(client_id, actor_id=acting.actor_id)


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
            _disable_client,
            _l("The client is disabled: its requests are refused, and what it was given counts no more."),
            right=PLATFORM,
            shown=lambda row: row.client.status != "disabled",
            danger=True,
            asks=_l("Everybody who uses it is signed out of it. What ends now stays ended when it is enabled again."),
        ),
        Action(
            "enable",
            _l("Enable client"),
            _enable_client,
            _l("The client is enabled: it may ask again."),
            right=PLATFORM,
            shown=lambda row: row.client.status == "disabled",
        ),
    ),
    empty=_l("No client is registered yet."),
)

# Authorization -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grant:
    """An authorization with the names of its person and organization. `alive`: it stands."""

    authorization: Authorization
    person: str
    place: str
    alive: bool


def _grants(found: Sequence[Authorization], _scope: Scope) -> list[Grant]:
    people = accounts.named({one.account_id for one in found if one.account_id})
    places, now = organizations.names_of({one.organization_id for one in found if one.organization_id}), clock.now()
    return [
        Grant(
            one,
            people.get(one.account_id or "", one.sub),
            places.get(one.organization_id or "", ""),
            one.withdrawn_at is None and (one.expires_at is None or one.expires_at > now),
        )
        for one in found
    ]


def _grant_facts(row: Grant) -> Pairs:
    grant = row.authorization
    return (
        (_l("Person"), row.person),
        (_l("Client"), grant.client_id),
        (_l("Organization"), row.place),
        (_l("Scopes"), grant.scope),
        (_l("Kind"), _l("offline") if grant.offline else _l("ends with the session")),
        (_l("Told last"), grant.told or ""),
        (_l("Opened"), language.at_time(grant.created_at)),
        (
            _l("Withdrawn"),
            f"{language.at_time(grant.withdrawn_at)}, {grant.withdrawn_reason}" if grant.withdrawn_at else "",
        ),
        (_l("Id"), grant.id),
    )


def _withdraw(authorization_id: str, values: Values, acting: Acting) -> None:
    del values
    authorizations.withdraw([authorization_id], "by_admin", actor_id=acting.actor_id)


def _authorizations_by(text: str, _scope: Scope) -> ColumnElement[bool]:
    """By person or client; the few clients are looked up first. Two statements."""
    clients = db.session.scalars(select(Client.id).where(contains(func.lower(Client.id), text))).all()
    of_people = accounts.found_in(text, Authorization.account_id)[0]
    return or_(Authorization.client_id.in_(clients), of_people) if clients else of_people


AUTHORIZATION = Table(
    zone="protocol",
    name="authorization",
    title=_l("Authorization"),
    key=Authorization.id,
    read=PLATFORM,
    select=lambda _scope: select(Authorization),
    rows=_grants,
    columns=(
        Column("person", _l("Person"), lambda row: row.person),
        Column("client", _l("Client"), lambda row: row.authorization.client_id, sort=Authorization.client_id),
        Column("organization", _l("Organization"), lambda row: row.place),
        Column(
            "opened", _l("Opened"), lambda row: row.authorization.created_at, kind="time", sort=Authorization.created_at
        ),
        Column(
            "state",
            _l("Status"),
            lambda row: ("good", _l("In force")) if row.alive else ("plain", _l("Ended")),
            kind="state",
        ),
    ),
    sort="-opened",
    search=_authorizations_by,
    search_label=_l("Search by person or client"),
    filters=(
        Filter(
            "state",
            _l("Status"),
            lambda: (("alive", _l("In force")), ("ended", _l("Ended"))),
            lambda value: (
                Authorization.withdrawn_at.is_(None)
                & (Authorization.expires_at.is_(None) | (Authorization.expires_at > clock.now()))
                if value == "alive"
                else Authorization.withdrawn_at.is_not(None) | (Authorization.expires_at <= clock.now())
            ),
        ),
    ),
    facts=_grant_facts,
    name_of=lambda row: f"{row.person}, {row.authorization.client_id}",
    actions=(
        Action(
            "withdraw",
            _l("Withdraw"),
            _withdraw,
            _l("The authorization is withdrawn: its tokens count no more."),
            right=PLATFORM,
            shown=lambda row: bool(row.alive),
        ),
    ),
    empty=_l("No client has been granted anything yet."),
)

GRANTS = Belonging(
    lambda account_id: (
        db.session.scalar(
            select(func.count())
            .select_from(Authorization)
            .where(Authorization.account_id == account_id, Authorization.withdrawn_at.is_(None))
        )
        or 0
    ),
    _l("%(num)s authorization, whose tokens count no more"),
    _l("%(num)s authorizations, whose tokens count no more"),
)
CONSENTS = Belonging(
    lambda account_id: (
        db.session.scalar(select(func.count()).select_from(Consent).where(Consent.account_id == account_id)) or 0
    ),
    _l("%(num)s consent that is remembered"),
    _l("%(num)s consents that are remembered"),
)

# Signing key ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key and what it does today: `next`, `active`, `retired`, `gone`."""

    key: SigningKey
    state: str


KEY_STATES: dict[str, tuple[str, Any]] = {
    "active": ("good", _l("Signs")),
    "next": ("late", _l("Published, signs later")),
    "retired": ("plain", _l("Published, signs no more")),
    "gone": ("plain", _l("Gone")),
}


def _key_rows(found: Sequence[SigningKey], _scope: Scope) -> list[KeyRow]:
    states = {row["kid"]: row["state"] for row in keys.list_keys()}
    return [KeyRow(one, states.get(one.kid, "gone")) for one in found]


def _rotate(row_id: str, values: Values, acting: Acting) -> None:
    del row_id, values
    keys.rotate(actor_id=acting.actor_id)


def _rotate_now(row_id: str, values: Values, acting: Acting) -> None:
    del row_id, values
    keys.rotate(immediately=True, actor_id=acting.actor_id)


SIGNING_KEY = Table(
    zone="protocol",
    name="signing-key",
    title=_l("Signing key"),
    key=SigningKey.kid,
    read=SEES_KEYS,
    select=lambda _scope: select(SigningKey),
    rows=_key_rows,
    columns=(
        Column("kid", _l("Key id"), lambda row: row.key.kid, sort=SigningKey.kid),
        Column("alg", _l("Algorithm"), lambda row: row.key.alg, sort=SigningKey.alg),
        Column("from", _l("Signs from"), lambda row: row.key.activates_at, kind="time", sort=SigningKey.activates_at),
        Column("until", _l("Published until"), lambda row: row.key.expires_at, kind="time", sort=SigningKey.expires_at),
        Column("state", _l("Status"), lambda row: KEY_STATES[row.state], kind="state"),
    ),
    sort="-from",
    facts=lambda row: (
        (_l("Key id"), row.key.kid),
        (_l("Algorithm"), row.key.alg),
        (_l("Made"), language.at_time(row.key.created_at)),
        (_l("Signs from"), language.at_time(row.key.activates_at)),
        (_l("Published until"), language.at_time(row.key.expires_at) if row.key.expires_at else ""),
        (_l("Status"), KEY_STATES[row.state][1]),
    ),
    name_of=lambda row: str(row.key.kid),
    actions=(
        Action(
            "rotate",
            _l("Rotate keys"),
            _rotate,
            _l("The next keys are published. They sign when every application has had time to read them."),
            right=ROTATES,
            whole=True,
        ),
        Action(
            "rotate-now",
            _l("Rotate at once"),
            _rotate_now,
            _l("New keys sign now. The old ones go when the last token signed with them has expired."),
            right=ROTATES,
            whole=True,
            danger=True,
            asks=_l(
                "For a key that may have leaked. Applications that keep the keys for long may refuse tokens until "
                "they read them anew."
            ),
        ),
    ),
    empty=_l("There is no key yet."),
)

# Job -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobRow:
    """An organization whose authorizations the worker is comparing with today's decision."""

    job: LossCheck
    place: str


def _job_rows(found: Sequence[LossCheck], _scope: Scope) -> list[JobRow]:
    places = organizations.names_of({one.organization_id for one in found})
    return [JobRow(one, places.get(one.organization_id, one.organization_id)) for one in found]


JOB = Table(
    zone="delivery",
    name="job",
    title=_l("Job"),
    key=LossCheck.id,
    read=PLATFORM,
    select=lambda _scope: select(LossCheck),
    rows=_job_rows,
    columns=(
        Column("organization", _l("Organization"), lambda row: row.place),
        Column(
            "state",
            _l("Status"),
            lambda row: ("late", _l("Under way")) if row.job.cursor else ("plain", _l("Waiting")),
            kind="state",
        ),
        Column("since", _l("Since"), lambda row: row.job.created_at, kind="time", sort=LossCheck.created_at),
    ),
    sort="since",
    facts=lambda row: (
        (_l("Work"), _l("Tell the applications of everybody who lost access in the organization")),
        (_l("Organization"), row.place),
        (_l("Since"), language.at_time(row.job.created_at)),
        (_l("Id"), row.job.id),
    ),
    name_of=lambda row: str(row.place),
    empty=_l("No work is waiting for the worker."),
)

TABLES = (CLIENT, AUTHORIZATION, SIGNING_KEY, JOB)
