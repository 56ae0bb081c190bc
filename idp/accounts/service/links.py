"""Mailed links that prove a mailbox: made, read, spent once by a conditional update (R28)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, delete, or_, update

from idp.kernel import clock
from idp.kernel.database import change, db, new_id
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import read_link, sign_link

from .. import events
from ..models import Account, MailboxProof

# `known` (an activation asked for an address that has an account), `nobody` (a reset for one that has none) and
# `claimed` (somebody wants to add an address that is another's) carry no link: their rows make every answer cost alike.
Purpose = Literal["activation", "known", "reset", "nobody", "mailbox", "address", "claimed"]
State = Literal["open", "expired", "spent", "unknown"]

# A link can be recognized for this long, so that an expired one can offer a new one; validity is the row's business.
RECOGNIZED = 90 * 86400
_WITHOUT_LINK = ("known", "nobody", "claimed")
_PATHS = {
    "activation": "/activate/",
    "reset": "/password/reset/",
    "mailbox": "/mailbox/",
    "address": "/account/emails/confirm/",
}


@dataclass(frozen=True)
class LinkState:
    """What a mailed link is worth now. `proof` is None exactly when the state is `unknown`."""

    proof: MailboxProof | None
    state: State


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

    Raises ValueError for a proof that carries no link (`known`, `nobody`, `claimed`).
    """
    if proof.purpose not in _PATHS:
        raise ValueError(f"a proof of purpose {proof.purpose!r} has no link")
    return _PATHS[proof.purpose] + sign_link(proof.purpose, [proof.id, proof.generation])


def new_proof(
    purpose: Purpose,
    address: str,
    normalized: str,
    account_id: str | None,
    language: str,
    lifetime: int,
    app_id: str | None,
) -> MailboxProof:
    """A row for a link that is to be mailed to `address`, good for `lifetime` seconds."""
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


def spend(link: str, purpose: Purpose) -> MailboxProof:
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


def prove(account: Account, normalized: str) -> None:
    """This address of the account counts as proven from now on; nothing happens when it did."""
    for email in account.emails:
        if email.normalized == normalized and email.verified_at is None:
            email.verified_at = account.updated_at = clock.now()
            emit(
                events.AddressProven(at=clock.now(), actor_id=account.id, account_id=account.id, normalized=normalized)
            )


def tidy(now: int) -> int:
    """Delete the proofs that no page has to recognize any more; gives how many. A job calls this in a unit of work.

    Those without a link, which any stranger can cause for any address, go as soon as they are over.
    """
    over = and_(MailboxProof.purpose.in_(_WITHOUT_LINK), MailboxProof.expires_at <= now)
    return change(
        delete(MailboxProof)
        .where(or_(over, MailboxProof.expires_at <= now - RECOGNIZED))
        .execution_options(synchronize_session=False)
    )
