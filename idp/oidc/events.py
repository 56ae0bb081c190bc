"""What the protocol room tells the house. All values are ids and plain words, never a token or a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from idp.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class AuthorizationOpened(Event):
    """A client was granted access for one account (None: for itself) and one member (None: no organization).

    `reason`: the code of a denial. `path`: where the privileges came from (`claims.verdict_of`).
    """

    authorization_id: str
    client_id: str
    account_id: str | None
    organization_id: str | None
    member_id: str | None = None
    app_ids: tuple[str, ...] = ()
    reason: str | None = None
    path: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class VerdictTold(Event):
    """A token tells another verdict than the one before it under this authorization; `reason` and `path` as above."""

    authorization_id: str
    client_id: str
    account_id: str | None
    organization_id: str | None
    member_id: str | None
    app_ids: tuple[str, ...]
    reason: str | None
    path: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class AuthorizationWithdrawn(Event):
    """These authorizations ended for life. reason: see `authorizations.withdraw`."""

    authorization_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class CodeReused(Event):
    """A spent code was shown again, so its authorization was withdrawn (RFC 6749 §4.1.2)."""

    authorization_id: str
    client_id: str


@dataclass(frozen=True, kw_only=True)
class RefreshTokenReused(Event):
    """A spent refresh token was shown again beyond the grace, so its authorization was withdrawn (RFC 9700 §4.14)."""

    authorization_id: str
    client_id: str


@dataclass(frozen=True, kw_only=True)
class ConsentGiven(Event):
    account_id: str
    client_id: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class ConsentWithdrawn(Event):
    account_id: str
    client_id: str


@dataclass(frozen=True, kw_only=True)
class ClientRegistered(Event):
    client_id: str
    organization_id: str | None


@dataclass(frozen=True, kw_only=True)
class ClientChanged(Event):
    """Metadata or secrets of a client changed; `what` names it: `metadata`, `secret_added`, `enabled`."""

    client_id: str
    what: str


@dataclass(frozen=True, kw_only=True)
class ClientDisabled(Event):
    client_id: str


@dataclass(frozen=True, kw_only=True)
class KeyRotated(Event):
    """New signing keys were published. `immediately`: they sign at once."""

    kids: tuple[str, ...]
    immediately: bool


@dataclass(frozen=True, kw_only=True)
class LogoutDue(Event):
    """A client should end its session of this subject (OpenID Connect Back-Channel Logout §2.3)."""

    client_id: str
    sub: str
    sid: str | None
