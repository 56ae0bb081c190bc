"""Client authentication (RFC 6749 §2.3, RFC 7523, Core §9): one method per request, and only the registered one.

It runs before the unit of work, on the client row that this process knows: fetching a key set must not hold a
transaction. Whether that knowledge is still true is read with the statement that judges the request, which hands
`status` and `rev` to `confirm`.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlsplit

import structlog
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE
from flask import current_app
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests import RequestException
from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from idp.kernel.database import autocommit
from idp.kernel.outgoing import caller, in_time
from idp.kernel.secrets import digest
from idp.settings import current_settings

from .client_metadata import ASSERTION_ALGORITHMS, MetadataError, import_public_keys
from .clients import ClientInfo, cached_client, find_client, load_client
from .models import UsedAssertion

log = structlog.get_logger(__name__)

LEEWAY = 60  # seconds a client's clock may run ahead
LONGEST_ASSERTION = 3600  # seconds: how long a `jti` has to be kept
KEYS_LIVE = 600  # seconds a fetched key set counts
REFETCH_AFTER = 10  # seconds between two fetches for one client, whatever key ids turn up
FETCH_WITHIN = 5  # seconds for a key set as a whole
LARGEST_KEY_SET = 512 * 1024  # bytes

_registry = jws.JWSRegistry(algorithms=list(ASSERTION_ALGORITHMS))
_FAILED = "Client authentication failed"


@dataclass(frozen=True)
class Authenticated:
    """A client that has shown who it is, as this process knew it; `secret` what it showed, to be compared again."""

    client: ClientInfo
    method: str
    secret: str | None = None


class ClientRefused(InvalidClientError):
    """401 with a challenge (RFC 6749 §5.2), the same words whatever was wrong, so that nobody can ask who exists."""

    def __init__(self) -> None:
        super().__init__(_FAILED, status_code=401)

    def get_headers(self) -> list[tuple[str, str]]:
        headers = [header for header in super().get_headers() if header[0] != "WWW-Authenticate"]
        return [*headers, ("WWW-Authenticate", 'Basic realm="onix-account", charset="UTF-8"')]


def authenticate(form: Mapping[str, str], authorization: str | None, endpoint: str, now: int) -> Authenticated:
    """Who asks. `form` are the body's parameters, `authorization` the header, `endpoint` this endpoint's own address.

    Raises `ClientRefused`, or InvalidRequestError when more than one method is used at once.
    """
    client_id, secret, method = _presented(form, authorization)
    if method == "private_key_jwt":
        return _by_assertion(form, client_id, endpoint, now)
    if client_id is None:
        raise ClientRefused
    shown = None if method == "none" else secret
    client = cached_client(client_id)
    if client is None or not _fits(client, method, shown, now):
        client = find_client(client_id)  # a secret or method that this process has not heard of yet
        if client is None or not _fits(client, method, shown, now):
            raise ClientRefused
    return Authenticated(client, method, shown)


def confirm(known: Authenticated, status: str | None, rev: int | None, now: int) -> ClientInfo:
    """The client as the row says it is now; what it showed is compared again when the row has changed."""
    if status is None or status == "disabled":
        raise ClientRefused
    if rev == known.client.rev and status == known.client.status:
        return known.client
    fresh = load_client(known.client.id)
    if fresh is None or not fresh.enabled or not _fits(fresh, known.method, known.secret, now):
        raise ClientRefused
    return fresh


def confirm_alone(known: Authenticated, now: int, connection: Connection | None = None) -> ClientInfo:
    """`confirm` by a statement of its own, where nothing else has read the client's row."""
    found = find_client(known.client.id, connection)
    return confirm(known, found.status if found else None, found.rev if found else None, now)


def _fits(client: ClientInfo, method: str, secret: str | None, now: int) -> bool:
    if client.auth_method != method or not client.enabled:
        return False
    return method in ("none", "private_key_jwt") or (secret is not None and client.accepts_secret(secret, now))


def _presented(form: Mapping[str, str], authorization: str | None) -> tuple[str | None, str | None, str]:
    """Client id, secret and method as shown. A second method beside the first is an error (RFC 6749 §2.3)."""
    in_header = authorization is not None
    by_assertion = "client_assertion" in form or "client_assertion_type" in form
    if in_header + by_assertion + ("client_secret" in form) > 1:
        raise InvalidRequestError("More than one client authentication method in one request")
    if authorization is not None:
        client_id, secret = _basic(authorization)
        if form.get("client_id", client_id) != client_id:
            raise InvalidRequestError("client_id differs from the authenticated client")
        return client_id, secret, "client_secret_basic"
    if by_assertion:
        return form.get("client_id"), None, "private_key_jwt"
    if "client_secret" in form:
        return form.get("client_id"), form["client_secret"], "client_secret_post"
    return form.get("client_id"), None, "none"


