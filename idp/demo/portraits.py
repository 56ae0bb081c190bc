"""Pictures of people who do not exist: drawn here from their names, so that no photograph of anybody is needed."""

from __future__ import annotations

import hashlib
from io import BytesIO

from PIL import Image, ImageDraw

SIDE = 640
_GROUNDS = ("#cfe5e1", "#f1dcb7", "#d8dcf3", "#f0d3cf", "#d5e8cf")
_HAIR = ("#2f2420", "#6b4a2b", "#b98a4e", "#8d8d8b", "#3b2f4a")
_SKIN = ("#f3d3b8", "#e3b48f", "#c68d63", "#8f5d3d")
_CLOTHES = ("#0a6561", "#a86a10", "#34507d", "#7c3b46", "#4b5a57")


def portrait(name: str) -> bytes:
    """A head and shoulders as a PNG; the same for the same name."""
    marks = hashlib.sha256(name.encode()).digest()
    ground, hair, skin, clothes = (
        shades[mark % len(shades)] for shades, mark in zip((_GROUNDS, _HAIR, _SKIN, _CLOTHES), marks, strict=False)
    )
    image = Image.new("RGB", (SIDE, SIDE), ground)
    pen = ImageDraw.Draw(image)
    pen.ellipse((60, 440, 580, 960), fill=clothes)
    pen.ellipse((195, 110, 445, 400), fill=hair)
    if marks[4] % 2:  # long
        pen.rounded_rectangle((195, 240, 445, 470), 60, fill=hair)
    pen.rounded_rectangle((275, 380, 365, 500), 40, fill=skin)
    pen.ellipse((220, 160, 420, 430), fill=skin)
    pen.pieslice((212, 120, 428, 340), 180, 360, fill=hair)
    for eye in (278, 362):
        pen.ellipse((eye - 11, 285, eye + 11, 307), fill="#22201f")
    pen.arc((280, 310, 360, 385), 25, 155, fill="#7a3a33", width=8)
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
