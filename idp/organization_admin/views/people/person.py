"""A person by itself: added, shown, changed, and given what a user holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict

from idp.accounts import addresses
from idp.kernel import clock, language, listing, web
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse, renew_version, version_of
from idp.kernel.refusal import Refusal
from idp.organizations import roster, service

from ...guard import Administrator, acting, administrator
from .. import blueprint
from .choices import LICENSES, MANAGE, READ, ROLES, STATES, TYPES, license_options, role_options
from .forms import NewPersonForm, PersonForm

# A new person --------------------------------------------------------------------------------------------------------


@blueprint.route("/people/new", methods=["GET", "POST"])
@administrator(MANAGE)
def new_person() -> ResponseReturnValue:
    """Add a person: as a contact, or at once as a user with roles and licenses."""
    acts = acting()
    if request.method == "POST":
        form = NewPersonForm()
        if form.validate():
            answer = _add(acts, form)
            if answer is not None:
                return answer
    else:
        form = NewPersonForm(MultiDict(request.args.items(multi=True))) if request.args else NewPersonForm()
        form.form_errors.clear()
    known = _same_person(acts, form) if form.errors else None
    owned = roster.licenses_of(acts.organization.id)
    return web.page(
        "organization_admin/people_new.html",
        400 if form.errors else 200,
        form=form,
        known=known,
        roles=role_options(roster.roles_of(acts.organization), owned) if acts.may(ROLES) else [],
        licenses=license_options(owned) if acts.may(LICENSES) else [],
        STATES=STATES,
    )


def _add(acts: Administrator, form: NewPersonForm) -> ResponseReturnValue | None:
    roles, licenses = form.role.data or [], form.license.data or []
    try:
        _check_may(acts, roles, licenses)
        with unit_of_work():
            member = service.add_person(
                acts.organization.id,
                **form.person,
                state=form.state.data or "",
                role_ids=roles,
                license_ids=licenses,
                actor_id=acts.account.id,
            )
    except Refusal as refusal:
        refuse(form, refusal, address="email")
        return None
    if form.state.data == "invite":
        flash(_("%(name)s was added, and an invitation is on its way.", name=member.name), "success")
    else:
        flash(_("%(name)s was added.", name=member.name), "success")
    if "another" in request.form:
        kept = listing.Listing(acts.address("people/new")).address(state=form.state.data)
        parameters = "".join([*(f"&role={one}" for one in roles), *(f"&license={one}" for one in licenses)])
        return redirect(kept + parameters, 303)
    return redirect(acts.address(f"people/{member.id}"), 303)


def _check_may(acts: Administrator, roles: Iterable[str], licenses: Iterable[str]) -> None:
    """Roles and seats need privileges of their own beside that of people."""
    if any(roles) and not acts.may(ROLES):
        raise Refusal("privilege_missing", _("Your role here does not include assigning roles."), status=403)
    if any(licenses) and not acts.may(LICENSES):
        raise Refusal("privilege_missing", _("Your role here does not include assigning licenses."), status=403)


def _same_person(acts: Administrator, form: PersonForm, besides: str | None = None) -> roster.Entry | None:
    """Who has the typed address already, so that the error can lead there."""
    normalized = addresses.normalized_or_none(form.email.data)
    found = service.same_address(acts.organization.id, None, normalized) if normalized else None
    return roster.find(acts.organization.id, found, clock.now()) if found and found != besides else None


# One person ----------------------------------------------------------------------------------------------------------


@blueprint.get("/people/<member_id>")
@administrator(*READ)
def person(member_id: str) -> ResponseReturnValue:
    """What the organization knows of one person, and what can be done."""
    return show(entry_of(member_id))


def entry_of(member_id: str) -> roster.Entry:
    found = roster.find(acting().organization.id, member_id, clock.now())
    if found is None:
        raise Refusal("member_unknown", _("There is no such person."), status=404)
    return found


def show(
    entry: roster.Entry,
    form: PersonForm | None = None,
    *,
    problem: Any = None,
    status: web.Status = 200,
    ticked: tuple[list[str], list[str]] | None = None,
    known: roster.Entry | None = None,
    stored: bool = False,
) -> ResponseReturnValue:
    """The page of one person. `ticked`: roles and licenses as they were chosen; `stored`: show what is stored now."""
    acts, member = acting(), entry.member
    if form is None:
        form = PersonForm(formdata=None, obj=member)
        form.language.data = member.language or ""
    roles, licenses = roster.roles_of(acts.organization), roster.licenses_of(acts.organization.id)
    held_roles, held_licenses = {role.id for role in entry.roles}, {license_.id for license_ in entry.licenses}
    all_options = license_options(licenses, member.type, held_licenses)
    options = [option for option in all_options if option.offered or option.id in held_licenses]
    return web.page(
        "organization_admin/people_person.html",
        status,
        entry=entry,
        form=form,
        problem=problem,
        known=known,
        stored=stored,
        roles=role_options(roles, licenses, held_roles),
        licenses=options,
        full=[option for option in all_options if option not in options],
        held_roles=held_roles,
        held_licenses=held_licenses,
        ticked_roles=set(ticked[0]) if ticked else held_roles,
        ticked_licenses=set(ticked[1]) if ticked else held_licenses,
        may_manage=acts.may(MANAGE),
        may_roles=acts.may(MANAGE) and acts.may(ROLES),
        may_licenses=acts.may(MANAGE) and acts.may(LICENSES),
        explained=_explained(entry),
        STATES=STATES,
        TYPES=TYPES,
        LANGUAGES=language.LANGUAGES,
    )


def _explained(entry: roster.Entry) -> str:
    """What the state means, in a sentence."""
    date = language.on_date(entry.invited_until) if entry.invited_until else ""
    left = entry.member.ended_reason == "left"
    sentences: dict[str, str] = {
        "contact": _("A contact: person information only. Invite the person, or set it as Active."),
        "invited": _("Invited until %(date)s. The person becomes Active by accepting.", date=date),
        "invitation_expired": _("The invitation expired on %(date)s.", date=date),
        "active": _("Active: roles and licenses decide which apps open."),
        "not_activated": _("Active, but not activated yet: the person has a mail with a link that makes the account."),
        "disabled": _("Disabled: no app opens. Roles and licenses are kept, so enabling brings everything back."),
        "ended": _("The person has left.") if left else _("The membership is ended."),
        "inactive": _("The membership ended because the person had not signed in for a year."),
    }
    return sentences[entry.state]


@blueprint.post("/people/<member_id>")
@administrator(MANAGE)
def edit_person(member_id: str) -> ResponseReturnValue:
    """Change what the organization typed. Whoever saves second is told, and keeps what was typed."""
    acts, entry, form = acting(), entry_of(member_id), PersonForm()
    if not form.validate():
        return show(entry, form, status=400)
    try:
        with unit_of_work():
            service.edit_member(
                member_id,
                **form.person,
                version=version_of(form.version.data),
                actor_id=acts.account.id,
            )
    except Refusal as refusal:
        refuse(form, refusal, address="email")
        entry, changed = entry_of(member_id), refusal.code == "changed_meanwhile"
        if changed:
            renew_version(form, entry.member.version)
        known = _same_person(acts, form, member_id) if refusal.code == "already_member" else None
        return show(entry, form, status=refusal, known=known, stored=changed)
    flash(_("The changes are saved."), "success")
    return redirect(acts.address(f"people/{member_id}"), 303)


@blueprint.post("/people/<member_id>/state")
@administrator(MANAGE)
def person_state(member_id: str) -> ResponseReturnValue:
    """One button: set Active or Contact only, disable, enable, end, invite, resend, withdraw."""
    acts, entry = acting(), entry_of(member_id)
    verbs: dict[str, tuple[Callable[..., Any], Any]] = {
        "activate": (service.set_active, _l("%(name)s is set as Active.")),
        "contact": (service.set_contact_only, _l("%(name)s is set as Contact only.")),
        "disable": (service.disable_member, _l("%(name)s is disabled.")),
        "enable": (service.enable_member, _l("%(name)s is enabled.")),
        "end": (service.end_member, _l("The membership of %(name)s is ended.")),
        "invite": (service.invite, _l("An invitation was sent to %(name)s.")),
        "resend": (service.resend_invitation, _l("The invitation was sent to %(name)s again.")),
        "withdraw": (service.revoke_invitation, _l("The invitation of %(name)s is withdrawn.")),
    }
    verb, said = verbs.get(request.form.get("action", ""), (None, None))
    if verb is None:
        return show(entry, problem=_("Choose what to do."), status=400)
    try:
        with unit_of_work():
            verb(member_id, actor_id=acts.account.id)
    except Refusal as refusal:
        return show(entry_of(member_id), problem=refusal.message, status=refusal)
    flash(str(said) % {"name": entry.person.name}, "success")
    return redirect(acts.address(f"people/{member_id}"), 303)


@blueprint.post("/people/<member_id>/holdings")
@administrator(MANAGE)
def person_holdings(member_id: str) -> ResponseReturnValue:
    """Assign and take roles and licenses in one act; a contact is set as Active in the same act.

    The form sends what it showed as held beside what is ticked, so that only what this administrator changed changes.
    """
    acts, entry = acting(), entry_of(member_id)
    was_contact = entry.member.status == "contact"
    roles, shown_roles = _sent("role"), _sent("shown_role")
    licenses, shown_licenses = _sent("license"), _sent("shown_license")
    changes = {
        "assign_roles": [one for one in roles if one not in shown_roles],
        "take_roles": [one for one in shown_roles if one not in roles],
        "assign_seats": [one for one in licenses if one not in shown_licenses],
        "take_seats": [one for one in shown_licenses if one not in licenses],
    }
    try:
        _check_may(acts, roles + shown_roles, licenses + shown_licenses)
        with unit_of_work():
            service.change_holdings(member_id, **changes, activate="activate" in request.form, actor_id=acts.account.id)
    except Refusal as refusal:
        ticked = (roles, licenses)
        return show(entry_of(member_id), problem=refusal.message, status=refusal, ticked=ticked)
    if "activate" in request.form and was_contact:
        flash(_("%(name)s is set as Active.", name=entry.person.name), "success")
    else:
        flash(_("The changes are saved."), "success")
    return redirect(acts.address(f"people/{member_id}"), 303)


def _sent(name: str) -> list[str]:
    return list(dict.fromkeys(value[:36] for value in request.form.getlist(name)))[:500]
