"""The workshop for images: what people send goes in, and only what was made here comes out (R45, P34).

Nothing of a sent file is kept: its pixels are decoded under limits, drawn onto new images and encoded anew, so that
metadata, color profiles and whatever hides behind the picture stay behind. No transaction is open meanwhile.
Start reading: `decoding.decode`, then `pictures` and `signatures`.
"""

from typing import NamedTuple

from .admission import admit
from .decoding import LARGEST, LARGEST_FORM, TYPES
from .pictures import PIXELS, Crop, make_picture
from .signatures import LONGEST_NAME, MOST_POINTS, STYLES, Drawn, from_image, from_strokes, from_text


class File(NamedTuple):
    """An image as it is served. `digest` changes whenever it does."""

    content: bytes
    mimetype: str
    digest: str


__all__ = [
    "LARGEST",
    "LARGEST_FORM",
    "LONGEST_NAME",
    "MOST_POINTS",
    "PIXELS",
    "STYLES",
    "TYPES",
    "Crop",
    "Drawn",
    "File",
    "admit",
    "from_image",
    "from_strokes",
    "from_text",
    "make_picture",
]
