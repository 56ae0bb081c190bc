"""The first page of an organization's administration."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from ..guard import SECTIONS, administrator
from . import blueprint


@blueprint.get("/")
@administrator(*SECTIONS[0].privileges)
def overview() -> ResponseReturnValue:
    """What waits, and where everything is."""
    return render_template("organization_admin/overview.html")
