"""UserInfo: today's facts about the person behind an access token (Core §5.3). At most two statements."""

from __future__ import annotations

import json
from typing import Any

from authlib.oauth2.rfc6749.errors import OAuth2Error
from flask import Request, Response

from idp.kernel.database import autocommit
from idp.kernel.web import Answer
from idp.settings import current_settings

from .. import signatures, statements, tokens
from ..authorizations import decide, expiry, fallen, ground_of, too_weak
from ..claims import SIGNATURE, claims_for
from ..clients import app_of, client_at
from ..grants.redeem import person_of


class BearerRefused(OAuth2Error):
    """An answer with a Bearer challenge (RFC 6750 §3). Without a token shown, nothing in it names an error (§3.1)."""

    def __init__(
        self, error: str | None, description: str | None = None, status: int = 401, *, scope: str = "openid"
    ) -> None:
        super().__init__(description, status_code=status, error=error)
        self.challenge_error, self.scope = error, scope

    def get_headers(self) -> list[tuple[str, str]]:
        challenge = 'Bearer realm="onix-account"'
        if self.challenge_error:
            challenge += f', error="{self.challenge_error}", error_description="{self.description}"'
        if self.challenge_error == "insufficient_scope":
            challenge += f', scope="{self.scope}"'
        return [*super().get_headers(), ("WWW-Authenticate", challenge)]


def presented_token(request: Request) -> str:
    """The access token of the Authorization header or of a posted form, never of the query (RFC 6750 §2, §5.3)."""
    header = request.headers.get("Authorization")
    posted = request.method == "POST" and request.mimetype == "application/x-www-form-urlencoded"
    in_form = request.form.getlist("access_token") if posted else []
    if "access_token" in request.args:
        raise BearerRefused("invalid_request", "An access token is not accepted in the query", 400)
    if (header is not None) + len(in_form) > 1:
        raise BearerRefused("invalid_request", "The access token was sent more than once", 400)
    if header is not None:
        scheme, _, value = header.partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise BearerRefused(None)
        return value.strip()
    if not in_form or not in_form[0]:
        raise BearerRefused(None)
    return in_form[0]


def respond(request: Request, now: int) -> Response:
    """The answer, as JSON or as a JWT where the client registered an algorithm. Raises `BearerRefused`."""
    claims = tokens.read_access_token(presented_token(request), now)
    if claims is None:
        raise BearerRefused("invalid_token", "The access token is not valid")
    scope: str = claims.get("scope", "")
    if "openid" not in scope.split():
        raise BearerRefused("insufficient_scope", "The access token lacks the scope openid", 403)
    with autocommit() as connection:
        signed = SIGNATURE in scope.split()
        row = connection.execute(
            statements.person_standing_signed if signed else statements.person_standing,
            {"authorization_id": tokens.authorization_of(claims), "jti": claims["jti"]},
        ).first()
        if row is None or row.revoked or fallen(row, now) is not None:
            raise BearerRefused("invalid_token", "The access token has ended")
        client = client_at(row.client_id, row.client_rev)
        if client is None:
            raise BearerRefused("invalid_token", "The access token has ended")
        app = app_of(client, claims["aud"])
        ground = ground_of(row, client, app, scope)
        decision = decide(connection, row, ground, app, now)
        if too_weak(row, decision):
            raise BearerRefused("invalid_token", "The organization asks for a second factor")
    issuer = current_settings().issuer
    answer: dict[str, Any] = claims_for(
        "userinfo", ground, decision, issuer=issuer, audience=client.id, now=now, expires_at=now,
        person=lambda: person_of(row),
        signature=lambda: signatures.reference(ground, row, expiry(row, decision, now)),
    )  # fmt: skip
    if client.userinfo_alg is not None:
        answered = tokens.sign({**answer, "iss": issuer, "aud": client.id}, "JWT", client.userinfo_alg, now)
        return Answer(answered, (), "application/jwt")
    return Answer(json.dumps(answer), ())
