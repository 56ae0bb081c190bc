"""A form made from the fields that a table declares, and what was typed in it as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, ValidationError

from idp.accounts.forms import required
from idp.kernel.forms import Optional, version_of
from idp.kernel.records import Field, Scope
from idp.kernel.refusal import Refusal

_LONGEST_NUMBER = 9


def _offered(_form: Any, field: Any) -> None:
    """Only what the list offers: another tenant's id is as unknown as one that does not exist."""
    known = {choice.value for choice in field.choices}
    chosen = field.data if isinstance(field.data, list) else [field.data or ""]
    if not known.issuperset(chosen):
        raise ValidationError(_("Choose from the list."))


def form_of(fields: Iterable[Field], scope: Scope, values: Mapping[str, Any] | None = None) -> Any:
    """A form with these fields: what was posted, or else `values` and the fields' own beginnings."""
    made = {field.name: _drawn(field, scope) for field in fields}
    shown = {
        field.name: _text(field, values[field.name])
        if values is not None and field.name in values
        else field.initial(scope)
        if field.initial
        else None
        for field in fields
    }
    kind = type("RecordForm", (FlaskForm,), {**made, "version": HiddenField()})
    return kind(data={**shown, "version": (values or {}).get("version", "")})


def _drawn(field: Field, scope: Scope) -> Any:
    rules: list[Any] = [required] if field.required else [Optional()]
    if field.kind in ("select", "many"):
        choices = [SelectChoice(value, label) for value, label in (field.choices(scope) if field.choices else ())]
        kind = SelectField if field.kind == "select" else SelectMultipleField
        # An empty choice is the browser's own beginning of a select that nothing was chosen in.
        if field.kind == "select" and field.required and field.initial is None:
            choices = [SelectChoice("", ""), *choices]
        rules = [*rules, _offered] if field.kind == "select" else [_offered]
        return kind(field.label, rules, choices=choices, validate_choice=False)
    if field.kind == "password":
        return PasswordField(field.label, rules)
    rules.append(Length(max=field.longest, message=_l("Use at most %(number)s characters.", number=field.longest)))
    return StringField(field.label, rules, render_kw={"maxlength": field.longest})


def _text(field: Field, value: Any) -> Any:
    """A value as it stands in the form."""
    if value is None:
        return ""
    if field.kind == "date":
        return datetime.fromtimestamp(value, UTC).date().isoformat()
    return value if field.kind == "many" else str(value)


def typed(form: Any, fields: Iterable[Field]) -> dict[str, Any]:
    """What was typed: texts, lists of texts, whole numbers, dates as UTC seconds (None: left empty), and the version.

    Raises `Refusal` on the field that can't be read.
    """
    found: dict[str, Any] = {}
    for field in fields:
        value = form[field.name].data
        if field.kind == "many":
            found[field.name] = list(value or ())
        elif field.kind == "number":
            found[field.name] = _number(field, value or "")
        elif field.kind == "date":
            found[field.name] = _date(field, value or "")
        elif field.kind == "password":
            found[field.name] = value or ""
        else:
            found[field.name] = (value or "").strip()
    found["version"] = version_of(form.version.data)
    return found


def _number(field: Field, text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise Refusal("number_invalid", _("Enter a whole number."), field=field.name)
    return int(text)


def _date(field: Field, text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal("date_invalid", _("Enter a date, like 2027-03-31."), field=field.name) from None
    if day.year < 1970:
        raise Refusal("date_invalid", _("Enter a date, like 2027-03-31."), field=field.name)
    return int(day.timestamp())
