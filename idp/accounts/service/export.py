"""A person takes a copy of everything that is held about them (`idp.kernel.exports`)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from idp.kernel import clock, counters
from idp.kernel.events import emit
from idp.settings import current_settings

from .. import events


def admit_export(account_id: str) -> None:
    """Count one more copy of what is held about the person. Call outside a unit of work.

    Raises `Refusal` (429) above the setting `throttle.exports_per_hour`.
    """
    counters.admit(
        "export",
        account_id,
        window=3600,
        limit=current_settings().throttle.exports_per_hour,
        code="too_many_exports",
        message=_l("You have taken several copies within the last hour. Try again later."),
    )


def note_export(account_id: str) -> None:
    """The person takes a copy of everything: no row changes, but it is told. Inside a unit of work."""
    emit(events.DataExported(at=clock.now(), actor_id=account_id, account_id=account_id))
