"""What an organization keeps to see of its people: a picture and a signature that its administrators uploaded.

Its own notes, like a telephone number that it typed: the person's own picture stands above this one
(`people.shown_as`), and the signature is never given to an application as the person's.
"""

from __future__ import annotations

import hashlib

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update

from idp.accounts.images import File
from idp.kernel import clock
from idp.kernel.database import change, db
from idp.kernel.refusal import Refusal

from ..models import Member, MemberImage
from .locking import lock_of
from .telling import tell_edited

IMAGE_TYPES = {"picture": "image/jpeg", "signature": "image/png"}
"""The kinds of images, and the type of file that the workshop makes of each."""


def set_member_image(member_id: str, kind: str, content: bytes, actor_id: str | None = None) -> None:
    """Keep this image, made by the workshop, in the place of the one before. Raises `Refusal` (404)."""
    member = lock_of(Member, member_id)
    _forget(member_id, kind)
    digest = hashlib.sha256(content).hexdigest()
    now = clock.now()
    db.session.add(
        MemberImage(
            member_id=member_id, kind=_checked(kind), image=content, digest=digest, uploaded_by=actor_id, created_at=now
        )
    )
    db.session.flush()
    _note(member, kind, digest, actor_id)


def remove_member_image(member_id: str, kind: str, actor_id: str | None = None) -> None:
    """Keep none any more. Twice is no error. Raises `Refusal` (404)."""
    member = lock_of(Member, member_id)
    if _forget(member_id, _checked(kind)):
        _note(member, kind, None, actor_id)


def find_member_image(organization_id: str, member_id: str, kind: str) -> File | None:
    """The image of one of this very organization's people. One statement."""
    row = db.session.execute(
        select(MemberImage.image, MemberImage.digest)
        .join(Member, Member.id == MemberImage.member_id)
        .where(MemberImage.member_id == member_id, MemberImage.kind == kind, Member.organization_id == organization_id)
    ).one_or_none()
    return File(row.image, IMAGE_TYPES[kind], row.digest) if row and kind in IMAGE_TYPES else None


def _checked(kind: str) -> str:
    if kind not in IMAGE_TYPES:
        raise Refusal("image_unknown", _l("There is no such image."), status=404)
    return kind


def _forget(member_id: str, kind: str) -> bool:
    gone = delete(MemberImage).where(MemberImage.member_id == member_id, MemberImage.kind == kind)
    return change(gone.execution_options(synchronize_session="fetch")) > 0


def _note(member: Member, kind: str, digest: str | None, actor_id: str | None) -> None:
    """Where the row says that there is one. Not a new version of it: nobody's open form is out of date by a picture."""
    now = clock.now()
    db.session.execute(
        update(Member)
        .where(Member.id == member.id)
        .values({kind: digest, "updated_at": now})
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(member)
    tell_edited(member, actor_id, [kind])
