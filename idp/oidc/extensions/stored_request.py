"""An authorization request read from its parameters, wherever they rest: the query, a posted form, or our own row.

Authlib reads requests from the web framework; the house keeps them (idea 2 of DESIGN §5). `StoredRequest` gives it
the same shape for all three, and `PRECHECKS` are the faults that must be found before Authlib looks at a value:
its own error texts raise `ValueError` on characters outside RFC 6749 §4.1.2.1.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oidc.core.errors import (
    RegistrationNotSupportedError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)
from joserfc.util import urlsafe_b64decode
from werkzeug.datastructures import MultiDict

KNOWN = frozenset({
    "response_type", "client_id", "redirect_uri", "scope", "state", "response_mode", "nonce", "display", "prompt",
    "max_age", "ui_locales", "claims_locales", "id_token_hint", "login_hint", "acr_values", "claims", "registration",
    "request", "request_uri", "code_challenge", "code_challenge_method", "resource", "organization",
})  # fmt: skip
"""Everything else in a request is ignored and not kept (RFC 6749 §3.1)."""

REPEATABLE = frozenset({"resource"})  # RFC 8707 §2
LONGEST = 8192
"""Characters in one value. A longer one is refused; nothing is ever cut (conformance 33)."""


class _Payload(OAuth2Payload):
    def __init__(self, values: MultiDict[str, str]) -> None:
        self._values = values

    @property
    def data(self) -> MultiDict[str, str]:
        return self._values

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, values in self._values.lists():
            found[name] = list(values)
        return found


class StoredRequest(OAuth2Request):
    """A request at the authorization endpoint as Authlib wants it, without a web request behind it."""

    def __init__(self, uri: str, values: MultiDict[str, str]) -> None:
        super().__init__("GET", uri)
        self.payload = _Payload(values)

    @property
    def args(self) -> MultiDict[str, str]:
        return self.payload.data

    @property
    def form(self) -> MultiDict[str, str]:
        return MultiDict()


def known(values: MultiDict[str, str]) -> MultiDict[str, str]:
    """Only the parameters that mean something here; empty ones count as left out (RFC 6749 §3.1)."""
    return MultiDict((name, value) for name, value in values.items(multi=True) if name in KNOWN and value != "")


def told_inside(request_object: str) -> dict[str, str]:
    """`state` and `response_mode` of a request object, unverified: only for telling its client that we read none.

    Whoever made the address could have put them beside it, so nothing is trusted here that is not otherwise.
    """
    if len(request_object) > LONGEST or request_object.count(".") != 2:
        return {}
    try:
        claims = json.loads(urlsafe_b64decode(request_object.split(".")[1].encode("ascii")))
        found = {name: claims[name] for name in ("state", "response_mode") if isinstance(claims.get(name), str)}
        return {name: value for name, value in found.items() if value and "\0" not in value and value.encode()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def check_values(request: OAuth2Request) -> None:
    """No parameter twice, none too long, none with a character that no row can hold (RFC 6749 §3.1)."""
    for name, values in request.payload.data.lists():
        if len(values) > 1 and name not in REPEATABLE:
            raise InvalidRequestError(f"The parameter {name} is there more than once")
        if any(len(value) > LONGEST for value in values):
            raise InvalidRequestError(f"The parameter {name} is too long")
        if any("\0" in value for value in values):
            raise InvalidRequestError(f"The parameter {name} has a character that is not allowed")


def check_request_objects(request: OAuth2Request) -> None:
    """Request objects and inline registration are not offered, and say so (Core §3.1.2.6, §6.1)."""
    refused: dict[str, type[OAuth2Error]] = {
        "request": RequestNotSupportedError,
        "request_uri": RequestURINotSupportedError,
        "registration": RegistrationNotSupportedError,
    }
    for name, error in refused.items():
        if name in request.payload.data:
            raise error(f"The parameter {name} is not supported")


def check_response_type(request: OAuth2Request) -> None:
    """Only `code` (security R02). Left out is `invalid_request` (RFC 6749 §4.1.2.1)."""
    asked: str | None = request.payload.data.get("response_type")
    if asked is None:
        raise InvalidRequestError("The parameter response_type is missing")
    if asked != "code":
        raise OAuth2Error("Only response_type code is supported", error="unsupported_response_type")


def check_response_mode(request: OAuth2Request) -> None:
    """`query` and `form_post`; the latter only where a form can be sent to (OAuth 2.0 Form Post Response Mode)."""
    mode: str | None = request.payload.data.get("response_mode")
    if mode not in (None, "query", "form_post"):
        raise InvalidRequestError("Only response_mode query and form_post are supported")
    if mode == "form_post" and not request.payload.data.get("redirect_uri", "").startswith(("https://", "http://")):
        raise InvalidRequestError("response_mode form_post needs an http or https redirect URI")


PRECHECKS = (check_values, check_request_objects, check_response_type, check_response_mode)


class Prechecks:
    """An extension of the server: find these faults, in this order, before a grant is looked for."""

    def __call__(self, server: Any) -> None:
        server.register_hook("before_get_authorization_grant", self._run)

    def _run(self, _server: Any, request: OAuth2Request) -> None:
        if isinstance(request, StoredRequest):
            for check in PRECHECKS:
                check(request)
