"""The client credentials grant: a machine asks for itself (RFC 6749 §4.4). One statement, nothing written.

All its tokens are shadows of the client's one standing authorization, which is opened at its first request.
"""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError, grants

from idp.kernel import clock
from idp.kernel.database import autocommit, unit_of_work
from idp.settings import current_settings

from .. import statements, tokens
from ..authentication import confirm
from ..authorizations import open_machine
from ..claims import Ground
from ..clients import ClientInfo, resources
from ..extensions.resource import invalid_target


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    """Runs outside a unit of work: it reads once and signs."""

    WRITES = False

    def authenticate_token_endpoint_client(self) -> ClientInfo:
        """The client as its row says now; the standing authorization comes in the same statement."""
        self.now = clock.now()
        client_id = self.request.client.id
        with autocommit() as connection:
            row = connection.execute(statements.machine_standing, {"client": client_id}).first()
        self.authorization_id: str | None = row.authorization_id if row else None
        client = confirm(self.request.authenticated, row.status if row else None, row.rev if row else None, self.now)
        self.request.client = client
        return client

    def validate_requested_scope(self) -> None:
        """What is not registered for this client is refused here, not dropped: nobody else will ask (P07)."""
        words = (self.request.payload.scope or " ".join(sorted(self.request.client.scopes))).split()
        if not set(words) <= self.request.client.scopes:
            raise InvalidScopeError("The scope is not registered for this client")
        self.scope = " ".join(dict.fromkeys(words))

    def generate_token(self, **_: Any) -> dict[str, Any]:
        """An access token whose subject is the client (RFC 9068 §2.2), without organization and with empty arrays."""
        client: ClientInfo = self.request.client
        allowed = resources(client)
        audience = self.request.form.get("resource") or next(iter(allowed))
        if audience not in allowed:
            raise invalid_target("The client may not ask for this resource")
        if self.authorization_id is None:
            with unit_of_work():
                self.authorization_id = open_machine(client.id)
        ground = Ground(
            authorization_id=self.authorization_id, sub=client.id, client_id=client.id, scope=self.scope, machine=True
        )
        lifetime = current_settings().lifetimes.token
        return tokens.issue(ground, None, audience=audience, now=self.now, expires_at=self.now + lifetime)

    def save_token(self, token: dict[str, Any]) -> None:
        """Nothing is written."""
