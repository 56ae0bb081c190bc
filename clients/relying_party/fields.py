"""Fields as `kit/fields.html` shows them: trimmed, and with sentences that can be translated."""

from __future__ import annotations

from wtforms import StringField
from wtforms.validators import DataRequired, Length


def line(label: str, longest: int = 120, **more: str) -> StringField:
    """One line of text that has to be filled in; `more` are attributes of its input."""
    return StringField(
        label,
        [DataRequired("This field is required."), Length(max=longest, message="Too long.")],
        filters=[lambda text: text.strip() if text else text],
        render_kw={"maxlength": longest, **more},
    )
