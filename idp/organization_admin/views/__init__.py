"""The pages, a file for each section; all on one blueprint, each view behind `guard.administrator`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, request

from idp.express import requests as guest_requests
from idp.kernel.sections import frame
from idp.organizations import titles
from idp.organizations.service import requests as access_requests

from ..guard import Administrator

blueprint = Blueprint("organization_admin", __name__, url_prefix="/org/<slug>")
for word in (
    titles.edition_name, titles.privilege_title, titles.role_called, titles.role_title, titles.roles_called,
):  # fmt: skip
    blueprint.add_app_template_filter(word)


@blueprint.context_processor
def _frame() -> dict[str, Any]:
    """What the frame of every page here shows: who acts, and the sections with what waits in each."""
    acts: Administrator | None = g.get("administrator")
    if acts is None:
        return {}
    waits = {
        "requests": access_requests.count_waiting(acts.organization.id) if acts.may(access_requests.HANDLING) else 0,
        "companies": guest_requests.count_waiting(acts.organization.id)
        if acts.supplier and acts.may(guest_requests.HANDLING)
        else 0,
    }
    return {
        "administrator": acts,
        "requests_waiting": waits["requests"],
        "guests_waiting": waits["companies"],
        **frame(acts.sections, acts.address(), request.path, waits),
    }


# Each puts its routes on the blueprint.
from . import (  # noqa: E402
    access,
    audit,
    companies,
    licenses,
    overview,
    people,
    requests,
    roles,
    security,
)

__all__ = [
    "access",
    "audit",
    "blueprint",
    "companies",
    "licenses",
    "overview",
    "people",
    "requests",
    "roles",
    "security",
]
