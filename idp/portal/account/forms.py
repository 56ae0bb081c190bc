"""What the sections of the account page read from a form."""

from __future__ import annotations

import json
import math
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, StringField
from wtforms.fields.choices import SelectChoice

from idp.accounts.forms import ImageForm
from idp.accounts.images import LONGEST_NAME, Crop
from idp.kernel.refusal import Refusal

LONGEST_DRAWING = 500_000  # characters


class PictureForm(ImageForm):
    """A picture, and which square of it. Without the square: the one in the middle."""

    crop_left = HiddenField()
    crop_top = HiddenField()
    crop_side = HiddenField()

    @property
    def crop(self) -> Crop | None:
        """The square asked for. Raises `Refusal` `crop_unreadable` for what is no three numbers."""
        texts = [field.data or "" for field in (self.crop_left, self.crop_top, self.crop_side)]
        if not any(texts):
            return None
        try:
            left, top, side = (float(text) for text in texts if len(text) <= 20)
        except ValueError:
            raise _no_crop() from None
        if not all(math.isfinite(value) and -10 <= value <= 10 for value in (left, top, side)) or side <= 0:
            raise _no_crop()
        return Crop(left, top, side)


def _no_crop() -> Refusal:
    return Refusal("crop_unreadable", _l("The part of the image can't be read. Choose it again."), field="file")


class DrawForm(FlaskForm):
    """A signature drawn by hand, as what the pen wrote."""

    strokes = HiddenField(_l("Drawing"))

    @property
    def drawing(self) -> Any:
        """What was sent, of whatever shape; None for what is no JSON, or too long to look at."""
        text = self.strokes.data or "[]"
        if len(text) > LONGEST_DRAWING:
            raise Refusal(
                "drawing_too_long", _l("The drawing has more lines than a signature. Clear it and draw again."),
                field="strokes",
            )  # fmt: skip
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None


class TypeForm(FlaskForm):
    """A signature as a typed name in one of the styles."""

    name = StringField(_l("Your name"), render_kw={"maxlength": LONGEST_NAME})
    style = RadioField(
        _l("How it looks"),
        choices=[
            SelectChoice("flowing", _l("Flowing")),
            SelectChoice("plain", _l("Plain")),
            SelectChoice("formal", _l("Formal")),
        ],
        default="flowing",
        validate_choice=False,
    )


class UploadForm(ImageForm):
    """A signature as an image of it."""
