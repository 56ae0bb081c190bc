"""Becoming a user: asking for an activation link, spending it, and the account that comes of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from idp.kernel import clock
from idp.kernel.database import change, db, new_id
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.settings import current_settings

from .. import addresses, events, policy
from ..models import Account, EmailAddress, MailboxProof
from .links import LinkState, new_proof, read, spend
from .lookup import find_by_address, owner_of, taken

_CLAIMS = frozenset(
    {
        "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate",
        "zoneinfo", "phone_number", "phone_number_verified",
    }
)  # fmt: skip


def request_activation(text: str, language: str, app_id: str | None = None, *, invited: bool = False) -> MailboxProof:
    """Mail a link that lets its reader create an account, or, to a known address, a mail that says it has one.

    invited: an administrator asked, so a private address is fine too.
    Raises `Refusal` `address_invalid` or `address_not_work`.
    """
    found = addresses.parse(text)
    problem = None if invited else policy.work_problem(found.domain)
    if problem is not None:
        raise Refusal("address_not_work", problem, field="address")
    known = owner_of(found.normalized)
    language = (known.locale if known else None) or language or current_settings().default_locale
    proof = new_proof(
        "known" if known else "activation",
        found.address,
        found.normalized,
        known.id if known else None,
        language,
        current_settings().lifetimes.activation,
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
        .values(generation=MailboxProof.generation + 1, expires_at=now + current_settings().lifetimes.activation)
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
    proof = spend(link, "activation")
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
        raise taken()
    db.session.add(account)
    try:
        db.session.flush()
    except IntegrityError:
        raise taken() from None
    emit(events.AccountCreated(at=now, actor_id=actor_id or account.id, account_id=account.id))
    if verified:
        emit(
            events.AddressProven(
                at=now, actor_id=actor_id or account.id, account_id=account.id, normalized=found.normalized
            )
        )
    return account
