"""Personal information: what the person tells about themselves, who sees it, and what organizations wrote down."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp import sessions
from idp.accounts import profile as claims
from idp.accounts import service as accounts
from idp.accounts.forms import PROFILE, ProfileForm, profile_form
from idp.kernel import language, web
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.organizations.people import own_records

from . import blueprint, known_places, owner

MOST_SHOWN = 20
"""So many organizations' records are shown here; all of them are at *My organizations*."""


@blueprint.get("/profile")
@sessions.login_required
def profile() -> ResponseReturnValue:
    """Cards of what is known, each of which opens for editing in place."""
    return _page(opened=request.args.get("edit", ""))


@blueprint.post("/profile/<group>")
@sessions.login_required
def edit_profile(group: str) -> ResponseReturnValue:
    """Save one card. Whoever saves second, in another window, is told and keeps what was typed."""
    if group not in claims.GROUPS:
        abort(404)
    account, form = owner(), profile_form(group)
    if not form.validate_on_submit():
        return _page(group, form, 400)
    typed = {name: form[name].data for name in claims.GROUPS[group]}
    try:
        with unit_of_work():
            changed = accounts.change_profile(account.id, typed, seen=request.form.get("seen", "")[:64])
    except Refusal as refusal:
        refuse(form, refusal)
        return _page(group, form, refusal)
    if group == "preferences":
        language.forget_choices("language", "theme")
    flash(_("Saved.") if changed else _("Nothing was changed."), "success")
    return redirect(f"/account/profile#{group}", 303)


def _page(opened: str = "", form: ProfileForm | None = None, status: web.Status = 200) -> ResponseReturnValue:
    account = owner()
    forms = {
        group: form
        if form is not None and group == opened
        else profile_form(group, formdata=None, data=claims.told(account, names))
        for group, names in claims.GROUPS.items()
    }
    _facts, places = known_places(account)
    ids = [member.id for members in places.values() for member in members]
    return web.page(
        "portal/account/profile.html",
        status,
        form=form,
        forms=forms,
        opened=opened,
        groups=claims.GROUPS,
        seen={group: claims.mark(account, names) for group, names in claims.GROUPS.items()},
        shown={group: _shown(account, group) for group in claims.GROUPS},
        records=_by_name(own_records(account.id, ids[:MOST_SHOWN]).values()),
        more=max(0, len(ids) - MOST_SHOWN),
    )


def _by_name(records: Any) -> list[Any]:
    return sorted(records, key=lambda member: (member.organization.name.casefold(), member.id))


def _shown(account: Any, group: str) -> list[tuple[str, str]]:
    """What the account says, label and value, as a person reads it; what is not told is left out."""
    found = claims.told(account, claims.GROUPS[group])
    if group == "preferences":
        found["locale"] = language.LANGUAGES.get(found["locale"], _("As the browser asks"))
        found["theme"] = {"light": _("Light"), "dark": _("Dark")}.get(found["theme"], _("As the system"))
        found["zoneinfo"] = found["zoneinfo"].replace("_", " ") or _("As the browser")
    elif group == "about" and len(found["birthdate"]) == 10 and not found["birthdate"].startswith("0000"):
        found["birthdate"] = language.calendar_day(found["birthdate"])
    elif group == "contact" and found["phone_number"]:
        found["phone_number"] = claims.phone_shown(found["phone_number"])
    return [(str(PROFILE[name]), value) for name, value in found.items() if value]
