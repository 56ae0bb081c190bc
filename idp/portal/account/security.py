"""Security: a checklist of what the person signs in with; and the password."""

from __future__ import annotations

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp import sessions
from idp.accounts.credentials import methods, passkeys
from idp.accounts.credentials.models import Authenticator
from idp.kernel import web
from idp.kernel.database import db, unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.sessions.forms import FirstPasswordForm, OwnPasswordForm

from . import blueprint, owner

HERE = "/account/security"


@blueprint.get("/security")
@sessions.login_required
def security() -> ResponseReturnValue:
    """What the person signs in with, and what is missing."""
    account = owner()
    return render_template(
        "portal/account/security.html",
        has=methods.methods_of(account.id),
        passkeys=passkeys.passkeys_of(account.id),
        authenticator=db.session.get(Authenticator, account.id),
        accepted=passkeys.signals(account),
    )


@blueprint.route("/security/password", methods=["GET", "POST"])
@sessions.recent_sign_in_required()
def password() -> ResponseReturnValue:
    """Change the password: the present one once more, then the new one. Other sessions end, if the person says so.

    Who has none, because of a passkey, chooses a first one.
    """
    account = owner()
    form = OwnPasswordForm() if account.password_hash else FirstPasswordForm()
    form.context = (account.identifier, account.given_name, account.family_name)
    status: web.Status = 400 if form.is_submitted() else 200
    if form.validate_on_submit():
        old = form.current_password.data or "" if isinstance(form, OwnPasswordForm) else None
        try:
            sessions.change_own_password(
                account,
                old,
                form.password.data or "",
                address=request.remote_addr or "",
                everywhere=bool(form.everywhere.data),
            )
        except Refusal as refusal:
            status = refusal
            refuse(form, refusal)
        else:
            flash(_("Your password is changed.") if old is not None else _("You have a password now."), "success")
            return redirect(HERE, 303)
    return web.page("portal/account/password.html", status, form=form, address=account.identifier)


@blueprint.post("/security/password/remove")
@sessions.recent_sign_in_required(back=HERE)
def remove_password() -> ResponseReturnValue:
    """The passkeys alone sign in from now on."""
    try:
        with unit_of_work():
            methods.remove_password(owner().id)
    except Refusal as refusal:
        flash(refusal.message, "error")
    else:
        flash(_("Your password is removed. Your passkeys sign you in."), "success")
    return redirect(HERE, 303)
