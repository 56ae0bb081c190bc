"""What *Records* shows of accounts: the part of the table User that this room owns (`idp.kernel.records`).

A user is an account and its members, so the table is put together by the room of the members (organizations).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, func, or_, select

from idp.kernel import language
from idp.kernel.database import db
from idp.kernel.listing import contains
from idp.kernel.records import Acting, Action, Belonging, Column, Filter, Pairs, Right, Values
from idp.kernel.refusal import Refusal

from . import service
from .credentials.methods import methods_of, remove_second_factors
from .credentials.policy import Methods
from .models import Account, EmailAddress


@dataclass(frozen=True, slots=True)
class Person:
    """A row: the account; rooms above add to it."""

    account: Account

    @property
    def address(self) -> str:
        """The address that the person signs in with."""
        return self.account.email.address if self.account.email else ""

    @property
    def name(self) -> str:
        """The person's name; the address where there is none."""
        return self.account.name or self.address


STATUSES = {
    "active": ("good", _l("Active")),
    "disabled": ("wrong", _l("Disabled")),
    "closing": ("late", _l("Closed by the person")),
}

COLUMNS = (
    Column("name", _l("Name"), lambda row: row.name, sort=Account.search_text),
    Column(
        "email",
        _l("E-mail"),
        lambda row: row.address,
        sort=EmailAddress.normalized,
        beside=(EmailAddress, and_(EmailAddress.account_id == Account.id, EmailAddress.is_primary)),
    ),
    Column("status", _l("Status"), lambda row: STATUSES[row.account.status], kind="state", sort=Account.status),
    Column("added", _l("Added"), lambda row: row.account.created_at, kind="date", sort=Account.created_at),
)

FILTERS = (
    Filter(
        "status",
        _l("Status"),
        lambda: tuple((name, label) for name, (_kind, label) in STATUSES.items()),
        lambda value: Account.status == value,
    ),
)


def found_by(text: str) -> ColumnElement[bool]:
    """Accounts in whose name or addresses every word of `text` stands."""
    return contains(Account.search_text, text)


FEW = 50
"""So many accounts are looked for by their ids."""


def found_in(text: str, *columns: Any) -> tuple[ColumnElement[bool], bool]:
    """Whether one of these columns, ids of accounts, is of somebody whom `text` means; and whether they are few.

    Rows of a few people are found by the columns' indexes, those of many by looking whose each one is. One statement.
    """
    ids = db.session.scalars(select(Account.id).where(found_by(text)).limit(FEW + 1)).all()
    if len(ids) <= FEW:
        return or_(*(column.in_(ids) for column in columns)), True
    owner = select(Account.id).where(found_by(text))
    return or_(*(owner.where(Account.id == column).exists() for column in columns)), False


def named(account_ids: set[str]) -> dict[str, str]:
    """Names by id, for a page of such rows; one statement, and one for the addresses."""
    found = db.session.scalars(select(Account).where(Account.id.in_(account_ids))).unique()
    return {one.id: one.name or (one.email.address if one.email else one.id) for one in found}


def facts(row: Person) -> Pairs:
    """What the account says of itself; it is the person's, and nobody else changes it."""
    account = row.account
    proven = bool(account.email and account.email.verified_at)
    first = _l("must be changed at the next sign-in") if account.must_change_password else _l("set by the person")
    return (
        (_l("Sign-in address"), row.address),
        (_l("Mailbox"), _l("proven") if proven else _l("not proven yet")),
        (_l("Password"), first if account.password_hash else _l("none yet")),
        (_l("Second factor"), _second_factor(methods_of(account.id))),
        (_l("Status"), STATUSES[account.status][1]),
        (_l("Is erased"), language.at_time(account.closes_at) if account.closes_at else ""),
        (_l("Added"), language.at_time(account.created_at)),
        (_l("Id"), account.id),
    )


def _second_factor(has: Methods) -> Any:
    """What stands beside the password, told without a name of it."""
    if has.passkeys and has.authenticator:
        return _l("passkeys and an authenticator app")
    if has.passkeys:
        return _l("passkeys")
    return _l("an authenticator app") if has.authenticator else _l("none")


def _remove_second_factors(account_id: str, values: Values, acting: Acting) -> None:
    del values
    if not remove_second_factors(account_id, acting.actor_id):
        raise Refusal("nothing_removed", _l("This account has no second factor."), status=409)


def _mail_reset(account_id: str, values: Values, acting: Acting) -> None:
    """Start a reset (R29): only the person sees the link, and only the person chooses the password."""
    del values, acting
    account = db.session.get_one(Account, account_id)
    if account.email is None or service.request_reset(account.email.address, account.locale or "en") is None:
        raise Refusal("account_disabled", _l("This account is disabled."), status=409)


def _admit(row: Person) -> None:
    email = row.account.email
    if email is not None and not service.admit_mail(email.address, "platform"):
        raise Refusal("too_many_mails", _l("This person was mailed often lately. Try again later."), status=429)


RESET = Action(
    "reset-password",
    _l("Mail a link for a new password"),
    _mail_reset,
    _l("A link for choosing a new password is on its way."),
    shown=lambda row: row.account.status == "active",
    limited=_admit,
)

REMOVE_SECOND_FACTORS = Action(
    "remove-second-factors",
    _l("Remove second factors"),
    _remove_second_factors,
    _l("Passkeys, authenticator app and recovery codes are gone; the person was told by mail."),
    right=Right(frozenset({"account:platform.admin"})),
    shown=lambda row: methods_of(row.account.id).second_factor,
    danger=True,
    asks=_l(
        "For somebody who has lost all of them: passkeys, authenticator app and recovery codes go, and the password "
        "alone opens the account. Make sure first that it is really the person who asks."
    ),
)

ADDRESSES = Belonging(
    lambda account_id: (
        db.session.scalar(select(func.count()).select_from(EmailAddress).where(EmailAddress.account_id == account_id))
        or 0
    ),
    _l("%(num)s e-mail address, with the password and the profile"),
    _l("%(num)s e-mail addresses, with the password and the profile"),
)
