"""A person's picture: a square of what was sent, in three sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from flask_babel import lazy_gettext as _l
from PIL import Image

from idp.kernel.refusal import Refusal

from .decoding import SMALLEST, at_the_bench, decode, on_white

PIXELS = (64, 192, 512)
"""The sides that a picture is made in: beside a name, on a card, large."""
QUALITY = 86


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of an upright image: `left` and `top` as parts of its width and height, `side` of its shorter side."""

    left: float
    top: float
    side: float

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """In pixels, moved to where it lies inside."""
        shorter = min(width, height)
        side = max(1, min(shorter, round(self.side * shorter)))
        left = min(max(0, round(self.left * width)), width - side)
        top = min(max(0, round(self.top * height)), height - side)
        return left, top, left + side, top + side


def make_picture(data: bytes, crop: Crop | None = None) -> Mapping[int, bytes]:
    """JPEG files by their side in pixels. Without `crop`, the square in the middle.

    JPEG because everything shows it: mail, documents, old applications. Raises `Refusal` as `decode` does, and
    `image_small`.
    """
    with at_the_bench():
        image = on_white(decode(data))
        if min(image.size) < SMALLEST:
            raise Refusal(
                "image_small", _l("The image is smaller than 64 by 64 pixels. Choose a larger one."), field="file"
            )
        width, height = image.size
        shorter = min(width, height)
        box = (
            crop.box(width, height)
            if crop
            else ((width - shorter) // 2, (height - shorter) // 2, (width + shorter) // 2, (height + shorter) // 2)
        )
        largest = image.resize((max(PIXELS), max(PIXELS)), Image.Resampling.LANCZOS, box=box)
        del image
        return {pixels: _encoded(largest, pixels) for pixels in PIXELS}


def _encoded(image: Image.Image, pixels: int) -> bytes:
    if image.width != pixels:
        image = image.resize((pixels, pixels), Image.Resampling.LANCZOS)
    out = BytesIO()
    image.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=pixels > 64)
    return out.getvalue()
