"""Tables as files that spreadsheet programs open: CSV, streamed, with no cell that such a program would run.

A cell that begins like a formula is text here whatever was typed (`defusedcsv`); a byte order mark tells the programs
that the text is UTF-8, and cells are separated as programs of the reader's language expect it: in Norway by semicolons.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain

from defusedcsv import csv
from flask import Response, stream_with_context
from flask_babel import lazy_gettext as _l

from . import language
from .refusal import Refusal

BYTE_ORDER_MARK = "\ufeff"
SENT_AT_ONCE = 16_000  # characters
MOST = 6
"""So many files are sent at once in one process: each may hold a connection to the database while somebody reads."""
_sending = threading.BoundedSemaphore(MOST)


def answer(name: str, heads: Iterable[object], lines: Iterable[Iterable[object]]) -> Response:
    """A download called `name`.csv, sent in portions; `lines` may read the database while it is sent.

    Raises `Refusal` (429) while `MOST` are being sent.
    """
    if not _sending.acquire(blocking=False):
        raise Refusal(
            "files_busy", _l("Many files are being sent right now. Try again in a moment."), status=429, retry_after=10
        )
    written = _written(chain([heads], lines), ";" if language.shown() == "nb" else ",")
    response = Response(_Sent(stream_with_context(written)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


class _Sent:
    """What is being sent, until it was sent or nobody wants it any more."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._over = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._over:
            return
        self._over = True
        try:
            if hasattr(self._pieces, "close"):
                self._pieces.close()
        finally:
            _sending.release()


def day(instant: int | None) -> str:
    """The day of an instant (UTC seconds) as every spreadsheet reads it; empty for none."""
    return datetime.fromtimestamp(instant, tz=UTC).date().isoformat() if instant is not None else ""


def _written(lines: Iterable[Iterable[object]], delimiter: str) -> Iterator[str]:
    buffer = io.StringIO()
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer, delimiter=delimiter)
    for line in lines:
        writer.writerow(["" if cell is None else cell for cell in line])
        if buffer.tell() > SENT_AT_ONCE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
