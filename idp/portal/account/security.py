"""Security: the password, and what else the person signs in with."""

from __future__ import annotations

from flask import flash, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp import sessions
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.sessions.forms import ChangePasswordForm

from . import blueprint, owner


@blueprint.get("/security")
@sessions.login_required
def security() -> ResponseReturnValue:
    """What the person signs in with."""
    return render_template("portal/account/security.html")


@blueprint.route("/security/password", methods=["GET", "POST"])
@sessions.recent_sign_in_required()
def password() -> ResponseReturnValue:
    """Change the password: the present one once more, then the new one. Other sessions end."""
    account = owner()
    form = ChangePasswordForm()
    identifier = account.email.normalized if account.email else account.id
    form.context = (identifier, account.given_name, account.family_name)
    status = 400 if form.is_submitted() else 200
    if form.validate_on_submit():
        old, new = form.current_password.data or "", form.password.data or ""
        try:
            sessions.change_own_password(account, old, new, address=request.remote_addr or "")
        except Refusal as refusal:
            status = refusal.status
            refuse(form, refusal)
        else:
            flash(_("Your password is changed."), "success")
            return redirect("/account/security", 303)
    return make_response(render_template("portal/account/password.html", form=form, address=identifier), status)
