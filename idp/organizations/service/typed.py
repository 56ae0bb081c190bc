"""What people type, before it becomes a column."""

from __future__ import annotations

from typing import Literal, overload

from flask_babel import lazy_gettext as _l

from idp.accounts.policy import odd, shows, without_nothing
from idp.kernel.refusal import Refusal


@overload
def one_line(text: str | None, field: str, longest: int, required: Literal[True] = True) -> str: ...
@overload
def one_line(text: str | None, field: str, longest: int, required: Literal[False]) -> str | None: ...
def one_line(text: str | None, field: str, longest: int, required: bool = True) -> str | None:
    """One line of plain text with its blanks tidied; None when nothing was typed and nothing is required.

    `longest` counts code points. Raises `Refusal` for control characters and lone surrogates, which no database and no
    token takes alike, and for marks that turn text around, which could make a name look like another.
    """
    tidy = " ".join(without_nothing(text or "").split())
    if any(map(odd, tidy)):
        raise Refusal("text_invalid", _l("This has a character that can't be used."), field=field)
    if not shows(tidy):
        if required:
            raise Refusal("required", _l("Fill in this field."), field=field)
        return None
    if len(tidy) > longest:
        raise Refusal("text_too_long", _l("This is too long."), field=field)
    return tidy


def text_block(text: str | None, field: str, longest: int) -> str:
    """Plain text of several lines with its ends tidied; empty when nothing was typed. Raises `Refusal`."""
    lines = [one_line(line, field, longest, required=False) or "" for line in (text or "").splitlines()]
    tidy = "\n".join(lines).strip()
    if len(tidy) > longest:
        raise Refusal("text_too_long", _l("This is too long."), field=field)
    return tidy
