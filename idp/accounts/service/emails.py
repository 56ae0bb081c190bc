"""The addresses of an account: one more after proof, which is the primary, one less.

An address is held (`lock_name`) before anything else is, as everywhere (docs/decisions/0009), then the account's row.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import IntegrityError

from idp.kernel import clock, counters
from idp.kernel.database import change, db, lock_name, new_id
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.settings import current_settings

from .. import addresses, events
from ..addresses import Address
from ..models import Account, EmailAddress, MailboxProof
from .links import link_refusal, new_proof, read, spend
from .lookup import find_by_address, locked, owner_of, taken

MOST = 10
"""So many addresses may one account have, those that wait to be confirmed among them."""

MOST_ASKED_A_DAY = 10
"""So many times within a day may one account have a mail sent to a mailbox that is not its own."""


def admit_address(account_id: str) -> None:
    """Count one more wish to add an address. Call outside a unit of work. Raises `Refusal` (429) above the limit."""
    counters.admit(
        "address_asked",
        account_id,
        window=86400,
        limit=MOST_ASKED_A_DAY,
        code="too_many_addresses_asked",
        message=_l("You have asked for many addresses today. Try again tomorrow."),
    )


def own_address(account: Account, text: str) -> Address:
    """An address that the account may ask for. Raises `Refusal` `address_invalid`, or `address_own` (409)."""
    found = addresses.parse(text)
    if any(email.normalized == found.normalized for email in account.emails):
        raise Refusal("address_own", _l("You have this address already."), status=409, field="address")
    return found


def request_address(account_id: str, text: str, language: str) -> MailboxProof:
    """Mail a link that adds this address to the account, or, to one that is another's, a mail that says so.

    What is told to who asks is the same (R20). Earlier links for the same address die.
    Raises `Refusal` `address_invalid`, `address_own`, `too_many_addresses`.
    """
    account = locked(account_id)
    found = own_address(account, text)
    forget_waiting(account_id, normalized=found.normalized)
    _room_for_one_more(account)
    owner = owner_of(found.normalized)
    language = (owner.locale if owner else account.locale) or language
    proof = new_proof(
        "claimed" if owner else "address",
        found.address,
        found.normalized,
        account.id,
        language,
        current_settings().lifetimes.activation,
        None,
    )
    emit(
        events.AddressRequested(
            at=clock.now(),
            actor_id=account.id,
            proof_id=proof.id,
            account_id=account.id,
            address=found.address,
            language=language,
            known=owner is not None,
        )
    )
    return proof


def waiting(account_id: str) -> list[MailboxProof]:
    """The addresses that the account asked for and nobody has confirmed yet, newest first; no more than `MOST`."""
    return list(
        db.session.scalars(
            select(MailboxProof)
            .where(*_waiting(account_id), MailboxProof.expires_at > clock.now())
            .order_by(MailboxProof.created_at.desc(), MailboxProof.id.desc())
            .limit(MOST)
        )
    )


def forget_waiting(account_id: str, *, proof_id: str | None = None, normalized: str | None = None) -> int:
    """Take back the wish for an address: its link is dead. Gives how many; none is no error."""
    which = MailboxProof.id == proof_id if proof_id is not None else MailboxProof.normalized == normalized
    return change(
        update(MailboxProof)
        .where(*_waiting(account_id), which)
        .values(spent_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def _waiting(account_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        MailboxProof.account_id == account_id,
        MailboxProof.purpose.in_(("address", "claimed")),
        MailboxProof.spent_at.is_(None),
    )  # fmt: skip


def _room_for_one_more(account: Account) -> None:
    if len(account.emails) + len(waiting(account.id)) >= MOST:
        raise Refusal(
            "too_many_addresses",
            _l("An account has at most %(number)s addresses. Remove one first.", number=MOST),
            status=409,
            field="address",
        )


def add_address(link: str, account_id: str) -> EmailAddress:
    """Spend a link that was mailed to an address: it is the account's from now on, proven.

    `account_id` is who is signed in: only the account that asked can use the link, so that whoever reads a mailbox
    can't be led to give it away. Raises `Refusal` `link_unknown`, `link_expired`, `link_spent`, `link_of_another`
    (403), `address_taken` (409) when it became another's meanwhile, `address_own`, `too_many_addresses`.
    """
    proof = read(link, "address").proof
    if proof is None:
        raise link_refusal("unknown")
    if proof.account_id != account_id:
        raise Refusal("link_of_another", _l("Another account asked for this link."), status=403)
    lock_name("address", proof.normalized)
    proof = spend(link, "address")
    account = locked(account_id)
    found = own_address(account, proof.address)
    if find_by_address(found.normalized) is not None:
        raise taken()
    forget_waiting(account_id, normalized=found.normalized)
    _room_for_one_more(account)
    now = clock.now()
    email = EmailAddress(
        id=new_id(),
        account_id=account.id,
        address=found.address,
        normalized=found.normalized,
        is_primary=not account.emails,
        verified_at=now,
        created_at=now,
    )
    account.emails.append(email)
    account.updated_at = now
    account.rev += 1
    try:
        db.session.flush()
    except IntegrityError:
        raise taken() from None
    _tell(events.AddressAdded, email, account.id)
    emit(events.AddressProven(at=now, actor_id=account.id, account_id=account.id, normalized=email.normalized))
    return email


def choose_primary(account_id: str, address_id: str) -> EmailAddress:
    """Send mail to this proven address from now on. The present one is no error.

    Raises `Refusal` `address_unknown` (404), `address_not_proven` (409).
    """
    account = locked(account_id)
    email = _of(account, address_id)
    if email.is_primary:
        return email
    if email.verified_at is None:
        raise Refusal("address_not_proven", _l("Confirm this address first."), status=409)
    for other in account.emails:
        other.is_primary = False
    db.session.flush()  # one primary at every moment: the index looks at each statement
    email.is_primary = True
    _changed(account, events.PrimaryAddressChosen, email)
    return email


def remove_address(account_id: str, address_id: str) -> None:
    """Remove an address, and with it every link that was mailed to it. Never the primary, so never the last one.

    Raises `Refusal` `address_unknown` (404), `address_primary` (409).
    """
    found = db.session.scalar(
        select(EmailAddress.normalized).where(EmailAddress.id == address_id, EmailAddress.account_id == account_id)
    )
    if found is None:
        raise _unknown()
    lock_name("address", found)
    account = locked(account_id)
    email = _of(account, address_id)
    if email.is_primary:
        raise Refusal(
            "address_primary",
            _l("This is your primary address. Choose another as the primary before you remove it."),
            status=409,
        )
    change(
        update(MailboxProof)
        .where(
            MailboxProof.account_id == account.id,
            MailboxProof.normalized == email.normalized,
            or_(MailboxProof.purpose == "reset", MailboxProof.purpose == "mailbox"),
            MailboxProof.spent_at.is_(None),
        )
        .values(spent_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    account.emails.remove(email)
    _changed(account, events.AddressRemoved, email)


def _changed(account: Account, kind: type[events.AddressEvent], email: EmailAddress) -> None:
    account.updated_at = clock.now()
    account.rev += 1
    db.session.flush()
    _tell(kind, email, account.id)


def _tell(kind: type[events.AddressEvent], email: EmailAddress, account_id: str) -> None:
    emit(kind(at=clock.now(), actor_id=account_id, account_id=account_id, address_id=email.id, address=email.address))


def _of(account: Account, address_id: str) -> EmailAddress:
    found = next((email for email in account.emails if email.id == address_id), None)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Refusal:
    return Refusal("address_unknown", _l("There is no such address."), status=404)
