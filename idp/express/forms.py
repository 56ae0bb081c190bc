"""What a stranger types who asks for access."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, StringField, ValidationError

from idp.accounts import addresses
from idp.accounts.forms import required
from idp.kernel.forms import Optional
from idp.kernel.refusal import Refusal


class GuestRequestForm(FlaskForm):
    """Who asks, and for which company, in the person's own words."""

    given_name = StringField(_l("First name"), [required], render_kw={"maxlength": 100})
    family_name = StringField(_l("Last name"), [required], render_kw={"maxlength": 100})
    email = StringField(_l("Work e-mail"), [required], render_kw={"maxlength": 254})
    company_name = StringField(_l("Company"), [required], render_kw={"maxlength": 200})
    company_number = StringField(_l("Organization number"), [Optional()], render_kw={"maxlength": 20})

    def validate_email(self, field: Field) -> None:
        try:
            addresses.parse(field.data)
        except Refusal as refusal:
            raise ValidationError(refusal.message) from None

    @property
    def typed(self) -> dict[str, Any]:
        """What was typed, as the service takes it."""
        return {
            "given_name": self.given_name.data or "",
            "family_name": self.family_name.data or "",
            "email": self.email.data or "",
            "company_name": self.company_name.data or "",
            "company_number": self.company_number.data or "",
        }
