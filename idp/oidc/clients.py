"""Clients: the one way to register them, every check of their metadata, their secrets, and how requests see them.

Start reading: `register`, then `ClientInfo`, which is what Authlib and the rest of the room hold. Parsed rows are
cached per process by `rev`; whether a client is enabled is always read from the database, with the statement that
judges the request (DESIGN §8).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin
from flask import current_app
from sqlalchemy import Connection, or_, select, update
from sqlalchemy.exc import OperationalError

from idp.kernel import clock
from idp.kernel.database import autocommit, db, new_id
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import digest, random_handle, same
from idp.organizations.catalog import App, Catalog, current_catalog
from idp.settings import current_settings

from .client_metadata import (
    CLIENT_ID,
    UUID,
    MetadataError,
    api_resource,
    check_frame,
    validate_metadata,
)
from .events import ClientChanged, ClientDisabled, ClientRegistered
from .models import Client, ClientOwner, ClientSecret

SECRET_OVERLAP = 7 * 86400  # seconds an old secret lives on after a rotation
NOTED_EVERY = 86400  # seconds between two notes of a secret's use by one process
CACHE_SIZE = 10_000


@dataclass(frozen=True)
class Registered:
    """A new client, and its secret, which is shown this once (None: it has none)."""

    client: Client
    secret: str | None


@dataclass(frozen=True, eq=False)
class ClientInfo(ClientMixin):
    """A client as requests see it: plain values, parsed once per `rev`, shared between threads."""

    id: str
    rev: int
    status: str
    kind: str
    organization_id: str | None
    app_id: str | None
    deny_mode: str
    require_pkce: bool
    metadata: Mapping[str, Any]
    secrets: tuple[tuple[str, int | None], ...]  # digest, expires_at
    redirect_uris: frozenset[str] = field(default_factory=frozenset)
    post_logout_redirect_uris: frozenset[str] = field(default_factory=frozenset)
    grant_types: frozenset[str] = field(default_factory=frozenset)
    response_types: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    auth_method: str = "client_secret_basic"
    id_token_alg: str = "RS256"
    userinfo_alg: str | None = None
    memo: dict[str, Any] = field(default_factory=dict)
    """What was worked out of it once, beside what it was worked out from."""

    @property
    def enabled(self) -> bool:
        """As of the last read; who needs to be sure compares with the row (`find_client`, or the token's statement)."""
        return self.status != "disabled"

    @property
    def family(self) -> bool:
        """A client of an app of ours: no consent page, the app's privileges in its tokens."""
        return self.app_id is not None

    @property
    def confidential(self) -> bool:
        return self.auth_method != "none"

    @property
    def backchannel_logout_uri(self) -> str | None:
        return self.metadata.get("backchannel_logout_uri")

    def text(self, member: str, language: str = "en") -> str | None:
        """A human-readable member in the best language that was registered (OpenID Registration §2.1)."""
        return text_of(self.metadata, member, language)

    def name(self, language: str = "en") -> str:
        """What the person is told; the id when nothing was registered."""
        return self.text("client_name", language) or self.id

    # What Authlib asks (ClientMixin).
    @property
    def client_id(self) -> str:
        return self.id

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> str | None:
        """The only registered one; with several the request has to say (P11)."""
        return next(iter(self.redirect_uris)) if len(self.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str:
        """The part of a requested scope that this client may have, in the order asked; the rest is dropped silently."""
        return " ".join(dict.fromkeys(word for word in (scope or "").split() if word in self.scopes))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact string match; only a loopback IP literal may come with any port (R01, RFC 8252 §7.3)."""
        return self._is_registered(redirect_uri, self.redirect_uris)

    def check_post_logout_redirect_uri(self, uri: str) -> bool:
        """The same for where a sign-out leads (RP-Initiated Logout §3.1)."""
        return self._is_registered(uri, self.post_logout_redirect_uris)

    def _is_registered(self, uri: str, registered: frozenset[str]) -> bool:
        return uri in registered or (self.kind == "native" and _without_loopback_port(uri) in registered)

    def check_client_secret(self, client_secret: str) -> bool:
        return self.accepts_secret(client_secret, clock.now())

    def accepts_secret(self, secret: str, now: int) -> bool:
        """Whether this is one of the live secrets. Every stored one is compared, in constant time (R10)."""
        shown = digest(secret)
        found = False
        for stored, expires_at in self.secrets:
            found |= same(stored, shown) and (expires_at is None or expires_at > now)
        return found

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """The one registered method, at every endpoint (P07)."""
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


def _without_loopback_port(uri: str) -> str | None:
    """`http://127.0.0.1:49152/cb` as `http://127.0.0.1/cb`; None for anything that is not a loopback IP literal."""
    match = re.fullmatch(r"http://(127\.0\.0\.1|\[::1\]):([0-9]{1,5})(/[^#]*)?", uri)
    return f"http://{match[1]}{match[3] or ''}" if match and int(match[2]) < 65536 else None


def text_of(metadata: Mapping[str, Any], member: str, language: str) -> str | None:
    """A human-readable member of a client's metadata, in the best language there is."""
    value = metadata.get(f"{member}#{language}") or metadata.get(member)
    return value or next((v for k, v in sorted(metadata.items()) if k.startswith(f"{member}#")), None)


def parse(client: Client) -> ClientInfo:
    """The plain values of a row."""
    data = client.metadata_
    return ClientInfo(
        id=client.id,
        rev=client.rev,
        status=client.status,
        kind=client.kind,
        organization_id=client.organization_id,
        app_id=client.app_id,
        deny_mode=client.deny_mode,
        require_pkce=client.require_pkce,
        metadata=data,
        secrets=tuple((secret.secret_digest, secret.expires_at) for secret in client.secrets),
        redirect_uris=frozenset(data.get("redirect_uris", ())),
        post_logout_redirect_uris=frozenset(data.get("post_logout_redirect_uris", ())),
        grant_types=frozenset(data["grant_types"]),
        response_types=frozenset(data["response_types"]),
        scopes=frozenset(data["scope"].split()),
        auth_method=data["token_endpoint_auth_method"],
        id_token_alg=data.get("id_token_signed_response_alg", "RS256"),
        userinfo_alg=data.get("userinfo_signed_response_alg"),
    )


# Finding ------------------------------------------------------------------------------------------------------------

_state = select(Client.__table__.c.status, Client.__table__.c.rev)


def _cache() -> OrderedDict[str, ClientInfo]:
    return current_app.extensions.setdefault("onix_clients", OrderedDict())  # type: ignore[no-any-return]


def cached_client(client_id: str) -> ClientInfo | None:
    """The client as this process last saw it, read when it never did. `rev` and `enabled` may be old: compare them."""
    return _cache().get(client_id) or load_client(client_id)


def load_client(client_id: str) -> ClientInfo | None:
    """Read and parse the row afresh. Unknown ids are not remembered, so that nobody can fill the cache."""
    if not CLIENT_ID.match(client_id):
        return None
    client = db.session.scalar(select(Client).where(Client.id == client_id).execution_options(populate_existing=True))
    if client is None:
        _cache().pop(client_id, None)
        return None
    info = parse(client)
    cache = _cache()
    cache[client_id] = info
    while len(cache) > CACHE_SIZE:
        cache.popitem(last=False)
    return info


def find_client(client_id: str | None, connection: Connection | None = None) -> ClientInfo | None:
    """The client as it is now, also a disabled one (ask `.enabled`), or None. One statement when nothing changed."""
    if not client_id or not CLIENT_ID.match(client_id):
        return None
    known = _cache().get(client_id)
    if known is None:
        return load_client(client_id)
    row = (connection or db.session).execute(_state.where(Client.__table__.c.id == client_id)).one_or_none()
    if row is not None and row.rev == known.rev and row.status == known.status:
        return known
    return load_client(client_id)


def client_at(client_id: str, rev: int) -> ClientInfo | None:
    """The client at the `rev` that was read of its row just now. No statement when this process knows it so."""
    known = cached_client(client_id)
    return known if known is not None and known.rev == rev else load_client(client_id)


def list_clients(*, after: str = "", limit: int = 100) -> list[ClientInfo]:
    """A page of all clients by id."""
    rows = db.session.scalars(select(Client).where(Client.id > after).order_by(Client.id).limit(limit))
    return [parse(row) for row in rows]


# Registering --------------------------------------------------------------------------------------------------------


def of_unknown_apps(limit: int = 20) -> list[tuple[str, str]]:
    """Clients in use whose app the catalog lacks, with that app's id: whoever comes by them holds nothing."""
    rows = db.session.execute(
        select(Client.id, Client.app_id)
        .where(Client.app_id.not_in(list(current_app.extensions["onix_catalog"].apps)), Client.status != "disabled")
        .order_by(Client.id)
        .limit(limit)
    )
    return [(client_id, app_id or "") for client_id, app_id in rows]


def register(
    *,
    kind: str,
    name: str,
    organization_id: str | None = None,
    app_id: str | None = None,
    redirect_uris: Iterable[str] = (),
    client_id: str | None = None,
    secret: str | None = None,
    deny_mode: str = "error",
    require_pkce: bool = True,
    status: str = "active",
    owners: Iterable[str] = (),
    **metadata: Any,
) -> Registered:
    """The one way to register a client. Raises `MetadataError`; emits `ClientRegistered`. Call inside a unit of work.

    `metadata` are members of RFC 7591 §2 and OpenID Registration §2; unknown ones are kept and ignored. Left out,
    they get the defaults of their kind. A secret is made for the `client_secret_*` methods and returned once;
    `secret` fixes it (the demo's). `client_id` fixes the id, which can't have the shape of a subject's (R12).
    """
    now = clock.now()
    if client_id is not None and (not CLIENT_ID.match(client_id) or UUID.match(client_id)):
        raise MetadataError("client_id: 1 to 120 letters, digits or ._~- , and not a UUID", field="client_id")
    if client_id is not None and db.session.get(Client, client_id) is not None:
        raise MetadataError("client_id: it is already registered", field="client_id")
    if status not in ("active", "unverified"):
        raise MetadataError("status: active or unverified", field="status")
    check_frame(kind, deny_mode, app_id, require_pkce, metadata.get("token_endpoint_auth_method"))
    checked = validate_metadata(
        kind, {**metadata, "client_name": name, "redirect_uris": list(redirect_uris)}, family=app_id is not None
    )
    client = Client(
        id=client_id or f"onix-{random_handle()[:22]}",
        organization_id=organization_id,
        app_id=app_id,
        kind=kind,
        status=status,
        deny_mode=deny_mode,
        require_pkce=require_pkce,
        metadata_=checked,
        created_at=now,
        updated_at=now,
    )
    shown: str | None = None
    if checked["token_endpoint_auth_method"].startswith("client_secret_"):
        shown = secret or random_handle()
        client.secrets.append(_secret(shown, now))
    client.owners.extend(ClientOwner(account_id=account_id) for account_id in owners)
    db.session.add(client)
    db.session.flush()
    emit(ClientRegistered(at=now, client_id=client.id, organization_id=organization_id))
    return Registered(client, shown)


def change_metadata(client_id: str, **changes: Any) -> Client:
    """Change members of a client's metadata (None removes one); the whole is validated again (R11)."""
    client = _locked(client_id)
    merged = {key: value for key, value in {**client.metadata_, **changes}.items() if value is not None}
    check_frame(
        client.kind, client.deny_mode, client.app_id, client.require_pkce, merged.get("token_endpoint_auth_method")
    )
    client.metadata_ = validate_metadata(client.kind, merged, family=client.app_id is not None)
    _touch(client, "metadata")
    return client


def rotate_secret(client_id: str, *, overlap: int = SECRET_OVERLAP) -> str:
    """A new secret, returned once. The one before it lives `overlap` seconds more; older ones end now."""
    client = _locked(client_id)
    if not client.metadata_["token_endpoint_auth_method"].startswith("client_secret_"):
        raise MetadataError("This client does not authenticate with a secret.", field="token_endpoint_auth_method")
    now = clock.now()
    live = [secret for secret in client.secrets if secret.expires_at is None or secret.expires_at > now]
    for secret in list(client.secrets):
        if secret not in live[-1:] or overlap <= 0:
            client.secrets.remove(secret)
        else:
            secret.expires_at = min(now + overlap, secret.expires_at or now + overlap)
    shown = random_handle()
    client.secrets.append(_secret(shown, now))
    _touch(client, "secret_added")
    return shown


def note_use(secret: str, now: int) -> None:
    """Write down that a secret was used, at most once a day: what tells an owner that an older one can go.

    A statement of its own, outside any unit of work. A database that is busy forgoes it: no token waits for a note.
    """
    noted: dict[str, int] = current_app.extensions.setdefault("onix_secrets_noted", {})
    shown = digest(secret)
    if now - noted.get(shown, 0) < NOTED_EVERY:
        return
    noted[shown] = now
    row = ClientSecret.__table__
    with suppress(OperationalError), autocommit() as connection:
        connection.execute(
            update(ClientSecret)
            .where(
                row.c.secret_digest == shown,
                or_(row.c.last_used_at.is_(None), row.c.last_used_at <= now - NOTED_EVERY),
            )
            .values(last_used_at=now)
        )


def disable_client(client_id: str, *, actor_id: str | None = None) -> None:
    """Its requests, tokens and refresh tokens are refused from now on. Emits `ClientDisabled`."""
    client = _locked(client_id)
    if client.status == "disabled":
        return
    client.status = "disabled"
    client.rev += 1
    client.updated_at = clock.now()
    db.session.flush()
    emit(ClientDisabled(at=client.updated_at, actor_id=actor_id, client_id=client_id))


def enable_client(client_id: str, *, actor_id: str | None = None) -> None:
    """It may ask again; what was withdrawn stays withdrawn."""
    client = _locked(client_id)
    client.status = "active"
    _touch(client, "enabled", actor_id)


def _locked(client_id: str) -> Client:
    client = db.session.scalar(select(Client).where(Client.id == client_id).with_for_update())
    if client is None:
        raise Refusal("unknown_client", f"There is no client {client_id}.", status=404)
    return client


def _touch(client: Client, what: str, actor_id: str | None = None) -> None:
    client.rev += 1
    client.updated_at = clock.now()
    db.session.flush()
    emit(ClientChanged(at=client.updated_at, actor_id=actor_id, client_id=client.id, what=what))


def _secret(secret: str, now: int) -> ClientSecret:
    return ClientSecret(
        id=new_id(), secret_digest=digest(secret), hint=secret[-4:], created_at=now, expires_at=None, last_used_at=None
    )


# Resources ----------------------------------------------------------------------------------------------------------


def resources(client: ClientInfo) -> Mapping[str, str | None]:
    """The resource URIs this client may ask (RFC 8707), the default first, each with the app whose privileges count.

    A client of an app: the app's own. Another: the issuer (no app), and so one whose app has left the catalog, which
    keeps its clients from failing and gives them no privilege. The provider's API besides: clients of an app, machines
    (which have no privileges), and clients registered for it by the member `resources` (DESIGN §4).
    """
    catalog = current_app.extensions["onix_catalog"]
    known = client.memo.get("resources")
    if known is None or known[0] is not catalog:
        known = client.memo["resources"] = (catalog, _resources(client, catalog))
    return known[1]


def app_of(client: ClientInfo, resource: str | None) -> App | None:
    """The app that a token for this resource (None: the client's default) speaks about; None for clients of no app."""
    known = resources(client)
    app_id = known.get(resource) if resource else next(iter(known.values()))
    return current_catalog().apps.get(app_id) if app_id else None


def _resources(client: ClientInfo, catalog: Catalog) -> Mapping[str, str | None]:
    issuer = current_settings().issuer
    app = catalog.apps.get(client.app_id) if client.app_id else None
    found: dict[str, str | None] = {app.resource: app.id} if app else {issuer: None}
    api = api_resource()
    if client.app_id is not None or client.kind == "machine" or api in client.metadata.get("resources", ()):
        found.setdefault(api, "account")
    return found


def login_addresses() -> dict[str, str]:
    """`initiate_login_uri` (OpenID Connect Core §4) by app, of the oldest enabled client that has one; one statement.

    Every client of an app was registered by the platform: nobody else can put an address behind an icon.
    """
    rows = db.session.execute(
        select(Client.app_id, Client.metadata_)
        .where(Client.app_id.is_not(None), Client.status == "active")
        .order_by(Client.created_at, Client.id)
    )
    found: dict[str, str] = {}
    for app_id, metadata in rows:
        if address := metadata.get("initiate_login_uri"):
            found.setdefault(app_id, address)
    return found
