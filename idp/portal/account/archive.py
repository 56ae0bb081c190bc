"""The archive of *Your data*: a zip file with what every room declares of a person (`idp.kernel.exports`).

It is written to a file of the machine as soon as it is more than a little, row by row, so that a long life takes no
more memory than a short one; and it is complete before the first byte leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile

from flask_babel import gettext as _

from idp.kernel import exports, language

IN_MEMORY = 1_000_000
"""Bytes of an archive that are kept in memory."""


def write(account_id: str, now: int) -> IO[bytes]:
    """The archive of this account, to be read from its beginning. Texts are in the language that is shown."""
    file: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY, mode="w+b")  # noqa: SIM115 (the answer closes it)
    counts: dict[str, int] = {}
    parts = exports.declared().parts
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        for part in parts:
            with archive.open(f"{part.name}.json", "w") as entry:
                counts[part.name] = _rows(entry, part.rows(account_id))
            for name, content in part.files(account_id) if part.files else ():
                archive.writestr(f"{part.name}/{name}", content)
        archive.writestr(_("README") + ".txt", _readme(parts, counts, now).encode())
    file.seek(0)
    return file


def _rows(entry: IO[bytes], rows: Iterable[exports.Taken]) -> int:
    """Write a JSON array, a row at a time; gives how many there are."""
    count = 0
    for row in rows:
        entry.write(b",\n" if count else b"[\n")
        entry.write(json.dumps(dict(row), ensure_ascii=False, indent=2).encode())
        count += 1
    entry.write(b"\n]\n" if count else b"[]\n")
    return count


def _readme(parts: Iterable[exports.Part], counts: dict[str, int], now: int) -> str:
    lines = [
        _("What Onix Account holds about you"),
        "",
        _("Made on %(time)s.", time=language.at_time(now)),
        _("Each file is JSON: a text that people can read and programs can take over. Times are in UTC."),
        "",
        *(f"{part.name}.json ({counts[part.name]}): {part.text}" for part in parts),
        "",
        _("Passwords and other secrets are never kept as you know them, so they are not here."),
        _(
            "Organizations that you are not a user of are not here, even where they keep your name as a contact, "
            "nor what an app holds about you: ask them."
        ),
        "",
    ]
    return "\r\n".join(lines)
