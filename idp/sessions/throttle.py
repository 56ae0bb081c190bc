"""Slowing guessing down: per account and per network address, shared by all processes (R26, P26).

`failures` attempts within `window` seconds, then a wait. The wait doubles with every full series, to a day at most;
short of `MOST_IN_A_ROW` failures without a success one attempt a day is left, so an account can never be guessed at
leisure. Strangers can't lock a person out by that: a browser in which the person has signed in counts by itself
(`ceremony.counted_under`), and a new password, set by mail, forgets what strangers did at the old one; not what
somebody did at the second step (`second_step.show_code`), where a passkey or a recovery code still opens.

An attempt on an identifier is counted before the password is hashed and forgotten when it succeeds, so parallel
guesses can't slip through; for a network address only failures count, so that an office behind one address can sign
in all at once. While the limit stands the right password is refused too.
"""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from idp.kernel import clock, counters
from idp.kernel.database import aside, db
from idp.kernel.refusal import Refusal
from idp.settings import Throttle, current_settings

IDENTIFIER = "sign_in"
ADDRESS = "address"
ROW = "sign_in_row"
MOST_IN_A_ROW = 100
LONGEST_WAIT = 86400  # seconds
KEPT = {ROW: 365 * 86400}
"""How long a row of failures is remembered after its newest, in seconds."""


def _settings() -> Throttle:
    return current_settings().throttle


def pace(failures: int, window: int, in_a_row: int) -> tuple[int, int]:
    """Pure: seconds of the window, and how many attempts it admits, after so many failures in a row."""
    if in_a_row >= max(failures, MOST_IN_A_ROW - failures):
        return LONGEST_WAIT, 1
    series = in_a_row // failures
    return min(window * 2 ** max(0, series - 1), max(window, LONGEST_WAIT)), failures


def check(key: str, address: str) -> None:
    """Count one attempt, outside of units. `key`: what the account is counted under, `address`: the network's.

    Raises `Refusal` 429 with the seconds to wait, before anything is hashed.
    """
    settings, now = _settings(), clock.now()
    with aside(each=True) as own:
        (start, count), (_newest, in_a_row) = counters.read(own, (ADDRESS, counters.network_of(address)), (ROW, key))
        wait = counters.left(start, count, now=now, window=settings.window, limit=settings.failures_per_address)
        if not wait:
            window, limit = pace(settings.failures, settings.window, in_a_row)
            wait = counters.add(own, IDENTIFIER, key, now=now, window=window, limit=limit)
    if wait:
        raise too_many(wait)


def fail(key: str, address: str | None) -> None:
    """Count one failure; `address` None: it is counted for the network already. Not inside a unit of work."""
    settings, now = _settings(), clock.now()
    with aside() as own:
        counters.add_in_a_row(own, ROW, key, now=now)
        if address is None:
            return
        counters.add(
            own, ADDRESS, counters.network_of(address), now=now,
            window=settings.window, limit=settings.failures_per_address,
        )  # fmt: skip


def clear(*keys: str) -> None:
    """Forget the attempts after a success. Inside the unit of work that has it."""
    counters.clear(db.session.connection(), (IDENTIFIER, ROW), *keys)


def forgetting(*keys: str) -> tuple[Any, dict[str, str]]:
    """The statement of `clear` and its values, to go with another (`write_both`)."""
    return counters.forgetting((IDENTIFIER, ROW), *keys)


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
