"""Bearer tokens at an API of the provider's own (RFC 6750): whose they are, and what that person may do now.

The token says who asks and what its client may ask; what the person may do is today's decision, read with the
token's standing. At most two statements.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Request

from idp.kernel.database import autocommit
from idp.organizations.policy import Decision

from . import statements, tokens
from .authorizations import decide, fallen, ground_of, too_weak
from .client_metadata import api_resource
from .clients import app_of, client_at
from .endpoints.userinfo import BearerRefused, presented_token
from .token_views import ready_keys


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who calls. `account_id` is None for a machine; `decision` is today's about the app `account`."""

    client_id: str
    account_id: str | None
    scopes: frozenset[str]
    decision: Decision | None


def judge(request: Request, now: int) -> Bearer:
    """The caller of this request to the API. Raises `BearerRefused`, with 401 for a token that is not good here."""
    ready_keys()
    claims = tokens.read_access_token(presented_token(request), now)
    if claims is None:
        raise BearerRefused("invalid_token", "The access token is not valid")
    if claims.get("aud") != api_resource():
        raise BearerRefused("invalid_token", "The access token is for another resource")
    with autocommit() as connection:
        row = connection.execute(
            statements.token_standing,
            {"authorization_id": tokens.authorization_of(claims), "jti": claims["jti"], "caller": claims["client_id"]},
        ).one_or_none()
        client = client_at(row.client_id, row.client_rev) if row is not None else None
        if row is None or client is None or row.revoked or fallen(row, now) is not None:
            raise BearerRefused("invalid_token", "The access token has ended")
        app = app_of(client, claims["aud"])
        ground = ground_of(row, client, app, claims.get("scope", ""))
        decision = decide(connection, row, ground, app, now)
    if too_weak(row, decision):
        raise BearerRefused("invalid_token", "The organization asks for a second factor")
    return Bearer(client.id, row.account_id, frozenset(ground.scope.split()), decision)
