"""People as they are pasted or uploaded for *Add Multiple Users*: names and addresses with any separator. Pure.

`Kari Nord <kari@kunde.no>, Ola Lie <ola@kunde.no>` as mail programs write it, a line per person with commas,
semicolons or tabs, addresses alone, or a table whose first line names the columns. What has no address stays as a row
that says so.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from idp.kernel.listing import fold
from idp.organizations.service import GuestRow

NAMES = {
    "name": "name", "full name": "name", "navn": "name", "fullt navn": "name",
    "first name": "given", "given name": "given", "fornavn": "given",
    "last name": "family", "family name": "family", "surname": "family", "etternavn": "family",
    "e-mail": "email", "email": "email", "e-mail address": "email", "email address": "email",
    "e-post": "email", "epost": "email", "e-postadresse": "email", "mail": "email",
}  # fmt: skip
"""What a column may be called, folded."""

_ADDRESS = re.compile(r"[^\s<>()\[\],;|\"'=]{1,254}@[^\s<>()\[\],;|\"'=]{1,254}")
_AROUND = " \t,;|<>()[]\"'=:"
_BULLETS = "-–—•*·/\\&+.#"
_LONGEST_LINE = 5000


def rows_of(text: str, most: int) -> list[GuestRow]:
    """The people of a text, at most `most` and one more, which says that there were too many."""
    text = text.replace("\0", " ").lstrip("\ufeff")
    found = _table(text)
    rows = []
    for row in found if found is not None else _loose(text):
        rows.append(row)
        if len(rows) > most:
            break
    return rows


def _table(text: str) -> Iterator[GuestRow] | None:
    """The rows of a table whose first line names an e-mail column; None where there is no such line."""
    first, _break, rest = text.lstrip().partition("\n")
    if first.casefold().startswith("sep="):  # Excel's own note of the separator
        text = rest
        first = text.lstrip().partition("\n")[0]
    delimiter = max(";,\t|", key=first.count)
    heads = [NAMES.get(fold(cell.strip(" \"'")).removesuffix(":")) for cell in first.split(delimiter)]
    if "email" not in heads:
        return None
    return _cells(text.lstrip(), delimiter, heads)


def _cells(text: str, delimiter: str, heads: list[str | None]) -> Iterator[GuestRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        next(reader, None)
        for cells in reader:
            values: dict[str, str] = {}
            for head, cell in zip(heads, cells, strict=False):
                if head:
                    values.setdefault(head, _plain(cell))
            name = values.get("name") or " ".join(part for part in (values.get("given"), values.get("family")) if part)
            if name or values.get("email"):
                yield GuestRow(name[:300], values.get("email", "")[:300])
    except csv.Error:  # a cell as large as the library allows: what comes behind it is not read
        return


def _plain(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from taking it for a formula."""
    cell = cell.strip()
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in "@+-=|%" else cell


def _loose(text: str) -> Iterator[GuestRow]:
    for line in text.splitlines():
        yield from _line(line[:_LONGEST_LINE])


def _line(line: str) -> Iterator[GuestRow]:
    addresses = list(_ADDRESS.finditer(line))
    if not addresses:
        if any(sign.isalnum() for sign in line):
            yield GuestRow(_name(line) or line.strip()[:300], "")
        return
    before = [
        line[end:found.start()]
        for end, found in zip([0, *(one.end() for one in addresses)], addresses, strict=False)
    ]  # fmt: skip
    after = line[addresses[-1].end() :]
    # Where the line begins with an address, each name stands behind its address.
    names = before if before[0].strip(_AROUND) else [*before[1:], after]
    for found, name in zip(addresses, names, strict=True):
        in_brackets = found.start() > 0 and line[found.start() - 1] == "<"
        address = found[0].strip(_AROUND + ".").removeprefix("mailto:")
        yield GuestRow(_turned(name) if in_brackets else _name(name), address)


def _name(text: str) -> str:
    """The words of a name, whatever separates them; a bullet or number before it and a dash behind it are no part."""
    words = re.sub(r"[,;|\t<>\"]+", " ", text).strip(_AROUND).split()
    while words and not any(sign.isalpha() for sign in words[0]):
        del words[0]
    while words and not any(sign.isalnum() for sign in words[-1]):
        del words[-1]
    if words:
        words[0] = words[0].lstrip(_BULLETS)
    return " ".join(words)[:300]


def _turned(text: str) -> str:
    """`Nord, Kari` before an address in brackets is Kari Nord, as directories write it."""
    parts = [part for part in (_name(part) for part in text.strip(_AROUND).split(",")) if part]
    return f"{parts[1]} {parts[0]}"[:300] if len(parts) == 2 else _name(text)
