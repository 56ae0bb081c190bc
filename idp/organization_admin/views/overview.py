"""The first page of an organization's administration: what waits, how full the licenses are, how much is going on."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template
from flask.typing import ResponseReturnValue

from idp.audit import trail
from idp.kernel import clock, language
from idp.organizations import figures, holdings

from ..guard import SECTIONS, acting, administrator
from . import blueprint

DAYS = 14
"""So many days are drawn, today the last of them: days of the reader's time zone."""


@blueprint.get("/")
@administrator(*SECTIONS[0].privileges)
def overview() -> ResponseReturnValue:
    """Each figure leads to the list that it counts; what the person may not open is not counted for it."""
    who, now = acting(), clock.now()
    today = language.day_of(now)
    dates = [today - timedelta(DAYS - 1 - number) for number in range(DAYS)]
    days = None
    if who.may("account:audit.read"):
        counted = trail.per_day(who.organization.id, [language.start_of(day) for day in dates])
        days = [(day.isoformat(), opened, failed) for day, (opened, failed) in zip(dates, counted, strict=True)]
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
        days_drawn=[(day[8:].lstrip("0"), opened, failed) for day, opened, failed in days or ()],
        zone=language.zone(),
    )
