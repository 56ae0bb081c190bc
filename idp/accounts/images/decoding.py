"""Decoding what a stranger sent: by content, from an allow-list, under limits of bytes, pixels and memory (P34)."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from flask_babel import lazy_gettext as _l
from PIL import Image

from idp.kernel.database import db
from idp.kernel.refusal import Refusal

FORMATS = ("PNG", "JPEG", "WEBP")
TYPES = "image/png,image/jpeg,image/webp"
"""For the `accept` of a file field."""
LARGEST = 5_000_000  # bytes of a file (R44)
LARGEST_FORM = LARGEST + 500_000  # bytes of a form around it
MOST_PIXELS = 20_000_000
MOST_SCANS = 64  # of a JPEG: each goes over all its pixels again; progressive ones have a dozen
SMALLEST = 64  # pixels of a side of a picture
WORKING = 2048  # pixels of the longer side that are worked on, at least, where the source has them
WAIT = 15.0  # seconds in a queue before a person is asked to try again

# The library's own net, below ours: it refuses twice this number and warns above it, and the warning counts as well.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

_one_at_a_time = threading.BoundedSemaphore(1)


@contextmanager
def at_the_bench() -> Iterator[None]:
    """One image at a time in a process, so that many uploads take no more memory than one.

    Takes up to a second: refuses to run inside a unit of work, and lets go of a connection that only read.
    """
    outside()
    if not _one_at_a_time.acquire(timeout=WAIT):
        raise Refusal(
            "images_busy", _l("Many images are being prepared right now. Try again in a moment."), status=429,
            retry_after=10, field="file",
        )  # fmt: skip
    try:
        yield
    finally:
        _one_at_a_time.release()


def outside() -> None:
    """Let go of a connection that only read; raise when something was begun to be written."""
    if db.session.info.get("unit_of_work"):
        raise RuntimeError("images are made outside of transactions")
    if db.session().in_transaction():
        db.session.commit()


def decode(data: bytes) -> Image.Image:
    """The first frame of a PNG, JPEG or WebP, upright, as `RGB` or, where it may be transparent, `RGBA`.

    Larger ones come smaller, the longer side still at least `WORKING` pixels. The name and declared type of a file
    tell nothing and are not asked. Call it `at_the_bench`. Raises `Refusal`: `image_missing`, `image_too_large`,
    `image_type`, `image_pixels`, `image_damaged`.
    """
    if not data:
        raise Refusal("image_missing", _l("Choose an image first."), field="file")
    if len(data) > LARGEST:
        raise Refusal("image_too_large", _l("The file is larger than 5 MB. Choose a smaller one."), field="file")
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except Exception:  # malformed files raise anything
        raise Refusal(
            "image_type", _l("This is no PNG, JPEG or WebP image, or it is damaged. Choose another file."), field="file"
        ) from None
    with image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise _too_many_pixels()
        try:
            if image.format in ("JPEG", "MPO") and _scans(data) > MOST_SCANS:
                raise ValueError("too many scans")
            return _pixels(image)
        except Exception:
            raise Refusal(
                "image_damaged", _l("The image is damaged or incomplete. Choose another file."), field="file"
            ) from None


def _too_many_pixels() -> Refusal:
    return Refusal("image_pixels", _l("The image has more than 20 million pixels. Choose a smaller one."), field="file")


def _pixels(image: Image.Image) -> Image.Image:
    image.draft("RGB", (WORKING, WORKING))  # JPEG decodes to a half, quarter or eighth at no cost of memory
    image.load()
    turned = _orientation(image)
    see_through = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")
    mode = "RGBA" if see_through else "RGB"
    factor = max(image.size) // WORKING
    if image.mode != mode and image.mode not in ("P", "PA", "1") and factor >= 2 and not see_through:
        image = image.reduce(factor)  # before it becomes larger
        factor = 1
    if image.mode != mode:
        image = image.convert(mode)
    if factor >= 2:
        image = image.reduce(factor)
    if turned is not None:
        image = image.transpose(turned)
    clean = Image.new(mode, image.size)
    clean.paste(image)
    return clean


_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)


def _scans(data: bytes) -> int:
    """How many scans a decoder meets in a JPEG (ITU-T T.81 §B.1.1): at most one more than `MOST_SCANS` are counted.

    What only looks like one, in metadata or behind the end, is not met.
    """
    found, place = 0, 2
    while found <= MOST_SCANS and (marker := _MARKER.search(data, place)) is not None:
        kind, place = marker[1][0], marker.end()
        if kind == 0xD9:  # end of the image
            break
        if kind == 0x01 or 0xD0 <= kind <= 0xD8:  # nothing follows
            continue
        found += kind == 0xDA
        place += int.from_bytes(data[place : place + 2], "big")
    return found


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """How the camera was held (EXIF 0x0112). What is unreadable there is no reason to refuse the picture."""
    try:
        value = image.getexif().get(0x0112)
    except Exception:
        return None
    return {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(value if isinstance(value, int) else 1)


def on_white(image: Image.Image) -> Image.Image:
    """Without transparency, as it looks on paper."""
    if image.mode != "RGBA":
        return image
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper
