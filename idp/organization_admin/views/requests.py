"""Requests: people who ask for access, each with the change that would let them in, applied or declined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from idp.accounts.models import Account
from idp.kernel import listing, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import reports, titles
from idp.organizations.models import AccessRequest, Member
from idp.organizations.people import Shown, shown_as
from idp.organizations.service import requests as service
from idp.organizations.simulations import Simulation, simulate

from .. import proposals
from ..guard import acting, administrator
from . import blueprint
from .access import ChangesForm, chosen


class DeclineForm(FlaskForm):
    """Why not."""

    reason = TextAreaField(
        _l("Reason"),
        validators=[
            DataRequired(_l("Say why: the person reads it.")),
            Length(max=service.LONGEST, message=_l("This is too long.")),
        ],
    )


@dataclass(frozen=True)
class Entry:
    """One request of the list. `found` and `proposal` are of those that wait; `handler` is who decided."""

    row: AccessRequest
    app: str
    member: Member
    person: Shown
    handler: str | None
    found: Simulation | None
    told: Any
    proposal: proposals.Shown | None


@blueprint.get("/requests")
@administrator(service.HANDLING)
def requests() -> ResponseReturnValue:
    """Who waits, longest first, each with what would let them in; or what was decided, newest first."""
    acts = acting()
    asked = listing.read(acts.address("requests"), request.args, sorts=("created",), filters={"state": ("decided",)})
    decided = asked.filters.get("state") == "decided"
    statement = select(AccessRequest).where(
        AccessRequest.organization_id == acts.organization.id,
        AccessRequest.decided_at.is_not(None) if decided else AccessRequest.decided_at.is_(None),
    )
    order = (
        (AccessRequest.decided_at.desc(), AccessRequest.id.asc())
        if decided
        else (AccessRequest.created_at.asc(), AccessRequest.id.asc())
    )
    page = listing.page_of(statement, asked, order)
    return render_template(
        "organization_admin/requests.html", page=page.with_rows(_entries(page.rows)), listing=asked, decided=decided
    )


def _entries(rows: tuple[AccessRequest, ...] | list[AccessRequest]) -> list[Entry]:
    """A fixed number of statements for all of them."""
    acts = acting()
    people = reports.shown(acts.organization.id, sorted({row.member_id for row in rows}))
    waiting = [(row.member_id, row.app_id) for row in rows if row.decided_at is None]
    simulations = simulate(db.session(), acts.organization.id, waiting) if waiting else {}
    shown = dict(
        zip(
            simulations,
            proposals.shown([(found, people[pair[0]][1].name) for pair, found in simulations.items()], acts),
            strict=True,
        )
    )
    names = _handlers({row.decided_by for row in rows if row.decided_by})
    found = []
    for row in rows:
        member, person = people[row.member_id]
        simulation = simulations.get((row.member_id, row.app_id)) if row.decided_at is None else None
        found.append(
            Entry(
                row,
                titles.app_name(row.app_id),
                member,
                person,
                names.get(row.decided_by, "Onix Work") if row.decided_by else None,
                simulation,
                proposals.sentence(simulation) if simulation else None,
                shown.get((row.member_id, row.app_id)) if simulation else None,
            )
        )
    return found


def _handlers(account_ids: set[str]) -> dict[str, str]:
    """Who of the organization decided, as it sees them. Whoever else did is the platform, which stays unnamed."""
    if not account_ids:
        return {}
    rows = db.session.execute(
        select(Member, Account)
        .join(Account, Account.id == Member.account_id)
        .where(Member.organization_id == acting().organization.id, Member.account_id.in_(account_ids))
    )
    return {account.id: shown_as(member, account).name for member, account in rows}


@blueprint.get("/requests/<request_id>")
@administrator(service.HANDLING)
def access_request(request_id: str) -> ResponseReturnValue:
    """One request: who, what, why it is closed, what would open it, and the way to decline."""
    return _page(request_id, DeclineForm())


@blueprint.post("/requests/<request_id>/apply")
@administrator(service.HANDLING)
def grant_request(request_id: str) -> ResponseReturnValue:
    """Make the proposed changes, all or nothing."""
    acts = acting()
    row = service.find_request(acts.organization.id, request_id)
    if not ChangesForm().validate_on_submit():
        return _page(request_id, DeclineForm(formdata=None), status=400)
    try:
        with unit_of_work():
            row, _after = service.grant(row.id, chosen(), held=acts.privileges, actor_id=acts.account.id)
    except Refusal as refusal:
        return _page(request_id, DeclineForm(formdata=None), refusal)
    entry = _entries([row])[0]
    flash(_("%(name)s can use %(app)s now.", name=entry.person.name, app=entry.app), "success")
    return redirect(acts.address("requests"), 303)


@blueprint.post("/requests/<request_id>/decline")
@administrator(service.HANDLING)
def decline_request(request_id: str) -> ResponseReturnValue:
    """Say no, with the reason that the person reads."""
    acts = acting()
    row = service.find_request(acts.organization.id, request_id)
    form = DeclineForm()
    if not form.validate_on_submit():
        return _page(request_id, form, status=400)
    try:
        with unit_of_work():
            row = service.decline(row.id, form.reason.data, actor_id=acts.account.id)
    except Refusal as refusal:
        if refusal.field == "reason":
            form.reason.errors = [refusal.message]
            return _page(request_id, form, status=refusal)
        return _page(request_id, form, refusal)
    entry = _entries([row])[0]
    flash(_("The request of %(name)s was declined.", name=entry.person.name), "success")
    return redirect(acts.address("requests"), 303)


def _page(
    request_id: str, form: DeclineForm, refusal: Refusal | None = None, status: web.Status = 200
) -> ResponseReturnValue:
    """One request, with what came of an attempt to handle it; a reason that was typed stays."""
    row = service.find_request(acting().organization.id, request_id)
    entry = _entries([row])[0]
    return web.page(
        "organization_admin/request.html",
        refusal or status,
        entry=entry,
        form=form,
        refusal=refusal,
        row=row,
    )
