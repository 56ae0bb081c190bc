"""The first page of the account: who this is, and of each section the one thing that matters."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from idp import sessions
from idp.accounts import service as accounts
from idp.accounts.credentials import methods
from idp.accounts.credentials.policy import Methods
from idp.accounts.models import Account
from idp.kernel.language import LANGUAGES, on_day
from idp.oidc.connections import count_connections
from idp.organizations import service as organizations

from . import SECTIONS, blueprint, known_places, owner

NAMED = 2  # organizations: so many are named, more are counted


@dataclass(frozen=True, slots=True)
class Fact:
    """How a section stands, in a few words. `lacking`: the person would do well to go there."""

    text: str
    lacking: bool = False


@blueprint.get("/")
@sessions.login_required
def overview() -> ResponseReturnValue:
    """A fixed number of statements, however much there is."""
    facts = facts_of(owner())
    return render_template(
        "portal/account/overview.html", cards=[(section, facts.get(section.path)) for section in SECTIONS[1:]]
    )


def facts_of(account: Account) -> dict[str, Fact]:
    """By path of the section; one that has nothing to tell is not there."""
    seen, apps = sessions.count_live_sessions(account.id), count_connections(account.id)
    return {
        "profile": _profile(account),
        "emails": _emails(account),
        "picture": Fact(_("Your own picture") if account.picture else _("No picture yet")),
        "signature": _signature(account),
        "security": _security(methods.methods_of(account.id)),
        "sessions": Fact(ngettext("%(num)s session", "%(num)s sessions", seen) if seen > 1 else _("Only this browser")),
        "apps": Fact(ngettext("%(num)s app", "%(num)s apps", apps) if apps else _("No app yet")),
        "organizations": _organizations(account),
    }


def _profile(account: Account) -> Fact:
    language = LANGUAGES.get(account.locale or "")
    known = [known for known in (account.title, account.phone_number, language) if known]
    return Fact(" · ".join(known[:2]) or _("Your name only"))


def _emails(account: Account) -> Fact:
    unproven = any(email.verified_at is None for email in account.emails)
    if unproven:
        return Fact(_("One is not confirmed yet"), lacking=True)
    return Fact(ngettext("%(num)s address", "%(num)s addresses", len(account.emails)))


def _signature(account: Account) -> Fact:
    since = accounts.signature_since(account.id)
    return Fact(_("No signature yet") if since is None else _("Made on %(day)s", day=on_day(since)))


def _security(has: Methods) -> Fact:
    if not has.second_factor:
        return Fact(_("A password only"), lacking=True)
    ways = [ngettext("%(num)s passkey", "%(num)s passkeys", has.passkeys)] if has.passkeys else []
    if has.authenticator:
        ways.append(_("authenticator app"))
    left = ngettext("%(num)s recovery code left", "%(num)s recovery codes left", has.codes)
    text = ", ".join([*ways, left])
    return Fact(text[:1].upper() + text[1:], lacking=has.codes <= 3)


def _organizations(account: Account) -> Fact:
    invited = len(organizations.own_invitations(account.id))
    if invited:
        return Fact(
            ngettext("%(num)s invitation waits for you", "%(num)s invitations wait for you", invited), lacking=True
        )
    _facts, places = known_places(account)
    names = sorted(
        members[0].organization.name
        for members in places.values()
        if any(member.status == "active" for member in members)
    )
    if not names:
        return Fact(_("None yet"))
    if len(names) <= NAMED:
        return Fact(", ".join(names))
    return Fact(ngettext("%(num)s organization", "%(num)s organizations", len(names)))
