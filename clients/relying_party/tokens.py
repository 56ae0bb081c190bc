"""Judging what the provider signed: ID tokens, access tokens and logout tokens. Every check refuses by `TokenRefused`.

Expiry has no leeway. Only the clocks' disagreement at issuing is forgiven: an `iat` or `nbf` a few seconds ahead.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from authlib.oidc.core.util import create_half_hash
from joserfc import jws, jwt
from joserfc.errors import JoseError

from clients.relying_party.provider import Provider

ID_TOKEN_ALGORITHMS = ("RS256", "ES256")
ACCESS_TOKEN_ALGORITHMS = ("ES256",)
CLOCKS_DISAGREE = 5
LARGEST_TOKEN = 16 * 1024
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class TokenRefused(Exception):
    """A token that must not be believed. `reason` names the check, for the log; no part of the token is repeated."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_id_token(
    token: Any,
    provider: Provider,
    client_id: str,
    now: int,
    *,
    nonce: str,
    access_token: str | None = None,
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The claims of an ID token (OpenID Connect Core §3.1.3.7). With `before`, one from a refresh (§12.2): same person,
    same sign-in, and a nonce only if it is the old one. Raises `TokenRefused`; `Unreachable` when no key can be had."""
    header, claims = _verify(token, provider, ID_TOKEN_ALGORITHMS, types=(None, "jwt"))
    _common(claims, provider, now)
    _audience(claims, client_id)
    if "azp" in claims and claims["azp"] != client_id:
        raise TokenRefused("azp")
    if (before is None or "nonce" in claims) and not _same(claims.get("nonce"), nonce):
        raise TokenRefused("nonce")
    if "at_hash" in claims and access_token is not None:
        right = create_half_hash(access_token, header["alg"])
        if right is None or not _same(claims["at_hash"], right.decode()):
            raise TokenRefused("at_hash")
    if not isinstance(claims.get("sid"), str) or not claims["sid"]:
        raise TokenRefused("sid")
    if before is not None:
        if claims["sub"] != before.get("sub"):
            raise TokenRefused("sub")
        if "auth_time" in claims and "auth_time" in before and claims["auth_time"] != before["auth_time"]:
            raise TokenRefused("auth_time")
    return claims


def check_access_token(token: Any, provider: Provider, client_id: str, resource: str, now: int) -> dict[str, Any]:
    """The claims of an access token for `resource` (RFC 9068 §4), which this very client asked for."""
    _, claims = _verify(token, provider, ACCESS_TOKEN_ALGORITHMS, types=("at+jwt",))
    _common(claims, provider, now)
    _audience(claims, resource)
    if claims.get("client_id") != client_id:
        raise TokenRefused("client_id")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise TokenRefused("jti")
    return claims


def check_pair(access: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """An access and an ID token of one answer speak of one person, one session and one organization."""
    for name in ("sub", "sid", "org_id"):
        if name in access and name in identity and access[name] != identity[name]:
            raise TokenRefused(name)


def check_logout_token(token: Any, provider: Provider, client_id: str, now: int) -> dict[str, Any]:
    """The claims of a logout token (Back-Channel Logout 1.0 §2.6). Whether its `jti` is new, the store knows."""
    _, claims = _verify(token, provider, ID_TOKEN_ALGORITHMS, types=("logout+jwt",))
    subject, sid = claims.get("sub"), claims.get("sid")
    if subject is None and sid is None:
        raise TokenRefused("sub or sid")
    if (sid is not None and not (isinstance(sid, str) and sid)) or (
        subject is not None and not (isinstance(subject, str) and subject)
    ):
        raise TokenRefused("sub or sid")
    _common(claims, provider, now, subject=False)
    _audience(claims, client_id)
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(LOGOUT_EVENT), Mapping):
        raise TokenRefused("events")
    if "nonce" in claims:
        raise TokenRefused("nonce")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise TokenRefused("jti")
    return claims


def _verify(
    token: Any, provider: Provider, algorithms: tuple[str, ...], types: tuple[str | None, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(token, str) or not token.isascii() or len(token) > LARGEST_TOKEN or token.count(".") != 2:
        raise TokenRefused("format")
    try:
        header = dict(jws.extract_compact(token.encode()).headers())
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefused("format") from error
    kind = header.get("typ")
    if kind is not None and not isinstance(kind, str):
        raise TokenRefused("typ")
    if (kind.lower().removeprefix("application/") if kind is not None else None) not in types:
        raise TokenRefused("typ")
    if header.get("alg") not in algorithms:
        raise TokenRefused("alg")
    if "crit" in header or "b64" in header:
        raise TokenRefused("crit")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise TokenRefused("kid")
    key = provider.key(kid)
    if key is None:
        raise TokenRefused("kid")
    described = key.as_dict(private=False)
    if described.get("alg", header["alg"]) != header["alg"] or described.get("use", "sig") != "sig":
        raise TokenRefused("alg")
    try:
        claims = jwt.decode(token, key, algorithms=list(algorithms)).claims
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefused("signature") from error
    return header, dict(claims)


def _common(claims: Mapping[str, Any], provider: Provider, now: int, *, subject: bool = True) -> None:
    if claims.get("iss") != provider.issuer:
        raise TokenRefused("iss")
    if subject:
        sub = claims.get("sub")
        if not isinstance(sub, str) or not 0 < len(sub) <= 255 or not sub.isascii():
            raise TokenRefused("sub")
    if not _number(claims.get("exp")) or claims["exp"] <= now:
        raise TokenRefused("exp")
    if not _number(claims.get("iat")) or claims["iat"] > now + CLOCKS_DISAGREE:
        raise TokenRefused("iat")
    if "nbf" in claims and (not _number(claims["nbf"]) or claims["nbf"] > now + CLOCKS_DISAGREE):
        raise TokenRefused("nbf")


def _audience(claims: Mapping[str, Any], expected: str) -> None:
    # another audience beside ours would be somebody we do not know, so one is all that is believed
    if claims.get("aud") not in (expected, [expected]):
        raise TokenRefused("aud")


def _same(given: Any, right: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), right.encode())


def _number(value: Any) -> bool:
    return type(value) in (int, float)
