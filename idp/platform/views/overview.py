"""The first page of the platform's administration."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from ..guard import platform
from . import blueprint


@blueprint.get("/")
@platform()
def overview() -> ResponseReturnValue:
    """Where everything is."""
    return render_template("platform/overview.html")
