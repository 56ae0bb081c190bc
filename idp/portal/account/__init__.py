"""The account page, `/account/…`: what a person keeps about themselves, a file for each section; on one blueprint.

A section names itself with `Section` in `SECTIONS`; its views stand behind `sessions.login_required`, what a found
browser must not do behind `sessions.recent_sign_in_required` (docs/decisions/0038). `owner()` tells whose page it is:
there is no other's.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from flask_babel import lazy_gettext as _l

from idp.accounts.models import Account
from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.sections import Section, frame
from idp.organizations.facts import load_facts_of_all_apps
from idp.organizations.policy import AccountFacts, MemberFacts, tellable
from idp.sessions import actor

blueprint = Blueprint("account", __name__, url_prefix="/account")


SECTIONS = (
    Section("", _l("Overview")),
    Section("profile", _l("Personal information"), _l("Your name, phone, language and time zone, and who sees what.")),
    Section("emails", _l("E-mail addresses"), _l("Where mail reaches you, and what you sign in with.")),
    Section("picture", _l("Picture"), _l("How others see you.")),
    Section("signature", _l("Signature"), _l("What apps put under the documents that you sign.")),
    Section("security", _l("Security"), _l("Your password, passkeys and codes: what you sign in with.")),
    Section("sessions", _l("Sessions"), _l("Where you are signed in, and the way out of each.")),
    Section("apps", _l("Connected apps"), _l("What you have let in, and what it may see.")),
    Section("organizations", _l("My organizations"), _l("Where you are a user, and what each sees of you.")),
    Section("data", _l("Your data"), _l("A copy of everything that is held about you, and closing the account.")),
)
"""In the order of the menu."""


def owner() -> Account:
    """Whose page this is: the signed-in person. `login_required` stands before every view here."""
    who = actor()
    assert who is not None
    return who.account


@blueprint.context_processor
def _frame() -> dict[str, Any]:
    """What the frame of every page here shows: whose it is, and the sections."""
    if actor() is None:
        return {}
    return {"account": owner(), "account_sections": SECTIONS[1:], **frame(SECTIONS, "/account/", request.path)}


def known_places(account: Account) -> tuple[AccountFacts, dict[str, list[MemberFacts]]]:
    """The person's facts, and their members by the organizations that they may be told of."""
    facts = load_facts_of_all_apps(db.session(), account.id)
    assert facts is not None
    return facts, tellable(facts, clock.now())


# Each puts its routes on the blueprint.
from . import (  # noqa: E402
    apps,
    data,
    emails,
    organizations,
    overview,
    picture,
    profile,
    second_factors,
    security,
    sessions,
    signature,
)

__all__ = [
    "SECTIONS",
    "apps",
    "blueprint",
    "data",
    "emails",
    "organizations",
    "overview",
    "owner",
    "picture",
    "profile",
    "second_factors",
    "security",
    "sessions",
    "signature",
]
