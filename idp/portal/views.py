"""The launcher at `/`, and the switch of organization on it."""

from __future__ import annotations

from flask import Blueprint, current_app, jsonify, redirect, render_template, request
from flask import session as cookie
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import DataRequired

from idp import sessions
from idp.accounts import service as accounts
from idp.accounts.forms import ConfirmForm
from idp.express import requests as guest_requests
from idp.kernel import clock, language
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import service as organizations
from idp.organizations.catalog import current_catalog
from idp.organizations.facts import load_facts_of_all_apps
from idp.organizations.service import requests as access_requests

from . import service
from .launcher import arrange, start, tellable

blueprint = Blueprint("portal", __name__)

CAME_FROM = "first_app"
"""Cookie key, set when a user is activated: id of the app that the person set out from; its tile stands first."""


class OrganizationForm(FlaskForm):
    """Which organization the launcher shows."""

    organization = StringField(validators=[DataRequired()])


@blueprint.get("/")
@sessions.login_required
def home() -> str | Response:
    """The launcher of whoever is signed in. `?app=tag` says where the person came from."""
    actor = sessions.actor()
    facts = load_facts_of_all_apps(db.session(), actor.account.id) if actor else None
    if actor is None or facts is None:
        return redirect("/login", 303)
    apps = current_catalog().apps
    if request.args.get("app") in apps:
        cookie[CAME_FROM] = request.args["app"]
    launcher = arrange(
        facts,
        apps.values(),
        service.login_addresses(),
        issuer=current_app.extensions["onix_settings"].issuer,
        organization_id=actor.session.organization_id,
        came_from=cookie.get(CAME_FROM),
        language=language.shown(),
        now=clock.now(),
        waiting=access_requests.waiting_for(actor.account.id),
    )
    asked = launcher.handles_requests and launcher.place is not None
    requests = access_requests.count_waiting(launcher.place.id) if asked and launcher.place else 0
    guests = 0
    if launcher.handles_guests and launcher.place and organizations.is_supplier(launcher.place.id):
        guests = guest_requests.count_waiting(launcher.place.id)
    return render_template(
        "portal/home.html",
        launcher=launcher,
        account=actor.account,
        requests=requests,
        guests=guests,
        # Once, to who has just shown how much more a password is to type.
        offer_passkey=actor.account.passkey_offered_at is None and "pwd" in actor.session.amr,
    )


@blueprint.get("/open/<app_id>")
def open_app(app_id: str) -> Response:
    """Begin signing in at an app, for `?organization=`: where mails and pages send whoever wants in.

    An app that is not connected, or none at all, leads to the launcher.
    """
    settings = current_app.extensions["onix_settings"]
    organization = request.args.get("organization", "")[:60] or None
    address = start(service.login_addresses().get(app_id), settings.issuer, organization)
    return redirect(address or "/", 303)


@blueprint.get("/.well-known/change-password")
def change_password() -> Response:
    """Where password managers send people (W3C change-password-url)."""
    return redirect("/account/security/password" if sessions.actor() else "/password/forgot", 302)


@blueprint.get("/.well-known/passkey-endpoints")
def passkey_endpoints() -> Response:
    """Where password managers send people to make and to manage passkeys (W3C passkey-endpoints)."""
    issuer = current_app.extensions["onix_settings"].issuer
    return jsonify(enroll=f"{issuer}/account/security/passkeys/new", manage=f"{issuer}/account/security")


@blueprint.post("/organization")
@sessions.login_required
def switch() -> Response:
    """Show another of the person's organizations; one that is not theirs answers as an unknown one does."""
    actor = sessions.actor()
    facts = load_facts_of_all_apps(db.session(), actor.account.id) if actor else None
    form = OrganizationForm()
    wanted = form.organization.data if form.validate_on_submit() else None
    if actor is None or facts is None or wanted not in tellable(facts, clock.now()):
        raise Refusal("no_organization", _("You don’t have access to this organization."), status=404)
    with unit_of_work():
        service.show_organization(actor.session.id, wanted)
    return redirect("/", 303)


@blueprint.post("/invitation/resend")
@sessions.login_required
def resend_invitation() -> Response:
    """Mail the person's own open invitations again; links mailed earlier die. Limited like every mail people cause."""
    actor = sessions.actor()
    if actor is None or not ConfirmForm().validate_on_submit():
        return redirect("/", 303)
    address = actor.account.email.address if actor.account.email else actor.account.id
    if accounts.admit_mail(address):
        with unit_of_work():
            organizations.resend_own_invitations(actor.account.id)
    return redirect("/?invitation=sent", 303)
