"""What people type about themselves. Forms read and explain; the rules stand in `policy`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms import Field, PasswordField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import StopValidation

from idp.kernel import clock
from idp.kernel.forms import Optional
from idp.kernel.refusal import Refusal

from . import addresses, passwords, policy, profile
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


class OwnAddressForm(AddressForm):
    """An address that the person has, at work or elsewhere."""

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
    phone_number = StringField(_l("Phone"), [Optional()], render_kw={"maxlength": 40})
    language = SelectField(_l("Language"), choices=LANGUAGES)
    password = PasswordField(_l("Password"), [_Required()])

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


PROFILE: Mapping[str, Any] = {
    "given_name": _l("First name"),
    "middle_name": _l("Middle name"),
    "family_name": _l("Last name"),
    "nickname": _l("Nickname"),
    "preferred_username": _l("User name"),
    "title": _l("Title"),
    "phone_number": _l("Phone"),
    "locale": _l("Language"),
    "zoneinfo": _l("Time zone"),
    "theme": _l("Appearance"),
    "birthdate": _l("Date of birth"),
    "gender": _l("Gender"),
    "website": _l("Website"),
    "profile": _l("Profile page"),
    "street_address": _l("Street address"),
    "postal_code": _l("Postal code"),
    "locality": _l("City"),
    "region": _l("Region"),
    "country": _l("Country"),
}
"""What the fields of `profile.FIELDS` are called."""


class _Told:
    """The field holds what `profile` can keep; the form shows it as it was typed. `profile` knows the choices too."""

    field_flags: Mapping[str, bool] = MappingProxyType({})

    def __init__(self, name: str) -> None:
        self.name = name
        if name in ("given_name", "family_name"):
            self.field_flags = {"required": True}
        elif name not in profile.GROUPS["preferences"]:  # one of its choices is to have none
            self.field_flags = {"optional": True}

    def __call__(self, form: Any, field: Field) -> None:
        try:
            profile.read_one(self.name, field.data, datetime.fromtimestamp(clock.now(), tz=UTC).date())
        except Refusal as refusal:
            raise StopValidation(refusal.message) from None


class ProfileForm(FlaskForm):
    """One card of the person's own data; `profile_form` makes those of a group."""


def profile_form(group: str, **values: Any) -> ProfileForm:
    """The form of a group of `profile.GROUPS`. It reads the request, unless `formdata=None`."""
    return _profile_form(group)(**values)


@cache
def _profile_form(group: str) -> type[ProfileForm]:
    fields = {name: _profile_field(name) for name in profile.GROUPS[group]}
    return type("ProfileForm", (ProfileForm,), fields)


def _profile_field(name: str) -> Any:
    label, rules = PROFILE[name], [_Told(name)]
    if name == "street_address":
        return TextAreaField(label, rules, render_kw={"maxlength": profile.LONGEST[name], "rows": 2})
    if name == "zoneinfo":
        return SelectField(label, rules, choices=_zone_choices, validate_choice=False)
    if name == "locale":
        languages = [SelectChoice("", _l("As the browser asks")), *LANGUAGES]
        return SelectField(label, rules, choices=languages, validate_choice=False)
    if name == "theme":
        themes = [("", _l("As the system")), ("light", _l("Light")), ("dark", _l("Dark"))]
        choices = [SelectChoice(value, text) for value, text in themes]
        return SelectField(label, rules, choices=choices, validate_choice=False)
    return StringField(label, rules, render_kw={"maxlength": profile.LONGEST[name]})


def _zone_choices() -> list[SelectChoice]:
    """By part of the world; places as people write them."""
    found = [SelectChoice("", _l("As the browser"))]
    for name in profile.time_zones():
        region, _slash, place = name.partition("/")
        found.append(SelectChoice(name, (place or name).replace("_", " "), optgroup=region if place else None))
    return found


def _name(text: str | None) -> str:
    name = policy.clean_name(text)
    problem = policy.name_problem(name)
    if problem is not None:
        raise ValidationError(problem)
    return name
