"""Tokens: signing them, issuing what a token answer holds, and reading an access token back.

Access tokens are ES256 `at+jwt` (RFC 9068); ID Tokens are what the client registered, RS256 by default. `exp` and
`expires_in` come from one number, and that number is clipped to the ground the token stands on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from idp.organizations.policy import Decision
from idp.settings import current_settings

from .claims import Ground, claims_for
from .keys import SigningKeyPair, keyring

ACCESS_TOKEN_ALG = "ES256"
ACCESS_TOKEN_TYPE = "at+jwt"
LONGEST = 8192  # characters of a token worth looking at; ours stay below 4 kB

_registry = jws.JWSRegistry(algorithms=["RS256", "ES256"])
_ECDSA = ec.ECDSA(hashes.SHA256())
_ES256 = _registry.get_alg(ACCESS_TOKEN_ALG)


def sign(claims: Mapping[str, Any], typ: str, alg: str, now: int) -> str:
    """A compact JWS of these claims with today's key; `typ` and `kid` stand in its header."""
    key = keyring().signing_key(alg, now)
    signed = _header(alg, str(key.kid), typ) + _base64url(_dumps(claims).encode())
    return (signed + b"." + _base64url(_signature(alg, key, signed))).decode("ascii")


def _signature(alg: str, key: SigningKeyPair, signed: bytes) -> bytes:
    """By joserfc; ES256 by hand (RFC 7518 §3.4), since asking the key what it is for costs as much as signing."""
    if not isinstance(key, ECKey) or key.private_key is None:
        return _registry.get_alg(alg).sign(signed, key)
    r, s = decode_dss_signature(key.private_key.sign(signed, _ECDSA))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@lru_cache(maxsize=64)
def _header(alg: str, kid: str, typ: str) -> bytes:
    """A JWS header and its dot (RFC 7515 §3.1): the same for all tokens of one kind, as long as one key signs."""
    return _base64url(_dumps({"alg": alg, "kid": kid, "typ": typ}).encode()) + b"."


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def issue(
    ground: Ground,
    decision: Decision | None,
    *,
    audience: str,
    now: int,
    expires_at: int,
    id_token_alg: str | None = None,
    person: Callable[[], Mapping[str, Any]] | None = None,
    signature: Callable[[], Mapping[str, Any] | None] | None = None,
) -> dict[str, Any]:
    """The members of a token answer (RFC 6749 §5.1), with an ID Token where `id_token_alg` is given."""
    issuer = current_settings().issuer
    access_token = sign(
        claims_for(
            "access_token", ground, decision, issuer=issuer, audience=audience, now=now, expires_at=expires_at,
            jti=new_jti(ground.authorization_id),
        ),
        ACCESS_TOKEN_TYPE,
        ACCESS_TOKEN_ALG,
        now,
    )  # fmt: skip
    token: dict[str, Any] = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": expires_at - now,
    }
    if ground.scope:  # an empty one is no scope (RFC 6749 §3.3)
        token["scope"] = ground.scope
    if id_token_alg is not None:
        claims = claims_for(
            "id_token", ground, decision, issuer=issuer, audience=ground.client_id, now=now, expires_at=expires_at,
            at_hash=half_hash(access_token), person=person, signature=signature,
        )  # fmt: skip
        token["id_token"] = sign(claims, "JWT", id_token_alg, now)
    return token


def new_jti(authorization_id: str) -> str:
    """The authorization's id and 128 random bits, so that one statement finds all that a token stands on."""
    return f"{authorization_id}.{secrets.token_urlsafe(16)}"


def half_hash(value: str) -> str:
    """`at_hash`: the left half of SHA-256, which is the hash of both our algorithms (Core §3.1.3.6)."""
    return _base64url(hashlib.sha256(value.encode("ascii")).digest()[:16]).decode("ascii")


def read_access_token(text: str | None, now: int) -> dict[str, Any] | None:
    """The claims of an access token of ours that has not expired, or None.

    Signature, algorithm, `typ`, issuer and times only: whether it still counts is the database's to say. An ID Token
    or logout token is signed by the same keys and refused by its `typ` (RFC 9068 §2.1, security R14).
    """
    if not text or len(text) > LONGEST or not text.isascii():
        return None
    signed, _, signature = text.encode("ascii").rpartition(b".")
    header, _, payload = signed.partition(b".")
    key = _key_of_header(header, now)
    try:
        if key is None or not _ES256.verify(signed, urlsafe_b64decode(signature), key):
            return None
        claims = json.loads(urlsafe_b64decode(payload))
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if not isinstance(claims, dict) or claims.get("iss") != current_settings().issuer:
        return None
    return claims if claims["exp"] > now else None


def _key_of_header(header: bytes, now: int) -> SigningKeyPair | None:
    """The published key whose access tokens begin like this. We write one header for a key, so nothing in a header
    that others wrote is ever read, and no algorithm, type or `crit` can be talked into it."""
    for key in keyring().verifying(ACCESS_TOKEN_ALG, now):
        if _header(ACCESS_TOKEN_ALG, str(key.kid), ACCESS_TOKEN_TYPE)[:-1] == header:
            return key
    return None


def authorization_of(claims: Mapping[str, Any]) -> str:
    """The authorization that an access token is a shadow of."""
    return str(claims["jti"]).partition(".")[0]
