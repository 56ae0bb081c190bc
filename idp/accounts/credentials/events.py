"""What happened to what a person signs in with. Every one of these is told to the account's proven addresses."""

from __future__ import annotations

from dataclasses import dataclass

from idp.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class CredentialChanged(Event):
    """Something about how this account signs in is another now."""

    account_id: str


@dataclass(frozen=True, kw_only=True)
class AuthenticatorAdded(CredentialChanged):
    """An authenticator app was set up, or another took its place."""


@dataclass(frozen=True, kw_only=True)
class AuthenticatorRemoved(CredentialChanged):
    """Codes of the authenticator app count no longer."""


@dataclass(frozen=True, kw_only=True)
class PasskeyEvent(CredentialChanged):
    """About one passkey; `label` is what the person calls it."""

    passkey_id: str
    label: str


@dataclass(frozen=True, kw_only=True)
class PasskeyAdded(PasskeyEvent):
    """From now on it signs in."""


@dataclass(frozen=True, kw_only=True)
class PasskeyRemoved(PasskeyEvent):
    """It signs in no more."""


@dataclass(frozen=True, kw_only=True)
class PasskeyRenamed(Event):
    """It is called something else; nothing about signing in changed, so nobody is mailed."""

    account_id: str
    passkey_id: str


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesMade(CredentialChanged):
    """A new set; the older one counts no longer."""


@dataclass(frozen=True, kw_only=True)
class RecoveryCodeUsed(CredentialChanged):
    """Somebody signed in with one of them; `left` are left."""

    left: int


@dataclass(frozen=True, kw_only=True)
class PasswordRemoved(CredentialChanged):
    """The account has no password any more: its passkeys sign in."""


@dataclass(frozen=True, kw_only=True)
class SecondFactorsRemoved(CredentialChanged):
    """The platform took away passkeys, authenticator app and recovery codes of somebody who lost them (R29)."""
