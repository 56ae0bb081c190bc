"""The refresh token grant: rotation with a short grace, and withdrawal on reuse (RFC 6749 §6, RFC 9700 §4.14).

fresh --used--> spent, successor fresh --used--> ...
spent, shown again within the grace, successor unused --> its successor dies, a new one takes the place
spent, shown again otherwise --> the authorization is withdrawn
"""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError, grants
from sqlalchemy import Row

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.secrets import digest
from idp.settings import current_settings

from .. import statements
from ..authorizations import open_sibling
from ..clients import ClientInfo
from .redeem import Issuing, refresh_reused, spent_once


class RefreshTokenGrant(grants.RefreshTokenGrant):
    """Authlib keeps the order of the checks; the token's row travels as the credential."""

    WRITES = True

    def authenticate_token_endpoint_client(self) -> ClientInfo:
        """Done before the transaction began (`token_views`)."""
        return self.request.client  # type: ignore[no-any-return]

    def _validate_request_token(self, client: ClientInfo) -> Row[Any]:
        """The token's row, spent or not; one of another client is an unknown one (RFC 6749 §6)."""
        handle = self.request.form.get("refresh_token")
        if handle is None:
            raise InvalidRequestError("The parameter refresh_token is missing")
        self.now = clock.now()
        row = db.session.connection().execute(statements.refresh_standing_locked, {"digest": digest(handle)}).first()
        if row is None or row.token_client_id != client.id:
            raise InvalidGrantError("The refresh token is unknown")
        return row

    def _validate_token_scope(self, token: Row[Any]) -> None:
        """The same scope or less (RFC 6749 §6); a scope that keeps nothing is none."""
        words = (self.request.payload.scope or "").split()
        if not set(words) <= set(token.token_scope.split()):
            raise InvalidScopeError("The scope is larger than what was granted")

    def authenticate_user(self, refresh_token: Row[Any]) -> Issuing:
        """Judge it. A spent one has a last chance, the grace; everything else about it is reuse."""
        row = refresh_token
        if row.spent_at is not None and not self._in_grace(row):
            raise refresh_reused(row, self.now)
        if row.token_expires_at <= self.now:
            raise InvalidGrantError("The refresh token has expired")
        return Issuing(self.request, row, self.now)

    def _in_grace(self, row: Row[Any]) -> bool:
        """A lost answer, asked for again: same confidential client, at once, the successor still unused (DESIGN §3)."""
        grace = current_settings().lifetimes.rotation_grace
        if row.successor_digest is None or self.now >= row.spent_at + grace or not self.request.client.confidential:
            return False
        return spent_once(
            db.session.connection(), statements.spend_refresh, digest=row.successor_digest, now=self.now, successor=None
        )

    def issue_token(self, user: Issuing, refresh_token: Row[Any]) -> dict[str, Any]:
        """Today's decision for the narrowed scope; rotation of the token in the whole scope that it stands for."""
        scope = " ".join(dict.fromkeys((self.request.payload.scope or refresh_token.token_scope).split()))
        audience = user.audience(self.request.form.get("resource"))
        organization = self.request.form.get("organization")
        if organization is not None and user.client.family:
            decision = user.decide(scope, audience, organization)
            assert decision is not None
            judged = decision.judged
            if judged is None or judged.id != user.row.member_id:
                return self._sibling(user, decision, organization, audience)
        else:
            decision = user.decide(scope, audience)
        token = user.issue(decision, audience, renewed=True)
        token["refresh_token"] = self._rotate(user, refresh_token)
        user.tell(decision)
        return token

    def _rotate(self, user: Issuing, row: Row[Any]) -> str:
        handle = user.new_refresh_token(row.id, row.token_scope)
        successor = digest(handle)
        if row.spent_at is None:
            rotated = user.connection.execute(
                statements.rotate_refresh, {"digest": row.token_digest, "now": self.now, "successor": successor}
            ).one_or_none()
        else:
            rotated = user.connection.execute(
                statements.replace_successor,
                {"digest": row.token_digest, "old": row.successor_digest, "successor": successor},
            ).one_or_none()
        if rotated is None:
            raise refresh_reused(row, self.now)
        user.told = rotated[0]
        return handle

    def _sibling(self, user: Issuing, decision: Any, organization: str, audience: str) -> dict[str, Any]:
        """Another organization of the same person: an authorization of its own beside this one, which lives on.

        A confidential client keeps the token that it has shown. A public one proves itself by nothing but that token,
        so it is spent like at every other use: a thief who opens siblings is seen (RFC 9700 §4.14.2). No refresh token
        comes for an organization that is not the person's. Whoever withdraws this one meanwhile finds the other too
        (`withdraw_where`).
        """
        standing = user.connection.execute(statements.held_against_withdrawal, {"authorization_id": user.row.id})
        if standing.scalar() is not None:
            raise InvalidGrantError("The grant has ended")
        if user.row.spent_at is not None:  # shown within the grace: what became of it goes on too
            user.connection.execute(statements.revive_refresh, {"digest": user.row.successor_digest})
        sibling = open_sibling(
            user.row, decision, organization, self.request.refresh_token.token_scope,
            about_its_app=audience == user.default_audience,
        )  # fmt: skip
        token = user.issue(decision, audience, sibling, renewed=True)
        if decision.judged is None:
            return token
        token["refresh_token"] = user.new_refresh_token(sibling.id, sibling.scope)
        if not self.request.client.confidential:
            spent_once(
                user.connection, statements.spend_refresh,
                digest=user.row.token_digest, now=self.now, successor=None,
            )  # fmt: skip
        return token

    def save_token(self, token: dict[str, Any]) -> None:
        """Access tokens have no row: the authorization is theirs."""

    def revoke_old_credential(self, refresh_token: Row[Any]) -> None:
        """Spent in `_rotate`, before anything was answered."""
