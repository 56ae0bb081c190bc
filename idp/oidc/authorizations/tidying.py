"""Tidying: what has been dead for long goes, with all that hangs on it."""

from __future__ import annotations

from sqlalchemy import delete, or_, select

from idp.kernel.database import change, db

from .. import statements
from ..statements import authorization as _table

KEPT = 90 * 86400  # seconds that an authorization stays after its end, with everything that hangs on it
PORTION = 5000  # rows deleted in one transaction


def tidy(now: int) -> int:
    """Delete a portion of what has been dead for `KEPT` seconds; gives how many rows. A job calls this in a unit.

    Codes and refresh tokens go with their authorization, never before it: a spent one that is shown again is seen as
    long as anything can still be withdrawn for it. Machine grants do not end.
    """
    ended = now - KEPT
    dead = list(
        db.session.scalars(
            select(_table.c.id)
            .where(or_(_table.c.expires_at <= ended, _table.c.withdrawn_at <= ended))
            .limit(PORTION // 5)
            .with_for_update(skip_locked=True)
        )
    )
    left = PORTION if dead else 0
    for shadows in (statements.refresh, statements.code):
        if left:
            (key,) = shadows.primary_key
            portion = select(key).where(shadows.c.authorization_id.in_(dead)).limit(left)
            left -= change(delete(shadows).where(key.in_(portion)))
    if left:
        left -= change(delete(_table).where(_table.c.id.in_(dead[:left])))
    return PORTION - left if dead else 0
