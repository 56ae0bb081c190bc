"""A new password, by mail or by the old one, and proving the mailbox."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import update
from sqlalchemy.orm import lazyload

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.settings import current_settings

from .. import addresses, events, policy
from ..models import Account, MailboxProof
from .links import new_proof, prove, spend
from .lookup import may_sign_in, owner_of


def request_reset(text: str, language: str) -> MailboxProof | None:
    """Mail a link for a new password if the address has an account that lets its person in.

    The caller answers alike for every address. Raises `Refusal` `address_invalid`.
    """
    found, now = addresses.parse(text), clock.now()
    owner = owner_of(found.normalized)
    if owner is not None and not policy.may_sign_in(status=owner.status, closes_at=owner.closes_at, now=now):
        owner = None
    address = owner.address if owner else found.address
    language = (owner.locale if owner else None) or language
    proof = new_proof(
        "reset" if owner else "nobody",
        address,
        found.normalized,
        owner.id if owner else None,
        language,
        current_settings().lifetimes.reset,
        None,
    )
    emit(
        events.ResetRequested(
            at=now, proof_id=proof.id, account_id=owner.id if owner else None, address=address, language=language
        )
    )
    return proof if owner else None


def reset_password(link: str, password_hash: str) -> Account:
    """Spend a reset link: set the password, prove the mailbox, end every session (through `PasswordChanged`).

    Raises `Refusal` `link_unknown`, `link_expired`, `link_spent`, `account_disabled`.
    """
    proof = spend(link, "reset")
    account = db.session.get_one(Account, proof.account_id, populate_existing=True)
    if not may_sign_in(account):
        raise Refusal("account_disabled", _l("This account is disabled."), status=403)
    prove(account, proof.normalized)
    _set_password(account, password_hash, by_reset=True)
    return account


def request_mailbox_proof(account: Account, language: str | None = None) -> MailboxProof:
    """Mail a link that proves the account's primary address."""
    email = account.email
    if email is None:
        raise Refusal("address_missing", _l("This account has no e-mail address."), status=409)
    language = account.locale or language or current_settings().default_locale
    proof = new_proof(
        "mailbox", email.address, email.normalized, account.id, language, current_settings().lifetimes.activation, None
    )
    emit(
        events.MailboxProofRequested(
            at=clock.now(),
            actor_id=account.id,
            proof_id=proof.id,
            account_id=account.id,
            address=email.address,
            language=language,
        )
    )
    return proof


def prove_mailbox(link: str) -> Account:
    """Spend a mailbox link: its address counts as proven.

    Raises `Refusal` `link_unknown`, `link_expired`, `link_spent`.
    """
    proof = spend(link, "mailbox")
    account = db.session.get_one(Account, proof.account_id, populate_existing=True)
    prove(account, proof.normalized)
    return account


def change_password(account: Account, password_hash: str, *, everywhere: bool = True) -> None:
    """Set a new password for someone who has just shown the old one, or who has none and has just signed in.

    `everywhere`: every session ends, this one too, and every grant (through `PasswordChanged`).

    `account` is as it was when the old one was shown. Raises `Refusal` `sign_in_again` (401) when that is no longer its
    password: what was set by mail meanwhile stands.
    """
    shown = account.password_hash
    fresh = db.session.get(
        Account, account.id, populate_existing=True, options=[lazyload(Account.emails)], with_for_update=True
    )
    if fresh is None or fresh.password_hash != shown:
        raise Refusal("sign_in_again", _l("Something changed meanwhile. Sign in again."), status=401)
    _set_password(fresh, password_hash, by_reset=False, everywhere=everywhere)


def _set_password(account: Account, password_hash: str, *, by_reset: bool, everywhere: bool = True) -> None:
    """Every link for a new one that was mailed before is dead: somebody else may have read it."""
    db.session.execute(
        update(MailboxProof)
        .where(MailboxProof.account_id == account.id, MailboxProof.purpose == "reset", MailboxProof.spent_at.is_(None))
        .values(spent_at=clock.now()),
        execution_options={"synchronize_session": False},
    )
    account.password_hash = password_hash
    account.password_changed_at = account.updated_at = clock.now()
    account.must_change_password = False
    account.rev += 1
    db.session.flush()  # take the row first: sign-ins under way finish before their sessions are looked for
    emit(
        events.PasswordChanged(
            at=clock.now(), actor_id=account.id, account_id=account.id, by_reset=by_reset, everywhere=everywhere
        )
    )
