"""Taking an account out of use, bringing it back, closing it, erasing it.

A person closes the account, which ends everything at once, and may keep it until `closes_at`; then a job erases it. The
platform's *Delete* erases it now. There is one erasing, and a row's lock decides between it and keeping.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, delete, or_, select, update

from idp.kernel import clock, continuation
from idp.kernel.database import change, db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import read_link, sign_link
from idp.settings import current_settings

from .. import addresses, events
from ..models import Account, MailboxProof
from .lookup import existing


def disable_account(account_id: str, actor_id: str | None = None) -> Account:
    """Take the account out of use everywhere; its sessions and grants end. Doing it twice is no error.

    One that its person closed is erased in its time all the same.
    Raises `Refusal` `account_unknown` (404), `own_account` (409) for who acts.
    """
    account = existing(account_id)
    if actor_id == account_id:
        raise Refusal("own_account", _l("You can't disable or delete your own account here."), status=409)
    if account.status != "disabled":
        account.status, account.disabled_at, account.updated_at = "disabled", clock.now(), clock.now()
        account.rev += 1
        db.session.flush()
        emit(events.AccountDisabled(at=clock.now(), actor_id=actor_id, account_id=account.id))
    return account


def enable_account(account_id: str, actor_id: str | None = None) -> Account:
    """Bring a disabled account back, as closing if its person closed it. What ended when it was disabled stays ended.

    Raises `Refusal` `account_unknown` (404).
    """
    account = existing(account_id)
    if account.status == "disabled":
        account.status = "active" if account.closes_at is None else "closing"
        account.disabled_at, account.updated_at = None, clock.now()
        account.rev += 1
        emit(events.AccountEnabled(at=clock.now(), actor_id=actor_id, account_id=account.id))
    return account


def close_account(account_id: str, address: str) -> Account:
    """The person closes the account, which is erased after the setting `lifetimes.closing` unless it is kept.

    At once its sessions and grants end. `address`: the primary one, typed to show that it is meant. Inside a unit.
    Raises `Refusal` `account_unknown` (404), `address_wrong`, `not_active` (409, also when it is closing already), and
    what rooms above have against it: `last_administrator`, `last_platform_administrator` (409).
    """
    account = existing(account_id)
    if account.email is None or addresses.normalized_or_none(address) != account.email.normalized:
        raise Refusal("address_wrong", _l("Type the e-mail address of your account."), field="address")
    now = clock.now()
    closed = change(
        update(Account)
        .where(Account.id == account_id, Account.status == "active")
        .values(
            status="closing",
            closes_at=now + current_settings().lifetimes.closing,
            closing_reminded_at=None,
            updated_at=now,
            rev=Account.rev + 1,
        )
        .execution_options(synchronize_session=False)
    )
    if not closed:
        raise Refusal("not_active", _l("This account is not in use."), status=409)
    db.session.refresh(account, ["status", "closes_at", "updated_at", "rev"])
    assert account.closes_at is not None
    emit(events.AccountClosing(at=now, actor_id=account_id, account_id=account_id, closes_at=account.closes_at))
    return account


def keep_account(account_id: str) -> Account:
    """The person keeps the account after all. Inside a unit of work.

    One conditional update on the row that `erase_closed` takes too: one of the two wins. Raises `Refusal`
    `account_unknown` (404) when it is gone, `not_closing` (409).
    """
    now = clock.now()
    kept = change(
        update(Account)
        .where(Account.id == account_id, Account.status == "closing", Account.closes_at > now)
        .values(status="active", closes_at=None, updated_at=now, rev=Account.rev + 1)
        .execution_options(synchronize_session=False)
    )
    account = existing(account_id)
    if not kept:
        raise Refusal("not_closing", _l("This account can't be kept any more."), status=409)
    emit(events.AccountKept(at=now, actor_id=account_id, account_id=account_id))
    return account


def closed_to_remind(now: int, *, limit: int = 50) -> list[str]:
    """Accounts whose end is near and whose person was not told so yet, those that end first in front."""
    return list(
        db.session.scalars(select(Account.id).where(*_near(now)).order_by(Account.closes_at, Account.id).limit(limit))
    )


def remind_closing(account_id: str, now: int) -> bool:
    """Owe the mail that the end is near; False when it was owed already, or the account is kept or gone.

    Inside a unit of work. One conditional update takes the row, so of any number of workers one owes the mail.
    """
    owed = change(
        update(Account)
        .where(Account.id == account_id, *_near(now))
        .values(closing_reminded_at=now)
        .execution_options(synchronize_session=False)
    )
    if not owed:
        return False
    account = existing(account_id)
    assert account.closes_at is not None
    emit(events.AccountClosingReminded(at=now, actor_id=None, account_id=account_id, closes_at=account.closes_at))
    return True


def keep_link(account: Account) -> str:
    """The path that the mail about a closing account leads to. It opens nothing: it knows whose sign-in to ask for."""
    return f"/login/keep/{sign_link('keep_account', account.id)}"


def account_to_keep(token: str) -> Account | None:
    """Whose account such a link is about; None where it is none, or the account does not close (any more)."""
    found = read_link("keep_account", token, max_age=current_settings().lifetimes.closing + 86400)
    account = db.session.get(Account, found) if isinstance(found, str) else None
    return account if account is not None and account.closes_at is not None else None


def reminder_ahead() -> int:
    """How many seconds before the end the person is reminded: the setting `lifetimes.closing_reminder`; 0 for never,
    also where that is as long as the whole time, since the first mail says it all."""
    lifetimes = current_settings().lifetimes
    return lifetimes.closing_reminder if lifetimes.closing_reminder < lifetimes.closing else 0


def _near(now: int) -> list[ColumnElement[bool]]:
    """Closing, to be kept still, and `reminder_ahead` of the end."""
    return [
        Account.status == "closing",
        Account.closes_at > now,
        Account.closes_at <= now + reminder_ahead(),
        Account.closing_reminded_at.is_(None),
    ]


def closed_and_due(now: int, *, limit: int = 50, without: frozenset[str] = frozenset()) -> list[str]:
    """Accounts whose time to be kept is over, the oldest first."""
    return list(
        db.session.scalars(
            select(Account.id)
            .where(Account.closes_at <= now, Account.id.not_in(without))
            .order_by(Account.closes_at)
            .limit(limit)
        )
    )


def erase_closed(account_id: str, now: int) -> bool:
    """Erase an account whose time is over; False when it was kept, or somebody else erased it. Inside a unit of work.

    The row is taken first: whoever comes at the same moment waits, and then finds it gone or in use.
    """
    due = change(
        update(Account)
        .where(Account.id == account_id, Account.closes_at <= now)
        .values(rev=Account.rev + 1)
        .execution_options(synchronize_session=False)
    )
    if due != 1:
        return False
    delete_account(account_id)
    return True


def delete_account(account_id: str, actor_id: str | None = None) -> None:
    """Erase the account for good: it is disabled, which ends what it can do, and then its rows go.

    Its id, the `sub` of every token, belongs to nobody ever after. What has to stay of what happened is told by ids
    alone, which lead to nobody from now on. Raises `Refusal` `account_unknown` (404), `own_account` (409).
    """
    account = disable_account(account_id, actor_id)
    emit(events.AccountDeleted(at=clock.now(), actor_id=actor_id, account_id=account_id))
    own = [email.normalized for email in account.emails]
    db.session.execute(
        delete(MailboxProof).where(or_(MailboxProof.account_id == account_id, MailboxProof.normalized.in_(own))),
        execution_options={"synchronize_session": False},
    )
    continuation.forget({*own, *(email.address.lower() for email in account.emails)})
    db.session.delete(account)
    db.session.flush()
