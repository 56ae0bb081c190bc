"""Connected apps: what the person has let in, what each may see, and its end."""

from __future__ import annotations

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp import sessions
from idp.accounts.forms import ConfirmForm
from idp.kernel import language, listing
from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal
from idp.oidc import consents
from idp.oidc.clients import find_client
from idp.oidc.connections import Connection, connections_of, is_connected

from . import blueprint, known_places, owner

HERE = "/account/apps"


@blueprint.get("/apps")
@sessions.login_required
def apps() -> ResponseReturnValue:
    """Each app with what it may see, for which organization, and since when."""
    account = owner()
    page = connections_of(account.id, listing.read(HERE, request.args, sorts=("added",)), language.shown())
    _facts, places = known_places(account)
    names = {place: members[0].organization.name for place, members in places.items()}

    def named(one: Connection) -> list[str]:
        return sorted(names[place] for place in one.organization_ids if place in names)

    rows = [(one, named(one)) for one in page.rows]
    return render_template("portal/account/apps.html", page=page, rows=rows, form=None)


@blueprint.post("/apps/<client_id>/remove")
@sessions.login_required
def remove_app(client_id: str) -> ResponseReturnValue:
    """End all that the client holds, at once: its authorizations with their tokens, and what was agreed."""
    if not ConfirmForm().validate_on_submit():
        return redirect(HERE, 303)
    account, client = owner(), find_client(client_id)
    if client is None or not is_connected(account.id, client_id):
        raise Refusal("client_unknown", _("This app is not connected to your account."), status=404)
    with unit_of_work():
        consents.withdraw(account.id, client_id)
    name = client.name(language.shown())
    if client.family:
        flash(_("You are signed out of %(app)s.", app=name), "success")
    else:
        flash(_("%(app)s has no access to your account any more.", app=name), "success")
    return redirect(HERE, 303)
