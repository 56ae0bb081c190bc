"""What people type about themselves. Forms read and explain; the rules stand in `policy`."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms import Field, PasswordField, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import StopValidation

from idp.kernel.forms import Optional
from idp.kernel.refusal import Refusal

from . import addresses, passwords, policy
from .images import LARGEST, TYPES

LANGUAGES = [SelectChoice("en", "English"), SelectChoice("nb", "Norsk (bokmål)")]


class _Required:
    """Says which field is empty, in the person's language, and stops at that."""

    field_flags = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        if not field.data or not str(field.data).strip():
            raise StopValidation(_l("Fill in this field."))


required = _Required()


def content_of(sent: Any) -> bytes:
    """The bytes of a file field, never more than tells that it is too large. Its name and type are not looked at."""
    return sent.stream.read(LARGEST + 1) if isinstance(sent, FileStorage) else b""


class ImageForm(FlaskForm):
    """An image file."""

    file = FileField(_l("Image"), render_kw={"accept": TYPES})


class AddressForm(FlaskForm):
    """One e-mail address."""

    address = StringField(_l("Work e-mail"), [_Required()], render_kw={"maxlength": 254})

    def validate_address(self, field: Field) -> None:
        try:
            addresses.parse(field.data)
        except Refusal as refusal:
            raise ValidationError(refusal.message) from None


class ForgotForm(AddressForm):
    address = StringField(_l("E-mail"), [_Required()], render_kw={"maxlength": 254})


class NewPasswordForm(FlaskForm):
    """A new password, typed once: it can be shown, and managers fill it."""

    password = PasswordField(_l("New password"), [_Required()])
    context: tuple[str, ...] = ()

    def validate_password(self, field: Field) -> None:
        problem = passwords.problem(field.data or "", self._context())
        if problem is not None:
            raise ValidationError(problem)

    def _context(self) -> tuple[str, ...]:
        return self.context


class ActivationForm(NewPasswordForm):
    """What a new person tells about themselves."""

    given_name = StringField(_l("First name"), [_Required()], render_kw={"maxlength": policy.NAME_LENGTH})
    family_name = StringField(_l("Last name"), [_Required()], render_kw={"maxlength": policy.NAME_LENGTH})
    password = PasswordField(_l("Password"), [_Required()])
    language = SelectField(_l("Language"), choices=LANGUAGES)
    phone_number = StringField(_l("Phone"), [Optional()], render_kw={"maxlength": 40})

    def validate_given_name(self, field: Field) -> None:
        field.data = _name(field.data)

    def validate_family_name(self, field: Field) -> None:
        field.data = _name(field.data)

    def validate_phone_number(self, field: Field) -> None:
        try:
            policy.phone_number(field.data)
        except ValueError:
            raise ValidationError(_l("Enter a phone number, like +47 22 33 44 55.")) from None

    def _context(self) -> tuple[str, ...]:
        return (*self.context, self.given_name.data or "", self.family_name.data or "")


class ConfirmForm(FlaskForm):
    """A button: nothing is typed, only the form token is checked."""


def _name(text: str | None) -> str:
    name = policy.clean_name(text)
    problem = policy.name_problem(name)
    if problem is not None:
        raise ValidationError(problem)
    return name
