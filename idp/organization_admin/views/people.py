"""People: contacts and users of the organization in one list, a new one, and one by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from flask import flash, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict

from idp.accounts import addresses
from idp.accounts.forms import ConfirmForm
from idp.kernel import clock, language, listing
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import roster, service
from idp.organizations.catalog import current_catalog
from idp.organizations.models import License, Role

from ..guard import Administrator, acting, administrator
from ..people_forms import NewPersonForm, PersonForm
from . import blueprint

READ = ("account:people.read", "account:people.manage")
MANAGE = "account:people.manage"
ROLES = "account:roles.manage"
LICENSES = "account:licenses.manage"

STATES = {
    "contact": (_l("Contact only"), "plain"),
    "invited": (_l("Invited"), "late"),
    "invitation_expired": (_l("Invitation expired"), "wrong"),
    "active": (_l("Active"), "good"),
    "not_activated": (_l("Active, not activated yet"), "late"),
    "disabled": (_l("Disabled"), "wrong"),
    "ended": (_l("Ended"), "plain"),
    "inactive": (_l("Ended for inactivity"), "plain"),
}
"""A state's words, and the kind of label that it is shown as."""

TYPES = {
    "employee": _l("Employee"),
    "express": _l("Express user"),
    "bidder": _l("Bidder"),
    "consultant": _l("Consultant"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """A role or a license that can be ticked. `note` says what is left of it; `offered`: whether it can be given."""

    id: str
    name: str
    note: str = ""
    offered: bool = True


def role_name(role: Role) -> str:
    """A role as it is called in the reader's language."""
    known = current_catalog().roles.get(role.name) if role.organization_id is None else None
    return known.title(language.shown()) if known else role.name


def license_name(license_: License) -> str:
    """What was bought."""
    known = current_catalog().edition(license_.edition)
    return known[1].name if known else license_.edition


def role_options(roles: Iterable[Role]) -> list[Option]:
    return [Option(role.id, role_name(role)) for role in roles]


def license_options(
    licenses: Iterable[tuple[License, int]], member_type: str = "employee", held: Collection[str] = ()
) -> list[Option]:
    """The licenses of which a member of this type needs a seat, with what is left; ended ones only where `held`."""
    now, options = clock.now(), []
    for license_, number in licenses:
        app = current_catalog().apps.get(license_.app_id)
        if app is None or app.license_step[member_type] != "seat":
            continue
        left = max(license_.seats - number, 0)
        ended = _ended(license_)
        if ended and license_.id not in held:
            continue
        if ended:
            note = _("ended %(date)s", date=language.on_date(license_.ends_at or 0))
        elif license_.starts_at > now:
            note = _("starts %(date)s", date=language.on_date(license_.starts_at))
        else:
            note = ngettext("%(num)s of %(seats)s left", "%(num)s of %(seats)s left", left, seats=license_.seats)
        options.append(Option(license_.id, license_name(license_), note, offered=left > 0 and not ended))
    return options


def reads_list(
    path: str, arguments: Any, roles: Iterable[Role], licenses: Iterable[tuple[License, int]]
) -> listing.Listing:
    """The list of people that an address asks for."""
    allowed = roster.filters(roles, [license_ for license_, _held in licenses])
    return listing.read(path, arguments, sorts=roster.SORTS, filters=allowed)


@blueprint.app_template_filter("role_name")
def _role_name(role: Role) -> str:
    return role_name(role)


@blueprint.app_template_filter("license_name")
def _license_name(license_: License) -> str:
    return license_name(license_)


@blueprint.get("/people")
@administrator(*READ)
def people() -> ResponseReturnValue:
    """Contacts and users in one list."""
    return show_list(request.args)


def show_list(arguments: Any, problem: str | None = None, status: int = 200, **kept: Any) -> ResponseReturnValue:
    """The list, with what went wrong on top and what was chosen kept."""
    acts, now = acting(), clock.now()
    roles, licenses = roster.roles_of(acts.organization), roster.licenses_of(acts.organization.id)
    wanted = reads_list(acts.address("people"), arguments, roles, licenses)
    page = render_template(
        "organization_admin/people_list.html",
        page=roster.page(acts.organization.id, wanted, now),
        filters=_filters(roles, licenses),
        choices=many_choices(acts, roles, licenses),
        may_manage=acts.may(MANAGE),
        problem=problem,
        kept=kept,
        form=ConfirmForm(),
        **_words(),
    )
    return make_response(page, status)


def _words() -> dict[str, Any]:
    return {"STATES": STATES, "TYPES": TYPES, "LANGUAGES": language.LANGUAGES}


def _filters(roles: Iterable[Role], licenses: Iterable[tuple[License, int]]) -> list[tuple[str, str, list[Any]]]:
    options = []
    for license_, _held in licenses:
        name, ended = license_name(license_), _("ended %(date)s", date=language.on_date(license_.ends_at or 0))
        options.append((license_.id, f"{name}, {ended}" if _ended(license_) else name))
    return [
        ("state", _("State"), [(name, words) for name, (words, _kind) in STATES.items()]),
        ("type", _("Type"), list(TYPES.items())),
        ("role", _("Role"), [(roster.NONE, _("No role")), *((role.id, role_name(role)) for role in roles)]),
        ("license", _("License"), [(roster.NONE, _("No license")), *options]),
    ]


def _ended(license_: License) -> bool:
    return license_.ends_at is not None and license_.ends_at <= clock.now()


STATE_ACTIONS = {
    "activate": _l("Set as Active"),
    "contact": _l("Set as Contact only"),
    "invite": _l("Invite"),
    "disable": _l("Disable"),
    "enable": _l("Enable"),
    "end": _l("End the membership"),
}


def many_choices(
    acts: Administrator,
    roles: Iterable[Role],
    licenses: Collection[tuple[License, int]],
    *,
    all_licenses: bool = False,
) -> list[tuple[str, list[tuple[str, Any]]]]:
    """What can be done with many at once, in groups: only what the administrator may do.

    `all_licenses`: those too of which nothing is left to assign, for the words.
    """
    if not acts.may(MANAGE):
        return []
    groups: list[tuple[str, list[tuple[str, Any]]]] = [(_("State"), list(STATE_ACTIONS.items()))]
    if acts.may(ROLES):
        names = [(role.id, role_name(role)) for role in roles]
        groups.append((_("Assign a role"), [(f"assign_role:{role_id}", name) for role_id, name in names]))
        groups.append((_("Take a role back"), [(f"take_role:{role_id}", name) for role_id, name in names]))
    if acts.may(LICENSES):
        options = license_options(licenses, held={license_.id for license_, number in licenses if number})
        for title, verb in ((_("Assign a license"), "assign_seat"), (_("Take a license back"), "take_seat")):
            choices = [
                (f"{verb}:{one.id}", f"{one.name} ({one.note})")
                for one in options
                if one.offered or all_licenses or verb == "take_seat"
            ]
            groups.append((title, choices))
    return [(title, choices) for title, choices in groups if choices]


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
    page = render_template(
        "organization_admin/people_new.html",
        form=form,
        known=known,
        roles=role_options(roster.roles_of(acts.organization)) if acts.may(ROLES) else [],
        licenses=license_options(roster.licenses_of(acts.organization.id)) if acts.may(LICENSES) else [],
        **_words(),
    )
    return make_response(page, 400 if form.errors else 200)


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
        form.refuse(refusal)
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
    return _show(_entry(member_id))


def _entry(member_id: str) -> roster.Entry:
    found = roster.find(acting().organization.id, member_id, clock.now())
    if found is None:
        raise Refusal("member_unknown", _("There is no such person."), status=404)
    return found


def _show(
    entry: roster.Entry,
    form: PersonForm | None = None,
    *,
    problem: Any = None,
    status: int = 200,
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
    page = render_template(
        "organization_admin/people_person.html",
        entry=entry,
        form=form,
        problem=problem,
        known=known,
        stored=stored,
        roles=role_options(roles),
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
        **_words(),
    )
    return make_response(page, status)


def _explained(entry: roster.Entry) -> str:
    """What the state means, in a sentence."""
    date = language.on_date(entry.invited_until) if entry.invited_until else ""
    sentences: dict[str, str] = {
        "contact": _("A contact: person information only. Invite the person, or set it as Active."),
        "invited": _("Invited until %(date)s. The person becomes Active by accepting.", date=date),
        "invitation_expired": _("The invitation expired on %(date)s.", date=date),
        "active": _("Active: roles and licenses decide which apps open."),
        "not_activated": _("Active, but not activated yet: the person has a mail with a link that makes the account."),
        "disabled": _("Disabled: no app opens. Roles and licenses are kept, so enabling brings everything back."),
        "ended": _("The membership is ended."),
        "inactive": _("The membership ended because the person had not signed in for a year."),
    }
    return sentences[entry.state]


@blueprint.post("/people/<member_id>")
@administrator(MANAGE)
def edit_person(member_id: str) -> ResponseReturnValue:
    """Change what the organization typed. Whoever saves second is told, and keeps what was typed."""
    acts, entry, form = acting(), _entry(member_id), PersonForm()
    if not form.validate():
        return _show(entry, form, status=400)
    version = form.version.data or ""
    try:
        with unit_of_work():
            service.edit_member(
                member_id,
                **form.person,
                version=int(version) if version.isascii() and version.isdecimal() and len(version) < 12 else 0,
                actor_id=acts.account.id,
            )
    except Refusal as refusal:
        form.refuse(refusal)
        entry, changed = _entry(member_id), refusal.code == "changed_meanwhile"
        if changed:
            form.version.data = form.version.raw_data = None
            form.version.data = str(entry.member.version)
        known = _same_person(acts, form, member_id) if refusal.code == "already_member" else None
        return _show(entry, form, status=refusal.status, known=known, stored=changed)
    flash(_("The changes are saved."), "success")
    return redirect(acts.address(f"people/{member_id}"), 303)


@blueprint.post("/people/<member_id>/state")
@administrator(MANAGE)
def person_state(member_id: str) -> ResponseReturnValue:
    """One button: set Active or Contact only, disable, enable, end, invite, resend, withdraw."""
    acts, entry = acting(), _entry(member_id)
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
        return _show(entry, problem=_("Choose what to do."), status=400)
    try:
        with unit_of_work():
            verb(member_id, actor_id=acts.account.id)
    except Refusal as refusal:
        db.session.rollback()
        return _show(_entry(member_id), problem=refusal.message, status=refusal.status)
    flash(str(said) % {"name": entry.person.name}, "success")
    return redirect(acts.address(f"people/{member_id}"), 303)


@blueprint.post("/people/<member_id>/holdings")
@administrator(MANAGE)
def person_holdings(member_id: str) -> ResponseReturnValue:
    """Assign and take roles and licenses in one act; a contact is set as Active in the same act.

    The form sends what it showed as held beside what is ticked, so that only what this administrator changed changes.
    """
    acts, entry = acting(), _entry(member_id)
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
        db.session.rollback()
        ticked = (roles, licenses)
        return _show(_entry(member_id), problem=refusal.message, status=refusal.status, ticked=ticked)
    if "activate" in request.form and was_contact:
        flash(_("%(name)s is set as Active.", name=entry.person.name), "success")
    else:
        flash(_("The changes are saved."), "success")
    return redirect(acts.address(f"people/{member_id}"), 303)


def _sent(name: str) -> list[str]:
    return list(dict.fromkeys(value[:36] for value in request.form.getlist(name)))[:500]
