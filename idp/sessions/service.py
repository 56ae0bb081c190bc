"""Sessions: who is acting, signing in and out.

The cookie carries a random handle, the database its digest; the loader asks for both the session and the account's
status in one statement per request (P17, P18, R32).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import g, has_request_context, request
from flask import session as cookie
from flask_babel import lazy_gettext as _l
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy import Select, Table, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import joinedload, lazyload, make_transient_to_detached

from idp.accounts import events as people
from idp.accounts.credentials.methods import has_second_factor
from idp.accounts.models import Account, EmailAddress
from idp.accounts.service import may_sign_in
from idp.kernel import clock, language
from idp.kernel.database import aside, change, db, new_id, single, write_both
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import digest, random_handle
from idp.kernel.web import kept
from idp.settings import Lifetimes, current_settings

from . import events, policy, throttle
from .ceremony import Recognized, codes_under, counted_under, remember_browser
from .models import Session

login_manager = LoginManager()
login_manager.session_protection = None  # it hashes headers that the browser controls (P18)


@dataclass(eq=False)
class Actor(UserMixin):
    """The signed-in person and the session that says so. `handle` is what the cookie carries."""

    account: Account
    session: Session
    handle: str

    def get_id(self) -> str:
        return self.handle


def _lifetimes() -> Lifetimes:
    return current_settings().lifetimes


def actor() -> Actor | None:
    """Who is signed in in this browser, account active and session alive; None otherwise. One statement a request."""
    if not has_request_context():
        return None
    found = current_user._get_current_object()
    return found if isinstance(found, Actor) else None


_alive = (
    select(Session, Account)
    .join(Account, Account.id == Session.account_id)
    .where(
        Session.handle_digest == bindparam("handle"),
        Session.alive_at(bindparam("now"), bindparam("idle")),
        Account.status.in_(("active", "closing")),
        or_(Account.closes_at.is_(None), Account.closes_at > bindparam("now")),
    )
    .options(lazyload(Account.emails))
)


@login_manager.user_loader
def _load(handle: str) -> Actor | None:
    now = clock.now()
    values = {"handle": digest(handle), "now": now, "idle": now - _lifetimes().session_idle}
    row = db.session.execute(_alive, values, bind_arguments=single()).first()
    if row is None:
        return None
    if row.Session.last_seen_at <= now - policy.SEEN_EVERY and not db.session.info.get("unit_of_work"):
        _seen(row.Session, now)
    return Actor(account=row.Account, session=row.Session, handle=handle)


def _seen(session: Session, now: int) -> None:
    with aside() as beside:
        beside.execute(
            update(Session)
            .where(Session.id == session.id, Session.last_seen_at <= now - policy.SEEN_EVERY)
            .values(last_seen_at=now)
        )


MOST_SESSIONS = 100
"""About so many live sessions may one account have: ending them all is one act, which somebody who has the password
could otherwise make too long to ever end."""

ENDED_TOGETHER = 20
"""So many are ended by one sign-in at most, where there are more."""


@dataclass(frozen=True, slots=True)
class Held:
    """An account about to be signed in, as it is now: whether it has a second factor, and in how many browsers its
    person is signed in."""

    account: Account
    second_factor: bool
    sessions: int


# A shared lock: a password change or disabling waits for this sign-in, and then ends its session too.
_locked = (
    select(
        Account,
        has_second_factor(Account.id).label("second_factor"),
        select(func.count())
        .select_from(Session)
        .where(Session.account_id == Account.id, Session.alive_at(bindparam("now"), bindparam("idle")))
        .scalar_subquery()
        .label("sessions"),
    )
    .where(Account.id == bindparam("account_id"))
    .options(joinedload(Account.emails))
    .with_for_update(read=True, of=Account)
    .execution_options(populate_existing=True)
)


def hold(checked: Recognized | Account) -> Held:
    """Hold the account whose person has been recognized, until the unit of work ends; changes of it wait.

    Raises `Refusal` when it was disabled or its password changed since it was checked.
    """
    password_hash, now = checked.password_hash, clock.now()
    values = {"account_id": checked.id, "now": now, "idle": now - _lifetimes().session_idle}
    row = db.session.execute(_locked, values).unique().one_or_none()
    if row is None or not may_sign_in(row.Account) or row.Account.password_hash != password_hash:
        raise Refusal("sign_in_again", _l("Something changed meanwhile. Sign in again."), status=401)
    return Held(row.Account, bool(row.second_factor), row.sessions)


def sign_in(
    held: Held,
    *,
    user_agent: str | None = None,
    address: str | None = None,
    amr: Sequence[str] | None = None,
    path: str | None = None,
    identifier: str | None = None,
    again: bool = False,
    since: int | None = None,
) -> Session:
    """Make this browser the held account's. Inside a unit of work, after everything that the account asks for was
    shown: `second_step.enter` for a password. `amr`: the methods (RFC 8176), a password when nothing is said.

    Always a new handle (R32). The same person signing in again keeps the session and its `sid`, with a new
    `auth_time`; another person's session in this browser ends first: one signed-in person per browser.
    `path`: where the continuation leads, for those who wait for this sign-in. `identifier`: as typed; the attempts
    counted against it are forgotten. `again`: the signed-in person has confirmed who they are, so the session never
    becomes a weaker one. `since`: when who they are was last shown as a whole, where this was a part of it,
    which only a session that lives can take. Beyond `MOST_SESSIONS` the session that was used longest ago ends. Raises
    `Refusal` for a password alone where there is a second factor, and for a part where the session has ended.
    """
    fresh = held.account
    now, lifetimes, methods = clock.now(), _lifetimes(), list(amr or ["pwd"])
    who = actor()
    if again and who is not None and who.account.id == fresh.id:
        methods = policy.confirmed(who.session.amr, methods)
    if held.second_factor and policy.acr_of(methods) == policy.ACR_PASSWORD:
        raise Refusal("second_factor_missing", _l("Something changed meanwhile. Sign in again."), status=401)
    handle = random_handle()
    session = _current_of_browser()
    if since is not None and (who is None or session is None or session.id != who.session.id):
        raise Refusal("sign_in_again", _l("Something changed meanwhile. Sign in again."), status=401)
    if session is not None and session.account_id != fresh.id:
        _end(session, "replaced")
        session = None
    shown = {
        "handle_digest": digest(handle),
        "auth_time": now if since is None else since,
        "last_seen_at": now,
        "expires_at": now + lifetimes.session_absolute,
        "acr": policy.acr_of(methods),
        "amr": methods,
        "user_agent": _printable(user_agent if user_agent is not None else request.headers.get("User-Agent", "")),
        "address": (address if address is not None else request.remote_addr or "")[:45],
    }
    counted = () if identifier is None else _counted(fresh)
    if session is None:
        if held.sessions >= MOST_SESSIONS:
            _end_oldest(fresh.id, held.sessions - MOST_SESSIONS + 1)
        session = _open(fresh.id, now, shown, counted)
    else:
        for name, value in shown.items():
            setattr(session, name, value)
        db.session.flush()
        if counted:
            throttle.clear(*counted)
    if identifier is not None:
        remember_browser(fresh)
    _renew_cookie(before=who.account.id if who else None, now=fresh.id)
    cookie.permanent = True
    login_user(Actor(account=fresh, session=session, handle=handle))
    language.follow_account(fresh.locale, fresh.theme)
    emit(events.SignedIn(at=now, actor_id=fresh.id, account_id=fresh.id, sid=session.id, path=path))
    return session


def confirm_account(path: str | None) -> None:
    """The signed-in person goes on as themselves. Inside a unit of work; raises `Refusal` 401 when nobody is."""
    who = actor()
    if who is None:
        raise Refusal("signed_out", _l("Sign in first."), status=401)
    emit(
        events.AccountConfirmed(
            at=clock.now(), actor_id=who.account.id, account_id=who.account.id, sid=who.session.id, path=path
        )
    )


def sign_out(session: Session | None = None) -> None:
    """End this session (by default the acting one) and forget it in this browser. Inside a unit of work."""
    who = actor()
    session = session or (who.session if who else None)
    if session is not None:
        _end(session, "signed_out")
    if who is not None and (session is None or session.id == who.session.id):
        logout_user()
        _renew_cookie(before=who.account.id, now=None)


def end_sessions_of(account_id: str, reason: str, except_id: str | None = None, actor_id: str | None = None) -> int:
    """End the account's live sessions everywhere, but one if named; gives how many. Inside a unit of work."""
    statement = select(Session).where(Session.account_id == account_id, Session.ended_at.is_(None))
    if except_id is not None:
        statement = statement.where(Session.id != except_id)
    ended = 0
    for session in db.session.scalars(statement).all():
        ended += _end(session, reason, actor_id)
    return ended


