"""The public form of a supplier, reached by a link on its website, and the mailed link that confirms what was typed.

GET and HEAD change nothing: mail scanners follow links.
"""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from idp.accounts import service as accounts
from idp.accounts.forms import ConfirmForm
from idp.kernel import language, opened, web
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal

from . import requests as service
from .forms import GuestRequestForm

blueprint = Blueprint("express", __name__)


@blueprint.route("/express/<slug>/request", methods=["GET", "POST"])
def ask(slug: str) -> ResponseReturnValue:
    """Ask a supplier for access. The answer is the same for every address (R20)."""
    supplier = service.supplier(slug)
    form = GuestRequestForm()
    if not form.validate_on_submit():
        return web.page("express/ask.html", 400 if form.errors else 200, form=form, supplier=supplier)
    try:
        service.admit_guest_request(request.remote_addr or "")
        if accounts.admit_mail(form.email.data or "", "guest"):
            with unit_of_work():
                service.ask(supplier.id, **form.typed, language=language.shown())
    except Refusal as refusal:
        refuse(form, refusal, address="email")
        return web.page("express/ask.html", refusal, form=form, supplier=supplier)
    return render_template("express/asked.html", supplier=supplier, address=(form.email.data or "").strip())


@blueprint.route("/guest-request/opened/<mark>", methods=["GET", "POST"])
def confirm_opened(mark: str) -> ResponseReturnValue:
    """The same without the link's secret in the address."""
    return confirm(opened.token_of(mark))


@blueprint.route("/guest-request/<token>", methods=["GET", "POST"])
def confirm(token: str) -> ResponseReturnValue:
    """The mailbox confirms the request; one button, and then it waits for the supplier."""
    found = service.read(token)
    if found.state != "open" or found.row is None:
        return _dead(found)
    if opened.by_link():
        return opened.go_on("/guest-request", token)
    form = ConfirmForm()
    if not form.validate_on_submit():
        return web.page("express/confirm.html", 400 if form.errors else 200, form=form, row=found.row)
    try:
        with unit_of_work():
            row = service.confirm(token)
    except Refusal:
        return _dead(service.read(token))
    return render_template("express/confirmed.html", row=row)


def _dead(found: service.LinkState) -> ResponseReturnValue:
    status = 404 if found.state == "unknown" else 410
    return web.page("express/dead.html", status, state=found.state, row=found.row)
