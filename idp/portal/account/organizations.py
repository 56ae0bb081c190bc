"""My organizations: where the person is a user, how things stand there, what each sees; invitations; leaving."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp import sessions
from idp.accounts import service as accounts
from idp.accounts.forms import ConfirmForm
from idp.kernel import clock, language, listing, web
from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import service
from idp.organizations.models import Member
from idp.organizations.people import Shown, own_records, shown_as
from idp.organizations.policy import MemberFacts, entitlement
from idp.organizations.sentences import explain
from idp.organizations.titles import edition_name, role_called

from . import blueprint, known_places, owner

HERE = "/account/organizations"


@dataclass(frozen=True, slots=True)
class Row:
    """One membership. `why`: what stands in its way, as a sentence; empty while it is in use.

    `licenses`: name and end (UTC seconds; None: no end) of those of which the person holds a seat. `seen`: what the
    organization sees of the person.
    """

    facts: MemberFacts
    member: Member
    why: str
    remedy: str
    roles: tuple[str, ...]
    licenses: tuple[tuple[str, int | None], ...]
    seen: Shown


@blueprint.get("/organizations")
@sessions.login_required
def my_organizations() -> ResponseReturnValue:
    """Open invitations, then each organization that the person may be told of."""
    account = owner()
    asked = listing.read(HERE, request.args, sorts=("name",))
    rows = _rows()
    pages = max(1, -(-len(rows) // listing.PAGE))
    asked = listing.Listing(asked.path, sort=asked.sort, page=min(asked.page, pages))
    first = (asked.page - 1) * listing.PAGE
    return render_template(
        "portal/account/organizations.html",
        page=listing.Page(asked, tuple(rows[first : first + listing.PAGE]), len(rows)),
        invitations=service.own_invitations(account.id),
        form=None,
    )


def _rows(member_id: str | None = None) -> list[Row]:
    """By organization's name; `member_id`: that one alone, where the person may be told of it."""
    account, now = owner(), clock.now()
    facts, places = known_places(account)
    members = [one for found in places.values() for one in found if member_id in (None, one.id)]
    records = own_records(account.id, [one.id for one in members])
    rows = []
    for one in members:
        if (record := records.get(one.id)) is None:
            continue
        verdict = entitlement(facts, one, None, now)
        words = None
        if verdict.code is not None:
            name = one.organization.name
            words = explain(
                verdict.code, verdict.detail, app_name=None, organization_name=name, language=language.shown()
            )
        rows.append(
            Row(
                one,
                record,
                words.cause if words else "",
                words.remedy if words else "",
                tuple(role_called(role.name, system=role.system) for role in one.roles),
                tuple((edition_name(held.edition), held.ends_at) for held in one.licenses if held.id in one.seats),
                shown_as(record, account),
            )
        )
    return sorted(rows, key=lambda row: (row.facts.organization.name.casefold(), row.facts.id))


@blueprint.route("/organizations/<member_id>/leave", methods=["GET", "POST"])
@sessions.recent_sign_in_required()
def leave_organization(member_id: str) -> ResponseReturnValue:
    """What goes with the membership, and its end. Coming back needs an administrator, so it is asked first."""
    row = next(iter(_rows(member_id)), None)
    if row is None:
        raise Refusal("member_unknown", _("You are not a user there."), status=404)
    form = ConfirmForm()
    if row.facts.status == "ended":
        return redirect(HERE, 303)
    if not form.validate_on_submit():
        return _leaving(row, form, 400 if form.errors else 200)
    try:
        with unit_of_work():
            service.leave(member_id, owner().id)
    except Refusal as refusal:
        form.form_errors.append(refusal.message)
        return _leaving(row, form, refusal)
    flash(_("You have left %(organization)s.", organization=row.facts.organization.name), "success")
    return redirect(HERE, 303)


def _leaving(row: Row, form: ConfirmForm, status: web.Status) -> ResponseReturnValue:
    return web.page("portal/account/organizations_leave.html", status, row=row, form=form)


@blueprint.post("/organizations/invitations/<invitation_id>/accept")
@sessions.login_required
def accept_invitation(invitation_id: str) -> ResponseReturnValue:
    """Accept without the mail: the account reads the mailbox that it went to."""
    if not ConfirmForm().validate_on_submit():
        return redirect(HERE, 303)
    with unit_of_work():
        member = service.accept_own_invitation(owner().id, invitation_id)
    flash(_("You are a user of %(organization)s now.", organization=member.organization.name), "success")
    return redirect(HERE, 303)


@blueprint.post("/organizations/invitations/<invitation_id>/resend")
@sessions.login_required
def resend_invitation(invitation_id: str) -> ResponseReturnValue:
    """Mail the invitation again; links mailed earlier die. Limited like every mail that people cause."""
    if not ConfirmForm().validate_on_submit():
        return redirect(HERE, 303)
    account = owner()
    member = service.own_invitation(account.id, invitation_id).member
    if accounts.admit_mail(member.email or account.id, "own"):
        with unit_of_work():
            service.resend_invitation(member.id, actor_id=account.id)
    flash(_("The invitation is on its way to %(address)s again.", address=member.email), "success")
    return redirect(HERE, 303)
