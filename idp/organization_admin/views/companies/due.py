"""*Expiry and warnings*: open invitations, guests who have not come for long, what comes next, which mail said what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from babel.lists import format_list
from flask import request
from flask.typing import ResponseReturnValue

from idp.express import ladders
from idp.kernel import clock, language, listing, web
from idp.organizations import roster
from idp.settings import current_settings

from ...guard import acting, administrator
from .. import blueprint
from .choices import READ, may_manage, supplier


@blueprint.get("/companies/due")
@administrator(*READ)
def companies_due() -> ResponseReturnValue:
    """Guests, who has been away longest first, and invitations, the soonest first; with one click one is kept or sent
    again. And every mail so far."""
    supplier()
    acts = acting()
    asked = listing.read(
        acts.address("companies/due"), request.args, sorts=("ends",), filters={"what": ("invitations", "mails")}
    )
    what = asked.filters.get("what", "users")
    id_ = acts.organization.id
    lists: dict[str, tuple[Any, Any, Any]] = {
        "users": (ladders.quiet_guests(id_), ladders.LONGEST_AWAY, ladders.due_of_guests),
        "invitations": (ladders.open_invitations(id_), ladders.SOONEST_INVITATION, ladders.due_of_invitations),
        "mails": (ladders.mails_sent(id_), ladders.NEWEST_MAIL, tuple),
    }
    statement, order, lines = lists[what]
    page = listing.page_of(statement, asked, order)
    page = page.with_rows(lines(page.rows))
    whom = sorted({one.member_id for one in page.rows})
    settings = ladders.settings()
    return web.page(
        "organization_admin/companies_due.html",
        page=page,
        what=what,
        entries={entry.id: entry for entry in roster.entries(whom, clock.now())},
        settings=settings,
        invitation_days=current_settings().lifetimes.invitation // 86400,
        reminders=_said(settings.invitation_reminders),
        warnings=_said(settings.inactivity_warnings),
        may_manage=may_manage(),
    )


def _said(days: Sequence[int]) -> str:
    """Numbers as a sentence lists them: "30, 14 and 7"."""
    locale = {"en": "en_GB"}.get(language.shown(), language.shown())
    return str(format_list([str(one) for one in days], locale=locale))
