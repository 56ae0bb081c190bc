"""The clock's hand: what has to happen because time passed or because something fans out.

Each job is computed from data, so it may run twice, on two workers at once, or late after an outage, and the result is
the same. Rules about time never wait for a job: they are decided at use (DESIGN §8); jobs only send and tidy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from idp.accounts import service as accounts
from idp.accounts.credentials import ceremonies
from idp.express import ladders
from idp.express import requests as guest_requests
from idp.kernel import clock, continuation, counters
from idp.kernel.database import aside, change, db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.oidc import authorizations, keys, requests
from idp.oidc.models import RevokedAccessToken, UsedAssertion
from idp.organizations.catalog import current_catalog
from idp.organizations.service import guests
from idp.organizations.service import requests as access_requests
from idp.outbox import service as outbox
from idp.sessions import service as sessions
from idp.sessions import throttle

log = structlog.get_logger(__name__)
DAY = 86400
PORTIONS = 20  # of dead authorizations deleted at one turn


@dataclass(frozen=True)
class Job:
    """`run` is called every `every` seconds and gives how much it did; it opens its own units of work."""

    name: str
    every: float
    run: Callable[[], int]


def losses() -> int:
    """Compare what whole organizations lost, and every loss once more, a page of authorizations in each transaction."""
    due = authorizations.losses_due()
    db.session.rollback()
    done = 0
    while due:
        with unit_of_work():
            compared = authorizations.expand_losses()
        if compared is None:  # another worker is at it
            break
        done += compared
        due = authorizations.losses_due()
        db.session.rollback()
    return done


def answered_requests() -> int:
    """Close the access requests whose app is open by now: what time answered, or a change that touched many."""
    waiting = access_requests.members_waiting()
    db.session.rollback()
    closed, most = 0, access_requests.MOST_CLOSED // len(current_catalog().apps)
    for organization_id, member_ids in waiting.items():
        for start in range(0, len(member_ids), most):
            with unit_of_work():
                closed += access_requests.close_opened(organization_id, member_ids[start : start + most])
    return closed


def invitation_reminders() -> int:
    """Owe the reminders that are due of open invitations to Onix Express, each in a transaction of its own."""
    done, after = 0, ""
    while due := ladders.invitations_to_remind(after):
        db.session.rollback()
        for invitation_id in due:
            with unit_of_work():
                done += ladders.remind(invitation_id)
        after = due[-1]
    db.session.rollback()
    return done


def inactive_guests() -> int:
    """Warn Express guests who have not come for long, and end those who were warned; each by itself."""
    done, after = 0, ""
    while True:
        due, last = ladders.guests_to_look_at(after)
        db.session.rollback()
        for member_id in due:
            with unit_of_work():
                done += ladders.look_after(member_id)
        if last is None:
            return done
        after = last


def closed_accounts() -> int:
    """Erase the accounts whose person closed them and did not keep them in time, each in a unit of its own.

    One that can't go (somebody else's rule is in its way) holds up no other, and is tried again at the next turn.
    """
    erased, kept = 0, set[str]()
    while due := accounts.closed_and_due(clock.now(), without=frozenset(kept)):
        db.session.rollback()
        for account_id in due:
            try:
                with unit_of_work():
                    erased += accounts.erase_closed(account_id, clock.now())
            except Refusal as refusal:
                kept.add(account_id)
                log.warning("account_not_erased", account=account_id, reason=refusal.code)
    db.session.rollback()
    return erased


def closing_reminders() -> int:
    """Owe the mail shortly before the end of each account that is closing, each in a unit of its own."""
    done = 0
    while due := accounts.closed_to_remind(clock.now()):
        db.session.rollback()
        for account_id in due:
            with unit_of_work():
                done += accounts.remind_closing(account_id, clock.now())
    db.session.rollback()
    return done


def rotate_keys() -> int:
    """Publish the next signing keys in time (R15)."""
    with unit_of_work():
        return len(keys.rotate_if_due(clock.now()))


def tidy() -> int:
    """Delete what no rule asks about any more; a row that proves a replay stays as long as the replay could matter."""
    now = clock.now()
    gone = 0
    with unit_of_work():
        gone += continuation.tidy(now) + requests.tidy(now) + outbox.tidy(now)
        gone += accounts.tidy(now) + accounts.tidy_pictures(now) + sessions.tidy(now) + ceremonies.tidy(now)
        gone += guests.tidy(now) + guest_requests.tidy(now)
        for statement in (
            delete(RevokedAccessToken).where(RevokedAccessToken.expires_at <= now),
            delete(UsedAssertion).where(UsedAssertion.expires_at <= now),
        ):
            gone += change(statement)
    for _ in range(PORTIONS):
        with unit_of_work():
            portion = authorizations.tidy(now)
        gone += portion
        if not portion:
            break
    with aside() as own:
        counters.tidy(own, now=now, window=DAY, rows=throttle.KEPT)
    return gone


JOBS = (
    Job("losses", 0.3, losses),
    Job("keys", 60, rotate_keys),
    Job("answered_requests", 60, answered_requests),
    Job("invitation_reminders", 30, invitation_reminders),
    Job("inactive_guests", 30, inactive_guests),
    Job("closing_reminders", 60, closing_reminders),
    Job("closed_accounts", 60, closed_accounts),
    Job("tidy", 600, tidy),
)


def run(app: Flask, stop: threading.Event) -> None:
    """Run every job at its pace until told to stop. A job that fails is logged and tried again at its next turn."""
    turn = {job.name: 0.0 for job in JOBS}
    while not stop.is_set():
        for job in JOBS:
            if time.monotonic() < turn[job.name] or stop.is_set():
                continue
            turn[job.name] = time.monotonic() + job.every
            try:
                with app.app_context():
                    done = job.run()
            except SQLAlchemyError as error:
                log.warning("job_waits_for_database", job=job.name, error=type(error).__name__)
                turn[job.name] = time.monotonic() + max(2, job.every)
                continue
            except Exception:
                log.exception("job_failed", job=job.name)
                turn[job.name] = time.monotonic() + max(30, job.every)
                continue
            if done:
                log.info("job_done", job=job.name, done=done)
        stop.wait(0.2)
