"""The license that completes an employee's account."""

from __future__ import annotations

from flask import abort, flash, redirect
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from idp.kernel import clock, web
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.records import Field, Pairs, Scope
from idp.kernel.refusal import Refusal
from idp.organizations import records as tables
from idp.organizations import service

from ..forms import form_of, typed
from ..guard import ADMIN, LICENSES, WRITES, acting, platform, scope_of
from ..tables import USER
from . import blueprint


def _on_sale(organization_id: str) -> Pairs:
    """Licenses that have not ended, with what is left of each."""
    now = clock.now()
    return [
        (
            row.license.id,
            _(
                "%(license)s: %(left)s of %(seats)s left",
                license=row.title,
                left=row.left,
                seats=row.license.seats,
            ),
        )
        for row in tables.licenses_of(organization_id)
        if row.state(now) != "ended"
    ]


@blueprint.route("/users/<account_id>/license", methods=["GET", "POST"])
@platform(ADMIN, LICENSES, WRITES)
def license_of_user(account_id: str) -> ResponseReturnValue:
    """Assign a license of the platform's own organization to one of its users."""
    scope = scope_of(tables.SEAT.write)
    assert scope is not None, "whoever opens this page may write seats"
    member = tables.own_member(account_id[:36], scope)
    row = tables.user_row(account_id[:36], scope)
    if row is None:
        abort(404)
    fields = (
        Field(
            "license",
            _l("License"),
            kind="select",
            required=True,
            choices=lambda _scope: _on_sale(member.organization_id),
            initial=lambda _scope: next((one for one, _label in _on_sale(member.organization_id)), ""),
        ),
    )
    form = form_of(fields, Scope())
    status: web.Status = 200
    if form.validate_on_submit():
        try:
            chosen = typed(form, fields)["license"]
            with unit_of_work():
                service.assign_seat(chosen, member.id, actor_id=acting().account.id)
        except Refusal as refusal:
            refuse(form, refusal)
            status = refusal
        else:
            flash(_("The license is assigned: the account is complete."), "success")
            back = f"/admin/records/core/user/{account_id}" if scope_of(USER.read) else "/admin/records/core/seat"
            return redirect(back, 303)
    elif form.errors:
        status = 400
    return web.page(
        "platform/license.html", status, form=form, fields=fields, row=row, held=tables.editions_held(member.id)
    )
