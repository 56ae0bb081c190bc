"""The section Security: how well the organization's people have to show who they are."""

from __future__ import annotations

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp import sessions
from idp.accounts.forms import ConfirmForm
from idp.kernel import web
from idp.kernel.database import unit_of_work
from idp.organizations import figures, service

from ..guard import acting, administrator
from . import blueprint

MANAGING = "account:people.manage"


@blueprint.get("/security")
@administrator(MANAGING)
def security() -> ResponseReturnValue:
    """Whether a second factor is asked for, and how many of the people have one."""
    having, users = figures.with_second_factor(acting().organization.id)
    return web.page("organization_admin/security.html", having=having, users=users, form=None)


@blueprint.post("/security/second-factor")
@administrator(MANAGING)
def second_factor() -> ResponseReturnValue:
    """Ask for a second factor, or no longer; behind a recent sign-in, for it concerns everybody here."""
    acts = acting()
    who = sessions.actor()
    if who is None or not sessions.is_recent(who):
        raise service.Unconfirmed
    if ConfirmForm().validate_on_submit():
        required = request.form.get("required") == "yes"
        with unit_of_work():
            service.require_second_factor(acts.organization.id, required, actor_id=acts.account.id)
        said = _("From now on a second factor is asked for.") if required else _("A password is enough again.")
        flash(said, "success")
    return redirect(acts.address("security"), 303)