def _basic(header: str) -> tuple[str, str]:
    """Id and secret of a Basic header: each was form-encoded before they were joined (RFC 6749 §2.3.1)."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic" or not value.isascii():
        raise ClientRefused
    try:
        client_id, colon, secret = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError:
        raise ClientRefused from None
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if not colon or not client_id or not secret or "\0" in client_id:
        raise ClientRefused
    return client_id, secret


def _by_assertion(form: Mapping[str, str], client_id: str | None, endpoint: str, now: int) -> Authenticated:
    """`private_key_jwt` (RFC 7523 §3): signed by the client's key, for us, young, and used once."""
    if form.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in form:
        raise ClientRefused
    text = form["client_assertion"]
    if len(text) > 8192 or not text.isascii():
        raise ClientRefused
    try:
        signed = jws.extract_compact(text.encode("ascii"))
        header, claims = signed.headers(), json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise ClientRefused from None
    if not isinstance(claims, dict) or not isinstance(claims.get("sub"), str):
        raise ClientRefused
    subject: str = claims["sub"]
    client = find_client(subject)
    if client is None or client_id not in (None, subject) or not _fits(client, "private_key_jwt", None, now):
        raise ClientRefused
    alg = header.get("alg")
    allowed = client.metadata.get("token_endpoint_auth_signing_alg")
    if alg not in ASSERTION_ALGORITHMS or (allowed is not None and alg != allowed):
        raise ClientRefused
    if not _signed_by(client, signed, str(alg), header.get("kid")):
        raise ClientRefused
    if not _acceptable(claims, subject, endpoint, now) or not _first_use(subject, claims):
        raise ClientRefused
    return Authenticated(client, "private_key_jwt")


def _acceptable(claims: Mapping[str, Any], subject: str, endpoint: str, now: int) -> bool:
    """Issuer, audience and times of an assertion (RFC 7523 §3)."""
    issuer = current_settings().issuer
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    ours = (issuer, f"{issuer}/oauth2/token", endpoint)
    # One that is meant for somebody else too could be shown here by that somebody.
    if claims.get("iss") != subject or not audiences or any(value not in ours for value in audiences):
        return False
    expires_at = claims.get("exp")
    if isinstance(expires_at, bool) or not isinstance(expires_at, int | float):
        return False
    if not now < expires_at <= now + LONGEST_ASSERTION + LEEWAY:
        return False
    for member in ("iat", "nbf"):
        value = claims.get(member)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or value > now + LEEWAY
        ):
            return False
    jti = claims.get("jti")
    return isinstance(jti, str) and 0 < len(jti) <= 500


def _first_use(client_id: str, claims: Mapping[str, Any]) -> bool:
    """Remember the `jti`, in a transaction of its own: also a request that fails afterwards has used it (R10)."""
    try:
        with autocommit() as connection:
            connection.execute(
                insert(UsedAssertion).values(
                    client_id=client_id, jti_digest=digest(claims["jti"]), expires_at=int(claims["exp"]) + LEEWAY
                )
            )
    except IntegrityError:
        return False
    return True


# Clients' keys ------------------------------------------------------------------------------------------------------


class FetchedKeys:
    """Key sets behind `jwks_uri`, per process: kept `KEYS_LIVE` seconds, fetched again early for an unknown key id.

    One per application, at `app.extensions['onix_client_keys']`. A client can cause at most one fetch in
    `REFETCH_AFTER` seconds, and a failing address is not asked more often either.
    """

    def __init__(self) -> None:
        self._sets: dict[tuple[str, str], tuple[KeySet | None, float]] = {}
        self._lock = threading.Lock()

    def keys(self, client_id: str, uri: str, kid: str | None) -> KeySet | None:
        """The client's keys, or None when they can't be had."""
        at = time.monotonic()
        keys, fetched_at = self._sets.get((client_id, uri), (None, -float("inf")))
        age = at - fetched_at
        missing = keys is None or (kid is not None and all(key.kid != kid for key in keys))
        if age > KEYS_LIVE or (missing and age >= REFETCH_AFTER):
            with self._lock:
                self._sets[client_id, uri] = (keys, at)
            fetched = fetch_key_set(uri)
            if fetched is not None or age > KEYS_LIVE:
                keys = fetched
            with self._lock:
                self._sets[client_id, uri] = (keys, at)
        return keys


def fetch_key_set(uri: str) -> KeySet | None:
    """Get a client's key set: no redirects, no private addresses, bounded in time and size (conformance 39)."""
    settings = current_settings()
    local = settings.local and urlsplit(uri).hostname in ("localhost", "127.0.0.1", "::1")
    manager = caller(2, 3, loopback=local)
    try:
        with (
            in_time(FETCH_WITHIN),
            manager.get_session() as session,
            session.request("GET", uri, stream=True) as response,
        ):
            if response.status_code != 200:
                return None
            body = b""
            for part in response.iter_content(16384):
                body += part
                if len(body) > LARGEST_KEY_SET:
                    return None
        return import_public_keys(json.loads(body))
    except (RequestException, OSError, ValueError, RecursionError, MetadataError) as error:
        log.info("client_keys_unreachable", uri=uri, error=type(error).__name__)
        return None


def _signed_by(client: ClientInfo, signed: Any, alg: str, kid: Any) -> bool:
    keys = _client_keys(client, kid if isinstance(kid, str) else None)
    if keys is None:
        return False
    for key in keys:
        if isinstance(kid, str) and key.get("kid") is not None and key.kid != kid:
            continue
        if key.key_type != ("EC" if alg == "ES256" else "RSA"):
            continue
        if key.get("use") not in (None, "sig") or key.get("alg") not in (None, alg):
            continue
        try:
            if jws.validate_compact(signed, key, registry=_registry):
                return True
        except (JoseError, ValueError):
            continue
    return False


def _client_keys(client: ClientInfo, kid: str | None) -> KeySet | None:
    fetched: FetchedKeys = current_app.extensions.setdefault("onix_client_keys", FetchedKeys())
    if "jwks_uri" in client.metadata:
        return fetched.keys(client.id, client.metadata["jwks_uri"], kid)
    try:
        return import_public_keys(client.metadata["jwks"])
    except (MetadataError, KeyError):
        return None
