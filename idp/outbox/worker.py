"""The worker: lanes that deliver, each destination by itself, and the jobs that the clock brings.

Any number of workers may run. A lane looks for due deliveries about five times a second and serves each destination in
threads of its own, one delivery after another over one line, until nothing is due there or its turn is over; a second
line is opened only for what the first has not taken. A failing destination is left alone for a while, so a slow or dead
one holds up nobody.
"""

from __future__ import annotations

import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.kernel.outgoing import caller, in_time
from idp.settings import current_settings

from . import mails, service, smtp
from .models import Delivery

log = structlog.get_logger(__name__)
POLL = 0.2  # seconds between two looks at an idle lane
YOUNG = 300  # seconds: the age up to which a lane may be eager
TURN = 5.0  # seconds that one destination may keep a thread
BATCH = 8  # deliveries leased at once
ANSWERED_WITHIN = 15  # seconds for one logout notice as a whole


class Again(Exception):
    """Not delivered this time; the text is fit for a log line."""


@dataclass(frozen=True)
class Lane:
    """How one lane delivers. `lease` in seconds, `width` threads, `lines` of them for one destination.

    It gives up after `attempts`, and not before a delivery is `patience` seconds old. A destination that failed is
    tried again at least every `eager` seconds while the delivery is young.
    """

    name: str
    deliver: Callable[[Delivery, Any], str]  # gives the outcome; raises `Again` or `smtp.Refused`
    attempts: int
    lease: int
    width: int = 16
    lines: int = 1
    line: Callable[[], AbstractContextManager[Any]] = nullcontext
    patience: int = 0
    eager: int = 3600

    def back_off(self, attempts: int, age: int) -> int:
        """Seconds to wait after this many attempts at this age: 2, 6, 18, 54, … at most an hour, or `eager`."""
        longest = self.eager if age < YOUNG else min(3600, max(self.eager, age // 3))
        return int(min(longest, 2 * 3 ** max(0, min(attempts, 12) - 1)))


def deliver_mail(delivery: Delivery, _line: None = None) -> str:
    """Compose and hand over one mail. The database is left alone while the mail server is talked to."""
    settings = current_settings()
    mails.prepare(delivery)
    message = mails.compose(delivery)
    db.session.rollback()
    if message is None:
        return "dropped"
    try:
        smtp.send(message, settings.mail_server, settings.mail.timeout)
    except (OSError, smtplib.SMTPException) as error:
        raise Again(f"{type(error).__name__}: {getattr(error, 'strerror', None) or 'mail server not usable'}") from None
    return "delivered"


def logout_line() -> requests.Session:
    """The connection over which one client hears of several endings. It keeps no cookies."""
    settings = current_settings()
    session: requests.Session = caller(3, 7, loopback=settings.local).get_session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return session


def deliver_logout(delivery: Delivery, line: requests.Session | None = None) -> str:
    """POST a logout token, signed now (Back-Channel Logout §2.5); 200 and 204 end it, all else is tried again."""
    from idp.oidc.logout import logout_token

    payload = delivery.payload
    made = logout_token(payload["client_id"], payload["sub"], payload["sid"])
    db.session.rollback()
    if made is None:
        return "dropped"
    uri, token = made
    try:
        with (
            in_time(ANSWERED_WITHIN),
            (line or logout_line()).request(
                "POST", uri, data={"logout_token": token}, headers={"Accept": "application/json"}, stream=True
            ) as answer,
        ):
            status = answer.status_code
            if answer.headers.get("Content-Length") == "0":
                answer.raw.read()  # nothing follows: the connection can be used again; any other is closed unread
    except (requests.RequestException, OSError, ValueError) as error:
        raise Again(type(error).__name__) from None
    if status not in (200, 204):
        raise Again(f"answered {status}")
    return "delivered"


LANES = (
    # A mail server that is away for days loses no warning (RFC 5321 §4.5.4.1 asks for four or five).
    Lane(service.MAIL, deliver_mail, attempts=12, lease=60, patience=4 * 86400),
    # An application that was away hears within seconds of its return; one that stays away is asked less and less.
    Lane(service.LOGOUT, deliver_logout, attempts=9, lease=60, lines=4, line=logout_line, patience=6000, eager=3),
)


class Runner:
    """One lane at work in this process: which destinations are busy, and which are left alone until when."""

    def __init__(self, app: Flask, lane: Lane) -> None:
        self.app, self.lane = app, lane
        self._busy: Counter[str] = Counter()  # destination -> threads
        self._resting: dict[str, float] = {}  # destination -> monotonic seconds
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(lane.width, thread_name_prefix=f"onix-{lane.name}")

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; a database that is away is waited for."""
        self._stop = stop
        while not stop.is_set():
            try:
                taken = self.sweep()
            except SQLAlchemyError as error:
                log.warning("lane_waits_for_database", lane=self.lane.name, error=type(error).__name__)
                stop.wait(2)
                continue
            stop.wait(0.02 if taken else POLL)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def sweep(self) -> int:
        """Give a thread to each destination that has something due and a line free; returns how many."""
        with self._lock:
            now = time.monotonic()
            self._resting = {name: until for name, until in self._resting.items() if until > now}
            full = {name for name, threads in self._busy.items() if threads >= self.lane.lines}
            without = full | set(self._resting)
            room = self.lane.width - self._busy.total()
        if room <= 0:
            return 0
        with self.app.app_context():
            found = service.due(self.lane.name, clock.now(), without=without, limit=room)
        for destination in found:
            with self._lock:
                self._busy[destination] += 1
            self._pool.submit(self._serve, destination)
        return len(found)

    def _serve(self, destination: str) -> None:
        try:
            with self.app.app_context():
                end = time.monotonic() + TURN
                while self._batch(destination, end) and time.monotonic() < end:
                    continue
        except SQLAlchemyError as error:
            log.warning("delivery_not_settled", destination=destination, error=type(error).__name__)
        except Exception:
            log.exception("delivery_failed_unexpectedly", destination=destination)
        finally:
            with self._lock:
                self._busy[destination] -= 1
                self._busy += Counter()  # those at zero go

    def _batch(self, destination: str, end: float) -> bool:
        """Deliver what is due until the monotonic instant `end`, or one fails; whether there may be more."""
        with unit_of_work():
            taken = service.claim(self.lane.name, destination, clock.now(), self.lane.lease, limit=BATCH)
        for delivery in taken:
            db.session.expunge(delivery)
        waiting = list(taken)
        try:
            with self.lane.line() as line:
                while waiting and not self._stop.is_set():
                    delivery = waiting.pop(0)
                    with structlog.contextvars.bound_contextvars(delivery=delivery.id):
                        outcome = attempt(self.lane, delivery, self._rest, line)
                    if outcome == "postponed" or time.monotonic() >= end:
                        return False
        finally:
            if waiting:
                db.session.rollback()
                with unit_of_work():
                    service.release(waiting)
        return bool(taken)

    def _rest(self, destination: str, seconds: float) -> None:
        with self._lock:
            self._resting[destination] = time.monotonic() + seconds


def attempt(
    lane: Lane, delivery: Delivery, rest: Callable[[str, float], None] = lambda _d, _s: None, line: Any = None
) -> str:
    """Try one claimed delivery and write down what came of it: an outcome, or `postponed`."""
    log_line = log.bind(lane=lane.name, kind=delivery.kind, attempt=delivery.attempts)
    error = ""
    try:
        outcome = lane.deliver(delivery, line)
    except smtp.Refused as refused:
        outcome, error = "given_up", str(refused)
    except Again as again:
        outcome, error = "postponed", str(again)
    except SQLAlchemyError:
        raise
    except Exception as bug:
        log_line.exception("delivery_broke")
        outcome, error = "postponed", type(bug).__name__
    db.session.rollback()
    now = clock.now()
    age = now - delivery.created_at
    if outcome == "postponed" and delivery.attempts >= lane.attempts and age >= lane.patience:
        outcome = "given_up"
    with unit_of_work():
        if outcome == "postponed":
            wait = lane.back_off(delivery.attempts, age)
            service.postpone(delivery.id, delivery.lease, now + wait, error)
            rest(delivery.destination, min(wait, 30))
        elif delivery.kind in service.FORGOTTEN:
            service.forget(delivery.id, delivery.lease)
        else:
            service.settle(delivery.id, delivery.lease, outcome, now, error or None)
    if outcome == "given_up":
        log_line.error("delivery_given_up", error=error)
    elif outcome == "postponed":
        log_line.warning("delivery_postponed", error=error)
    else:
        log_line.info("delivery_settled", outcome=outcome)
    return outcome


def run(app: Flask, stop: threading.Event, jobs: Callable[[Flask, threading.Event], None] | None = None) -> None:
    """Run every lane, and `jobs` beside them, until `stop` is set."""
    threads = [threading.Thread(target=Runner(app, lane).run, args=(stop,), name=f"lane-{lane.name}") for lane in LANES]
    if jobs:
        threads.append(threading.Thread(target=jobs, args=(app, stop), name="jobs"))
    for thread in threads:
        thread.start()
    log.info("worker_started")
    while not stop.wait(0.5):
        dead = [thread.name for thread in threads if not thread.is_alive()]
        if dead:
            log.error("worker_thread_died", threads=dead)
            stop.set()
    for thread in threads:
        thread.join(timeout=20)
    log.info("worker_stopped")
