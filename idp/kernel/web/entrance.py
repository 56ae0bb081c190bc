"""What a request waits for before it is worked at: its own body, and one of the few who work.

A server in threads gives each request a thread while its body comes in, and nothing ends a body that never comes: as
many idle connections as there are threads would stop everything (security R44). So `serve` has many more threads than
work at once; a body is waited for outside of the work, and by a bounded number of threads, of which one network gets a
part. Who only looks is always let in.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from time import monotonic
from typing import Any

from ..counters import network_of

WAITING = 192
"""So many bodies may one process wait for: `serve` has so many threads beside those that work."""
WAITING_OF_A_NETWORK = 32
LARGEST = 6_000_000
"""Bytes; no form may be larger (`large_forms`), and a larger one is refused by what it says of itself."""
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
_BUSY = ("503 Service Unavailable", "Too many requests are being sent right now. Try again in a moment.\n")
_CUT_OFF = ("400 Bad Request", "The request ended before all of it was there.\n")

Inner = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Entrance:
    """WSGI in front of the application, behind whatever says where a request comes from.

    `at_once`: how many requests are worked at, at once; 0: as many as come.
    """

    def __init__(self, inner: Inner, at_once: int = 0) -> None:
        self._inner = inner
        self._waiting: Counter[str] = Counter()  # network -> bodies
        self._lock = threading.Lock()
        self._permits = _Permits(at_once) if at_once else None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in _BODILESS:
            _forget_body(environ)
        elif (refused := self._take_in(environ)) is not None:
            return _refuse(start_response, *refused)
        if self._permits is None:
            return self._inner(environ, start_response)
        self._permits.take()
        try:
            answer = self._inner(environ, start_response)
        except BaseException:
            self._permits.give_back()
            raise
        if isinstance(answer, list):
            self._permits.give_back()
            return answer
        return _Worked(answer, self._permits)

    def _take_in(self, environ: dict[str, Any]) -> tuple[str, str] | None:
        """Wait for the whole body; gives what to answer instead where it is cut off or one too many.

        HTTP/2 tells no length, nor that there is a body: what such a request says is no reason not to wait.
        """
        length = _length(environ)
        if length == 0:
            return None
        if length is not None and length > LARGEST:
            environ["wsgi.input"] = BytesIO()  # what it says of itself refuses it
            return None
        if length is None and not environ.get("wsgi.input_terminated"):
            return None  # nothing tells where it ends
        network = network_of(environ.get("REMOTE_ADDR", ""))
        with self._lock:
            if self._waiting[network] >= WAITING_OF_A_NETWORK or self._waiting.total() >= WAITING:
                return _BUSY
            self._waiting[network] += 1
        try:
            sent = environ["wsgi.input"].read(LARGEST + 1 if length is None else length)
        finally:
            with self._lock:
                self._waiting[network] -= 1
                if not self._waiting[network]:
                    del self._waiting[network]
        environ["wsgi.input"] = BytesIO(sent)
        return _CUT_OFF if length is not None and len(sent) < length else None


def _length(environ: dict[str, Any]) -> int | None:
    """The body's length in bytes as the request says it, however large; None where it says none, or no number."""
    said = environ.get("CONTENT_LENGTH", "")
    return int(said.lstrip("0")[:12] or "0") if said.isascii() and said.isdecimal() else None


def _refuse(start_response: Any, status: str, said: str) -> list[bytes]:
    body = said.encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Connection", "close"),
    ]  # fmt: skip
    if status.startswith("503"):
        headers.append(("Retry-After", "10"))
    start_response(status, headers)
    return [body]


class _Permits:
    """So many may work at once. Whoever is running takes a free one at once, since to hand each to the next in the row
    costs a fifth of all work; but nobody waits much longer than `PATIENCE`: then the next free one is theirs."""

    PATIENCE = 0.1  # seconds

    def __init__(self, number: int) -> None:
        self._free, self._lock = number, threading.Lock()
        self._row: deque[_Asking] = deque()

    def take(self) -> None:
        with self._lock:
            if self._took_one():
                return
            asking = _Asking()
            self._row.append(asking)
        while True:
            asking.wait()
            with self._lock:
                if asking.given:
                    return
                if self._took_one():
                    self._row.remove(asking)
                    if self._free:
                        self._wake()
                    return

    def _took_one(self) -> bool:
        if not self._free:
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        with self._lock:
            if self._row and monotonic() - self._row[0].since > self.PATIENCE:
                first = self._row.popleft()
                first.given = True
                first.wake()
            else:
                self._free += 1
            if self._free:
                self._wake()

    def _wake(self) -> None:
        if self._row:
            self._row[0].wake()


class _Asking:
    """One in the row; under the lock of the permits, but for `wait`."""

    def __init__(self) -> None:
        self.since, self.given = monotonic(), False
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wait(self) -> None:
        self._asleep.acquire()

    def wake(self) -> None:
        if self._asleep.locked():
            self._asleep.release()


def _forget_body(environ: dict[str, Any]) -> None:
    """A body that means nothing is not waited for."""
    environ["wsgi.input"] = BytesIO()
    environ.pop("CONTENT_LENGTH", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)


class _Worked:
    """An answer that is made while it is sent. From its second piece on nothing is held while somebody reads: who reads
    slowly would keep others from being worked at."""

    def __init__(self, answer: Iterable[bytes], permits: _Permits) -> None:
        self._answer, self._permits = answer, permits
        self._held = True

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._answer)
        try:
            yield next(pieces)
            for piece in pieces:
                self._let_go()
                yield piece
                self._permits.take()
                self._held = True
        except StopIteration:
            return
        finally:
            self._let_go()

    def close(self) -> None:
        try:
            if hasattr(self._answer, "close"):
                self._answer.close()
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self._held:
            self._held = False
            self._permits.give_back()
