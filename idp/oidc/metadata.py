"""Discovery (OpenID Connect Discovery §3, RFC 8414): derived from what is registered, so that it is true (R07).

An endpoint is listed when a route answers its path, a grant when the server has its class. The bytes are made once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flask import Flask, current_app

from idp.kernel import clock
from idp.kernel.language import LANGUAGES

from . import client_metadata
from .claims import ORGANIZATION_CLAIMS, SCOPE_CLAIMS
from .interaction import ACR_VALUES, PROMPTS
from .keys import Keyring

PATHS = {
    "authorization_endpoint": "/oauth2/authorize",
    "token_endpoint": "/oauth2/token",
    "userinfo_endpoint": "/oauth2/userinfo",
    "jwks_uri": "/oauth2/jwks",
    "introspection_endpoint": "/oauth2/introspect",
    "revocation_endpoint": "/oauth2/revoke",
    "end_session_endpoint": "/oauth2/logout",
    "registration_endpoint": "/oauth2/register",
    "pushed_authorization_request_endpoint": "/oauth2/par",
    "device_authorization_endpoint": "/oauth2/device_authorization",
}


def describe(app: Flask) -> dict[str, Any]:
    """The document: registered members only, no empty array (conformance 4)."""
    server = app.extensions["onix_oidc"]
    issuer: str = app.extensions["onix_settings"].issuer
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    responses = sorted({kind for grant, _ in server._authorization_grants for kind in grant.RESPONSE_TYPES})
    confidential = [method for method in client_metadata.AUTH_METHODS if method != "none"]
    assertions = list(client_metadata.ASSERTION_ALGORITHMS)
    document: dict[str, Any] = {
        "issuer": issuer,
        **{member: f"{issuer}{path}" for member, path in PATHS.items() if path in routes},
        "scopes_supported": [*client_metadata.SCOPES, *client_metadata.API_SCOPES],
        "response_types_supported": responses,
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": [grant.GRANT_TYPE for grant, _ in server._token_grants],
        "acr_values_supported": list(ACR_VALUES),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(client_metadata.ID_TOKEN_ALGORITHMS),
        "userinfo_signing_alg_values_supported": list(client_metadata.USERINFO_ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(client_metadata.AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": assertions,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": assertions,
        "revocation_endpoint_auth_methods_supported": list(client_metadata.AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": assertions,
        "code_challenge_methods_supported": ["S256"],
        "display_values_supported": ["page", "popup"],
        "prompt_values_supported": sorted(PROMPTS),
        "claim_types_supported": ["normal"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid",
            *dict.fromkeys(name for names in SCOPE_CLAIMS.values() for name in names),
            *ORGANIZATION_CLAIMS, "privileges",
        ],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "ui_locales_supported": list(LANGUAGES),
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }  # fmt: skip
    return document


def document() -> bytes:
    """The document's bytes, made at first use: all rooms are there by then."""
    known: bytes | None = current_app.extensions.get("onix_discovery")
    if known is None:
        known = json.dumps(describe(current_app._get_current_object()), separators=(",", ":")).encode()  # type: ignore[attr-defined]
        current_app.extensions["onix_discovery"] = known
    return known


class PublicDocuments:
    """Answers discovery and the key set with the bytes that the application gave before, ahead of the application.

    Everybody gets the same, so nothing about a request matters but its path; a key set is asked for anew when keys came
    or went, or when this process has to read the rows again. These answers make no log line and count in no metric.
    """

    PATHS = frozenset({"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth2/jwks"})

    def __init__(self, app: Flask, inner: Any) -> None:
        self._app, self._inner = app, inner
        self._answers: dict[str, tuple[object, str, list[tuple[str, str]], bytes]] = {}

    @classmethod
    def install(cls, app: Flask) -> None:
        """Put it in front of everything that stands there so far."""
        app.wsgi_app = cls(app, app.wsgi_app)  # type: ignore[method-assign]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path not in self.PATHS or environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING"):
            return self._inner(environ, start_response)  # type: ignore[no-any-return]
        known = self._answers.get(path)
        if known is None or known[0] is None or known[0] != self._version(path):
            known = self._answers[path] = self._ask(path, environ)
        start_response(known[1], list(known[2]))
        return [known[3]]

    def _version(self, path: str) -> object:
        """What the answer depends on; None: it has to be asked for."""
        if path != "/oauth2/jwks":
            return path
        ring: Keyring | None = self._app.extensions.get("onix_keys")
        return None if ring is None or ring.stale else ring.published_ids(clock.now())

    def _ask(self, path: str, environ: dict[str, Any]) -> tuple[object, str, list[tuple[str, str]], bytes]:
        caught: list[Any] = []
        answer = self._inner(environ, lambda *arguments: caught.extend(arguments[:2]))
        try:
            body = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        status, headers = caught
        kept = [header for header in headers if header[0].lower() not in ("x-request-id", "date")]
        return (self._version(path) if status.startswith("200") else None), status, kept, body
