"""A table of people as people paste or upload it: from bytes to cells, by the words in its first line.

Pure. Spreadsheets write UTF-8 or UTF-16 with a byte order mark, or Windows-1252, and separate by comma, semicolon or
tab; the columns are named in English or Bokmål, in any order.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from idp.kernel.listing import fold
from idp.kernel.refusal import Refusal

MOST_BYTES = 1_000_000
MOST_ROWS = 5_000

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "given_name": ("given name", "first name", "fornavn", "given_name"),
    "family_name": ("family name", "last name", "surname", "etternavn", "family_name"),
    "email": ("e-mail", "email", "e-mail address", "email address", "e-post", "epost", "e-postadresse"),
    "phone_number": ("phone", "phone number", "telephone", "mobile", "telefon", "telefonnummer", "mobil"),
    "language": ("language", "language of mails", "språk", "språk i e-poster"),
    "state": ("state", "status", "tilstand"),
    "roles": ("roles", "role", "roller", "rolle"),
}
"""The words that name a column, folded. The first two rows of a sheet need a name or an e-mail between them."""

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_FORMULA = frozenset("@+-=|%")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands (the first line is 1), its cells as they stand, and those that have a known column."""

    number: int
    cells: tuple[str, ...]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read. `unread` are columns that nobody knows."""

    header: tuple[str, ...]
    delimiter: str
    rows: tuple[Row, ...]
    unread: tuple[str, ...]

    def text(self, rows: Iterable[Row]) -> str:
        """These rows, written as they were."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=self.delimiter, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(row.cells for row in rows)
        return out.getvalue()


def decode(data: bytes) -> str:
    """The text of an uploaded file. Raises `Refusal`."""
    if len(data) > MOST_BYTES:
        raise Refusal("file_too_large", _l("The file is larger than 1 MB. Split it and import the parts."), status=413)
    encodings = [name for mark, name in _MARKS if data.startswith(mark)] or ["utf-8", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refusal("file_unreadable", _l("This is not a text file. Save the sheet as CSV and try again."))


def read(text: str) -> Sheet:
    """Find the columns and rows of a text. Raises `Refusal` where there is no table of people in it."""
    if "\0" in text:
        raise Refusal("file_unreadable", _l("This is not a text file. Save the sheet as CSV and try again."))
    if len(text) > MOST_BYTES:
        raise Refusal("file_too_large", _l("The file is larger than 1 MB. Split it and import the parts."), status=413)
    text = text.lstrip("\ufeff")
    first = text.lstrip().partition("\n")[0]
    if first.casefold().startswith("sep="):  # Excel's own note of the separator
        text = text.lstrip().partition("\n")[2]
        first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = [
            (number, [_plain(cell) for cell in cells])
            for number, cells in _numbered(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error:
        raise Refusal("file_unreadable", _l("The table can't be read: a quotation mark is not closed.")) from None
    if not lines:
        raise Refusal("file_empty", _l("Choose a file, or paste a table."))
    header = tuple(lines[0][1])
    known = _columns(header)
    if not {"given_name", "family_name", "email"} & set(known.values()):
        raise Refusal(
            "header_missing", _l("The first line has to name the columns, like First name, Last name, E-mail.")
        )
    if len(lines) - 1 > MOST_ROWS:
        raise Refusal("too_many_rows", _l("A table can have at most 5,000 people. Split it and import the parts."))
    rows = tuple(
        Row(number, tuple(cells), {known[place]: cell for place, cell in enumerate(cells) if place in known})
        for number, cells in lines[1:]
    )
    unread = tuple(name for place, name in enumerate(header) if place not in known and name)
    return Sheet(header, delimiter, rows, unread)


def _numbered(reader: Iterable[list[str]]) -> Iterable[tuple[int, list[str]]]:
    """Rows with the line that each begins on."""
    begins = 1
    for cells in reader:
        yield begins, cells
        begins = reader.line_num + 1  # type: ignore[attr-defined]


def _plain(cell: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from taking it for a formula."""
    cell = cell.strip()
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in _FORMULA else cell


def _columns(header: Iterable[str]) -> dict[int, str]:
    """Which place has which column; the first of two with the same name counts."""
    words = {word: name for name, known in COLUMNS.items() for word in known}
    found: dict[int, str] = {}
    for place, title in enumerate(header):
        name = words.get(fold(title).removesuffix(":"))
        if name and name not in found.values():
            found[place] = name
    return found
