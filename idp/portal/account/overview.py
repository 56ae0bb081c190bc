"""The first page of the account: who this is, and where everything is."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from idp import sessions

from . import blueprint


@blueprint.get("/")
@sessions.login_required
def overview() -> ResponseReturnValue:
    """Name, address, and the sections."""
    return render_template("portal/account/overview.html")
