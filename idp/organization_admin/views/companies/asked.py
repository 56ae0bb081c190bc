"""*Handle Requests*: who asks for access, which company that may be, and approving or rejecting it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import TextAreaField

from idp.accounts.models import Account
from idp.express import requests as service
from idp.express.models import GuestRequest
from idp.kernel import listing, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.organizations import service as organizations
from idp.organizations.models import Company, Member
from idp.organizations.people import shown_as

from ...guard import acting, administrator
from .. import blueprint
from .choices import MANAGE, CompanyForm, supplier


class RejectForm(FlaskForm):
    """Why not."""

    reason = TextAreaField(_l("Reason"), render_kw={"maxlength": service.LONGEST})


@blueprint.get("/companies/requests")
@administrator(MANAGE)
def guest_requests() -> ResponseReturnValue:
    """Who waits, the longest first; or what was handled, the newest first."""
    supplier()
    return _page(None)


def _listed() -> tuple[listing.Page[Any], bool]:
    acts = acting()
    asked = listing.read(
        acts.address("companies/requests"), request.args, sorts=("created",), filters={"state": ("handled",)}
    )
    handled = asked.filters.get("state") == "handled"
    statement = select(GuestRequest).where(
        GuestRequest.organization_id == acts.organization.id,
        GuestRequest.confirmed_at.is_not(None),
        GuestRequest.decided_at.is_not(None) if handled else GuestRequest.decided_at.is_(None),
    )
    order = (
        (GuestRequest.decided_at.desc(), GuestRequest.id.desc())
        if handled
        else (GuestRequest.confirmed_at.asc(), GuestRequest.id.asc())
    )
    return listing.page_of(statement, asked, order), handled


@blueprint.get("/companies/requests/<request_id>")
@administrator(MANAGE)
def guest_request(request_id: str) -> ResponseReturnValue:
    """One request beside the list: everything about it, and the companies that it may be."""
    return _page(_found(request_id))


def _found(request_id: str) -> GuestRequest:
    supplier()
    return service.find(acting().organization.id, request_id)


def _page(
    row: GuestRequest | None,
    *,
    problem: Any = None,
    reject: RejectForm | None = None,
    new: CompanyForm | None = None,
    chosen: str = "",
    status: web.Status = 200,
) -> ResponseReturnValue:
    page, handled = _listed()
    likely: list[service.Likely] = []
    query = " ".join(request.args.get("q", "").replace("\0", " ").split())[: listing.LONGEST]
    chosen = chosen or request.args.get("company", "")[:36]
    picked: Company | None = None
    if row is not None and row.decided_at is None:
        likely = service.likely_companies(row, query)
        known = {one.company.id for one in likely}
        if chosen and chosen not in known:
            try:
                picked = organizations.find_company(row.organization_id, chosen)
            except Refusal:
                chosen = ""
        elif not chosen and likely and likely[0].same_number:
            chosen = likely[0].company.id
    companies = ([picked] if picked else []) + [one.company for one in likely]
    if new is None and row is not None:
        new = CompanyForm(formdata=None, name=row.company_name, organization_number=row.company_number)
    return web.page(
        "organization_admin/companies_requests.html",
        status,
        page=page,
        handled=handled,
        row=row,
        companies=companies,
        statuses=organizations.express_statuses(companies),
        same={one.company.id for one in likely if one.same_number},
        query=query,
        chosen=chosen,
        problem=problem,
        reject=reject or RejectForm(formdata=None),
        new=new,
        new_open=bool(new and new.errors),
        handler=_handler(row),
    )


def _handler(row: GuestRequest | None) -> str | None:
    """Who of the organization decided, as it sees the person."""
    if row is None or row.decided_by is None:
        return None
    found = db.session.execute(
        select(Member, Account)
        .join(Account, Account.id == Member.account_id)
        .where(Member.organization_id == row.organization_id, Member.account_id == row.decided_by)
        .order_by(Member.company_id.is_not(None), Member.id)  # a colleague, before the guest that the person is too
        .limit(1)
    ).first()
    return shown_as(*found).name if found else None


def _kindly(row: GuestRequest) -> str:
    """Somebody else was quicker."""
    name = _handler(row)
    if name:
        return str(_("%(name)s has handled this request meanwhile. Nothing of yours was done.", name=name))
    return str(_("This request has been closed meanwhile. Nothing of yours was done."))


@blueprint.post("/companies/requests/<request_id>/approve")
@administrator(MANAGE)
def approve_request(request_id: str) -> ResponseReturnValue:
    """Invite the person to the chosen company."""
    acts, chosen = acting(), request.form.get("company", "")[:36]
    _found(request_id)
    try:
        with unit_of_work():
            member = service.approve(request_id, chosen or None, actor_id=acts.account.id)
    except Refusal as refusal:
        row = _found(request_id)
        problem = _kindly(row) if refusal.code == "handled_meanwhile" else refusal.message
        return _page(row, problem=problem, chosen=chosen, status=refusal)
    flash(_("An invitation was sent to %(name)s.", name=member.name), "success")
    return redirect(acts.address("companies/requests"), 303)


@blueprint.post("/companies/requests/<request_id>/reject")
@administrator(MANAGE)
def reject_request(request_id: str) -> ResponseReturnValue:
    """Say no, with the reason that the person reads."""
    acts, form = acting(), RejectForm()
    _found(request_id)
    try:
        with unit_of_work():
            row = service.reject(request_id, form.reason.data, actor_id=acts.account.id)
    except Refusal as refusal:
        row = _found(request_id)
        if refusal.code == "handled_meanwhile":
            return _page(row, problem=_kindly(row), status=refusal)
        refuse(form, refusal)
        return _page(row, reject=form, status=refusal)
    flash(_("The request of %(name)s was rejected.", name=row.name), "success")
    return redirect(acts.address("companies/requests"), 303)


@blueprint.post("/companies/requests/<request_id>/company")
@administrator(MANAGE)
def company_of_request(request_id: str) -> ResponseReturnValue:
    """Create the company in place; it is chosen then."""
    acts, form = acting(), CompanyForm()
    row = _found(request_id)
    try:
        organizations.admit_number(row.organization_id, form.organization_number.data)
        with unit_of_work():
            company = organizations.create_company(
                row.organization_id,
                form.name.data or "",
                organization_number=form.organization_number.data,
                actor_id=acts.account.id,
            )
    except Refusal as refusal:
        form.validate()
        refuse(form, refusal)
        return _page(_found(request_id), new=form, status=refusal)
    flash(_("%(name)s was added.", name=company.name), "success")
    return redirect(acts.address(f"companies/requests/{request_id}?company={company.id}"), 303)
