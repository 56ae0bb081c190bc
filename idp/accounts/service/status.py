"""Taking an account out of use, bringing it back, deleting it."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from .. import events
from ..models import Account
from .lookup import existing


def disable_account(account_id: str, actor_id: str | None = None) -> Account:
    """Take the account out of use everywhere; its sessions and grants end. Doing it twice is no error.

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
    """Bring a disabled account back. What ended when it was disabled stays ended.

    Raises `Refusal` `account_unknown` (404).
    """
    account = existing(account_id)
    if account.status != "active":
        account.status, account.disabled_at, account.updated_at = "active", None, clock.now()
        account.rev += 1
        emit(events.AccountEnabled(at=clock.now(), actor_id=actor_id, account_id=account.id))
    return account


def delete_account(account_id: str, actor_id: str | None = None) -> None:
    """Delete the account for good: it is disabled, which ends what it can do, and then its rows go.

    Its id, the `sub` of every token, belongs to nobody ever after. The audit trail keeps ids alone, so it stays.
    Raises `Refusal` `account_unknown` (404), `own_account` (409).
    """
    account = disable_account(account_id, actor_id)
    emit(events.AccountDeleted(at=clock.now(), actor_id=actor_id, account_id=account_id))
    db.session.delete(account)
    db.session.flush()
