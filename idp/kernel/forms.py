"""What forms of every room have in common: a refusal shown where it belongs, fields that may stay empty, versions."""

from __future__ import annotations

from typing import Any

from .refusal import Refusal


class Optional:
    """Marks a field that may stay empty; its label says so."""

    field_flags = {"optional": True}

    def __call__(self, form: Any, field: Any) -> None:
        return None


def refuse(form: Any, refusal: Refusal, **instead: str) -> None:
    """Show a refusal beside its field, or else on top. `instead`: fields that have another name here."""
    name = instead.get(refusal.field or "", refusal.field or "")
    if name and name in form and name != "version":
        form[name].errors = [*form[name].errors, refusal.message]
    else:
        form.form_errors.append(refusal.message)


def renew_version(form: Any, version: int) -> None:
    """Let the form carry what is stored now, whatever was sent: whoever saves again has seen it."""
    form.version.raw_data = None
    form.version.data = str(version)


def version_of(text: str | None) -> int:
    """The version of a row that a form carries; 0, which no row has, for what is no number."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 18 else 0
