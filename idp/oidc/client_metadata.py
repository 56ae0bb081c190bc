"""What a client may register: every check of its metadata (RFC 7591, OpenID Connect Registration, RFC 8252).

Plain values in, checked values with their defaults out, or the first problem raised.
Start reading: `validate_metadata`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from idp.kernel.refusal import Refusal
from idp.settings import current_settings

SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access", "organization", "signature")
OF_THE_FAMILY = frozenset({"signature"})
"""Scopes for clients of an app only."""
API_SCOPES = ("companies.read", "invitations.read", "invitations.write")
"""What a client may do at the provider's API; given to nobody by default."""
AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
ASSERTION_ALGORITHMS = ("RS256", "PS256", "ES256")
ID_TOKEN_ALGORITHMS = ("RS256", "ES256")
USERINFO_ALGORITHMS = ("RS256", "ES256")
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
KINDS = ("web", "spa", "native", "machine")

# A host may stand in a Content-Security-Policy, so it has nothing that would end a directive there.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d*)?\Z")
_LOOPBACK = {"127.0.0.1", "[::1]"}
_PRIVATE_SCHEME = re.compile(r"^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+$")
CLIENT_ID = re.compile(r"^[A-Za-z0-9._~-]{1,120}$")
_SCOPE_TOKEN = re.compile(r"^[\x21\x23-\x5b\x5d-\x7e]{1,100}$")
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_LANGUAGE_TAG = re.compile(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
_TAGGED = ("client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri")
_UNSUPPORTED = {
    "id_token_encrypted_response_alg", "id_token_encrypted_response_enc", "userinfo_encrypted_response_alg",
    "userinfo_encrypted_response_enc", "request_object_encryption_alg", "request_object_encryption_enc",
    "request_object_signing_alg", "sector_identifier_uri", "tls_client_auth_subject_dn", "tls_client_auth_san_dns",
    "tls_client_auth_san_uri", "tls_client_auth_san_ip", "tls_client_auth_san_email",
}  # fmt: skip
MEMBERS = frozenset({
    "redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "scope", "contacts", "resources",
    "token_endpoint_auth_method", "token_endpoint_auth_signing_alg", "jwks", "jwks_uri", "id_token_signed_response_alg",
    "userinfo_signed_response_alg", "subject_type", "default_max_age", "require_auth_time", "default_acr_values",
    "initiate_login_uri", "backchannel_logout_uri", "backchannel_logout_session_required", "software_id",
    "software_version", *_TAGGED,
})  # fmt: skip
"""The metadata members that have a meaning here, `_TAGGED` ones also by language; the command line refuses others."""
SCALARS = frozenset({"default_max_age", "require_auth_time", "backchannel_logout_session_required"})
"""Those whose value is a number or a truth value, and so no text."""
_UNSUPPORTED_WHEN_TRUE = (
    "require_pushed_authorization_requests", "dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens",
    "require_signed_request_object",
)  # fmt: skip


class MetadataError(Refusal):
    """Unfit metadata. `code`: `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591 §3.2.2)."""

    def __init__(self, problem: str, *, field: str, code: str = "invalid_client_metadata") -> None:
        super().__init__(code, problem, field=field)


def check_frame(kind: str, deny_mode: str, app_id: str | None, require_pkce: bool, auth_method: str | None) -> None:
    """Rules on what is not RFC 7591 metadata but ours."""
    if kind not in KINDS:
        raise MetadataError(f"kind: one of {', '.join(KINDS)}", field="kind")
    if deny_mode not in ("token", "error"):
        raise MetadataError("deny_mode: token or error", field="deny_mode")
    if deny_mode == "token" and app_id is None:
        raise MetadataError("deny_mode: token is for clients of an app", field="deny_mode")
    if app_id is not None:
        catalog = current_app.extensions.get("onix_catalog")
        if catalog is not None and app_id not in catalog.apps:
            raise MetadataError("app_id: the catalog has no such app", field="app_id")
    if not require_pkce and (kind in ("spa", "native") or auth_method == "none"):
        raise MetadataError("require_pkce: only a confidential client can do without (R03)", field="require_pkce")


def validate_metadata(kind: str, metadata: Mapping[str, Any], *, family: bool = False) -> dict[str, Any]:
    """Checked metadata with defaults filled in. Raises `MetadataError` for the first problem (R01, R11, P09).

    `family`: the client belongs to an app.
    """
    data = dict(metadata)
    _fill_in(kind, data, family)
    for member in ("redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "contacts",
                   "default_acr_values", "request_uris", "resources"):  # fmt: skip
        if member in data:
            _strings(data, member)
    _check_grants(kind, data)
    _check_authentication(kind, data)
    _check_redirects(kind, data, needed="authorization_code" in data["grant_types"])
    _check_scope(kind == "machine", data)
    if not family and (words := OF_THE_FAMILY.intersection(data["scope"].split())):
        raise MetadataError(f"scope: {', '.join(sorted(words))} is for clients of an app", field="scope")
    _check_supported(data)
    _check_signing_out_and_ages(data)
    _check_names(data)
    for member in ("software_id", "software_version"):
        if member in data and (not isinstance(data[member], str) or len(data[member]) > 2000):
            raise MetadataError(f"{member}: a text", field=member)
    return data


def _fill_in(kind: str, data: dict[str, Any], family: bool) -> None:
    machine = kind == "machine"
    public = kind in ("spa", "native")
    data.setdefault("grant_types", ["client_credentials"] if machine else ["authorization_code", "refresh_token"])
    data.setdefault("response_types", [] if machine else ["code"])
    data.setdefault("token_endpoint_auth_method", "none" if public else "client_secret_basic")
    data.setdefault(
        "scope", "" if machine else " ".join(word for word in SCOPES if family or word not in OF_THE_FAMILY)
    )
    data["application_type"] = "native" if kind == "native" else "web"


def _check_grants(kind: str, data: dict[str, Any]) -> None:
    if not set(data["grant_types"]) <= set(GRANT_TYPES) or not data["grant_types"]:
        raise MetadataError(f"grant_types: some of {', '.join(GRANT_TYPES)}", field="grant_types")
    code = "authorization_code" in data["grant_types"]
    if set(data["response_types"]) != ({"code"} if code else set()):
        raise MetadataError("response_types: code goes with authorization_code, and nothing else is supported",
                            field="response_types")  # fmt: skip
    if "refresh_token" in data["grant_types"] and not code:
        raise MetadataError("grant_types: refresh_token goes with authorization_code", field="grant_types")
    if kind == "machine" and code:
        raise MetadataError("grant_types: a machine has client_credentials only", field="grant_types")


def _check_supported(data: dict[str, Any]) -> None:
    """What is asked for is among what is done here."""
    for member, allowed in (
        ("id_token_signed_response_alg", ID_TOKEN_ALGORITHMS),
        ("userinfo_signed_response_alg", USERINFO_ALGORITHMS),
        ("token_endpoint_auth_signing_alg", ASSERTION_ALGORITHMS),
        ("subject_type", ("public",)),
    ):
        if member in data and data[member] not in allowed:
            raise MetadataError(f"{member}: one of {', '.join(allowed)}", field=member)
    for member in _UNSUPPORTED & data.keys():
        raise MetadataError(f"{member}: not supported", field=member)
    for member in _UNSUPPORTED_WHEN_TRUE:
        if data.get(member) not in (None, False):
            raise MetadataError(f"{member}: not supported", field=member)
    if not set(data.get("resources", ())) <= {api_resource()}:
        raise MetadataError(f"resources: {api_resource()}, beside the client's own", field="resources")
    if data.get("request_uris"):
        raise MetadataError("request_uris: not supported", field="request_uris")


def _check_signing_out_and_ages(data: dict[str, Any]) -> None:
    for member in ("require_auth_time", "backchannel_logout_session_required", "frontchannel_logout_session_required"):
        if member in data and not isinstance(data[member], bool):
            raise MetadataError(f"{member}: true or false", field=member)
    if "default_max_age" in data and (
        type(data["default_max_age"]) is not int or not 0 <= data["default_max_age"] < 2**31
    ):
        raise MetadataError("default_max_age: a number of seconds", field="default_max_age")
    for member in ("backchannel_logout_uri", "frontchannel_logout_uri", "initiate_login_uri"):
        if member in data:
            _check_web_address(data[member], member)
    if "frontchannel_logout_uri" in data:
        raise MetadataError(
            "frontchannel_logout_uri: not supported, use backchannel_logout_uri", field="frontchannel_logout_uri"
        )


def _check_names(data: dict[str, Any]) -> None:
    """What people read about the client, in each language that it is told in."""
    for member, value in list(data.items()):
        base, _, tag = member.partition("#")
        if base not in _TAGGED:
            continue
        if (tag and not _LANGUAGE_TAG.match(tag)) or not isinstance(value, str) or len(value) > 2000:
            raise MetadataError(f"{base}: a text, with a well-formed language tag if any", field=member)
        if base == "client_name" and (not value.strip() or len(value) > 200 or not value.isprintable()):
            raise MetadataError("client_name: 1 to 200 printable characters", field=member)
        if base != "client_name":
            _check_web_address(value, member)


def _strings(data: dict[str, Any], member: str) -> None:
    value = data[member]
    if isinstance(value, tuple | set | frozenset):
        value = data[member] = list(value)
    if (
        not isinstance(value, list)
        or len(value) > 100
        or not all(isinstance(v, str) and 0 < len(v) <= 2000 for v in value)
    ):
        code = "invalid_redirect_uri" if member == "redirect_uris" else "invalid_client_metadata"
        raise MetadataError(f"{member}: a list of texts", field=member, code=code)


def _check_authentication(kind: str, data: dict[str, Any]) -> None:
    method = data["token_endpoint_auth_method"]
    if method not in AUTH_METHODS:
        raise MetadataError(
            f"token_endpoint_auth_method: one of {', '.join(AUTH_METHODS)}", field="token_endpoint_auth_method"
        )
    if method == "none" and "client_credentials" in data["grant_types"]:
        raise MetadataError("token_endpoint_auth_method: client_credentials needs authentication (RFC 6749 §4.4)",
                            field="token_endpoint_auth_method")  # fmt: skip
    if kind in ("spa", "native") and method.startswith("client_secret_"):
        raise MetadataError(
            "token_endpoint_auth_method: a public client can't keep a secret", field="token_endpoint_auth_method"
        )
    if "jwks" in data and "jwks_uri" in data:
        raise MetadataError("jwks: not together with jwks_uri (OpenID Registration §2)", field="jwks")
    if method == "private_key_jwt" and "jwks" not in data and "jwks_uri" not in data:
        raise MetadataError("jwks: private_key_jwt needs jwks or jwks_uri", field="jwks")
    if "jwks" in data:
        import_public_keys(data["jwks"])
    if "jwks_uri" in data:
        _check_web_address(data["jwks_uri"], "jwks_uri")


def import_public_keys(jwks: Any) -> KeySet:
    """A client's key set. Raises `MetadataError` unless it holds usable public asymmetric keys and nothing private."""
    problem = MetadataError("jwks: a JWK Set of public RSA (2048 bits or more) or P-256 keys", field="jwks")
    if not isinstance(jwks, dict) or not isinstance(jwks.get("keys"), list) or not 0 < len(jwks["keys"]) <= 20:
        raise problem
    for key in jwks["keys"]:
        if not isinstance(key, dict) or {"d", "p", "q", "dp", "dq", "qi", "k", "oth"} & key.keys():
            raise problem
        if not all(isinstance(value, str | list) for value in key.values()):
            raise problem
    usable = [
        key for key in jwks["keys"] if key.get("kty") == "RSA" or (key.get("kty"), key.get("crv")) == ("EC", "P-256")
    ]
    try:
        keys = KeySet.import_key_set({"keys": usable})
        if any(key.key_type == "RSA" and key.raw_value.key_size < 2048 for key in keys):  # type: ignore[union-attr]
            raise problem
    except (JoseError, ValueError, TypeError, KeyError):
        raise problem from None
    return keys


def _check_redirects(kind: str, data: dict[str, Any], *, needed: bool) -> None:
    data.setdefault("redirect_uris", [])
    if needed and not data["redirect_uris"]:
        raise MetadataError("redirect_uris: at least one", field="redirect_uris", code="invalid_redirect_uri")
    if not needed and data["redirect_uris"]:
        raise MetadataError(
            "redirect_uris: only with authorization_code", field="redirect_uris", code="invalid_redirect_uri"
        )
    for member in ("redirect_uris", "post_logout_redirect_uris"):
        for uri in data.get(member, ()):
            problem = redirect_problem(kind, uri)
            if problem:
                code = "invalid_redirect_uri" if member == "redirect_uris" else "invalid_client_metadata"
                raise MetadataError(f"{member}: {problem}", field=member, code=code)


def redirect_problem(kind: str, uri: str) -> str | None:
    """Why this can't be a redirect URI (R01), or None.

    https for all; native clients also a loopback IP literal over http, on any port when the request comes, and a
    private scheme in reverse-domain notation (RFC 8252 §7). http on localhost only where the issuer itself is there.
    """
    if not uri.isascii() or not uri.isprintable() or any(c in uri for c in ' "<>\\^`{|}*'):
        return "an absolute URI of plain ASCII characters, without wildcards"
    if "#" in uri:
        return "no fragment (RFC 6749 §3.1.2)"
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return "not a URI"
    if parts.netloc and not _HOST.match(parts.netloc):
        return "a host of letters, digits, dots and hyphens, without user information"
    if parts.scheme == "https":
        return None if parts.hostname and port != 0 else "https needs a host"
    if parts.scheme == "http":
        local = current_settings().local
        if local and parts.hostname in ("localhost", "127.0.0.1", "::1"):
            return None
        host = parts.netloc.rsplit(":", 1)[0] if port is not None else parts.netloc
        if kind == "native" and host in _LOOPBACK:
            return None
        return "http is for the loopback addresses 127.0.0.1 and [::1] of native clients only"
    if kind == "native" and _PRIVATE_SCHEME.match(parts.scheme) and not parts.netloc and parts.path.startswith("/"):
        return None
    return "https, or for native clients a loopback address or a private scheme like com.example.app:/callback"


def _check_web_address(value: Any, member: str) -> None:
    """An https address without fragment; http on this machine only where the issuer itself is there."""
    problem = MetadataError(f"{member}: an https address", field=member)
    if (
        not isinstance(value, str)
        or len(value) > 2000
        or not value.isascii()
        or not value.isprintable()
        or "#" in value
    ):
        raise problem
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise problem from None
    local = current_settings().local and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not (parts.scheme == "https" or (parts.scheme == "http" and local)) or not _HOST.match(parts.netloc):
        raise problem
    if any(c in value for c in ' "<>\\^`{|}'):
        raise problem


def _check_scope(machine: bool, data: dict[str, Any]) -> None:
    if not isinstance(data["scope"], str) or len(data["scope"]) > 2000:
        raise MetadataError("scope: words separated by spaces", field="scope")
    words = data["scope"].split()
    if not all(_SCOPE_TOKEN.match(word) for word in words):
        raise MetadataError("scope: a word has a character that RFC 6749 §3.3 does not allow", field="scope")
    if machine and set(words) & set(SCOPES):
        raise MetadataError("scope: a machine has no person to ask about", field="scope")
    if not machine and not set(words) <= {*SCOPES, *API_SCOPES}:
        raise MetadataError(f"scope: some of {', '.join((*SCOPES, *API_SCOPES))}", field="scope")
    data["scope"] = " ".join(dict.fromkeys(words))


def api_resource() -> str:
    """The provider's own API as a resource; its tokens carry the privileges of app `account`."""
    return f"{current_settings().issuer}/api/v1"
