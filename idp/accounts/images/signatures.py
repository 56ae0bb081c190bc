"""A person's signature: drawn, typed or photographed, always drawn anew in one ink on nothing, and trimmed.

The ink is the blue of a pen, which reads on light and on dark (4.6 to 1 on white, 3.7 to 1 on our dark surface), so
that no application has to turn it around.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from io import BytesIO
from statistics import median
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext as _l
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from idp.kernel.refusal import Refusal

from .decoding import at_the_bench, decode, on_white

INK = (59, 111, 224)
WIDTH, HEIGHT = 960, 320  # pixels at most
MARGIN = 8
MOST_STROKES = 500
MOST_POINTS = 10_000
LONGEST_NAME = 60
FINER = 3  # times the size at which lines are drawn
FINEST = 5.0  # pixels that a usual line has at least
MOST_STEPS = 40_000  # of lines drawn, however long the strokes are
_SMALLEST_SPAN = 12.0  # units of the drawing surface: less is a dot, and no signature

STYLES: Mapping[str, tuple[str, str, int]] = MappingProxyType(
    {
        "flowing": ("fontpkg_dancing_script", "DancingScript[wght].ttf", 600),
        "plain": ("fontpkg_caveat", "Caveat[wght].ttf", 400),
        "formal": ("fontpkg_great_vibes", "GreatVibes-Regular.ttf", 0),
    }
)
"""How a typed name can look: the package and file of a typeface, and its weight."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished signature: a PNG of one ink on nothing. `digest`: SHA-256 of the file, in hexadecimal."""

    png: bytes
    width: int
    height: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.png).hexdigest()


# Drawn ---------------------------------------------------------------------------------------------------------------


