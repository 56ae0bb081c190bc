"""Slowing guessing down: per account identifier and per network address, shared by all processes (R26, P26).

An attempt on an identifier is counted before the password is hashed and forgotten when it succeeds, so parallel
guesses can't slip through; for a network address only failures count, so that an office behind one address can sign
in all at once. While the limit stands the right password is refused too.
"""

from __future__ import annotations

from flask import current_app
from flask_babel import lazy_gettext as _l

from idp.kernel import clock, counters
from idp.kernel.database import aside, db
from idp.kernel.refusal import Refusal
from idp.settings import Throttle

IDENTIFIER = "sign_in"
ADDRESS = "address"


def _settings() -> Throttle:
    return current_app.extensions["onix_settings"].throttle  # type: ignore[no-any-return]


def check(identifier: str, address: str) -> None:
    """Count one attempt. `identifier` is the normalized address, `address` the network's. Not inside a unit of work.

    Raises `Refusal` 429 with the seconds to wait, before anything is hashed.
    """
    settings, now = _settings(), clock.now()
    with aside() as session:
        wait = counters.wait(
            session, ADDRESS, address, now=now, window=settings.window, limit=settings.failures_per_address
        ) or counters.add(session, IDENTIFIER, identifier, now=now, window=settings.window, limit=settings.failures)
    if wait:
        raise too_many(wait)


def fail(address: str) -> None:
    """Count one failure of a network address. Not inside a unit of work."""
    settings = _settings()
    with aside() as session:
        counters.add(
            session, ADDRESS, address, now=clock.now(), window=settings.window, limit=settings.failures_per_address
        )


def clear(identifier: str) -> None:
    """Forget the attempts on an identifier after a success. Inside the sign-in's unit of work."""
    counters.clear(db.session(), IDENTIFIER, identifier)


def too_many(wait: int) -> Refusal:
    """The *no* of status 429; `wait` seconds also travel as `Retry-After`."""
    minutes = -(-wait // 60)
    return Refusal(
        "too_many_attempts",
        _l("Too many attempts. Try again in %(minutes)s minutes.", minutes=minutes)
        if minutes > 1
        else _l("Too many attempts. Try again in a minute."),
        status=429,
        retry_after=wait,
    )
