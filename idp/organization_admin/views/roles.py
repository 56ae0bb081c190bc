"""*Roles*: what each one allows, who holds it, and what a change would do before it is saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired

from idp.kernel import language, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.forms import refuse, version_of
from idp.kernel.listing import read
from idp.kernel.refusal import Refusal
from idp.organizations import holdings, service
from idp.organizations.catalog import App, Privilege, current_catalog
from idp.organizations.models import Role
from idp.organizations.previews import Preview, preview_role
from idp.organizations.titles import role_title

from ..guard import acting, administrator
from . import blueprint

READERS = ("account:people.read", "account:roles.manage")
MANAGER = "account:roles.manage"


class RoleForm(FlaskForm):
    """A role's name; its privileges are the boxes beside it. `version`: of the role that the editor saw."""

    name = StringField(_l("Name"), [InputRequired(_l("Fill in this field."))], render_kw={"maxlength": 100})
    version = HiddenField()


@dataclass(frozen=True, slots=True)
class Choice:
    """One privilege as the form offers it. `beyond`: the administrator does not hold it, so it stays as it is."""

    privilege: Privilege
    chosen: bool
    beyond: bool = False

    @property
    def title(self) -> str:
        return self.privilege.title(language.shown())


@blueprint.get("/roles")
@administrator(*READERS)
def roles() -> ResponseReturnValue:
    """The organization's own roles and the system's."""
    acts = acting()
    listing = read(acts.address("roles"), request.args, sorts=("name",), filters={"kind": frozenset({"own", "system"})})
    page = holdings.roles_page(acts.organization, listing)
    return render_template("organization_admin/roles_list.html", page=page, listing=page.listing)


@blueprint.get("/roles/<role_id>")
@administrator(*READERS)
def role(role_id: str) -> ResponseReturnValue:
    """What one role allows, and who holds it."""
    acts, found = acting(), _visible(role_id)
    listing = read(acts.address(f"roles/{found.id}"), request.args, sorts=("name",))
    page = holdings.role_holders(acts.organization.id, found.id, listing)
    groups = [
        (app, [choice for choice in choices if choice.chosen])
        for app, choices in _choices(_held(found), everything=True)
    ]
    return render_template(
        "organization_admin/roles_role.html",
        role=found,
        title=role_title(found),
        groups=[(app, choices) for app, choices in groups if choices],
        page=page,
        listing=page.listing,
    )


@blueprint.route("/roles/new", methods=["GET", "POST"])
@administrator(MANAGER)
def role_new() -> ResponseReturnValue:
    """A new role, from nothing or from another one (`?from=`). Nobody holds it yet, so nothing has to be looked at."""
    form, acts = RoleForm(), acting()
    chosen = set(request.form.getlist("privileges"))
    if request.method == "GET" and (source := _named_in_address()):
        form.name.data = _("Copy of %(role)s", role=role_title(source))[:100]
        chosen = {choice.privilege.name for choice in _offered(_held(source)) if choice.chosen and not choice.beyond}
    if not form.validate_on_submit():
        return _form_page(form, chosen, 400 if form.errors else 200)
    try:
        with unit_of_work():
            made = service.create_role(acts.organization.id, form.name.data or "", chosen, actor_id=acts.account.id)
    except Refusal as refusal:
        refuse(form, refusal)
        return _form_page(form, chosen, refusal)
    flash(_("The role was made. Nobody has it yet."), "success")
    return redirect(acts.address(f"roles/{made.id}"), 303)


@blueprint.route("/roles/<role_id>/change", methods=["GET", "POST"])
@administrator(MANAGER)
def role_change(role_id: str) -> ResponseReturnValue:
    """Change name and privileges: the form, then what it would do, then the change.

    Who saves sends the mark of what was shown. Where that is no longer what would happen, it is shown anew.
    """
    found, acts = _own(role_id), acting()
    form = RoleForm(name=found.name, version=str(found.version))
    held = _held(found)
    if request.method != "POST":
        return _form_page(form, held, 200, found)
    chosen = set(request.form.getlist("privileges")) | {one.privilege.name for one in _beyond(held) if one.chosen}
    if not form.validate_on_submit() or "again" in request.form:
        return _form_page(form, chosen, 400 if form.errors else 200, found)
    refusal = None
    try:
        _check_name(form.name.data or "", found)
        preview = preview_role(found, _known(chosen))
        unchanged = chosen == held and form.version.data == str(found.version)
        if unchanged or preview.mark == request.form.get("mark"):
            with unit_of_work():
                service.change_role(
                    found.id,
                    name=form.name.data or "",
                    privileges=chosen,
                    version=version_of(form.version.data),
                    actor_id=acts.account.id,
                )
            flash(_("The role was changed."), "success")
            return redirect(acts.address(f"roles/{role_id}"), 303)
        if "mark" in request.form or form.version.data != str(found.version):
            refusal = _changed_meanwhile()
    except Refusal as no:
        refusal = no
    if refusal and refusal.field:
        refuse(form, refusal)
        return _form_page(form, chosen, refusal, _own(role_id))
    return _preview_page("roles_preview.html", form, role_id, refusal, chosen)


