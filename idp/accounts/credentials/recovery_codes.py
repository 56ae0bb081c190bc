"""Ten codes for the day when everything else is lost: shown once, kept as digests, each spent once."""

from __future__ import annotations

import secrets

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select, update

from idp.kernel import clock
from idp.kernel.database import change, db, new_id
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import digest

from . import events, methods, policy
from .models import RecoveryCode


def make(account_id: str) -> tuple[str, ...]:
    """A new set, which takes the older one's place; gives it as it is shown, the only time that anybody sees it.

    Inside a unit of work. Raises `Refusal` `second_factor_missing` (409): without one they would open nothing.
    """
    if not methods.locked(account_id).second_factor:
        raise Refusal("second_factor_missing", _l("Set up an authenticator app or a passkey first."), status=409)
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    now = clock.now()
    codes = tuple(
        "".join(secrets.choice(policy.CODE_SIGNS) for _ in range(policy.CODE_LENGTH)) for _ in range(policy.CODES)
    )
    db.session.add_all(
        RecoveryCode(id=new_id(), account_id=account_id, code_digest=_kept(account_id, code), created_at=now)
        for code in codes
    )
    db.session.flush()
    emit(events.RecoveryCodesMade(at=now, actor_id=account_id, account_id=account_id))
    return tuple(policy.shown_code(code) for code in codes)


def make_first(account_id: str) -> tuple[str, ...]:
    """A set for somebody who has just set up a first factor; empty when there are codes left."""
    return () if methods.methods_of(account_id).codes else make(account_id)


def use(account_id: str, code: str) -> bool:
    """Whether this is one that is left; it is spent by one conditional update. Inside a unit of work."""
    typed = policy.typed_code(code)
    if len(typed) != policy.CODE_LENGTH:
        return False
    methods.held(account_id)
    now = clock.now()
    spent = change(
        update(RecoveryCode)
        .where(
            RecoveryCode.account_id == account_id,
            RecoveryCode.code_digest == _kept(account_id, typed),
            RecoveryCode.spent_at.is_(None),
        )
        .values(spent_at=now)
        .execution_options(synchronize_session=False)
    )
    if spent != 1:
        return False
    left = (
        select(func.count())
        .select_from(RecoveryCode)
        .where(RecoveryCode.account_id == account_id, RecoveryCode.spent_at.is_(None))
    )
    emit(events.RecoveryCodeUsed(at=now, actor_id=account_id, account_id=account_id, left=db.session.scalar(left) or 0))
    return True


def _kept(account_id: str, code: str) -> str:
    """What is stored: with 79 random bits a fast digest is right, and the account in it keeps equal codes apart."""
    return digest(f"{account_id} {code}")
