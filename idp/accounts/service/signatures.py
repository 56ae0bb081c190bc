"""The signature of an account: set, removed, an earlier one brought back or deleted; never found by its id alone."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update

from idp.kernel import clock
from idp.kernel.database import change, db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from .. import events
from ..images import Drawn
from ..models import Signature
from .lookup import hold

KEPT = 5
"""Earlier signatures that are kept; the oldest one beyond goes."""


def set_signature(account_id: str, made: str, drawn: Drawn) -> Signature:
    """Give the account this signature. The one before can be brought back. made: `drawn`, `typed`, `uploaded`."""
    hold(account_id)
    _put_aside(account_id)
    row = Signature(
        account_id=account_id,
        made=made,
        image=drawn.png,
        width=drawn.width,
        height=drawn.height,
        digest=drawn.digest,
        created_at=clock.now(),
    )
    db.session.add(row)
    db.session.flush()
    _let_go(account_id)
    emit(events.SignatureChanged(at=clock.now(), account_id=account_id, made=made))
    return row


def remove_signature(account_id: str) -> None:
    """Give no signature any more. It can be brought back. Twice is no error."""
    hold(account_id)
    if _put_aside(account_id):
        emit(events.SignatureRemoved(at=clock.now(), account_id=account_id))


def bring_back_signature(account_id: str, signature_id: str) -> None:
    """Make an earlier signature of this account the one it gives. Raises `Refusal` `signature_unknown` (404)."""
    hold(account_id)
    wanted = own_signature(account_id, signature_id)
    if wanted.put_aside_at is not None:
        _put_aside(account_id)
        wanted.put_aside_at = None
        db.session.flush()
        emit(events.SignatureChanged(at=clock.now(), account_id=account_id, made="again"))


def delete_signature(account_id: str, signature_id: str) -> None:
    """Delete an earlier signature of this account for good. Raises `Refusal` `signature_unknown` (404)."""
    hold(account_id)
    gone = delete(Signature).where(
        Signature.id == signature_id, Signature.account_id == account_id, Signature.put_aside_at.is_not(None)
    )
    if change(gone.execution_options(synchronize_session=False)) != 1:
        raise _unknown()
    emit(events.SignatureRemoved(at=clock.now(), account_id=account_id, earlier=True))


def signatures_of(account_id: str) -> tuple[Signature | None, list[Signature]]:
    """The account's signature, and earlier ones, the last first; without their files."""
    rows = db.session.scalars(
        select(Signature).where(Signature.account_id == account_id).order_by(Signature.created_at.desc(), Signature.id)
    ).all()
    current = next((row for row in rows if row.put_aside_at is None), None)
    earlier = [row for row in rows if row.put_aside_at is not None]
    return current, sorted(earlier, key=lambda row: (row.put_aside_at or 0, row.id), reverse=True)


def signature_since(account_id: str) -> int | None:
    """When the account's signature was made (UTC seconds); None when it has none."""
    since: int | None = db.session.scalar(
        select(Signature.created_at).where(Signature.account_id == account_id, Signature.put_aside_at.is_(None))
    )
    return since


def own_signature(account_id: str, signature_id: str) -> Signature:
    """A signature of this very account. Raises `Refusal` `signature_unknown` (404)."""
    found = db.session.scalar(select(Signature).where(Signature.id == signature_id, Signature.account_id == account_id))
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Refusal:
    return Refusal("signature_unknown", _l("There is no such signature."), status=404)


def _put_aside(account_id: str) -> bool:
    moved = (
        update(Signature)
        .where(Signature.account_id == account_id, Signature.put_aside_at.is_(None))
        .values(put_aside_at=clock.now())
    )
    return change(moved.execution_options(synchronize_session="fetch")) > 0


def _let_go(account_id: str) -> None:
    _current, earlier = signatures_of(account_id)
    for row in earlier[KEPT:]:
        db.session.delete(row)
