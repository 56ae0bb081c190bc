"""A4 pages as PDF 1.7, for the demo's documents: text in Helvetica, lines and filled boxes (ISO 32000-1).

Just what a certificate needs. Letters are those of WinAnsi, which Norwegian and English are written in.
"""

from __future__ import annotations

WIDTH, HEIGHT = 595, 842  # points of A4


class Page:
    """One page; coordinates are points from the upper left corner, colours are red, green and blue from 0 to 1."""

    def __init__(self) -> None:
        self._drawn: list[bytes] = []

    def text(
        self, x: float, y: float, words: str, size: float = 11, *, bold: bool = False,
        colour: tuple[float, float, float] = (0.09, 0.13, 0.17),
    ) -> None:  # fmt: skip
        """One line of text whose baseline is at `y`."""
        letters = words.encode("cp1252", "replace")
        for plain in (b"\\", b"(", b")"):
            letters = letters.replace(plain, b"\\" + plain)
        font = "F2" if bold else "F1"
        self._draw(f"BT /{font} {size:g} Tf {_rgb(colour)} rg {x:g} {HEIGHT - y:g} Td (", letters, ") Tj ET")

    def line(self, x: float, y: float, x2: float, y2: float, *, width: float = 0.7) -> None:
        """A thin grey line."""
        self._draw(f"0.72 0.76 0.8 RG {width:g} w {x:g} {HEIGHT - y:g} m {x2:g} {HEIGHT - y2:g} l S")

    def box(self, x: float, y: float, width: float, height: float, colour: tuple[float, float, float]) -> None:
        """A filled box whose upper left corner is at (x, y)."""
        self._draw(f"{_rgb(colour)} rg {x:g} {HEIGHT - y - height:g} {width:g} {height:g} re f")

    def _draw(self, *parts: str | bytes) -> None:
        self._drawn.append(b"".join(part if isinstance(part, bytes) else part.encode("ascii") for part in parts))

    @property
    def content(self) -> bytes:
        return b"\n".join(self._drawn)


def pdf(pages: list[Page], title: str, language: str = "en") -> bytes:
    """The file of these pages."""
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (%s) /ViewerPreferences << /DisplayDocTitle true >> >>"
        % language.encode(),
        b"<< /Type /Pages /Kids [%s] /Count %d >>"
        % (b" ".join(b"%d 0 R" % (6 + 2 * number) for number in range(len(pages))), len(pages)),
        _font(b"Helvetica"),
        _font(b"Helvetica-Bold"),
        b"<< /Title <FEFF%s> >>" % title.encode("utf-16-be").hex().upper().encode(),
    ]
    for number, page in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % (WIDTH, HEIGHT, 7 + 2 * number)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page.content), page.content))
    file = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(file)


def _font(name: bytes) -> bytes:
    return b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>" % name


def _rgb(colour: tuple[float, float, float]) -> str:
    return " ".join(f"{part:g}" for part in colour)
