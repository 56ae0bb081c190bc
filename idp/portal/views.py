"""The launcher at `/`, and pinning apps on it."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, render_template, request
from flask import session as cookie
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from idp import sessions
from idp.accounts import service as accounts
from idp.accounts.forms import ConfirmForm
from idp.express import requests as guest_requests
from idp.kernel import clock, language
from idp.kernel.database import db, unit_of_work
from idp.kernel.listing import LONGEST
from idp.kernel.refusal import Refusal
from idp.oidc.clients import login_addresses
from idp.organizations import service as organizations
from idp.organizations.catalog import current_catalog
from idp.organizations.facts import load_facts_of_all_apps
from idp.organizations.policy import tellable
from idp.organizations.service import requests as access_requests
from idp.settings import current_settings

from . import service
from .launcher import arrange, start

blueprint = Blueprint("portal", __name__)

CAME_FROM = "first_app"
"""Cookie key, set when a user is activated: id of the app that the person set out from; its tile stands first."""


SET_UP = 14 * 86400
"""Seconds of a new account in which the launcher leads to what there is to set up."""


class PinForm(FlaskForm):
    """Which app of which organization is pinned, or no longer."""

    organization = StringField(validators=[DataRequired(), Length(max=36)])
    app = StringField(validators=[DataRequired(), Length(max=40)])
    at = StringField(validators=[Length(max=120)])


@blueprint.get("/")
@sessions.login_required
def home() -> str | Response:
    """The launcher of whoever is signed in. `?app=tag`: where the person came from; `?q=` searches without scripts."""
    actor = sessions.actor()
    facts = load_facts_of_all_apps(db.session(), actor.account.id) if actor else None
    if actor is None or facts is None:
        return redirect("/login", 303)
    apps = current_catalog().apps
    if request.args.get("app") in apps:
        cookie[CAME_FROM] = request.args["app"]
    search = request.args.get("q", "").strip()[:LONGEST]
    launcher = arrange(
        facts,
        apps.values(),
        login_addresses(),
        issuer=current_settings().issuer,
        came_from=cookie.get(CAME_FROM),
        language=language.shown(),
        now=clock.now(),
        waiting=access_requests.waiting_for(actor.account.id),
        pinned=service.pins_of(actor.account.id),
        recent=service.opened_lately(actor.account.id),
        search=search,
        page=request.args.get("page", 1, type=int),
    )
    handled = launcher.answers_requests_of
    suppliers = organizations.suppliers_among(launcher.answers_guests_of) if launcher.answers_guests_of else ()
    return render_template(
        "portal/home.html",
        launcher=launcher,
        account=actor.account,
        requests=access_requests.counts_waiting(handled) if handled else {},
        guests=guest_requests.counts_waiting(suppliers) if suppliers else {},
        # Once, to who has just shown how much more a password is to type.
        offer_passkey=actor.account.passkey_offered_at is None and "pwd" in actor.session.amr,
        set_up=not actor.account.picture and clock.now() < actor.account.created_at + SET_UP,
        search=search,
    )


@blueprint.get("/open/<app_id>")
def open_app(app_id: str) -> Response:
    """Begin signing in at an app, for `?organization=`: where mails and pages send whoever wants in.

    An app that is not connected, or none at all, leads to the launcher.
    """
    settings = current_settings()
    organization = request.args.get("organization", "")[:60] or None
    address = start(login_addresses().get(app_id), settings.issuer, organization)
    return redirect(address or "/", 303)


@blueprint.get("/.well-known/change-password")
def change_password() -> Response:
    """Where password managers send people (W3C change-password-url)."""
    return redirect("/account/security/password" if sessions.actor() else "/password/forgot", 302)


@blueprint.get("/.well-known/passkey-endpoints")
def passkey_endpoints() -> Response:
    """Where password managers send people to make and to manage passkeys (W3C passkey-endpoints)."""
    issuer = current_settings().issuer
    return jsonify(enroll=f"{issuer}/account/security/passkeys/new", manage=f"{issuer}/account/security")


@blueprint.post("/pin")
@sessions.login_required
def pin() -> Response:
    """Pin an app; of an organization that is not the person's it answers as of an unknown one."""
    account_id, form = _pinning()
    organization, app_id = form.organization.data or "", form.app.data or ""
    facts = load_facts_of_all_apps(db.session(), account_id)
    if facts is None or organization not in tellable(facts, clock.now()):
        raise _unknown()
    with unit_of_work():
        service.pin(account_id, organization, app_id)
    return redirect(_back(form), 303)


@blueprint.post("/unpin")
@sessions.login_required
def unpin() -> Response:
    """Unpin an app, also one that has been closed to the person since."""
    account_id, form = _pinning()
    with unit_of_work():
        service.unpin(account_id, form.organization.data or "", form.app.data or "")
    return redirect(_back(form), 303)


def _pinning() -> tuple[str, PinForm]:
    actor, form = sessions.actor(), PinForm()
    if actor is None or not form.validate_on_submit():
        raise _unknown()
    return actor.account.id, form


def _unknown() -> Refusal:
    return Refusal("no_organization", _("You don’t have access to this organization."), status=404)


def _back(form: PinForm) -> str:
    """To the page and the icon that the person pressed the button on, so that reading goes on from there."""
    page = request.args.get("page", 1, type=int)
    at = form.at.data or ""
    mark = f"#{at}" if at.replace("-", "").isalnum() and at.isascii() else ""
    return f"/{f'?page={page}' if page > 1 else ''}{mark}"


@blueprint.post("/invitation/resend")
@sessions.login_required
def resend_invitation() -> Response:
    """Mail the person's own open invitations again; links mailed earlier die. Limited like every mail people cause."""
    actor = sessions.actor()
    if actor is None or not ConfirmForm().validate_on_submit():
        return redirect("/", 303)
    if accounts.admit_mail(actor.account.identifier, "own"):
        with unit_of_work():
            organizations.resend_own_invitations(actor.account.id)
    return redirect("/?invitation=sent", 303)
