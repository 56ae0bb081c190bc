"""The section Organizations: make one with its first administrator, rename it, sell it licenses, suspend and resume."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from idp.kernel import web
from idp.kernel.database import db, unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.records import Field, Right, Scope, Table
from idp.kernel.refusal import Refusal
from idp.organizations import records as tables
from idp.organizations import service
from idp.organizations.models import Organization
from idp.organizations.titles import edition_name

from ..forms import form_of, typed
from ..guard import ADMIN, LICENSES, acting, platform, scope_of
from ..listed import listed
from . import blueprint

PATH = "/admin/organizations"
ADMINISTERS, SELLS = Right(frozenset({ADMIN})), Right(frozenset({LICENSES}))
_LIST: Table = tables.ORGANIZATION

ADMINISTRATOR = (
    Field(
        "email",
        _l("E-mail of the administrator"),
        kind="email",
        required=True,
        hint=_l("The person is mailed the welcome, and administers the organization after activation."),
        longest=254,
    ),
    Field("given_name", _l("First name"), required=True, longest=100),
    Field("family_name", _l("Last name"), required=True, longest=100),
)
NEW = (*_LIST.fields_on("add"), *ADMINISTRATOR)
RENAMED = _LIST.fields_on("edit")
SOLD = tuple(one for one in tables.LICENSE.fields_on("add") if one.name != "organization")


def _page(name: str, status: web.Status = 200, **values: Any) -> ResponseReturnValue:
    return web.page(f"platform/{name}.html", status, **values)


@blueprint.get("/organizations")
@platform(ADMIN, LICENSES)
def list_organizations() -> ResponseReturnValue:
    """All organizations."""
    found = listed(_LIST, Scope(), PATH)
    return _page(
        "organizations_list",
        table=_LIST,
        page=found,
        listing=found.listing,
        filters=[(one.name, one.label, one.choices()) for one in _LIST.filters],
        may_add=acting().may(ADMIN),
    )


@blueprint.route("/organizations/add", methods=["GET", "POST"])
@platform(ADMIN)
def add_organization() -> ResponseReturnValue:
    """Make an organization and its first administrator in one act."""
    form = form_of(NEW, Scope())
    if not form.validate_on_submit():
        return _page("organizations_add", 400 if form.errors else 200, form=form, fields=NEW)
    values, actor_id = typed(form, NEW), acting().account.id
    try:
        with unit_of_work():
            made = service.create_organization(
                values["slug"],
                values["name"],
                organization_number=values["organization_number"],
                actor_id=actor_id,
            )
            service.add_administrator(
                made.id,
                email=values["email"],
                given_name=values["given_name"],
                family_name=values["family_name"],
                actor_id=actor_id,
            )
    except Refusal as refusal:
        refuse(form, refusal, address="email")
        return _page("organizations_add", refusal, form=form, fields=NEW)
    flash(_("%(name)s was added, and its administrator was told.", name=made.name), "success")
    return redirect(f"{PATH}/{made.id}", 303)


def _organization(organization_id: str) -> tables.Place:
    found = db.session.get(Organization, organization_id[:36], populate_existing=True)
    if found is None:
        abort(404)
    return tables.place_rows([found])[0]


def _shown(organization_id: str, status: web.Status = 200, **forms: Any) -> ResponseReturnValue:
    """The page of one organization; the form that was refused stands in it as it was typed."""
    row = _organization(organization_id)
    forms = {
        "rename": form_of(RENAMED, Scope(), _LIST.values(row)),
        "administrator": form_of(ADMINISTRATOR, Scope()),
        "sell": form_of(SOLD, Scope()),
        **forms,
    }
    return _page(
        "organizations_one",
        status,
        row=row,
        facts=_LIST.facts(row),
        licenses=tables.licenses_of(organization_id),
        administrators=[account.name for account in service.administrators_of(organization_id)],
        awaited=[member.name for member in service.awaited_administrators_of(organization_id)],
        fields={"rename": RENAMED, "administrator": ADMINISTRATOR, "sell": SOLD},
        forms=forms,
        form=next((one for one in forms.values() if one.errors), None),
        actions=[one for one in (tables.SUSPEND, tables.RESUME) if scope_of(one.right) and one.shown(row)],
        may_administer=acting().may(ADMIN),
        may_sell=acting().may(LICENSES),
    )


@blueprint.get("/organizations/<organization_id>")
@platform(ADMIN, LICENSES)
def show_organization(organization_id: str) -> ResponseReturnValue:
    """One organization: who administers it, what it has bought, and what can be done."""
    return _shown(organization_id)


@blueprint.post("/organizations/<organization_id>/name")
@platform(ADMIN)
def rename_organization(organization_id: str) -> ResponseReturnValue:
    """Another name or number."""

    def rename(values: dict[str, Any]) -> str:
        service.change_organization(
            organization_id,
            name=values["name"],
            organization_number=values["organization_number"],
            version=values["version"],
            actor_id=acting().account.id,
        )
        return str(_("Saved."))

    return _done(organization_id, "rename", RENAMED, rename)


@blueprint.post("/organizations/<organization_id>/administrators")
@platform(ADMIN)
def add_administrator(organization_id: str) -> ResponseReturnValue:
    """One administrator more."""

    def add(values: dict[str, Any]) -> str:
        member = service.add_administrator(
            organization_id,
            email=values["email"],
            given_name=values["given_name"],
            family_name=values["family_name"],
            actor_id=acting().account.id,
        )
        return str(_("%(name)s administers the organization after signing in.", name=member.name))

    return _done(organization_id, "administrator", ADMINISTRATOR, add)


@blueprint.post("/organizations/<organization_id>/licenses")
@platform(LICENSES)
def sell_license(organization_id: str) -> ResponseReturnValue:
    """Sell an edition."""

    def sell(values: dict[str, Any]) -> str:
        sold = service.sell_license(
            organization_id,
            values["edition"],
            values["seats"],
            values["starts_at"],
            values["ends_at"],
            actor_id=acting().account.id,
        )
        return str(_("%(license)s was sold.", license=edition_name(sold.edition)))

    return _done(organization_id, "sell", SOLD, sell)


def _done(organization_id: str, name: str, fields: tuple[Field, ...], act: Any) -> ResponseReturnValue:
    """Read one of the page's forms, act, and come back to the page."""
    _organization(organization_id)
    form = form_of(fields, Scope())
    if not form.validate_on_submit():
        return _shown(organization_id, 400, **{name: form})
    try:
        values = typed(form, fields)
        with unit_of_work():
            said = act(values)
    except Refusal as refusal:
        refuse(form, refusal, address="email")
        return _shown(organization_id, refusal, **{name: form})
    flash(said, "success")
    return redirect(f"{PATH}/{organization_id}", 303)
