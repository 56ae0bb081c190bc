"""The first page of an organization's administration: what waits, how full the licenses are, how much is going on."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import render_template
from flask.typing import ResponseReturnValue

from idp.audit import trail
from idp.kernel import clock
from idp.organizations import figures, holdings

from ..guard import SECTIONS, acting, administrator
from . import blueprint


@blueprint.get("/")
@administrator(*SECTIONS[0].privileges)
def overview() -> ResponseReturnValue:
    """Each figure leads to the list that it counts; what the person may not open is not counted for it."""
    who, now = acting(), clock.now()
    days = trail.per_day(who.organization.id, now) if who.may("account:audit.read") else None
    return render_template(
        "organization_admin/overview.html",
        people=figures.people(who.organization.id, now)
        if who.may("account:people.read", "account:people.manage")
        else None,
        licenses=holdings.licenses_in_force(who.organization.id, now)
        if who.may("account:licenses.read", "account:licenses.manage")
        else None,
        now=now,
        days=days,
        days_drawn=[(datetime.fromtimestamp(start, UTC).day, opened, failed) for start, opened, failed in days or ()],
    )
