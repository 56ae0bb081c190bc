"""What happened to sessions. Raised in the transaction that did it."""

from __future__ import annotations

from dataclasses import dataclass

from idp.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class SignedIn(Event):
    """A person proved who they are. `path` is where the continuation leads, when the sign-in was done for one."""

    account_id: str
    sid: str
    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccountConfirmed(Event):
    """A signed-in person chose to go on as themselves (`prompt=select_account`); `path` as in `SignedIn`."""

    account_id: str
    sid: str
    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class SignInFailed(Event):
    """reason: `wrong` (unknown or wrong password alike to the person), `account_disabled` (all else was right),
    `code_wrong` (after the right password), or why a passkey was refused (`passkey_wrong`, `passkey_unknown`, …)."""

    identifier_digest: str
    account_id: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event):
    """reason: signed_out, replaced, password_changed, account_disabled, account_closing, factor_added, by_admin,
    by_owner, too_many."""

    account_id: str
    sid: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SignedOutElsewhere(Event):
    """What somebody else may have opened for the account counts no longer, also what outlives a session. `sid`: the
    session that goes on, None for none; `weaker`: only what one factor has opened. reason: as of `SessionEnded`."""

    account_id: str
    sid: str | None
    reason: str
    weaker: bool = False