def sign_out_elsewhere(account_id: str, reason: str, except_id: str | None = None, actor_id: str | None = None) -> int:
    """End the account's live sessions but one if named, and whatever sessions of before have left behind (grants for
    use while away); gives how many sessions. Inside a unit of work."""
    ended = end_sessions_of(account_id, reason, except_id, actor_id)
    _tell_elsewhere(account_id, except_id, reason, actor_id)
    return ended


def _tell_elsewhere(
    account_id: str, sid: str | None, reason: str, actor_id: str | None, *, weaker: bool = False
) -> None:
    emit(
        events.SignedOutElsewhere(
            at=clock.now(),
            actor_id=actor_id or account_id,
            account_id=account_id,
            sid=sid,
            reason=reason,
            weaker=weaker,
        )
    )


def end_weaker_sessions(session: Session) -> int:
    """End the other live sessions of this one's account that one factor has opened, and what such sessions have left
    behind; gives how many sessions. Inside a unit of work."""
    others = select(Session).where(
        Session.account_id == session.account_id, Session.id != session.id, Session.ended_at.is_(None)
    )
    weaker = [one for one in db.session.scalars(others) if policy.acr_of(one.amr) == policy.ACR_PASSWORD]
    ended = sum(_end(one, "factor_added") for one in weaker)
    _tell_elsewhere(session.account_id, session.id, "factor_added", None, weaker=True)
    return ended


