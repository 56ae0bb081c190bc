"""Tables as files that spreadsheet programs open: CSV, streamed, with no cell that such a program would run.

A cell that begins like a formula is text here whatever was typed (`defusedcsv`); a byte order mark tells the programs
that the text is UTF-8, and cells are separated as programs of the reader's language expect it: in Norway by semicolons.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain

from defusedcsv import csv
from flask import Response, stream_with_context

from . import language

BYTE_ORDER_MARK = "\ufeff"
SENT_AT_ONCE = 16_000  # characters


def answer(name: str, heads: Iterable[object], lines: Iterable[Iterable[object]]) -> Response:
    """A download called `name`.csv, sent in portions; `lines` may read the database while it is sent."""
    written = _written(chain([heads], lines), ";" if language.shown() == "nb" else ",")
    response = Response(stream_with_context(written), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


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
