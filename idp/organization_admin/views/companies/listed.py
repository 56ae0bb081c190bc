"""The list of companies, and a new one."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urljoin

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select

from idp.express import requests as guest_requests
from idp.kernel import listing, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.oidc.clients import login_addresses
from idp.organizations import numbers, service
from idp.organizations.models import Company, Member
from idp.settings import current_settings

from ...guard import acting, administrator
from .. import blueprint
from .choices import MANAGE, READ, CompanyForm, may_manage, supplier


@dataclass(frozen=True, slots=True)
class Entry:
    """One company of the list. `last_used_at`: when the last of its users came."""

    company: Company
    express: service.ExpressStatus
    last_used_at: int | None


@blueprint.get("/companies")
@administrator(*READ)
def companies() -> ResponseReturnValue:
    """Search by name or organization number; how many users each has, and when one of them came last."""
    supplier()
    acts = acting()
    asked = listing.read(acts.address("companies"), request.args, sorts=("name", "added"))
    statement = select(Company).where(Company.organization_id == acts.organization.id)
    if asked.query:
        statement = statement.where(service.searched(asked.query))
    column = Company.created_at if asked.sort == "added" else Company.search_text
    order = [one.desc() if asked.descending else one.asc() for one in (column, Company.id)]
    page = listing.page_of(statement, asked, order)
    statuses = service.express_statuses(page.rows)
    used = dict(
        db.session.execute(
            select(Member.company_id, func.max(Member.last_used_at))
            .where(Member.company_id.in_([company.id for company in page.rows]), Member.type == "express")
            .group_by(Member.company_id)
        ).all()
    )
    entries = [Entry(company, statuses[company.id], used.get(company.id)) for company in page.rows]
    return web.page(
        "organization_admin/companies_list.html",
        page=page.with_rows(entries),
        listing=asked,
        may_manage=may_manage(),
        by_number=numbers.reads_as_number(asked.query),
        waiting=guest_requests.count_waiting(acts.organization.id),
        website=_website(acts.organization.slug) if may_manage() else None,
    )


@dataclass(frozen=True, slots=True)
class Website:
    """What a supplier puts on its website: where its customers sign in to Onix Express and where they ask for access,
    and the page of Onix Express that makes buttons of both."""

    sign_in: str
    ask: str
    button: str


def _website(slug: str) -> Website | None:
    """None where Onix Express is not there."""
    login = login_addresses().get("express")
    if login is None:
        return None
    organization = urlencode({"organization": slug})
    ask = f"{current_settings().issuer}/express/{slug}/request"
    return Website(f"{login}?{organization}", ask, f"{urljoin(login, 'button')}?{organization}")


@blueprint.route("/companies/new", methods=["GET", "POST"])
@administrator(MANAGE)
def new_company() -> ResponseReturnValue:
    """Record a customer."""
    supplier()
    acts, form = acting(), CompanyForm()
    status: web.Status = 400 if form.is_submitted() else 200
    if not form.is_submitted():
        form.name.data = request.args.get("name", "")[:200]
        form.organization_number.data = request.args.get("organization_number", "")[:40]
    elif form.validate():
        try:
            service.admit_number(acts.organization.id, form.organization_number.data)
            with unit_of_work():
                company = service.create_company(
                    acts.organization.id,
                    form.name.data or "",
                    organization_number=form.organization_number.data,
                    actor_id=acts.account.id,
                )
        except Refusal as refusal:
            refuse(form, refusal)
            status = refusal if refusal.status == 429 else 400
        else:
            flash(_("%(name)s was added.", name=company.name), "success")
            return redirect(acts.address(f"companies/{company.id}"), 303)
    return web.page("organization_admin/companies_new.html", status, form=form)
