"""Image files, honest and hostile, made here byte by byte where no library would write them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageDraw

SECRET = b"<script>alert('still here')</script>"
"""Rides along in metadata and behind the picture; must never come out again."""


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 480), **options: Any) -> bytes:
    """Red in the left third, green in the middle, blue on the right; the upper half darker."""
    image = Image.new("RGB", size)
    pen = ImageDraw.Draw(image)
    third, half = size[0] // 3, size[1] // 2
    for index, color in enumerate(((220, 30, 30), (30, 200, 30), (30, 30, 220))):
        left = index * third
        right = size[0] if index == 2 else left + third - 1
        pen.rectangle((left, 0, right, half), fill=tuple(value // 2 for value in color))
        pen.rectangle((left, half, right, size[1]), fill=color)
    return saved(image, kind, **options)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def turned(orientation: int = 6) -> bytes:
    """A photograph with where it was taken in it, and held sideways: upright, its upper third is blue."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    return picture(exif=exif, comment=SECRET, icc_profile=SECRET * 20)


def handwriting(shadow: bool = True) -> bytes:
    """Dark lines on paper that is not quite white, darker to one side, as a telephone sees it."""
    paper = Image.linear_gradient("L").resize((1600, 900)).point(lambda value: 235 - value // (4 if shadow else 255))
    image = paper.convert("RGB")
    ImageDraw.Draw(image).line(
        [(300, 600), (500, 250), (650, 640), (800, 300), (1250, 500)], fill=(25, 25, 40), width=12
    )
    return saved(image, "JPEG", quality=88)


def photograph() -> bytes:
    """Nothing that could be a signature: half of it is dark."""
    image = Image.effect_noise((800, 600), 120).convert("RGB")
    return saved(image, "JPEG")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, *, depth: int = 8, color: int = 2, rows: int | None = None, more: bytes = b""
) -> bytes:
    """A black PNG, row by row, of any size; `rows`: how many there really are. `more`: chunks before the pixels."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    row = b"\0" * (1 + (width * depth * channels + 7) // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + _chunk(b"IHDR", head) + more + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def animated_png(frames: int = 10_000) -> bytes:
    """An animation of many frames, each a small square."""
    packed = zlib.compress((b"\0" + b"\x80" * 64 * 3) * 64)
    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", head), _chunk(b"acTL", struct.pack(">II", frames, 0))]
    number = 0
    for frame in range(frames):
        parts.append(_chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, 64, 64, 0, 0, 1, 100, 0, 0)))
        number += 1
        if frame == 0:
            parts.append(_chunk(b"IDAT", packed))
        else:
            parts.append(_chunk(b"fdAT", struct.pack(">I", number) + packed))
            number += 1
    return b"".join([*parts, _chunk(b"IEND", b"")])


def animated_webp(frames: int = 10_000) -> bytes:
    """The same as WebP: one frame of a real animation, many times over."""
    first, second = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    real = saved(first, "WEBP", save_all=True, append_images=[second], duration=100)
    start = real.index(b"ANMF")
    length = 8 + struct.unpack("<I", real[start + 4 : start + 8])[0]
    body = real[12:start] + real[start : start + length] * frames
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def giant_webp() -> bytes:
    """A header that promises 16,383 by 16,383 pixels, and one frame of 64 by 64."""
    real = bytearray(animated_webp(1))
    start = real.index(b"VP8X") + 12
    real[start : start + 6] = (16382).to_bytes(3, "little") * 2
    return bytes(real)


def endless_jpeg(scans: int = 20_000) -> bytes:
    """One that is refined and refined: each scan is a few bytes and makes the decoder walk over all the pixels."""
    whole = saved(Image.new("L", (4000, 4000), 128), "JPEG", progressive=True)
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * scans + whole[-2:]


def svg() -> bytes:
    return (
        b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="200" height="200">' + SECRET + b"</svg>"
    )


REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("image_missing", lambda: b""),
    "eight bytes": ("image_type", lambda: b"\x89PNG\r\n\x1a\n"),
    "an SVG": ("image_type", svg),
    "a page": ("image_type", lambda: b"<!doctype html>" + SECRET),
    "a GIF": ("image_type", lambda: picture("GIF")),
    "a TIFF": ("image_type", lambda: picture("TIFF")),
    "a GIF that is JavaScript too": ("image_type", lambda: b"GIF89a/*" + SECRET),
    "a JPEG of 20,000 scans": ("image_damaged", endless_jpeg),
    "the same behind a gap": ("image_damaged", lambda: endless_jpeg().replace(b"\xff\xda", b"\x00\xff\xff\xda")),
    "a JPEG cut off": ("image_damaged", lambda: picture()[:4000]),
    "a PNG cut off": ("image_damaged", lambda: picture("PNG", (2000, 1500))[:2000]),
    "a WebP cut off": ("image_type", lambda: picture("WEBP", (2000, 1500))[:900]),
    "a PNG with half its rows": ("image_damaged", lambda: png(3000, 3000, rows=100)[:-30]),
    "30,000 by 30,000 in one bit": ("image_pixels", lambda: png(30_000, 30_000, depth=1, color=0)),
    "5,000 by 5,000": ("image_pixels", lambda: png(5000, 5000)),
    "a WebP that promises 16,383 by 16,383": ("image_pixels", giant_webp),
    "26 MB": ("image_too_large", lambda: picture() + b"\0" * 26_000_000),
    "a text that unpacks to 50 MB": (
        "image_type",
        lambda: png(100, 100, more=_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 50_000_000, 1))),
    ),
    "one pixel": ("image_small", lambda: png(1, 1)),
    "a line": ("image_small", lambda: png(19_000, 20)),
}
"""What no picture is made of, and the code of the refusal."""

CLEANED: dict[str, Callable[[], bytes]] = {
    "a photograph with place and comment": turned,
    "an upright one": lambda: turned(1),
    "a progressive JPEG": lambda: picture(progressive=True),
    "a JPEG with a film behind it": lambda: picture() + b"\xff\xda" * 5000,
    "a JPEG with odd metadata": lambda: picture(comment=b"\xff\xda" * 5000),
    "a JPEG that is an archive too": lambda: picture() + b"PK\x03\x04" + SECRET,
    "a PNG that is a page too": lambda: picture("PNG") + SECRET,
    "a PNG with texts": lambda: png(300, 200, more=_chunk(b"tEXt", b"Comment\0" + SECRET)),
    "10,000 frames of PNG": animated_png,
    "10,000 frames of WebP": animated_webp,
    "black and white": lambda: png(4000, 4000, depth=1, color=0),
    "sixteen bits": lambda: png(300, 300, depth=16),
    "gray of sixteen bits": lambda: png(300, 300, depth=16, color=0),
    "see-through": lambda: png(300, 300, color=6),
    "a palette": lambda: saved(Image.open(io.BytesIO(picture())).quantize(16), "PNG"),
    "print colors": lambda: saved(Image.open(io.BytesIO(picture())).convert("CMYK"), "JPEG"),
    "a WebP": lambda: picture("WEBP"),
    "as many pixels as may be": lambda: png(5000, 4000, color=6),
}
"""What is odd or hostile, and a picture nevertheless: it comes out clean."""
