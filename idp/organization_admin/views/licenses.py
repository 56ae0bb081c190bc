"""*Licenses*: what the organization bought, who holds it, and assigning it to people and taking it back."""

from __future__ import annotations

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf import FlaskForm

from idp.kernel import clock, web
from idp.kernel.database import unit_of_work
from idp.kernel.listing import PAGE, read
from idp.kernel.refusal import Refusal
from idp.organizations import holdings, roster, service
from idp.organizations.holdings import LICENSE_STATES, LicenseInUse, Person

from ..guard import acting, administrator
from . import blueprint

READERS = ("account:licenses.read", "account:licenses.manage")
MANAGER = "account:licenses.manage"


class PeopleForm(FlaskForm):
    """Boxes beside people: `members`, their ids."""


@blueprint.get("/licenses")
@administrator(*READERS)
def licenses() -> ResponseReturnValue:
    """What the organization bought."""
    acts = acting()
    listing = read(acts.address("licenses"), request.args, sorts=("app",), filters={"state": LICENSE_STATES})
    page = holdings.licenses_page(acts.organization.id, listing, clock.now())
    states = [(state, words) for state, (words, _kind) in LICENSE_STATES.items()]
    return render_template(
        "organization_admin/licenses_list.html",
        page=page,
        listing=page.listing,
        choices=[(None, _("All licenses")), *states],
        **_shared(),
    )


@blueprint.get("/licenses/<license_id>")
@administrator(*READERS)
def license_page(license_id: str) -> ResponseReturnValue:
    """One license and who holds it."""
    return _license_page(_found(license_id))


@blueprint.post("/licenses/<license_id>/take-back")
@administrator(MANAGER)
def license_take_back(license_id: str) -> ResponseReturnValue:
    """Take the license back from one person."""
    acts, found, member_id = acting(), _found(license_id), request.form.get("member", "")
    try:
        with unit_of_work():
            service.unassign_seat(found.license.id, member_id, actor_id=acts.account.id)
    except Refusal as refusal:
        return _license_page(_found(license_id), refusal)
    if entry := roster.find(acts.organization.id, member_id, clock.now()):
        flash(_("The license was taken back from %(name)s.", name=entry.person.name), "success")
    return redirect(acts.address(f"licenses/{license_id}"), 303)


@blueprint.route("/licenses/<license_id>/assign", methods=["GET", "POST"])
@administrator(MANAGER)
def license_assign(license_id: str) -> ResponseReturnValue:
    """Choose people who get the license. Whoever can't be given it stays chosen, with the reason."""
    acts, found = acting(), _found(license_id)
    form = PeopleForm()
    members = list(dict.fromkeys(request.form.getlist("members")))[:PAGE]
    if not form.validate_on_submit():
        return _assign_page(found, form, 400 if form.errors else 200)
    if not members:
        form.form_errors.append(_("Choose at least one person."))
        return _assign_page(found, form, 400)
    with unit_of_work():
        refused = service.assign_seats(found.license.id, members, actor_id=acts.account.id)
    given = len(members) - len(refused)
    if given:
        flash(ngettext("%(num)s person got the license.", "%(num)s people got the license.", given), "success")
    if not refused:
        return redirect(acts.address(f"licenses/{license_id}"), 303)
    return _assign_page(_found(license_id), form, 409, refused)


def _found(license_id: str) -> LicenseInUse:
    found = holdings.license_of(acting().organization.id, license_id)
    if found is None:
        raise Refusal("license_unknown", _("There is no such license."), status=404)
    return found


def _shared() -> dict[str, object]:
    """What every page of the section shows."""
    return {
        "states": LICENSE_STATES,
        "now": clock.now(),
        "seller": holdings.seller(),
        "may_assign": acting().may(MANAGER),
    }


def _license_page(found: LicenseInUse, refusal: Refusal | None = None) -> ResponseReturnValue:
    form = PeopleForm()
    if refusal:
        form.form_errors.append(refusal.message)
    address = acting().address(f"licenses/{found.license.id}")
    page = holdings.license_holders(found.license, read(address, request.args, sorts=("name",)))
    return web.page(
        "organization_admin/licenses_license.html", refusal or 200,
        found=found, page=page, listing=page.listing, form=form, **_shared(),
    )  # fmt: skip


def _assign_page(
    found: LicenseInUse, form: PeopleForm, status: web.Status, refused: dict[str, Refusal] | None = None
) -> ResponseReturnValue:
    """The people to choose from, and with each who can't be chosen why. Refused ones stay chosen."""
    address, refused = acting().address(f"licenses/{found.license.id}/assign"), refused or {}
    page = holdings.without_license(found.license, read(address, request.values, sorts=("name",)))
    now = clock.now()

    def why_not(person: Person) -> Refusal | None:
        return service.why_no_seat(found.license, person.member, now)

    for reason in dict.fromkeys(str(refusal.message) for refusal in refused.values()):
        form.form_errors.append(reason)
    return web.page(
        "organization_admin/licenses_assign.html", status,
        found=found, page=page, listing=page.listing, form=form, refused=refused, why_not=why_not, **_shared(),
    )  # fmt: skip