def from_strokes(sent: Any) -> Drawn:
    """A signature from what a pen, finger or mouse wrote: `[[[x, y, width], …], …]`, in units of the drawing surface.

    Raises `Refusal`: `drawing_unreadable`, `drawing_too_long`, `drawing_empty`.
    """
    strokes = _read_strokes(sent)
    xs = [x for stroke in strokes for x, _y, _w in stroke]
    ys = [y for stroke in strokes for _x, y, _w in stroke]
    if not xs or max(max(xs) - min(xs), max(ys) - min(ys)) < _SMALLEST_SPAN:
        raise Refusal("drawing_empty", _l("Draw your signature first."), field="strokes")
    room = 8.0
    left, top = min(xs) - room, min(ys) - room
    width, height = max(xs) - left + room, max(ys) - top + room
    scale = min((WIDTH - 2 * MARGIN) / width, (HEIGHT - 2 * MARGIN) / height, 3.0) * FINER
    usual = median(w for stroke in strokes for _x, _y, w in stroke) * scale / FINER
    bolder = min(3.0, max(1.0, FINEST / usual))  # what was written large and is shown small still has to be seen
    with at_the_bench():
        ink = Image.new("L", (max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale))))
        pen = ImageDraw.Draw(ink)
        steps = max(1, MOST_STEPS // max(1, len(xs)))
        for stroke in strokes:
            _draw(
                pen, [((x - left) * scale, (y - top) * scale, w * scale * bolder) for x, y, w in stroke], min(steps, 16)
            )
        return _finish(ink)


def _read_strokes(sent: Any) -> list[list[tuple[float, float, float]]]:
    unreadable = Refusal(
        "drawing_unreadable", _l("The drawing can't be read. Clear it and draw again."), field="strokes"
    )
    too_long = Refusal(
        "drawing_too_long", _l("The drawing has more lines than a signature. Clear it and draw again."), field="strokes"
    )
    if not isinstance(sent, list) or not all(isinstance(stroke, list) for stroke in sent):
        raise unreadable
    if len(sent) > MOST_STROKES or sum(map(len, sent)) > MOST_POINTS:
        raise too_long
    strokes = []
    for stroke in sent:
        points = []
        for point in stroke:
            if not isinstance(point, list) or len(point) != 3:
                raise unreadable
            if not all(type(value) in (int, float) and -5000 <= value <= 5000 for value in point):  # nor infinite
                raise unreadable
            x, y, width = map(float, point)
            if not 0.2 <= width <= 12:
                raise unreadable
            points.append((x, y, width))
        if points:
            strokes.append(points)
    return strokes


def _draw(pen: ImageDraw.ImageDraw, points: Sequence[tuple[float, float, float]], most: int) -> None:
    """A stroke through the middles between its points, each point a control of a quadratic curve."""
    _dot(pen, *points[0])
    before = points[0]
    for index in range(1, len(points)):
        control, after = points[index - 1], _middle(points[index - 1], points[index])
        if index == 1:
            control = _middle(before, after)
        steps = max(1, min(most, round(math.dist(before[:2], after[:2]) / (2 * FINER))))
        last = before
        for step in range(1, steps + 1):
            part = step / steps
            a, b, c = (1 - part) ** 2, 2 * part * (1 - part), part**2
            here = (
                a * before[0] + b * control[0] + c * after[0],
                a * before[1] + b * control[1] + c * after[1],
                before[2] + (after[2] - before[2]) * part,
            )
            _line(pen, last, here)
            last = here
        before = after
    _line(pen, before, points[-1])


def _middle(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float, float]:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2, (one[2] + other[2]) / 2


def _line(pen: ImageDraw.ImageDraw, one: tuple[float, float, float], other: tuple[float, float, float]) -> None:
    pen.line((one[0], one[1], other[0], other[1]), fill=255, width=max(1, round((one[2] + other[2]) / 2)))
    _dot(pen, *other)


def _dot(pen: ImageDraw.ImageDraw, x: float, y: float, width: float) -> None:
    half = width / 2
    pen.ellipse((x - half, y - half, x + half, y + half), fill=255)


# Typed ---------------------------------------------------------------------------------------------------------------


def from_text(name: str, style: str) -> Drawn:
    """A signature from a typed name. Raises `Refusal`: `name_missing`, `name_too_long`, `name_unwritable`, `style`."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name:
        raise Refusal("name_missing", _l("Type your name first."), field="name")
    if len(name) > LONGEST_NAME:
        raise Refusal("name_too_long", _l("Use at most 60 characters."), field="name")
    if style not in STYLES:
        raise Refusal("style", _l("Choose how the name is written."), field="style")
    drawn = _written(name, style)
    if drawn is None:
        raise Refusal(
            "name_unwritable",
            _l("A letter of this name can't be written here: choose another style, draw or upload instead."),
            field="name",
        )
    return drawn


@lru_cache(maxsize=64)
def _written(name: str, style: str) -> Drawn | None:
    """None where the typeface lacks a letter. Kept a while, because people look before they choose."""
    font = _font(style)
    nothing = _outline(font, "\uffff")
    for letter in name:
        if letter != " " and (not letter.isprintable() or _outline(font, letter) == nothing):
            return None
    left, top, right, bottom = font.getbbox(name)
    ink = Image.new("L", (math.ceil(right - left) + 80, math.ceil(bottom - top) + 80))
    ImageDraw.Draw(ink).text((40 - left, 40 - top), name, fill=255, font=font)
    return _finish(ink)


@cache
def _typeface(style: str) -> bytes:
    package, file, _weight = STYLES[style]
    return (resources.files(package) / "files" / file).read_bytes()


def _font(style: str) -> ImageFont.FreeTypeFont:
    """A typeface of its own for each use: one is not to be used by two threads."""
    font = ImageFont.truetype(BytesIO(_typeface(style)), 200, layout_engine=ImageFont.Layout.BASIC)
    if weight := STYLES[style][2]:
        font.set_variation_by_axes([weight])
    return font


def _outline(font: ImageFont.FreeTypeFont, letter: str) -> tuple[Any, bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


# Uploaded ------------------------------------------------------------------------------------------------------------


def from_image(data: bytes) -> Drawn:
    """A signature from a scan or photograph: dark lines on light paper, or lines on nothing.

    Raises `Refusal` as `decode` does, and `signature_blank`, `signature_no_lines`.
    """
    with at_the_bench():
        image = decode(data)
        image.thumbnail((2 * WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        if alpha is not None and _share(alpha.point(lambda value: 255 if value < 40 else 0)) > 0.3:
            ink = alpha
        else:
            lines = _lines(on_white(image).convert("L"))
            if lines is None:
                raise _no_lines()
            ink = lines
        inside = ink.point(lambda value: 255 if value > 60 else 0).getbbox()
        if inside is None or max(inside[2] - inside[0], inside[3] - inside[1]) < 16:
            raise Refusal(
                "signature_blank", _l("There is no signature to be seen: use dark lines on white paper."), field="file"
            )
        ink = ink.crop(inside)
        if _share(ink.point(lambda value: 255 if value > 60 else 0)) > 0.3:
            raise _no_lines()
        return _finish(ink)


def _no_lines() -> Refusal:
    return Refusal(
        "signature_no_lines",
        _l("This looks like a picture, not like a signature: use dark lines on white paper."),
        field="file",
    )


def _lines(gray: Image.Image) -> Image.Image | None:
    """What is darker than the paper around it; shadows on the paper are part of the paper. None: it is no paper."""
    small = gray.resize((max(1, gray.width // 12), max(1, gray.height // 12)), Image.Resampling.BOX)
    paper = small.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.GaussianBlur(2))
    if _share(paper.point(lambda value: 255 if value < 100 else 0)) > 0.25:
        return None
    darker = ImageChops.subtract(paper.resize(gray.size, Image.Resampling.BICUBIC), gray)
    return darker.point(lambda value: max(0, min(255, round((value - 28) * 255 / 72))))


def _share(mask: Image.Image) -> float:
    """Which part of a black-and-white mask is white."""
    return mask.histogram()[255] / (mask.width * mask.height)


# Finished ------------------------------------------------------------------------------------------------------------


def _finish(ink: Image.Image) -> Drawn:
    """Trim, scale, and encode: a palette of one color whose entries differ in how much covers what is behind."""
    box = ink.getbbox()
    if box is None:
        raise Refusal("signature_blank", _l("There is no signature to be seen: use dark lines on white paper."))
    ink = ink.crop(box)
    factor = min((WIDTH - 2 * MARGIN) / ink.width, (HEIGHT - 2 * MARGIN) / ink.height)
    if factor < 1:
        size = max(1, round(ink.width * factor)), max(1, round(ink.height * factor))
        ink = ink.resize(size, Image.Resampling.LANCZOS)
    sheet = Image.new("L", (ink.width + 2 * MARGIN, ink.height + 2 * MARGIN))
    sheet.paste(ink, (MARGIN, MARGIN))
    sheet = sheet.point(lambda value: round(value / 17) * 17)  # sixteen shades are as smooth, and half as large
    indexed = Image.frombytes("P", sheet.size, sheet.tobytes())
    indexed.putpalette(bytes(INK) * 256)
    out = BytesIO()
    indexed.save(out, "PNG", optimize=True, transparency=bytes(range(256)))
    return Drawn(out.getvalue(), sheet.width, sheet.height)
