"""What an administrator types about a person. The form reads and explains; the rules stand in the services."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, RadioField, SelectField, SelectMultipleField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice

from idp.accounts import policy
from idp.accounts.forms import LANGUAGES
from idp.kernel.forms import Optional


class PersonForm(FlaskForm):
    """Person information: what the organization writes down of somebody."""

    given_name = StringField(_l("First name"), render_kw={"maxlength": policy.NAME_LENGTH})
    family_name = StringField(_l("Last name"), render_kw={"maxlength": policy.NAME_LENGTH})
    email = StringField(_l("E-mail"), render_kw={"maxlength": 254})
    phone_number = StringField(_l("Phone"), [Optional()], render_kw={"maxlength": 40})
    language = SelectField(
        _l("Language of mails"),
        choices=[SelectChoice("", _l("Not set")), *LANGUAGES],
        default="",
        validate_choice=False,
    )
    version = HiddenField()

    def validate_phone_number(self, field: Field) -> None:
        try:
            policy.phone_number(field.data)
        except ValueError:
            raise ValidationError(_l("Enter a phone number, like +47 22 33 44 55.")) from None

    @property
    def person(self) -> dict[str, Any]:
        """What was typed, as the services take it."""
        return {
            "given_name": self.given_name.data or "",
            "family_name": self.family_name.data or "",
            "email": (self.email.data or "").strip() or None,
            "phone_number": policy.phone_number(self.phone_number.data),
            "language": self.language.data or None,
        }


class NewPersonForm(PersonForm):
    """A new person: who it is, and what it is to be at once."""

    state = RadioField(
        _l("Status"),
        choices=[
            SelectChoice("contact", _l("Contact only")),
            SelectChoice("active", _l("Active")),
            SelectChoice("invite", _l("Contact only, and send an invitation")),
        ],
        default="contact",
        validate_choice=False,
    )
    role = SelectMultipleField(_l("Roles"), validate_choice=False)
    license = SelectMultipleField(_l("Licenses"), validate_choice=False)
