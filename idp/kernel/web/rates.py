"""How often an address may ask: counted within a minute that slides, by `limits`, in Redis where there is one."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from flask import Flask, current_app, g, request
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.storage.memory import MemoryStorage
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from idp.settings import current_settings

from ..counters import network_of
from .input import SAFE


class _Memory(MemoryStorage):
    """Request rates in this process. What has run out is swept away now and then, by whoever comes: the library starts
    a thread for it at nearly every count, which costs more than all the counting."""

    STORAGE_SCHEME = ["process"]
    SWEPT_EVERY = 10.0  # seconds

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._swept_at = time.monotonic()

    def _MemoryStorage__schedule_expiry(self) -> None:  # the library's private name
        if time.monotonic() - self._swept_at >= self.SWEPT_EVERY:
            self._swept_at = time.monotonic()
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]


class _Rates:
    """The counts of one application. Rates are no reason to wait: a Redis that is away is done without, and asked again
    after a while."""

    ASKED_AGAIN = 5.0  # seconds

    def __init__(self, redis_url: str | None) -> None:
        self.here = SlidingWindowCounterRateLimiter(_Memory())
        self._away_until = 0.0
        self._shared: RateLimiter | None = None
        if redis_url:
            waits = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
            self._shared = SlidingWindowCounterRateLimiter(storage_from_string(redis_url, **waits))

    def hit(self, rate: RateLimitItem, what: str, who: str) -> bool:
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                return self._shared.hit(rate, what, who)
            except (RedisError, StorageError):
                self._away_until = time.monotonic() + self.ASKED_AGAIN
        return self.here.hit(rate, what, who)


def init_app(app: Flask) -> None:
    """Count what is sent to this application. Who only reads is not counted, nor are programs."""
    url = app.extensions["onix_settings"].redis_url
    app.extensions["onix_rates"] = _Rates(url.get_secret_value() if url else None)

    @app.before_request
    def _count() -> None:
        if request.method not in SAFE:
            count_request()


def count_request() -> None:
    """Count this request by its network, once: also one that reads by its method and yet makes a row. Outside units.

    Raises `TooManyRequests` (429 with `Retry-After`) before anything is written.
    """
    if g.get("counted"):
        return
    g.counted = True
    network = network_of(request.remote_addr or "127.0.0.1")
    if not in_rate("requests", network, current_settings().throttle.requests_per_minute):
        raise TooManyRequests


@cache
def _rate(per_minute: int) -> RateLimitItem:
    return parse(f"{per_minute}/minute")


def _rates() -> _Rates:
    return current_app.extensions["onix_rates"]  # type: ignore[no-any-return]


def in_rate(what: str, who: str, per_minute: int) -> bool:
    """Whether `who` did this at most so often in a minute; counts it, in Redis where there is one and it answers."""
    return _rates().hit(_rate(per_minute), what, who)


def in_rate_here(what: str, who: str, per_minute: int) -> bool:
    """The same in this process alone: for hot paths, which wait for nobody."""
    return _rates().here.hit(_rate(per_minute), what, who)
