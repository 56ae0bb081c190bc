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


class Bodies:
    """WSGI in front of an application: it gets every body whole, or not at all."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], most: int = WAITING) -> None:
        self._inner = inner
        self._places = threading.BoundedSemaphore(most)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH", "")
        ends = length.isdecimal() or ("HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated"))
        if environ["REQUEST_METHOD"] in ("GET", "HEAD", "OPTIONS"):
            environ["wsgi.input"] = BytesIO()
            environ["CONTENT_LENGTH"] = "0"
            environ.pop("HTTP_TRANSFER_ENCODING", None)
        elif length.isdecimal() and int(length[:9]) > LARGEST:
            environ["wsgi.input"] = BytesIO()  # its length refuses it
        elif ends:
            if not self._places.acquire(blocking=False):
                headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(_BUSY)))]
                start_response("503 Service Unavailable", [*headers, ("Retry-After", "10"), ("Connection", "close")])
                return [_BUSY]
            try:
                environ["wsgi.input"] = BytesIO(
                    environ["wsgi.input"].read(int(length) if length.isdecimal() else LARGEST + 1)
                )
            finally:
                self._places.release()
        return self._inner(environ, start_response)
