"""What of this room's rows a person takes along (`idp.kernel.exports`)."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.kernel.exports import Part, Taken, instant, walk

from .models import Session


def _sessions(account_id: str) -> Iterator[Taken]:
    for row in walk(
        select(
            Session.id, Session.auth_time, Session.amr, Session.user_agent, Session.address, Session.created_at,
            Session.last_seen_at, Session.ended_at, Session.ended_reason,
        ).where(Session.account_id == account_id),
        Session.id,
    ):  # fmt: skip
        yield {
            "signed_in_at": instant(row.auth_time),
            "methods": row.amr,
            "browser": row.user_agent,
            "network_address": row.address,
            "begun_at": instant(row.created_at),
            "last_seen_at": instant(row.last_seen_at),
            "ended_at": instant(row.ended_at),
            "ended_because": row.ended_reason,
        }


PARTS = (Part("sessions", _l("Where and when you signed in."), frozenset({"session"}), _sessions),)
