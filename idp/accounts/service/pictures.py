"""The picture of an account: set, removed, brought back, and found by whoever was told where it is."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update

from idp.kernel import clock
from idp.kernel.database import change, db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from .. import events
from ..images import PIXELS, File
from ..models import Account, Picture
from .lookup import hold

KEPT_ASIDE = 86400  # seconds in which a picture that was removed or replaced can be brought back
_COLUMN = dict(zip(PIXELS, (Picture.small, Picture.medium, Picture.large), strict=True))


def set_picture(account_id: str, files: Mapping[int, bytes]) -> Picture:
    """Give the account this picture; `files` by size, as the workshop makes them. The one before is put aside."""
    hold(account_id, updated_at=clock.now())
    before = _current(account_id)
    row = Picture(
        account_id=account_id,
        handle=before.handle if before else secrets.token_urlsafe(16),
        digest=hashlib.sha256(files[max(PIXELS)]).hexdigest(),
        created_at=clock.now(),
        **{_COLUMN[pixels].key: files[pixels] for pixels in PIXELS},
    )
    _put_aside(account_id)
    db.session.add(row)
    db.session.flush()
    _point(account_id, row.path)
    emit(events.PictureChanged(at=clock.now(), account_id=account_id))
    return row


def remove_picture(account_id: str) -> None:
    """Show initials instead. Its address answers no more, unless it is brought back. Twice is no error."""
    hold(account_id, updated_at=clock.now())
    here = db.session.scalar(select(Account.picture).where(Account.id == account_id))
    _put_aside(account_id)
    if here is not None:
        _point(account_id, None)
        emit(events.PictureRemoved(at=clock.now(), account_id=account_id))


def bring_back_picture(account_id: str) -> None:
    """Undo the last change: the picture that was put aside last is the account's again.

    Raises `Refusal` `picture_gone` (409) when it is no longer kept.
    """
    hold(account_id, updated_at=clock.now())
    earlier = earlier_picture(account_id)
    if earlier is None:
        raise Refusal("picture_gone", _l("There is no earlier picture any more."), status=409)
    _put_aside(account_id)
    earlier.put_aside_at = None
    db.session.flush()
    _point(account_id, earlier.path)
    emit(events.PictureChanged(at=clock.now(), account_id=account_id))


def earlier_picture(account_id: str) -> Picture | None:
    """The picture that was put aside last, as long as it is kept."""
    return db.session.scalar(
        select(Picture)
        .where(Picture.account_id == account_id, Picture.put_aside_at > clock.now() - KEPT_ASIDE)
        .order_by(Picture.put_aside_at.desc(), Picture.id.desc())
        .limit(1)
    )


def find_picture(handle: str, pixels: int) -> File | None:
    """The file of an active account's picture in one of the sizes. One statement."""
    if pixels not in _COLUMN:
        return None
    row = db.session.execute(
        select(_COLUMN[pixels], Picture.digest)
        .join(Account, Account.id == Picture.account_id)
        .where(Picture.handle == handle, Picture.put_aside_at.is_(None), Account.status == "active")
    ).one_or_none()
    return File(row[0], "image/jpeg", f"{pixels}-{row.digest}") if row else None


def earlier_picture_file(account_id: str) -> bytes | None:
    """The file of what could be brought back, for its owner to look at."""
    found = earlier_picture(account_id)
    return db.session.scalar(select(Picture.medium).where(Picture.id == found.id)) if found else None


def tidy_pictures(now: int) -> int:
    """Delete what can't be brought back any more."""
    return change(delete(Picture).where(Picture.put_aside_at <= now - KEPT_ASIDE))


def _current(account_id: str) -> Picture | None:
    return db.session.scalar(select(Picture).where(Picture.account_id == account_id, Picture.put_aside_at.is_(None)))


def _put_aside(account_id: str) -> None:
    """The picture of now becomes the earlier one, and what was put aside before it goes: one step back is kept."""
    now = clock.now()
    mine = Picture.account_id == account_id
    moved = update(Picture).where(mine, Picture.put_aside_at.is_(None)).values(put_aside_at=now).returning(Picture.id)
    last = db.session.scalar(moved.execution_options(synchronize_session="fetch"))
    if last is not None:
        older = delete(Picture).where(mine, Picture.put_aside_at.is_not(None), Picture.id != last)
        db.session.execute(older.execution_options(synchronize_session="fetch"))


def _point(account_id: str, path: str | None) -> None:
    db.session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(picture=path)
        .execution_options(synchronize_session="fetch")
    )
