"""One company: its contacts, its users, its details; a contact added, changed and invited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms import HiddenField, StringField

from idp.express import ladders
from idp.kernel import clock, listing, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.forms import refuse, renew_version, version_of
from idp.kernel.refusal import Refusal
from idp.organizations import roster, service
from idp.organizations.models import Company, Member, Organization
from idp.organizations.numbers import key_of

from ...guard import acting, administrator
from .. import blueprint
from ..people.choices import STATES
from .choices import MANAGE, READ, CompanyForm, ContactForm, frame, the_company

TABS = {"contacts": ("contact",), "users": ("active", "disabled", "ended")}
DUE = {"users": "", "invitations": "?what=invitations"}
"""Where on the screen *Expiry and warnings* a button was pressed."""


class LinkForm(FlaskForm):
    """Which organization of the platform a company is."""

    link = StringField(_l("Organization number or short name"), render_kw={"maxlength": 60})
    version = HiddenField()


@blueprint.get("/companies/<company_id>")
@administrator(*READ)
def company(company_id: str) -> ResponseReturnValue:
    """The tab *Contacts*: people at the company who are no users."""
    return _people(the_company(company_id), "contacts")


@blueprint.get("/companies/<company_id>/users")
@administrator(*READ)
def company_users(company_id: str) -> ResponseReturnValue:
    """The tab *Users*: who reads the documents, and when each came last."""
    return _people(the_company(company_id), "users")


def _people(row: Company, tab: str, *, problem: Any = None, status: web.Status = 200) -> ResponseReturnValue:
    acts = acting()
    path = acts.address(f"companies/{row.id}{'' if tab == 'contacts' else '/users'}")
    asked = listing.read(path, request.args, sorts=("name", "-used") if tab == "users" else ("name",))
    statement = select(Member.id).where(
        Member.company_id == row.id, Member.type == "express", Member.status.in_(TABS[tab])
    )
    order: list[Any] = [Member.search_text, Member.id]
    if asked.sort == "used":
        order = [listing.directed(Member.last_used_at, asked), Member.id]
    elif asked.descending:
        order = [column.desc() for column in order]
    page = listing.page_of(statement, asked, order)
    quiet = db.session.scalars(ladders.quiet_guests(acts.organization.id).where(Member.id.in_(page.rows))).all()
    ends = {one.member_id: one for one in ladders.due_of_guests(quiet)}
    return web.page(
        "organization_admin/companies_people.html",
        status,
        page=page.with_rows(roster.entries(page.rows, clock.now())),
        listing=asked,
        ends=ends,
        problem=problem,
        STATES=STATES,
        **frame(row, tab),
    )


# Details -------------------------------------------------------------------------------------------------------------


@blueprint.get("/companies/<company_id>/details")
@administrator(*READ)
def company_details(company_id: str) -> ResponseReturnValue:
    """The tab *Details*: name, number, link, and the end of it."""
    return _details(the_company(company_id))


def _details(
    row: Company,
    form: CompanyForm | None = None,
    link: LinkForm | None = None,
    *,
    problem: Any = None,
    status: web.Status = 200,
    stored: bool = False,
) -> ResponseReturnValue:
    if form is None:
        form = CompanyForm(formdata=None, obj=row)
    if link is None:
        link = LinkForm(formdata=None, link=row.organization_number or "")
    for one in (form, link):
        renew_version(one, row.version)
    linked = db.session.get(Organization, row.linked_organization_id) if row.linked_organization_id else None
    contacts = db.session.scalar(
        select(db.func.count()).select_from(Member).where(Member.company_id == row.id, Member.status == "contact")
    )
    used = db.session.scalar(select(Member.id).where(Member.company_id == row.id, Member.status != "contact").limit(1))
    return web.page(
        "organization_admin/companies_details.html",
        status,
        form=form,
        link=link,
        linked=linked,
        problem=problem,
        stored=stored,
        contacts=contacts,
        used=used,
        **frame(row, "details"),
    )


@blueprint.post("/companies/<company_id>/details")
@administrator(MANAGE)
def edit_company(company_id: str) -> ResponseReturnValue:
    """Save name and number. Whoever saves second is told, and keeps what was typed."""
    acts, row, form = acting(), the_company(company_id), CompanyForm()
    if not form.validate():
        return _details(row, form, status=400)
    try:
        if key_of(form.organization_number.data) != row.number_key:
            service.admit_number(acts.organization.id, form.organization_number.data)
        with unit_of_work():
            service.edit_company(
                row.id,
                name=form.name.data or "",
                organization_number=form.organization_number.data,
                version=version_of(form.version.data),
                actor_id=acts.account.id,
            )
    except Refusal as refusal:
        refuse(form, refusal)
        changed = refusal.code == "changed_meanwhile"
        return _details(the_company(company_id), form, status=refusal, stored=changed)
    flash(_("The changes are saved."), "success")
    return redirect(acts.address(f"companies/{company_id}/details"), 303)


@blueprint.post("/companies/<company_id>/link")
@administrator(MANAGE)
def link_company(company_id: str) -> ResponseReturnValue:
    """Say which organization it is, by its exact number or short name; or that it is none."""
    acts, row, form = acting(), the_company(company_id), LinkForm()
    try:
        if "unlink" not in request.form:
            service.admit_number(acts.organization.id, form.link.data)
        wanted = None if "unlink" in request.form else service.find_to_link(row, form.link.data or "").id
        if not form.validate():
            return _details(the_company(company_id), link=form, status=400)
        with unit_of_work():
            service.link_company(row.id, wanted, version=version_of(form.version.data), actor_id=acts.account.id)
    except Refusal as refusal:
        refuse(form, refusal)
        return _details(the_company(company_id), link=form, status=refusal)
    flash(_("The link was taken away.") if wanted is None else _("The company is linked."), "success")
    return redirect(acts.address(f"companies/{company_id}/details"), 303)


@blueprint.post("/companies/<company_id>/delete")
@administrator(MANAGE)
def delete_company(company_id: str) -> ResponseReturnValue:
    """Delete a company that nobody was a user for."""
    acts, row = acting(), the_company(company_id)
    name = row.name
    try:
        with unit_of_work():
            service.delete_company(row.id, version=version_of(request.form.get("version")), actor_id=acts.account.id)
    except Refusal as refusal:
        return _details(the_company(company_id), problem=refusal.message, status=refusal)
    flash(_("%(name)s is deleted.", name=name), "success")
    return redirect(acts.address("companies"), 303)


# A contact -----------------------------------------------------------------------------------------------------------


@blueprint.route("/companies/<company_id>/contacts/new", methods=["GET", "POST"])
@administrator(MANAGE)
def new_contact(company_id: str) -> ResponseReturnValue:
    """*New*: save a contact, or save it and invite it as a user."""
    acts, row, form = acting(), the_company(company_id), ContactForm()
    if form.is_submitted() and form.validate():
        invites = "invite" in request.form
        try:
            with unit_of_work():
                member = service.add_contact(
                    row.id, name=form.name.data or "", email=(form.email.data or "").strip(), actor_id=acts.account.id
                )
                if invites:
                    service.invite_guest(member.id, actor_id=acts.account.id)
        except Refusal as refusal:
            row = the_company(company_id)
            refuse(form, refusal, address="email")
        else:
            said = _("An invitation was sent to %(name)s.") if invites else _("%(name)s was added.")
            flash(said % {"name": member.name}, "success")
            if "another" in request.form:
                return redirect(acts.address(f"companies/{row.id}/contacts/new"), 303)
            return redirect(acts.address(f"companies/{row.id}"), 303)
    return web.page(
        "organization_admin/companies_contact.html",
        400 if form.errors else 200,
        form=form,
        member=None,
        **frame(row, "contacts"),
    )


def _member(row: Company, member_id: str) -> Member:
    member = db.session.get(Member, member_id, populate_existing=True)
    if member is None or member.company_id != row.id or member.type != "express":
        raise Refusal("member_unknown", _("There is no such person."), status=404)
    return member


@blueprint.route("/companies/<company_id>/people/<member_id>", methods=["GET", "POST"])
@administrator(MANAGE)
def company_person(company_id: str, member_id: str) -> ResponseReturnValue:
    """Change what is written down of a contact or user; the e-mail to invite is filled in here."""
    acts, row = acting(), the_company(company_id)
    member = _member(row, member_id)
    form = ContactForm()
    if not form.is_submitted():
        form.name.data, form.email.data = member.name if member.given_name else "", member.email or ""
        form.version.data = str(member.version)
    elif form.validate():
        try:
            given, family = service.split_name(_filled(form.name.data))
            with unit_of_work():
                service.edit_member(
                    member_id,
                    given_name=given,
                    family_name=family,
                    email=(form.email.data or "").strip() or None,
                    phone_number=member.phone_number,
                    language=member.language,
                    version=version_of(form.version.data),
                    actor_id=acts.account.id,
                )
        except Refusal as refusal:
            row, member = the_company(company_id), _member(the_company(company_id), member_id)
            refuse(form, refusal, address="email", given_name="name", family_name="name")
            renew_version(form, member.version)
        else:
            flash(_("The changes are saved."), "success")
            tab = "" if member.status == "contact" else "/users"
            return redirect(acts.address(f"companies/{row.id}{tab}"), 303)
    return web.page(
        "organization_admin/companies_contact.html",
        400 if form.errors else 200,
        form=form,
        member=member,
        **frame(row, "contacts"),
    )


def _filled(name: str | None) -> str:
    if not (name or "").strip():
        raise Refusal("required", _("Fill in this field."), field="name")
    return name or ""


@blueprint.post("/companies/<company_id>/people/<member_id>/state")
@administrator(MANAGE)
def company_person_state(company_id: str, member_id: str) -> ResponseReturnValue:
    """One button: invite as user, send again, withdraw, keep, disable, enable, end."""
    acts, row = acting(), the_company(company_id)
    member = _member(row, member_id)
    tab = "contacts" if member.status == "contact" else "users"
    verbs: dict[str, tuple[Callable[..., Any], Any]] = {
        "invite": (service.invite_guest, _l("An invitation was sent to %(name)s.")),
        "resend": (service.resend_invitation, _l("The invitation was sent to %(name)s again.")),
        "withdraw": (service.revoke_invitation, _l("The invitation of %(name)s is withdrawn.")),
        "keep": (service.keep_guest, _l("%(name)s is kept for another year.")),
        "disable": (service.disable_member, _l("%(name)s is disabled.")),
        "enable": (service.enable_member, _l("%(name)s is enabled.")),
        "end": (service.end_member, _l("The access of %(name)s is ended.")),
    }
    verb, said = verbs.get(request.form.get("action", ""), (None, None))
    if verb is None:
        return _people(row, tab, problem=_("Choose what to do."), status=400)
    entry = next(iter(roster.entries([member_id], clock.now())))
    name = entry.person.name
    try:
        with unit_of_work():
            verb(member_id, actor_id=acts.account.id)
    except Refusal as refusal:
        return _people(the_company(company_id), tab, problem=refusal.message, status=refusal)
    flash(str(said) % {"name": name}, "success")
    if (back := request.form.get("back", "")) in DUE:
        return redirect(acts.address(f"companies/due{DUE[back]}"), 303)
    return redirect(acts.address(f"companies/{row.id}{'' if tab == 'contacts' else '/users'}"), 303)
