"""The authorization code grant at the token endpoint (RFC 6749 §4.1.3, Core §3.1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, grants
from sqlalchemy import Row

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.secrets import digest

from .. import statements
from ..clients import ClientInfo
from .redeem import Issuing, code_reused, spent_once


@dataclass(frozen=True)
class CodeRow:
    """A code's row in the shape that Authlib asks for."""

    row: Row[Any]

    @property
    def code_challenge(self) -> str | None:
        return self.row.code_challenge  # type: ignore[no-any-return]

    @property
    def code_challenge_method(self) -> str:
        return "S256"

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri  # type: ignore[no-any-return]

    def get_scope(self) -> str:
        return self.row.scope  # type: ignore[no-any-return]


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    """Authlib checks client, redirect URI and verifier between `query_authorization_code` and `authenticate_user`."""

    WRITES = True

    def authenticate_token_endpoint_client(self) -> ClientInfo:
        """Done before the transaction began (`token_views`)."""
        return self.request.client  # type: ignore[no-any-return]

    def query_authorization_code(self, code: str, client: ClientInfo) -> CodeRow | None:
        """Spent codes are found too, so that reuse is seen; a code of another client is an unknown one."""
        self.now = clock.now()
        row = db.session.connection().execute(statements.code_standing, {"digest": digest(code)}).first()
        if row is None or row.code_client_id != client.id:
            return None
        if row.spent_at is not None:
            raise code_reused(row, self.now)
        if row.code_expires_at <= self.now:
            raise InvalidGrantError("The code has expired")
        return CodeRow(row)

    def authenticate_user(self, authorization_code: CodeRow) -> Issuing:
        """Everything fits: spend it. Who comes second finds no row to spend, and that is reuse (security P01)."""
        row = authorization_code.row
        issuing = Issuing(self.request, row, self.now)
        if not spent_once(issuing.connection, statements.spend_code, digest=row.code_digest, now=self.now):
            raise code_reused(row, self.now)
        return issuing

    def generate_token(self, user: Issuing, scope: str, **_: Any) -> dict[str, Any]:
        """The answer: today's decision, and a refresh token for clients registered for one."""
        audience = user.audience(self.request.form.get("resource"))
        decision = user.decide(scope, audience)
        token = user.issue(decision, audience)
        if user.client.check_grant_type("refresh_token"):
            token["refresh_token"] = user.first_refresh_token()
        user.tell(decision)
        return token

    def save_token(self, token: dict[str, Any]) -> None:
        """Access tokens have no row: the authorization is theirs."""

    def delete_authorization_code(self, authorization_code: CodeRow) -> None:
        """Spent rows stay."""
