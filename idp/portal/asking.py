"""Asking for access: from an app's denial page or a locked icon, and the page that waits for the answer.

The page of asking tells no more than the denial did: whom it goes to by name, and the organization only where the
denial may name it.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, flash, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import Length, Optional

from idp import sessions
from idp.accounts.models import Account
from idp.kernel import language, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.oidc.clients import login_addresses
from idp.organizations.catalog import App, current_catalog
from idp.organizations.models import AccessRequest, Organization
from idp.organizations.policy import WITHOUT_ORGANIZATION
from idp.organizations.sentences import explain
from idp.organizations.service import requests as service
from idp.organizations.titles import app_name
from idp.settings import current_settings

from .launcher import start

blueprint = Blueprint("asking", __name__, url_prefix="/access/request")


class PleaForm(FlaskForm):
    """What the person wants to say to the administrators."""

    message = TextAreaField(
        _l("Message"),
        validators=[Optional(), Length(max=service.LONGEST, message=_l("This is too long."))],
    )


def _account() -> Account:
    actor = sessions.actor()
    assert actor is not None  # `login_required` stands before every view here
    return actor.account


@blueprint.route("", methods=["GET", "POST"])
@sessions.login_required
def ask() -> ResponseReturnValue:
    """Who is asked for what, and *Send*. One that waits already is shown instead."""
    account = _account()
    app_id = request.args.get("app", "")
    organization = request.args.get("organization") or None
    try:
        denial = service.denial_of(account.id, app_id, organization)
    except Refusal as refusal:
        if refusal.code != "already_open":
            raise
        flash(str(refusal.message), "success")
        return redirect(f"/?app={app_id}", 303)
    app = current_catalog().apps[app_id]
    assert denial.judged is not None and denial.code is not None
    if waiting := service.open_request(denial.judged.id, app_id):
        return redirect(_address(waiting), 303)
    form = PleaForm()
    status: web.Status = 400 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            service.admit_request(account.id)
            with unit_of_work():
                made = service.request_access(account.id, app_id, organization=organization, message=form.message.data)
        except Refusal as refusal:
            refuse(form, refusal)
            status = refusal
        else:
            return redirect(_address(made), 303)
    place = denial.member.organization.name if denial.member else None
    return web.page(
        "portal/ask.html",
        status,
        form=form,
        account=account,
        app=app,
        organization=place,
        ask=denial.ask,
        why=explain(denial.code, denial.detail, app_name=app.name, organization_name=place, language=language.shown()),
    )


def _address(row: AccessRequest) -> str:
    return f"/access/request/{row.id}"


def _state(row: AccessRequest) -> str:
    """`waiting`, `open`, `declined`, `withdrawn`, or `closed`: granted once, and closed to the person again."""
    if service.is_open_now(row):
        return "open"
    if row.decided_at is None:
        return "waiting"
    return row.outcome if row.outcome in ("declined", "withdrawn") else "closed"


@blueprint.get("/<request_id>")
@sessions.login_required
def show(request_id: str) -> ResponseReturnValue:
    """What has become of a request; it looks again by itself while it waits."""
    account = _account()
    row = service.own_request(account.id, request_id)
    state = _state(row)
    app = current_catalog().apps.get(row.app_id)
    organization = db.session.get(Organization, row.organization_id)
    told = organization is not None and (state == "open" or row.code not in WITHOUT_ORGANIZATION)
    slug = organization.slug if told and organization else None
    return render_template(
        "portal/request.html",
        account=account,
        row=row,
        state=state,
        app_name=app_name(row.app_id),
        organization=organization.name if told and organization else None,
        start=_start(app, slug),
        again=_again(row.app_id, slug) if state in ("declined", "withdrawn", "closed") and app else None,
    )


def _again(app_id: str, slug: str | None) -> str:
    """Where the person asks once more, after a no or a change."""
    return f"{blueprint.url_prefix}?{urlencode({'app': app_id, **({'organization': slug} if slug else {})})}"


def _start(app: App | None, slug: str | None) -> str | None:
    """Where the app begins to sign the person in, for that organization where it may be named."""
    if app is None:
        return None
    return start(login_addresses().get(app.id), current_settings().issuer, slug)


@blueprint.get("/<request_id>.json")
@sessions.login_required
def state(request_id: str) -> ResponseReturnValue:
    """The state alone, for the page that waits."""
    return web.private(jsonify(state=_state(service.own_request(_account().id, request_id))))


@blueprint.post("/<request_id>/withdraw")
@sessions.login_required
def withdraw(request_id: str) -> ResponseReturnValue:
    """The person does not want it any more."""
    account = _account()
    service.own_request(account.id, request_id)
    with unit_of_work():
        row = service.withdraw(request_id, account.id)
    return redirect(_address(row), 303)
