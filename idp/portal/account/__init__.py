"""The account page, `/account/…`: what a person keeps about themselves, a file for each section; on one blueprint.

A section names itself with `Section` in `SECTIONS`; its views stand behind `sessions.login_required`, those that change
how one signs in behind `sessions.recent_sign_in_required`. `owner()` tells whose page it is: there is no other's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, request
from flask_babel import lazy_gettext as _l

from idp import sessions
from idp.accounts.models import Account

blueprint = Blueprint("account", __name__, url_prefix="/account")


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: its path below `/account/`, its name, and what is there in a sentence."""

    path: str
    title: Any
    text: Any


SECTIONS: tuple[Section, ...] = (
    Section("security", _l("Security"), _l("Your password, and what else you sign in with.")),
    Section("data", _l("Your data"), _l("A copy of everything that is held about you, and closing the account.")),
)
"""In the order of the menu."""


def owner() -> Account:
    """Whose page this is: the signed-in person. `login_required` stands before every view here."""
    actor = sessions.actor()
    assert actor is not None
    return actor.account


@blueprint.context_processor
def _frame() -> dict[str, Any]:
    """What the frame of every page here shows: whose it is, and the sections."""
    if sessions.actor() is None:
        return {}
    here = request.path.removeprefix("/account/").partition("/")[0]
    return {
        "account": owner(),
        "account_sections": SECTIONS,
        "sections": [("/account/", _l("Overview"), 0), *((f"/account/{one.path}", one.title, 0) for one in SECTIONS)],
        "current_section": f"/account/{here}",
    }


# Each puts its routes on the blueprint.
from . import (  # noqa: E402
    data,
    overview,
    security,
)

__all__ = ["SECTIONS", "Section", "blueprint", "data", "overview", "owner", "security"]
