"""The table Session, and ending a person's sessions, for *Records* (`idp.kernel.records`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from idp.accounts import records as accounts
from idp.kernel import clock, language
from idp.kernel.database import db
from idp.kernel.records import Action, Belonging, Column, Filter, Pairs, Right, Scope, Table, by_id

from . import service
from .models import Session

PLATFORM = Right(frozenset({"account:platform.admin"}))


@dataclass(frozen=True, slots=True)
class Row:
    """A session and whose it is. `alive`: it counts now."""

    session: Session
    person: str
    alive: bool


def _rows(sessions: Sequence[Session], _scope: Scope) -> list[Row]:
    names, now = accounts.named({one.account_id for one in sessions}), clock.now()
    return [
        Row(one, names.get(one.account_id, one.account_id), one.ended_at is None and one.expires_at > now)
        for one in sessions
    ]


def _facts(row: Row) -> Pairs:
    session = row.session
    return (
        (_l("Person"), row.person),
        (_l("Signed in"), language.at_time(session.auth_time)),
        (_l("Last seen"), language.at_time(session.last_seen_at)),
        (_l("Ended"), f"{language.at_time(session.ended_at)}, {session.ended_reason}" if session.ended_at else ""),
        (_l("Way of signing in"), f"{session.acr} ({', '.join(session.amr)})"),
        (_l("Browser"), session.user_agent),
        (_l("Network address"), session.address),
        (_l("Id"), session.id),
    )


SESSION = Table(
    zone="protocol",
    name="session",
    title=_l("Session"),
    key=Session.id,
    read=PLATFORM,
    select=lambda _scope: select(Session),
    rows=_rows,
    columns=(
        Column("person", _l("Person"), lambda row: row.person),
        Column("signed-in", _l("Signed in"), lambda row: row.session.auth_time, kind="time", sort=Session.auth_time),
        Column("seen", _l("Last seen"), lambda row: row.session.last_seen_at, kind="time", sort=Session.last_seen_at),
        Column(
            "state",
            _l("Status"),
            lambda row: ("good", _l("Signed in")) if row.alive else ("plain", _l("Ended")),
            kind="state",
        ),
    ),
    sort="-seen",
    search=lambda text, _scope: accounts.found_in(text, Session.account_id)[0],
    search_label=_l("Search by name or e-mail"),
    filters=(
        Filter(
            "state",
            _l("Status"),
            lambda: (("open", _l("Signed in")), ("ended", _l("Ended"))),
            lambda value: (
                (Session.ended_at.is_(None) & (Session.expires_at > clock.now()))
                if value == "open"
                else (Session.ended_at.is_not(None) | (Session.expires_at <= clock.now()))
            ),
        ),
    ),
    facts=_facts,
    name_of=lambda row: str(row.person),
    actions=(
        Action(
            "end",
            _l("End session"),
            by_id(partial(service.end_session, reason="by_admin")),
            _l("The session has ended."),
            right=PLATFORM,
            shown=lambda row: bool(row.alive),
        ),
    ),
    empty=_l("Nobody has signed in yet."),
)


END_SESSIONS = Action(
    "end-sessions",
    _l("End all sessions"),
    by_id(partial(service.sign_out_elsewhere, reason="by_admin")),
    _l("The person is signed out everywhere."),
    right=PLATFORM,
)
"""For the table User."""

SESSIONS = Belonging(
    lambda account_id: (
        db.session.scalar(
            select(func.count())
            .select_from(Session)
            .where(Session.account_id == account_id, Session.ended_at.is_(None), Session.expires_at > clock.now())
        )
        or 0
    ),
    _l("%(num)s open session"),
    _l("%(num)s open sessions"),
)
