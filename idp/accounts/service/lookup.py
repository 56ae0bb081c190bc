"""Finding accounts, and what stands before anything is done with one."""

from __future__ import annotations

from typing import Any, Literal

from flask_babel import lazy_gettext as _l
from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.orm import lazyload

from idp.kernel import clock, counters
from idp.kernel.database import aside, change, db
from idp.kernel.refusal import Refusal
from idp.settings import current_settings

from .. import addresses, policy
from ..models import Account, EmailAddress


def find_by_address(text: str) -> Account | None:
    """The account that this address belongs to, proven or not; None also for what is no address."""
    normalized = addresses.normalized_or_none(text)
    if normalized is None:
        return None
    return db.session.scalar(
        select(Account)
        .join(EmailAddress, EmailAddress.account_id == Account.id)
        .where(EmailAddress.normalized == normalized)
    )


_owner = (
    select(Account.id, Account.status, Account.closes_at, Account.locale, EmailAddress.address)
    .join(EmailAddress, EmailAddress.account_id == Account.id)
    .where(EmailAddress.normalized == bindparam("normalized"))
)


def owner_of(normalized: str) -> Row[str, str, int | None, str | None, str] | None:
    """Whose address this is: id, status, closes_at, locale, and the address as it was typed. One statement whether
    there is an owner or not, for answers to strangers, which have to cost alike (R20)."""
    return db.session.execute(_owner, {"normalized": normalized}).one_or_none()


Cause = Literal["sign_up", "reset", "guest", "address", "own", "platform"]
"""What a mail to a mailbox is caused by: what strangers can do each way, the owner, the platform's administrators. Each
is counted by itself, so that nobody's mails use up another's."""


def admit_mail(text: str, cause: Cause) -> bool:
    """Whether one more mail of this cause may go to this mailbox; counts it. Call outside a unit of work.

    The caller gives the same answer either way; above the limit it simply sends nothing.
    """
    mailbox = addresses.mailbox_of(addresses.normalized_or_none(text) or text)
    limit = current_settings().throttle.mails_per_address
    with aside(each=True) as own:
        return not counters.add(own, f"mail_{cause}", mailbox, now=clock.now(), window=3600, limit=limit)


def admit_network(network_address: str) -> None:
    """Count one more mail that somebody who is not signed in causes, whosever the mailbox. Call outside a unit of work.

    Raises `Refusal` (429) above the setting `throttle.mails_per_network` within an hour.
    """
    counters.admit(
        "mail_network",
        counters.network_of(network_address),
        window=3600,
        limit=current_settings().throttle.mails_per_network,
        code="too_many_mails",
        message=_l("Many mails were asked for from your network lately. Try again later."),
    )


def required_action(account: Account) -> policy.RequiredAction | None:
    """What the person must do before anything else is given, or None."""
    email = account.email
    return policy.required_action(
        mailbox_proven=email is not None and email.verified_at is not None,
        must_change_password=account.must_change_password,
        closing=account.status == "closing",
    )


def may_sign_in(account: Account) -> bool:
    """Whether the account lets its person in now: one that is closed can be kept for a while."""
    return policy.may_sign_in(status=account.status, closes_at=account.closes_at, now=clock.now())


def existing(account_id: str) -> Account:
    """The account as the database has it now. Raises `Refusal` `account_unknown` (404)."""
    account = db.session.get(Account, account_id, populate_existing=True)
    if account is None:
        raise _unknown()
    return account


def locked(account_id: str) -> Account:
    """The account as it is now, its row held until the unit ends: two changes of one account queue here.

    Raises `Refusal` `account_unknown` (404).
    """
    account = db.session.get(
        Account, account_id, populate_existing=True, options=[lazyload(Account.emails)], with_for_update=True
    )
    if account is None:
        raise _unknown()
    db.session.refresh(account, ["emails"])
    return account


def hold(account_id: str, **values: Any) -> None:
    """Hold the account's row until the unit ends, as `locked` does, for who needs nothing of it but that two changes
    come one after the other. It is a new version; `values` are written with it. Raises `Refusal` as `locked`."""
    raised = update(Account).where(Account.id == account_id).values(rev=Account.rev + 1, **values)
    if change(raised.execution_options(synchronize_session=False)) != 1:
        raise _unknown()


def taken() -> Refusal:
    """The *no* to an address that is somebody's already."""
    return Refusal(
        "address_taken", _l("There is already an account with this e-mail address."), status=409, field="address"
    )


def _unknown() -> Refusal:
    return Refusal("account_unknown", _l("There is no such account."), status=404)
