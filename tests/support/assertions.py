"""Client assertions (RFC 7523) as a client makes them."""

from __future__ import annotations

import uuid
from typing import Any

from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from idp.kernel import clock

ISSUER = "http://localhost"
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def client_key(alg: str = "ES256", kid: str | None = "k1") -> Any:
    parameters: Any = {"use": "sig", "alg": alg, **({"kid": kid} if kid else {})}
    return ECKey.generate_key("P-256", parameters) if alg == "ES256" else RSAKey.generate_key(2048, parameters)


def assertion(
    key: Any, client_id: str, *, alg: str = "ES256", header: dict[str, Any] | None = None, **over: Any
) -> str:
    now = clock.now()
    claims = {"iss": client_id, "sub": client_id, "aud": ISSUER, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}
    claims = {name: value for name, value in {**claims, **over}.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[alg])
    told = {"alg": alg, "kid": key.get("kid") or "none", **(header or {})}
    told = {name: value for name, value in told.items() if value is not None}
    return jwt.encode(told, claims, key, [alg], registry)


def assertion_form(key: Any, client_id: str, **values: Any) -> dict[str, str]:
    return {"client_assertion_type": TYPE, "client_assertion": assertion(key, client_id, **values)}
