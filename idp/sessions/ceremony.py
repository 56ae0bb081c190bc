"""Signing in with a password, step by step, each with its own short transaction and none around the hashing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from flask import has_request_context
from flask import session as cookie
from flask_babel import lazy_gettext as _l
from sqlalchemy import bindparam, select, update

from idp.accounts import addresses, passwords
from idp.accounts.models import Account, EmailAddress
from idp.accounts.policy import closing
from idp.kernel import clock, continuation
from idp.kernel.database import aside, change, unit_of_work
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import digest

from . import events, throttle

FAMILIAR = "familiar"
"""Cookie key: marks of the accounts that have signed in in this browser."""


@dataclass(frozen=True, slots=True)
class Recognized:
    """The account whose password was right, and the hash that it was compared with, or today's of the same password."""

    id: str
    password_hash: str


def authenticate(identifier: str, password: str, address: str) -> Recognized | Refusal:
    """Who this is, or the *no* to show (returned, because the failure is remembered).

    `address` is the network address. Not inside a unit of work. The same answer and the same work for an unknown
    address and a wrong password (R20); that an account is disabled is told only after the right password.
    Raises `Refusal` 429 when throttled, before hashing.
    """
    subject = subject_of(identifier)
    account = _find(subject)
    if account is not None and closing(account.closes_at, clock.now()) == "due":
        account = None  # it is erased at any moment, and counts as gone
    key = counted_under(account) if account else subject
    throttle.check(key, address)
    stored = account.password_hash if account else None
    verdict = passwords.verify(stored, password)
    if account is None or stored is None or not verdict.ok:
        throttle.fail(key, address)
        remember(subject, account.id if account else None, "wrong")
        return wrong()
    if account.status == "disabled":
        remember(subject, account.id, "account_disabled")
        return disabled()
    if verdict.rehash:
        stored = _rehash(account.id, stored, password)
    return Recognized(account.id, stored)


def wrong() -> Refusal:
    """The one error for both fields."""
    return Refusal("wrong_credentials", _l("Wrong e-mail or password."))


def disabled() -> Refusal:
    """Told only to who has shown that the account is theirs."""
    return Refusal("account_disabled", _l("This account is disabled. Contact your administrator."), status=403)


def subject_of(identifier: str) -> str:
    """What an identifier is counted under: the address as compared, so that no spelling escapes the limit."""
    return addresses.normalized_or_none(identifier) or identifier.strip().casefold()[:254]


class Counted(Protocol):
    """An account, or those columns of it that counting needs."""

    @property
    def id(self) -> str: ...

    @property
    def password_changed_at(self) -> int | None: ...


def counted_under(account: Counted) -> str:
    """What attempts on an account are counted under: one count for all browsers, but one of its own for each browser in
    which the person has signed in since the password was set, so that strangers can't shut the door (R26)."""
    known = cookie.get(FAMILIAR) if has_request_context() else None
    # Made only where there are some: otherwise a browser would get a cookie for known accounts, and for no other (R20).
    if known and _mark(account) in known:
        return f"{account.id} {continuation.browser()}"
    return account.id


def codes_under(key: str) -> str:
    """What wrong codes of the authenticator app are counted under besides, until a sign-in succeeds; `key`: what all
    attempts on the account are."""
    return f"codes of {key}"


def remember_browser(account: Counted) -> None:
    """The person has signed in here."""
    mark = _mark(account)
    cookie[FAMILIAR] = [*(one for one in cookie.get(FAMILIAR, ()) if one != mark), mark][-5:]


def _mark(account: Counted) -> str:
    return digest(f"{account.id} {account.password_changed_at} {continuation.browser()}")[:24]


_by_address = (
    select(Account.id, Account.status, Account.closes_at, Account.password_hash, Account.password_changed_at)
    .join(EmailAddress, EmailAddress.account_id == Account.id)
    .where(EmailAddress.normalized == bindparam("normalized"))
)


def _find(normalized: str) -> Any:
    """Columns, not an object: they are read once, beside hashes that leave nothing of the mapper's in the caches."""
    with aside(each=True) as own:
        return own.execute(_by_address, {"normalized": normalized}).one_or_none()


def remember(subject: str, account_id: str | None, reason: str) -> None:
    """A sign-in that came to nothing. `subject`: what it was counted under."""
    with unit_of_work():
        emit(
            events.SignInFailed(
                at=clock.now(),
                actor_id=None,
                identifier_digest=digest(subject),
                account_id=account_id,
                reason=reason,
            )
        )


def _rehash(account_id: str, old: str, password: str) -> str:
    """Store today's hash of the same password, unless the password changed meanwhile (R25). Gives the one to go on
    with: where another sign-in was quicker its hash; after a change `old`, with which nobody gets in any more."""
    new = passwords.hash_password(password)
    with unit_of_work() as session:
        stored = change(
            update(Account)
            .where(Account.id == account_id, Account.password_hash == old)
            .values(password_hash=new)
            .execution_options(synchronize_session=False)
        )
        now = new if stored else session.scalar(select(Account.password_hash).where(Account.id == account_id))
    return now if now and (now == new or passwords.verify(now, password).ok) else old