def end_session(session_id: str, reason: str, *, actor_id: str | None = None) -> bool:
    """End one session, whoever's; False when it had ended. Inside a unit of work. Raises `Refusal` (404)."""
    session = db.session.get(Session, session_id, populate_existing=True)
    if session is None:
        raise Refusal("session_unknown", _l("There is no such session."), status=404)
    return _end(session, reason, actor_id) == 1


def end_own_session(account_id: str, session_id: str) -> Session:
    """The person ends one of their sessions; one that had ended is no error. Inside a unit of work.

    Raises `Refusal` (404) for every other id alike.
    """
    session = db.session.get(Session, session_id, populate_existing=True)
    if session is None or session.account_id != account_id:
        raise Refusal("session_unknown", _l("There is no such session."), status=404)
    _end(session, "by_owner")
    return session


def live_sessions(account_id: str) -> Select[Session]:
    """Where the person is signed in now; orders nothing."""
    now = clock.now()
    alive = Session.alive_at(now, now - _lifetimes().session_idle)
    return select(Session).where(Session.account_id == account_id, alive)


def count_live_sessions(account_id: str) -> int:
    """In how many browsers the person is signed in; one statement."""
    return db.session.scalar(select(func.count()).select_from(live_sessions(account_id).subquery())) or 0


def ended_sessions(account_id: str, since: int, limit: int = 10) -> list[Session]:
    """The newest of those that were ended since `since` (UTC seconds); what ran out by itself is not among them."""
    return list(
        db.session.scalars(
            select(Session)
            .where(Session.account_id == account_id, Session.ended_at >= since)
            .order_by(Session.ended_at.desc(), Session.id)
            .limit(limit)
        )
    )


def ended_here() -> str | None:
    """Why this browser's session was ended, for the sign-in page; None where nobody ended it."""
    handle = _handle_here()
    if actor() is not None or handle is None:
        return None
    return db.session.scalar(
        select(Session.ended_reason).where(Session.handle_digest == handle, Session.ended_at.is_not(None))
    )


def account_here() -> str | None:
    """Whose session this browser has, or had last: the account's id. None where nobody knows (any more)."""
    handle = _handle_here()
    return db.session.scalar(select(Session.account_id).where(Session.handle_digest == handle)) if handle else None


