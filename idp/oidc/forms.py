"""Forms of the protocol's own pages: buttons, and the token that shows they were pressed on a page of ours."""

from __future__ import annotations

from flask_wtf import FlaskForm


class AnswerForm(FlaskForm):
    """Carries the form token only; which button was pressed is in the address or the button's own value."""
