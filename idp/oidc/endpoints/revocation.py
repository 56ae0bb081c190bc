"""Token revocation (RFC 7009): a refresh token takes its whole authorization along, an access token goes alone.

The answer is 200 for every token, also for an unknown one and another client's, which stays as it is: whoever asks
learns nothing about tokens that are not its own (security P10).
"""

from __future__ import annotations

from collections.abc import Mapping

from authlib.oauth2.rfc6749 import InvalidRequestError
from sqlalchemy import select

from idp.kernel.database import db
from idp.kernel.secrets import digest

from .. import statements, tokens
from ..authentication import Authenticated, confirm_alone
from ..authorizations import withdraw


def revoke(form: Mapping[str, str], caller: Authenticated, now: int) -> None:
    """Revoke `token` if it is the caller's. Call inside a unit of work. The hint is not needed to find it (§2.1)."""
    client = confirm_alone(caller, now)
    if "token" not in form:
        raise InvalidRequestError("The parameter token is missing")
    connection = db.session.connection()
    claims = tokens.read_access_token(form["token"], now)
    if claims is not None:
        known = select(statements.revoked.c.jti).where(statements.revoked.c.jti == claims["jti"])
        if claims["client_id"] == client.id and connection.execute(known).first() is None:
            connection.execute(statements.insert_revoked, {"jti": claims["jti"], "expires_at": claims["exp"]})
        return
    row = connection.execute(statements.refresh_standing_locked, {"digest": digest(form["token"])}).one_or_none()
    if row is not None and row.token_client_id == client.id:
        withdraw([row.id], "revoked")
