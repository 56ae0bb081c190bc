"""What can be done to accounts. Each verb is one short transaction's worth of work; callers open the unit of work.

Passwords arrive hashed: hashing takes tens of milliseconds and never happens inside a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import lazyload

from idp.kernel import clock, counters
from idp.kernel.database import aside, change, db, new_id
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import read_link, sign_link
from idp.settings import Settings

from . import addresses, events, policy
from .models import Account, EmailAddress, MailboxProof

# `known` (an activation asked for an address that has an account) and `nobody` (a reset for one that has none) carry no
# link: their rows make every answer cost the same.
Purpose = Literal["activation", "known", "reset", "nobody", "mailbox"]
State = Literal["open", "expired", "spent", "unknown"]

# A link can be recognized for this long, so that an expired one can offer a new one; validity is the row's business.
RECOGNIZED = 90 * 86400
_PATHS = {"activation": "/activate/", "reset": "/password/reset/", "mailbox": "/mailbox/"}
_CLAIMS = frozenset(
    {
        "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate",
        "zoneinfo", "phone_number", "phone_number_verified",
    }
)  # fmt: skip


@dataclass(frozen=True)
class LinkState:
    """What a mailed link is worth now. `proof` is None exactly when the state is `unknown`."""

    proof: MailboxProof | None
    state: State


def _settings() -> Settings:
    return current_app.extensions["onix_settings"]  # type: ignore[no-any-return]


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


def admit_mail(text: str) -> bool:
    """Whether one more mail may be caused to this mailbox by whoever asks; counts it. Call outside a unit of work.

    The caller gives the same answer either way; above the limit it simply sends nothing.
    """
    normalized = addresses.normalized_or_none(text) or text
    with aside(each=True) as own:
        return not counters.add(
            own, "mail", normalized, now=clock.now(), window=3600, limit=_settings().throttle.mails_per_address
        )


def request_activation(text: str, language: str, app_id: str | None = None, *, invited: bool = False) -> MailboxProof:
    """Mail a link that lets its reader create an account, or, to a known address, a mail that says it has one.

    invited: an administrator asked, so a private address is fine too.
    Raises `Refusal` `address_invalid` or `address_not_work`.
    """
    found = addresses.parse(text)
    problem = None if invited else policy.work_problem(found.domain)
    if problem is not None:
        raise Refusal("address_not_work", problem, field="address")
    known = find_by_address(found.normalized)
    language = (known.locale if known else None) or language or _settings().default_locale
    proof = _new_proof(
        "known" if known else "activation",
        found.address,
        found.normalized,
        known.id if known else None,
        language,
        _settings().lifetimes.activation,
        app_id,
    )
    emit(
        events.ActivationRequested(
            at=clock.now(), proof_id=proof.id, address=found.address, language=language, known=known is not None
        )
    )
    return proof


def resend_activation(link: str) -> MailboxProof | None:
    """Send an activation link anew; the older one dies. None when there is nothing to send again.

    Works on the link itself, expired or not, so it mails nobody but the address that the link went to.
    """
    seen = read_activation(link)
    proof = seen.proof
    if proof is None or seen.state not in ("open", "expired"):
        return None
    now = clock.now()
    raised = change(
        update(MailboxProof)
        .where(
            MailboxProof.id == proof.id, MailboxProof.generation == proof.generation, MailboxProof.spent_at.is_(None)
        )
        .values(generation=MailboxProof.generation + 1, expires_at=now + _settings().lifetimes.activation)
        .execution_options(synchronize_session=False)
    )
    if raised != 1:
        return None
    known = find_by_address(proof.normalized) is not None
    emit(
        events.ActivationRequested(
            at=now, proof_id=proof.id, address=proof.address, language=proof.language, known=known
        )
    )
    return proof


def read_activation(link: str) -> LinkState:
    """What an activation link is worth now; changes nothing."""
    return read(link, "activation")


def read(link: str, purpose: Purpose) -> LinkState:
    """What a mailed link of this purpose is worth now; changes nothing."""
    value = read_link(purpose, link, RECOGNIZED)
    if not (isinstance(value, list) and len(value) == 2):
        return LinkState(None, "unknown")
    proof = db.session.get(MailboxProof, str(value[0]), populate_existing=True)
    if proof is None or proof.purpose != purpose:
        return LinkState(None, "unknown")
    if proof.spent_at is not None:
        return LinkState(proof, "spent")
    if proof.generation != value[1] or proof.expires_at <= clock.now():
        return LinkState(proof, "expired")
    return LinkState(proof, "open")


def link_for(proof: MailboxProof) -> str:
    """The local path that a mail links to, signed now over id and generation; never stored anywhere.

    Raises ValueError for a proof that carries no link (`known`, `nobody`).
    """
    if proof.purpose not in _PATHS:
        raise ValueError(f"a proof of purpose {proof.purpose!r} has no link")
    return _PATHS[proof.purpose] + sign_link(proof.purpose, [proof.id, proof.generation])


def activate(
    link: str,
    *,
    given_name: str,
    family_name: str,
    password_hash: str,
    phone_number: str | None = None,
    language: str | None = None,
) -> Account:
    """Spend an activation link and create the account, its address proven (R28).

    Raises `Refusal` `link_unknown`, `link_expired`, `link_spent`, or `address_taken` when the address got an account
    meanwhile.
    """
    proof = _spend(link, "activation")
    account = create_account(
        address=proof.address,
        given_name=given_name,
        family_name=family_name,
        password_hash=password_hash,
        verified=True,
        locale=language,
        phone_number=phone_number,
    )
    emit(events.AccountActivated(at=clock.now(), actor_id=account.id, account_id=account.id))
    return account


def create_account(
    *,
    address: str,
    given_name: str,
    family_name: str,
    password_hash: str | None = None,
    verified: bool = False,
    must_change_password: bool = False,
    locale: str | None = None,
    actor_id: str | None = None,
    **claims: Any,
) -> Account:
    """Create an account with one address, its primary. `claims` are columns named as OpenID Connect Core §5.1.

    The claim `address` is passed as `postal_address`. Raises `Refusal` `address_invalid`, `address_taken` (409).
    """
    found = addresses.parse(address)
    now = clock.now()
    postal = claims.pop("postal_address", None)
    if unknown := set(claims) - _CLAIMS:
        raise TypeError(f"not a claim of an account: {', '.join(sorted(unknown))}")
    account = Account(
        id=new_id(),
        status="active",
        given_name=given_name,
        family_name=family_name,
        password_hash=password_hash,
        password_changed_at=now if password_hash else None,
        must_change_password=must_change_password,
        locale=locale,
        address=postal,
        created_at=now,
        updated_at=now,
        **claims,
    )
    account.emails.append(
        EmailAddress(
            id=new_id(),
            address=found.address,
            normalized=found.normalized,
            is_primary=True,
            verified_at=now if verified else None,
            created_at=now,
        )
    )
    if find_by_address(found.normalized) is not None:
        raise _taken()
    db.session.add(account)
    try:
        db.session.flush()
    except IntegrityError:
        raise _taken() from None
    emit(events.AccountCreated(at=now, actor_id=actor_id or account.id, account_id=account.id))
    if verified:
        emit(
            events.AddressProven(
                at=now, actor_id=actor_id or account.id, account_id=account.id, normalized=found.normalized
            )
        )
    return account


def request_reset(text: str, language: str) -> MailboxProof | None:
    """Mail a link for a new password if the address has an active account; the caller answers alike for every address.

    Raises `Refusal` `address_invalid`.
    """
    found = addresses.parse(text)
    account = find_by_address(found.normalized)
    if account is None or account.status != "active":
        _new_proof("nobody", found.address, found.normalized, None, language, _settings().lifetimes.reset, None)
        return None
    email = next(one for one in account.emails if one.normalized == found.normalized)
    language = account.locale or language
    proof = _new_proof(
        "reset", email.address, email.normalized, account.id, language, _settings().lifetimes.reset, None
    )
    emit(
        events.ResetRequested(
            at=clock.now(), proof_id=proof.id, account_id=account.id, address=email.address, language=language
        )
    )
    return proof


def reset_password(link: str, password_hash: str) -> Account:
    """Spend a reset link: set the password, prove the mailbox, end every session (through `PasswordChanged`).

    Raises `Refusal` `link_unknown`, `link_expired`, `link_spent`, `account_disabled`.
    """
    proof = _spend(link, "reset")
    account = db.session.get_one(Account, proof.account_id, populate_existing=True)
    if account.status != "active":
        raise Refusal("account_disabled", _l("This account is disabled."), status=403)
    db.session.execute(
        update(MailboxProof)
        .where(MailboxProof.account_id == account.id, MailboxProof.purpose == "reset", MailboxProof.spent_at.is_(None))
        .values(spent_at=clock.now()),
        execution_options={"synchronize_session": False},
    )
    _prove(account, proof.normalized)
    _set_password(account, password_hash, by_reset=True)
    return account


def request_mailbox_proof(account: Account, language: str | None = None) -> MailboxProof:
    """Mail a link that proves the account's primary address."""
    email = account.email
    if email is None:
        raise Refusal("address_missing", _l("This account has no e-mail address."), status=409)
    language = account.locale or language or _settings().default_locale
    proof = _new_proof(
        "mailbox", email.address, email.normalized, account.id, language, _settings().lifetimes.activation, None
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
    proof = _spend(link, "mailbox")
    account = db.session.get_one(Account, proof.account_id, populate_existing=True)
    _prove(account, proof.normalized)
    return account


def change_password(account: Account, password_hash: str) -> None:
    """Set a new password for someone who has just shown the old one. Ends every session (through `PasswordChanged`).

    `account` is as it was when the old one was shown. Raises `Refusal` `sign_in_again` (401) when that is no longer its
    password: what was set by mail meanwhile stands.
    """
    shown = account.password_hash
    fresh = db.session.get(
        Account, account.id, populate_existing=True, options=[lazyload(Account.emails)], with_for_update=True
    )
    if fresh is None or fresh.password_hash != shown:
        raise Refusal("sign_in_again", _l("Something changed meanwhile. Sign in again."), status=401)
    _set_password(fresh, password_hash, by_reset=False)


def disable_account(account_id: str, actor_id: str | None = None) -> Account:
    """Take the account out of use everywhere; its sessions and grants end. Doing it twice is no error.

    Raises `Refusal` `account_unknown` (404), `own_account` (409) for who acts.
    """
    account = _existing(account_id)
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
    account = _existing(account_id)
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


def tidy(now: int) -> int:
    """Delete the proofs that no page has to recognize any more; gives how many. A job calls this in a unit of work."""
    return change(
        delete(MailboxProof)
        .where(MailboxProof.expires_at <= now - RECOGNIZED)
        .execution_options(synchronize_session=False)
    )


def required_action(account: Account) -> policy.RequiredAction | None:
    """What the person must do before anything else is given, or None."""
    email = account.email
    return policy.required_action(
        mailbox_proven=email is not None and email.verified_at is not None,
        must_change_password=account.must_change_password,
    )


def _existing(account_id: str) -> Account:
    account = db.session.get(Account, account_id, populate_existing=True)
    if account is None:
        raise Refusal("account_unknown", _l("There is no such account."), status=404)
    return account


def _taken() -> Refusal:
    return Refusal(
        "address_taken", _l("There is already an account with this e-mail address."), status=409, field="address"
    )


def _new_proof(
    purpose: Purpose,
    address: str,
    normalized: str,
    account_id: str | None,
    language: str,
    lifetime: int,
    app_id: str | None,
) -> MailboxProof:
    now = clock.now()
    proof = MailboxProof(
        id=new_id(),
        purpose=purpose,
        account_id=account_id,
        address=address,
        normalized=normalized,
        language=language,
        app_id=app_id,
        generation=1,
        created_at=now,
        expires_at=now + lifetime,
    )
    db.session.add(proof)
    db.session.flush()
    return proof


def _spend(link: str, purpose: Purpose) -> MailboxProof:
    """Claim the link's row by one conditional update; of many who try at once, one gets through."""
    seen = read(link, purpose)
    proof = seen.proof
    if proof is not None and seen.state == "open":
        now = clock.now()
        spent = change(
            update(MailboxProof)
            .where(
                MailboxProof.id == proof.id,
                MailboxProof.generation == proof.generation,
                MailboxProof.spent_at.is_(None),
                MailboxProof.expires_at > now,
            )
            .values(spent_at=now)
            .execution_options(synchronize_session=False)
        )
        if spent == 1:
            db.session.refresh(proof)
            return proof
        seen = LinkState(proof, "spent")
    raise link_refusal(seen.state)


def link_refusal(state: State) -> Refusal:
    """The *no* that belongs to a link that can't be used."""
    if state == "expired":
        return Refusal("link_expired", _l("This link has expired."), status=410)
    if state == "spent":
        return Refusal("link_spent", _l("This link has been used already."), status=410)
    return Refusal("link_unknown", _l("This link is not valid."), status=404)


def _prove(account: Account, normalized: str) -> None:
    for email in account.emails:
        if email.normalized == normalized and email.verified_at is None:
            email.verified_at = account.updated_at = clock.now()
            emit(
                events.AddressProven(at=clock.now(), actor_id=account.id, account_id=account.id, normalized=normalized)
            )


def _set_password(account: Account, password_hash: str, *, by_reset: bool) -> None:
    account.password_hash = password_hash
    account.password_changed_at = account.updated_at = clock.now()
    account.must_change_password = False
    account.rev += 1
    db.session.flush()  # take the row first: sign-ins under way finish before their sessions are looked for
    emit(events.PasswordChanged(at=clock.now(), actor_id=account.id, account_id=account.id, by_reset=by_reset))
