"""How often an address may ask."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from flask import g, request
from flask.globals import request_ctx
from flask_limiter import Limiter
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage.memory import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from idp.settings import current_settings

from ..counters import network_of
from .application import is_machine_path
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


class _Limiter(Limiter):
    """Request rates per address. Who only reads is not counted, nor are programs: both leave before any bookkeeping."""

    def _check_request_limit(self, *arguments: Any, **options: Any) -> None:  # what the library hooks on each request
        asked = request_ctx.request
        if (asked.method not in SAFE and not is_machine_path(asked.path)) or g.get("counted"):
            super()._check_request_limit(*arguments, **options)

    def count(self) -> None:
        """Count this request too, once: it is read by method and yet makes a row. Outside of units.

        Raises `RateLimitExceeded` (429 with `Retry-After`) before anything is written.
        """
        g.counted = True
        self._check_request_limit()


limiter = _Limiter(
    lambda: network_of(request.remote_addr or "127.0.0.1"),
    application_limits=[lambda: f"{current_settings().throttle.requests_per_minute}/minute"],
    in_memory_fallback_enabled=True,
    swallow_errors=True,
    headers_enabled=False,
)


@cache
def _rate(per_minute: int) -> RateLimitItem:
    return parse(f"{per_minute}/minute")


_here = SlidingWindowCounterRateLimiter(_Memory())


def in_rate(what: str, who: str, per_minute: int) -> bool:
    """Whether `who` did this at most so often in a minute; counts it, in Redis where there is one and it answers."""
    try:
        return limiter.limiter.hit(_rate(per_minute), what, who)
    except (RedisError, StorageError):
        return in_rate_here(what, who, per_minute)


def in_rate_here(what: str, who: str, per_minute: int) -> bool:
    """The same in this process alone: for hot paths, which wait for nobody."""
    return _here.hit(_rate(per_minute), what, who)
