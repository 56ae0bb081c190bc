"""The pages, a file for each section; all on one blueprint, each view behind `guard.platform`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request

from idp.kernel.sections import frame

from ..guard import Operator

blueprint = Blueprint("platform", __name__, url_prefix="/admin")


@blueprint.context_processor
def _frame() -> dict[str, Any]:
    """What the frame of every page here shows: who acts, and the sections."""
    acts: Operator | None = g.get("operator")
    if acts is None:
        return {}
    return {"operator": acts, **frame(acts.sections, "/admin/", request.path)}


from . import license, organizations, overview, records  # noqa: E402 (each puts its routes on the blueprint)

__all__ = ["blueprint", "license", "organizations", "overview", "records"]
