"""Who ends when: open invitations and guests who have not come for long, what comes next, and which mail said what."""

from __future__ import annotations

from collections.abc import Sequence

from babel.lists import format_list
from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from idp.express import ladders
from idp.kernel import clock, language
from idp.kernel.database import db
from idp.organizations import roster
from idp.organizations.models import Company

from ...guard import acting, administrator
from .. import blueprint
from .choices import READ, may_manage, supplier


@blueprint.get("/companies/due")
@administrator(*READ)
def companies_due() -> ResponseReturnValue:
    """The soonest first; with one click a guest is kept or an invitation sent again."""
    supplier()
    acts = acting()
    due = ladders.due_at(acts.organization.id)
    entries = {entry.id: entry for entry in roster.entries([one.member_id for one in due], clock.now())}
    companies = {
        row.id: row
        for row in db.session.scalars(select(Company).where(Company.id.in_({one.company_id for one in due})))
    }
    settings = ladders.settings()
    return render_template(
        "organization_admin/companies_due.html",
        due=[(one, entries[one.member_id], companies.get(one.company_id or "")) for one in due],
        settings=settings,
        reminders=_said(settings.invitation_reminders),
        warnings=_said(settings.inactivity_warnings),
        may_manage=may_manage(),
    )


def _said(days: Sequence[int]) -> str:
    """Numbers as a sentence lists them: "30, 14 and 7"."""
    locale = {"en": "en_GB"}.get(language.shown(), language.shown())
    return str(format_list([str(one) for one in days], locale=locale))
