"""Back-channel logout: the logout token that tells a client that a session, or what it was told, is over.

Who is told, and when, is `authorizations`' business (`LogoutDue`); the outbox keeps that and delivers it. The token is
made while sending, so nothing signed ever rests in the queue and a retry carries a fresh one.
"""

from __future__ import annotations

from typing import Any

from idp.kernel import clock
from idp.kernel.secrets import random_handle
from idp.settings import current_settings

from . import tokens
from .clients import find_client

LIFETIME = 120  # seconds (OpenID Connect Back-Channel Logout 1.0 §4 recommends at most two minutes)
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def logout_token(client_id: str, sub: str, sid: str | None) -> tuple[str, str] | None:
    """Where to POST, and the `logout_token` for it (Back-Channel Logout §2.4); None when the client wants none now.

    Signed like the ID Tokens of that client. Never a `nonce`, so that it can't pass for one.
    """
    client = find_client(client_id)
    if client is None or not client.enabled or not client.backchannel_logout_uri:
        return None
    now = clock.now()
    claims: dict[str, Any] = {
        "iss": current_settings().issuer,
        "aud": client.id,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": random_handle(),
        "events": {EVENT: {}},
        "sub": sub,
    }
    if sid:
        claims["sid"] = sid
    return client.backchannel_logout_uri, tokens.sign(claims, "logout+jwt", client.id_token_alg, now)
