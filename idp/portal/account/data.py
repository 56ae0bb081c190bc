"""*Your data*: taking a copy of everything that is held about oneself, and closing the account."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField

from idp import sessions
from idp.accounts import service as accounts
from idp.accounts.forms import ConfirmForm, required
from idp.kernel import clock, exports, language, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.organizations import service as organizations
from idp.organizations.facts import load_facts_of_all_apps
from idp.organizations.policy import MemberFacts, tellable
from idp.organizations.titles import edition_name, roles_called
from idp.settings import current_settings

from . import archive, blueprint, owner


class CloseForm(FlaskForm):
    """The account's address, typed to show that it is meant."""

    address = StringField(_l("Your e-mail"), [required], render_kw={"maxlength": 254})


@dataclass(frozen=True, slots=True)
class Leaving:
    """What closing means in one organization: the names of the roles and licenses that are given back."""

    organization: str
    roles: str
    licenses: str


@blueprint.get("/data")
@sessions.login_required
def data() -> ResponseReturnValue:
    """What can be taken along, and the way to closing."""
    return _data_page(ConfirmForm())


def _data_page(form: FlaskForm, status: web.Status = 200) -> ResponseReturnValue:
    grace = current_settings().lifetimes.closing
    parts = exports.declared().parts
    return web.page("portal/account/data.html", status, form=form, parts=parts, days=_days(grace))


def _days(seconds: int) -> int:
    return max(1, seconds // 86400)


@blueprint.post("/data/export")
@sessions.recent_sign_in_required(back="/account/data")
def export() -> ResponseReturnValue:
    """One archive of all of it."""
    account, form = owner(), ConfirmForm()
    if not form.validate_on_submit():
        return _data_page(form, 400)
    try:
        accounts.admit_export(account.id)
    except Refusal as refusal:
        refuse(form, refusal)
        return _data_page(form, refusal)
    now = clock.now()
    with unit_of_work():
        accounts.note_export(account.id)
    file = archive.write(account.id, now)
    name = f"onix-account-{language.iso(now)[:10]}.zip"
    return web.private(send_file(file, mimetype="application/zip", as_attachment=True, download_name=name))


@blueprint.route("/data/close", methods=["GET", "POST"])
@sessions.recent_sign_in_required()
def close() -> ResponseReturnValue:
    """Close the account: what goes and what stays, and the address as the proof that it is meant."""
    account, form = owner(), CloseForm()
    status: web.Status = 400 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with unit_of_work():
                closed = accounts.close_account(account.id, form.address.data or "")
                sessions.sign_out()
        except Refusal as refusal:
            status = refusal
            refuse(form, refusal)
        else:
            assert closed.closes_at is not None
            day = language.on_date(closed.closes_at)
            flash(_("Your account closes on %(day)s. Sign in before that day to keep it.", day=day), "success")
            return redirect("/logout", 303)
    now = clock.now()
    lifetimes = current_settings().lifetimes
    return web.page(
        "portal/account/close.html",
        status,
        form=form,
        address=account.email.address if account.email else "",
        closes_at=now + lifetimes.closing,
        days=_days(lifetimes.closing),
        reminded=accounts.reminder_ahead() > 0,
        places=_places(account.id, now),
        alone=organizations.administered_alone(account.id),
        last_of_platform=organizations.platform_administrators() == {account.id},
    )


def _places(account_id: str, now: int) -> list[Leaving]:
    """The organizations that the person knows of, by name, with what is given back there."""
    facts = load_facts_of_all_apps(db.session(), account_id)
    found = tellable(facts, now) if facts else {}
    return sorted((_leaving(members) for members in found.values()), key=lambda one: one.organization.casefold())


def _leaving(members: list[MemberFacts]) -> Leaving:
    editions = {one.edition for member in members for one in member.licenses if one.id in member.seats}
    return Leaving(
        members[0].organization.name,
        roles_called(sorted({role.name for member in members for role in member.roles})),
        ", ".join(sorted(edition_name(edition) for edition in editions)),
    )