def _handle_here() -> str | None:
    """The digest of this browser's handle, alive or not; it stays until somebody signs in or out."""
    handle = cookie.get("_user_id")  # Flask-Login's key
    return digest(handle) if isinstance(handle, str) else None


def tidy(now: int, keep: int = 90 * 86400) -> int:
    """Delete sessions that ended or ran out `keep` seconds ago; gives how many. A job calls this in a unit of work."""
    return change(
        delete(Session)
        .where(or_(Session.ended_at <= now - keep, Session.expires_at <= now - keep))
        .execution_options(synchronize_session=False)
    )


def on_password_changed(event: people.PasswordChanged) -> None:
    """Sessions end, and guesses at the old password are forgotten."""
    throttle.clear(event.account_id)
    if not event.everywhere:
        return
    end_sessions_of(event.account_id, "password_changed", actor_id=event.actor_id)


def on_account_disabled(event: people.AccountDisabled) -> None:
    end_sessions_of(event.account_id, "account_disabled", actor_id=event.actor_id)


def on_account_closing(event: people.AccountClosing) -> None:
    end_sessions_of(event.account_id, "account_closing", actor_id=event.actor_id)


def on_account_deleted(event: people.AccountDeleted) -> None:
    """Failures are counted under the account, and under its addresses where there was none yet."""
    own = select(EmailAddress.normalized).where(EmailAddress.account_id == event.account_id)
    throttle.clear(event.account_id, codes_under(event.account_id), *db.session.scalars(own))


_table = cast("Table", Session.__table__)
_insert = insert(_table).values({column.name: bindparam(f"session_{column.name}") for column in _table.c})


def _counted(account: Account) -> tuple[str, ...]:
    """Under what a sign-in's attempts were counted, at the password and at the second step."""
    key = counted_under(account)
    return key, codes_under(key)


def _open(account_id: str, now: int, shown: Mapping[str, Any], counted: tuple[str, ...]) -> Session:
    """Insert the row, and forget the attempts counted under these keys. Without the mapper, whose own way costs as much
    as the rest of the statement; the row is given as if it had read it."""
    values = {"id": new_id(), "account_id": account_id, "created_at": now, "ended_at": None, "ended_reason": None}
    values |= shown
    bound = {f"session_{name}": value for name, value in values.items()}
    if counted:
        forget, keys = throttle.forgetting(*counted)
        write_both(forget, _insert, {**keys, **bound})
    else:
        db.session.connection().execute(_insert, bound)
    session = Session(**values)
    make_transient_to_detached(session)
    db.session.add(session)
    return session


def _end_oldest(account_id: str, number: int) -> None:
    oldest = live_sessions(account_id).order_by(Session.last_seen_at, Session.id).limit(min(number, ENDED_TOGETHER))
    for session in db.session.scalars(oldest).all():
        _end(session, "too_many")


def _current_of_browser() -> Session | None:
    """This browser's live session, whoever's, as the database has it now."""
    handle = _handle_here()
    if handle is None:
        return None
    session = db.session.scalar(
        select(Session).where(Session.handle_digest == handle).execution_options(populate_existing=True)
    )
    if session is None or not policy.alive(
        ended_at=session.ended_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        idle=_lifetimes().session_idle,
        now=clock.now(),
    ):
        return None
    return session


def _end(session: Session, reason: str, actor_id: str | None = None) -> int:
    now = clock.now()
    ended = change(
        update(Session)
        .where(Session.id == session.id, Session.ended_at.is_(None))
        .values(ended_at=now, ended_reason=reason)
        .execution_options(synchronize_session=False)
    )
    if not ended:
        return 0
    db.session.refresh(session, ["ended_at", "ended_reason"])
    emit(
        events.SessionEnded(
            at=now,
            actor_id=actor_id or session.account_id,
            account_id=session.account_id,
            sid=session.id,
            reason=reason,
        )
    )
    return 1


def _renew_cookie(*, before: str | None, now: str | None) -> None:
    """A new form token whenever who is signed in changes, from one account (or nobody) to another; the browser's own id
    and language stay."""
    cookie[kept.BEFORE] = [cookie.pop("csrf_token", None), before in (None, now)]
    g.pop("csrf_token", None)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)[:300]
