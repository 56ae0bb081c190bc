"""Waiting for what a request sends. A thread waits for it, and nothing ends that where it never comes; so the server
has more threads than may wait (`serve`), and who only looks is always let in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

WAITING = 96
"""So many bodies are waited for at once."""
LARGEST = 11_000_000  # bytes; no form of an application is larger
_BUSY = b"Too many requests are being sent right now. Try again in a moment.\n"
_CUT_OFF = b"The request ended before all of it was there.\n"


class Bodies:
    """WSGI in front of an application: it gets every body whole, or not at all."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], most: int = WAITING) -> None:
        self._inner = inner
        self._places = threading.BoundedSemaphore(most)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = environ.get("CONTENT_LENGTH", "")
        length = int(said.lstrip("0")[:12] or "0") if said.isascii() and said.isdecimal() else None
        if environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS"):
            environ["wsgi.input"] = BytesIO()
            environ["CONTENT_LENGTH"] = "0"
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        elif length is not None and length > LARGEST:
            environ["wsgi.input"] = BytesIO()  # its length refuses it
        elif length != 0 and (length is not None or environ.get("wsgi.input_terminated")):
            if not self._places.acquire(blocking=False):
                return _refuse(start_response, "503 Service Unavailable", _BUSY)
            try:
                sent = environ["wsgi.input"].read(LARGEST + 1 if length is None else length)
            finally:
                self._places.release()
            if length is not None and len(sent) < length:
                return _refuse(start_response, "400 Bad Request", _CUT_OFF)
            environ["wsgi.input"] = BytesIO(sent)
        return self._inner(environ, start_response)


def _refuse(start_response: Any, status: str, body: bytes) -> list[bytes]:
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    start_response(status, [*headers, ("Retry-After", "10"), ("Connection", "close")])
    return [body]
