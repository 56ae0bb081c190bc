"""The shared gate of codes and refresh tokens (idea 4 of DESIGN §5).

Each is spent by one conditional update that counts one row, in the transaction that issues. A second use of a spent
one is seen, because spent rows stay; it withdraws the authorization, and that *no* is remembered: the transaction
commits although the answer is an error.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError
from sqlalchemy import Connection, Row

from idp.kernel.database import db
from idp.kernel.events import emit
from idp.kernel.secrets import digest, random_handle
from idp.organizations.policy import Decision
from idp.settings import current_settings

from .. import signatures, statements, tokens
from ..authentication import confirm
from ..authorizations import decide, expiry, fallen, ground_of, too_weak, withdraw_kin
from ..claims import person_claims, told, verdict_of
from ..clients import ClientInfo, app_of, resources
from ..events import CodeReused, RefreshTokenReused, VerdictTold
from ..extensions.resource import invalid_target


class Remembered(InvalidGrantError):
    """An `invalid_grant` whose consequences stay: the unit of work commits around it."""


def spent_once(connection: Connection, statement: Any, **values: Any) -> bool:
    """Run a conditional update; True when it was this transaction that spent the row."""
    return connection.execute(statement, values).rowcount == 1


def code_reused(row: Row[Any], now: int) -> Remembered:
    """A spent code came again: end everything that was issued from it (RFC 6749 §4.1.2)."""
    withdraw_kin(row, "code_reused")
    emit(CodeReused(at=now, authorization_id=row.id, client_id=row.client_id))
    return Remembered("The code was used before")


def refresh_reused(row: Row[Any], now: int) -> Remembered:
    """A spent refresh token came again beyond the grace: somebody else has one of the two (RFC 9700 §4.14.2)."""
    withdraw_kin(row, "refresh_reused")
    emit(RefreshTokenReused(at=now, authorization_id=row.id, client_id=row.client_id))
    return Remembered("The refresh token was used before")


class Issuing:
    """What the two grants for people share once a code or refresh token is judged: deciding, telling, signing."""

    def __init__(self, request: Any, row: Row[Any], now: int) -> None:
        self.connection = db.session.connection()
        self.row, self.now, self.request = row, now, request
        self.told: str | None = None
        self.client: ClientInfo = confirm(request.authenticated, row.client_status, row.client_rev, now)
        if (part := fallen(row, now)) is not None:
            raise InvalidGrantError(f"The authorization has ended: {part}")

    @property
    def default_audience(self) -> str:
        """The client's own app's: the one whose verdict is kept as `told`."""
        return next(iter(resources(self.client)))

    def audience(self, resource: str | None) -> str:
        """The audience asked for here, one that was granted (RFC 8707 §2.2); the family may ask each of its own."""
        allowed = resources(self.client)
        granted = self.row.resource or next(iter(allowed))
        asked = str(granted) if resource is None else resource
        if asked not in allowed or (asked != granted and not self.client.family):
            raise invalid_target("The resource was not granted")
        return asked

    def decide(self, scope: str, audience: str, organization: str | None = None) -> Decision | None:
        """Today's decision. A client that takes no denials as tokens gets an error that leaves no trace (DESIGN §4)."""
        self.scope, self.resource = scope, audience
        self.app = app_of(self.client, audience)
        self.ground = ground_of(self.row, self.client, self.app, scope)
        decision = decide(self.connection, self.row, self.ground, self.app, self.now, organization=organization)
        if decision is not None and not decision.allowed:
            if decision.code == "account_disabled":
                raise InvalidGrantError("The authorization has ended: account")
            if self.client.deny_mode == "error":
                raise InvalidGrantError(decision.code)
        if too_weak(self.row, decision):
            raise InvalidGrantError("The organization asks for a second factor")
        return decision

    def tell(self, decision: Decision | None) -> None:
        """Keep what the client is told now, when it is something new: not what `told` says it has heard last.

        `told` None: whoever issues does not know, and the statement finds out.
        """
        verdict = told(decision)
        if decision is None or self.resource != self.default_audience:
            return
        member = self.row.member_id
        organization = self.row.organization_id
        if member is None and decision.judged is not None and decision.allowed:
            member, organization = decision.judged.id, decision.judged.organization.id
        if verdict == self.told and member == self.row.member_id:
            return
        values = {
            "authorization_id": self.row.id, "verdict": verdict, "member": member, "organization": organization,
        }  # fmt: skip
        if self.connection.execute(statements.tell, values).rowcount:
            emit(
                VerdictTold(
                    at=self.now,
                    actor_id=self.row.account_id,
                    authorization_id=self.row.id,
                    client_id=self.client.id,
                    account_id=self.row.account_id,
                    organization_id=organization,
                    member_id=member,
                    **verdict_of(decision),
                )
            )

    def first_refresh_token(self) -> str:
        """The refresh token that goes with a code; what the client has been told comes in the same statement."""
        handle, values = self._refresh_token(self.row.id, self.row.scope)
        self.told = self.connection.execute(statements.insert_refresh_telling, values).scalar_one()
        return handle

    def new_refresh_token(self, authorization_id: str, scope: str) -> str:
        handle, values = self._refresh_token(authorization_id, scope)
        self.connection.execute(statements.insert_refresh, values)
        return handle

    def _refresh_token(self, authorization_id: str, scope: str) -> tuple[str, dict[str, Any]]:
        """A refresh token of 256 random bits, kept as a digest. Offline ones end when idle, all with their grant."""
        handle = random_handle()
        idle = current_settings().lifetimes.refresh_idle
        end = self.row.expires_at
        expires_at = self.now + idle if end is None else min(self.now + idle, end) if self.row.offline else end
        return handle, {
            "token_digest": digest(handle),
            "authorization_id": authorization_id,
            "client_id": self.client.id,
            "scope": scope,
            "created_at": self.now,
            "expires_at": expires_at,
            "spent_at": None,
            "successor_digest": None,
        }

    def issue(
        self, decision: Decision | None, audience: str, authorization: Any = None, *, renewed: bool = False
    ) -> dict[str, Any]:
        """The token answer's members, signed now. `renewed`: the nonce was told with the code (Core §12.2)."""
        ground = self.ground if authorization is None else ground_of(authorization, self.client, self.app, self.scope)
        ground = replace(ground, nonce=None) if renewed else ground
        return tokens.issue(
            ground,
            decision,
            audience=audience,
            now=self.now,
            expires_at=expiry(self.row, decision, self.now),
            id_token_alg=self.client.id_token_alg if "openid" in self.scope.split() else None,
            person=lambda: person_of(self._person) if self._person is not None else {},
            signature=lambda: signatures.reference(ground, self._person, expiry(self.row, decision, self.now)),
        )

    @cached_property
    def _person(self) -> Any:
        """The row of the person's own data, read when some of them are to be told; None when the account is gone."""
        return self.connection.execute(statements.person, {"account_id": self.row.account_id}).one_or_none()


def person_of(row: Any) -> dict[str, Any]:
    """The standard claims of a row that has the person's columns."""
    values = dict(zip(statements.person_names, statements.of_person(row), strict=True))
    if values["picture"] and values["picture"].startswith("/"):  # ours
        values["picture"] = f"{current_settings().issuer}{values['picture']}"
    return person_claims(values, row.person_email, row.person_email_verified_at is not None)