@blueprint.route("/roles/<role_id>/delete", methods=["GET", "POST"])
@administrator(MANAGER)
def role_delete(role_id: str) -> ResponseReturnValue:
    """Delete a role, after a look at who loses what."""
    found, acts = _own(role_id), acting()
    form = RoleForm(name=found.name, version=str(found.version))
    if request.method != "POST":
        return _preview_page("roles_delete.html", form, role_id, None, None)
    refusal: Refusal = _changed_meanwhile()
    if preview_role(found, None).mark == request.form.get("mark"):
        try:
            with unit_of_work():
                service.delete_role(found.id, version=version_of(form.version.data), actor_id=acts.account.id)
            flash(_("The role was deleted."), "success")
            return redirect(acts.address("roles"), 303)
        except Refusal as no:
            refusal = no
    return _preview_page("roles_delete.html", form, role_id, refusal, None)


# Looking up -----------------------------------------------------------------------------------------------------------


def _visible(role_id: str) -> Role:
    found = holdings.role_of(acting().organization, role_id)
    if found is None:
        raise Refusal("role_unknown", _("There is no such role."), status=404)
    return found


def _own(role_id: str) -> Role:
    found = _visible(role_id)
    if found.organization_id is None:
        raise Refusal("system_role", _("The system's roles can't be changed."), status=409)
    return found


def _named_in_address() -> Role | None:
    """The role that is copied; what is not there is nothing to copy."""
    source = request.args.get("from", "")
    return holdings.role_of(acting().organization, source) if source else None


def _held(role: Role) -> set[str]:
    return {entry.privilege for entry in role.privileges}


# What is offered ------------------------------------------------------------------------------------------------------


def _choices(chosen: Iterable[str], *, everything: bool = False) -> list[tuple[App, list[Choice]]]:
    """By app, the privileges that this organization's roles can have (or all), and which of them are chosen."""
    acts, catalog, names = acting(), current_catalog(), set(chosen)
    rights = service.rights_in(acts.organization.id, acts.account.id)
    beyond = set(rights.lack((name for app in catalog.apps.values() for name in app.privileges), catalog.apps))
    return [
        (
            app,
            [
                Choice(privilege, privilege.name in names, privilege.name in beyond)
                for privilege in app.privileges.values()
                if everything or privilege.reach == "organization" or acts.organization.kind == "self"
            ],
        )
        for app in catalog.apps.values()
    ]


def _offered(chosen: Iterable[str]) -> list[Choice]:
    return [choice for _app, choices in _choices(chosen) for choice in choices]


def _beyond(chosen: Iterable[str]) -> list[Choice]:
    """What this administrator can neither give nor take; the form can't be asked about it."""
    return [choice for choice in _offered(chosen) if choice.beyond]


def _known(chosen: set[str]) -> set[str]:
    catalog = current_catalog()
    if any(catalog.privilege(name) is None for name in chosen):
        raise Refusal("privilege_unknown", _("There is no such privilege."), field="privileges")
    return chosen


def _check_name(name: str, role: Role) -> None:
    """Say that a name is taken before anybody looks at consequences; the service decides."""
    if " ".join(name.split()) != role.name:
        service.free_role_name(name, acting().organization.id)


# Pages ----------------------------------------------------------------------------------------------------------------


def _changed_meanwhile() -> Refusal:
    return Refusal(
        "changed_meanwhile",
        _("Something changed while you were looking. This is what would happen now."),
        status=409,
    )


def _form_page(form: RoleForm, chosen: set[str], status: web.Status, role: Role | None = None) -> ResponseReturnValue:
    if role is not None:
        form.version.data = str(role.version)
    return web.page("organization_admin/roles_form.html", status, form=form, groups=_choices(chosen), role=role)


def _preview_page(
    template: str, form: RoleForm, role_id: str, refusal: Refusal | None, chosen: set[str] | None
) -> ResponseReturnValue:
    """What would happen, as the rows are now; a refusal of what was just tried, or would be, stands on top."""
    db.session.rollback()
    found = _own(role_id)
    form.version.data = str(found.version)
    preview: Preview = preview_role(found, chosen)
    threat = service.left_without(found, chosen)
    status: web.Status = 200
    if refusal and (threat is None or refusal.code != threat.code):
        status = refusal
        form.form_errors.append(refusal.message)
    if threat:
        status = threat
        form.form_errors.append(threat.message)
    return web.page(
        f"organization_admin/{template}", status, form=form, role=found, chosen=sorted(chosen or ()), preview=preview,
        apps=current_catalog().apps, may_save=threat is None,
    )  # fmt: skip
