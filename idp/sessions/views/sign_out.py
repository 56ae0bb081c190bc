"""Signing out."""

from __future__ import annotations

from flask import redirect, request
from flask.typing import ResponseReturnValue

from idp.kernel.database import unit_of_work

from .. import service
from ..forms import ConfirmForm
from . import blueprint, page


@blueprint.route("/logout", methods=["GET", "POST"])
def logout() -> ResponseReturnValue:
    """Sign out: GET asks, POST does it."""
    form = ConfirmForm()
    who = service.actor()
    if who is not None and not form.validate_on_submit():
        return page("logout", 400 if form.errors else 200, form=form, account=who.account)
    if who is not None:
        with unit_of_work():
            service.sign_out()
    if request.method == "POST":
        return redirect("/logout", 303)
    return page("signed_out", form=None)
