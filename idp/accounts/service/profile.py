"""A person changes what they tell about themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from flask_babel import lazy_gettext as _l

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from .. import events, profile
from .lookup import locked


def change_profile(account_id: str, typed: Mapping[str, str | None], *, seen: str | None = None) -> tuple[str, ...]:
    """Keep what was typed into these fields of `profile.FIELDS`; gives the names of those that changed.

    `seen`: `profile.mark` of the same fields as the editor saw them. A changed phone number counts as not verified.
    Raises `Refusal` with the field, or `changed_meanwhile` (409) when they say something else by now.
    """
    now = clock.now()
    values = profile.read(typed, datetime.fromtimestamp(now, tz=UTC).date())
    account = locked(account_id)
    if seen is not None and seen != profile.mark(account, typed):
        raise Refusal(
            "changed_meanwhile",
            _l("You changed this in another window meanwhile. What you typed is still here: look again and save."),
            status=409,
        )
    before = profile.told(account, values)
    changed = tuple(sorted(name for name, value in values.items() if (value or "") != before[name]))
    if not changed:
        return ()
    for name in changed:
        if name not in profile.ADDRESS:
            setattr(account, name, values[name] or ("" if name in ("given_name", "family_name") else None))
    if not set(changed).isdisjoint(profile.ADDRESS):
        account.address = profile.postal(profile.told(account, profile.ADDRESS) | values)
    if "phone_number" in changed:
        account.phone_number_verified = False
    account.updated_at = now
    account.rev += 1
    db.session.flush()
    emit(events.ProfileChanged(at=now, actor_id=account.id, account_id=account.id, fields=changed))
    return changed
