"""What an account has, and the lock that every change of it takes."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import lazyload

from idp.kernel import clock
from idp.kernel.database import change, db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from ..models import Account
from . import events, policy
from .models import Authenticator, Passkey, RecoveryCode
from .policy import Methods


def has_second_factor(account_id: Any) -> ColumnElement[bool]:
    """For other statements: whether this account (a column or a parameter) has a second factor."""
    return or_(
        select(Authenticator.account_id)
        .where(Authenticator.account_id == account_id)
        .correlate_except(Authenticator)
        .exists(),
        select(Passkey.id).where(Passkey.account_id == account_id).correlate_except(Passkey).exists(),
    )


def methods_of(account_id: str) -> Methods:
    """What the account can be signed in with now. One statement."""
    counted = [
        select(func.count()).select_from(model).where(model.account_id == account_id, *more).scalar_subquery()
        for model, more in (
            (Authenticator, ()),
            (Passkey, ()),
            (RecoveryCode, (RecoveryCode.spent_at.is_(None),)),
        )
    ]
    row = db.session.execute(
        select(Account.password_hash.is_not(None), *counted).where(Account.id == account_id)
    ).one_or_none()
    if row is None:
        return Methods()
    return Methods(password=bool(row[0]), authenticator=row[1] > 0, passkeys=row[2], codes=row[3])


def locked(account_id: str) -> Methods:
    """Hold the account, so that changes of its credentials queue and none of two takes the last way in; what it has.

    Raises `Refusal` `sign_in_again` (401) when the account is gone or disabled.
    """
    account = db.session.get(
        Account, account_id, populate_existing=True, options=[lazyload(Account.emails)], with_for_update=True
    )
    if account is None or account.status != "active":
        raise Refusal("sign_in_again", _l("Something changed meanwhile. Sign in again."), status=401)
    return methods_of(account_id)


def held(account_id: str) -> None:
    """Hold the account while a factor is shown, together with others who show one: changes wait."""
    db.session.execute(select(Account.id).where(Account.id == account_id).with_for_update(read=True))


def settle(account_id: str) -> None:
    """After one was taken away: recovery codes stand in for a second factor, so they go with the last one."""
    if not methods_of(account_id).second_factor:
        db.session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def remove_password(account_id: str) -> None:
    """The passkeys alone sign in from now on; nothing happens when there is no password. Inside a unit of work.

    What a password alone has opened ended when the first of them was added, so nothing ends here.
    Raises `Refusal` `last_way_in` (409) without a passkey.
    """
    has = locked(account_id)
    if not has.password:
        return
    if policy.last_way_in(has, "password"):
        raise Refusal(
            "last_way_in", _l("The password is the only way into your account. Add a passkey first."), status=409
        )
    now = clock.now()
    db.session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(
            password_hash=None,
            password_changed_at=None,
            must_change_password=False,
            updated_at=now,
            rev=Account.rev + 1,
        )
        .execution_options(synchronize_session=False)
    )
    db.session.expire_all()
    emit(events.PasswordRemoved(at=now, actor_id=account_id, account_id=account_id))


def remove_second_factors(account_id: str, actor_id: str | None = None) -> bool:
    """Take everything away from somebody who lost it all; False when there was nothing (R29: nothing is seen or set).

    The password, or a link to choose one, opens the account alone afterwards.
    """
    account = db.session.get(
        Account, account_id, populate_existing=True, options=[lazyload(Account.emails)], with_for_update=True
    )
    if account is None:
        raise Refusal("account_unknown", _l("There is no such account."), status=404)
    gone = sum(
        change(delete(model).where(model.account_id == account_id).execution_options(synchronize_session=False))
        for model in (Authenticator, Passkey, RecoveryCode)
    )
    if gone:
        emit(events.SecondFactorsRemoved(at=clock.now(), actor_id=actor_id, account_id=account_id))
    return gone > 0
