"""Token introspection (RFC 7662): is this token good right now, and what does it say? At most two statements for an
access token, three for a refresh token.

Only a token's own client and the clients of its audience's app are told; to everybody else it is inactive. An access
token reads inactive as soon as today's decision no longer grants all that it carries (DESIGN §3 *Loss*).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from sqlalchemy import Connection

from idp.kernel.database import autocommit
from idp.kernel.secrets import digest
from idp.organizations.catalog import current_catalog
from idp.organizations.policy import Decision
from idp.sessions.policy import ACR_PASSWORD, acr_of
from idp.settings import current_settings

from .. import statements, tokens
from ..authentication import Authenticated, ClientRefused, confirm, confirm_alone
from ..authorizations import decide, fallen, ground_of, too_weak
from ..clients import ClientInfo, app_of, client_at

INACTIVE: dict[str, Any] = {"active": False}


def respond(form: Mapping[str, str], caller: Authenticated, now: int) -> dict[str, Any]:
    """The members of the answer. `token_type_hint` only helps to find a token, so none is needed (RFC 7662 §2.1)."""
    if not caller.client.confidential:
        raise ClientRefused
    if "token" not in form:
        raise InvalidRequestError("The parameter token is missing")
    claims = tokens.read_access_token(form["token"], now)
    with autocommit() as connection:
        if claims is not None:
            return _access_token(connection, claims, caller, now)
        return _refresh_token(connection, form["token"], confirm_alone(caller, now, connection), now)


def _access_token(connection: Connection, claims: Mapping[str, Any], caller: Authenticated, now: int) -> dict[str, Any]:
    row = connection.execute(
        statements.token_standing,
        {"authorization_id": tokens.authorization_of(claims), "jti": claims["jti"], "caller": caller.client.id},
    ).first()
    if row is None:
        confirm_alone(caller, now, connection)
        return INACTIVE
    asking = confirm(caller, row.caller_status, row.caller_rev, now)
    if not _may_know(asking, claims) or row.revoked or fallen(row, now) is not None:
        return INACTIVE
    client = client_at(row.client_id, row.client_rev)
    if client is None:
        return INACTIVE
    app = app_of(client, claims["aud"])
    ground = ground_of(row, client, app, claims.get("scope", ""))
    today = decide(connection, row, ground, app, now)
    if too_weak(row, today) or not _still_granted(claims, today):
        return INACTIVE
    return {"active": True, "token_type": "Bearer", **claims}


def _refresh_token(connection: Connection, handle: str, client: ClientInfo, now: int) -> dict[str, Any]:
    row = connection.execute(statements.refresh_standing, {"digest": digest(handle)}).first()
    if row is None or row.token_client_id != client.id or row.spent_at is not None or row.token_expires_at <= now:
        return INACTIVE
    if fallen(row, now) is not None:
        return INACTIVE
    app = app_of(client, None)
    if acr_of(row.amr or ()) == ACR_PASSWORD and too_weak(
        row, decide(connection, row, ground_of(row, client, app, row.token_scope), app, now, whom_to_ask=False)
    ):
        return INACTIVE
    return {
        "active": True,
        "iss": current_settings().issuer,
        "sub": row.sub,
        "client_id": client.id,
        "scope": row.token_scope,
        "exp": row.token_expires_at,
    }


def _may_know(client: ClientInfo, claims: Mapping[str, Any]) -> bool:
    if client.id == claims["client_id"]:
        return True
    app = current_catalog().apps.get(client.app_id) if client.app_id else None
    return app is not None and app.resource == claims["aud"]


def _still_granted(claims: Mapping[str, Any], today: Decision | None) -> bool:
    """Whether today's decision grants all that the token carries. A denial carries nothing."""
    access = claims.get("onix_access")
    if access is None or access.get("decision") != "allow":
        return True
    if today is None or not today.allowed or today.member is None or today.member.id != claims.get("member_id"):
        return False
    return all(
        set(claims[name]) <= set(held)
        for name, held in (
            ("roles", today.roles), ("entitlements", today.entitlements), ("privileges", today.privileges)
        )
    )  # fmt: skip
