"""Tables as files that spreadsheet programs open: CSV, streamed, with no cell that such a program would run.

A cell that begins like a formula is text here whatever was typed (`defusedcsv`); a byte order mark tells the programs
that the text is UTF-8.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from defusedcsv import csv
from flask import Response, stream_with_context

BYTE_ORDER_MARK = "\ufeff"


def answer(name: str, lines: Iterable[Iterable[object]]) -> Response:
    """A download called `name`.csv, sent line by line; `lines` may read the database while it is sent."""
    response = Response(stream_with_context(_encoded(lines)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _encoded(lines: Iterable[Iterable[object]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(BYTE_ORDER_MARK)
    for line in lines:
        writer.writerow(["" if cell is None else cell for cell in line])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
