"""What of this room's rows a person takes along (`idp.kernel.exports`)."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l

from idp.kernel.exports import Part, Taken, taken

from .models import Session


def _sessions(account_id: str) -> Iterator[Taken]:
    return taken(
        Session.id,
        {
            "signed_in_at": Session.auth_time,
            "methods": Session.amr,
            "browser": Session.user_agent,
            "network_address": Session.address,
            "begun_at": Session.created_at,
            "last_seen_at": Session.last_seen_at,
            "ended_at": Session.ended_at,
            "ended_because": Session.ended_reason,
        },
        lambda rows: rows.where(Session.account_id == account_id),
    )


PARTS = (Part("sessions", _l("Where and when you signed in."), frozenset({"session"}), _sessions),)
