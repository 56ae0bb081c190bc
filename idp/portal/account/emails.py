"""E-mail addresses: add one after proof, choose the primary, remove one."""

from __future__ import annotations

from flask import flash, redirect
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp import sessions
from idp.accounts import service as accounts
from idp.accounts.forms import ConfirmForm, OwnAddressForm
from idp.accounts.models import Account
from idp.accounts.service import LinkState
from idp.kernel import continuation, language, opened, web
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.organizations import service as organizations
from idp.organizations.models import Invitation

from . import blueprint, owner

HERE = "/account/emails"


@blueprint.get("/emails")
@sessions.login_required
def emails() -> ResponseReturnValue:
    """The addresses, those that wait to be confirmed, and the form for one more."""
    return _page(OwnAddressForm(formdata=None, data=sessions.typed()))


@blueprint.post("/emails")
@sessions.recent_sign_in_required(back=HERE, keep=("address",))
def ask_for_address() -> ResponseReturnValue:
    """Mail a link to one more address. The answer is the same whoever's it is (R20)."""
    account, form = owner(), OwnAddressForm()
    if not form.validate_on_submit():
        return _page(form, 400)
    try:
        _ask(account, form.address.data or "")
    except Refusal as refusal:
        refuse(form, refusal)
        return _page(form, refusal)
    return redirect(HERE, 303)


def _ask(account: Account, typed: str) -> None:
    """Have a link mailed to this address. Raises `Refusal`."""
    accounts.own_address(account, typed)
    accounts.admit_address(account.id)
    if accounts.admit_mail(typed, "address"):
        with unit_of_work():
            accounts.request_address(account.id, typed, language.current())
    flash(_("A link is on its way to %(address)s. Open it while you are signed in.", address=typed.strip()), "success")


def _page(form: OwnAddressForm, status: web.Status = 200) -> ResponseReturnValue:
    account = owner()
    return web.page(
        "portal/account/emails.html",
        status,
        form=form,
        addresses=sorted(account.emails, key=lambda email: (not email.is_primary, email.created_at, email.id)),
        waiting=accounts.waiting(account.id),
    )


@blueprint.post("/emails/waiting/<proof_id>/forget")
@sessions.login_required
def forget_address(proof_id: str) -> ResponseReturnValue:
    """The person thought better of it: the mailed link is dead."""
    if ConfirmForm().validate_on_submit():
        with unit_of_work():
            accounts.forget_waiting(owner().id, proof_id=proof_id)
    return redirect(HERE, 303)


@blueprint.post("/emails/<address_id>/primary")
@sessions.recent_sign_in_required(back=HERE)
def choose_primary(address_id: str) -> ResponseReturnValue:
    """Mail goes there from now on."""
    if ConfirmForm().validate_on_submit():
        with unit_of_work():
            email = accounts.choose_primary(owner().id, address_id)
        flash(_("%(address)s is your primary address now.", address=email.address), "success")
    return redirect(HERE, 303)


@blueprint.post("/emails/<address_id>/remove")
@sessions.recent_sign_in_required(back=HERE)
def remove_address(address_id: str) -> ResponseReturnValue:
    """One address less."""
    if ConfirmForm().validate_on_submit():
        with unit_of_work():
            accounts.remove_address(owner().id, address_id)
        flash(_("The address is removed."), "success")
    return redirect(HERE, 303)


@blueprint.get("/emails/confirm/<token>")
def open_confirmation(token: str) -> ResponseReturnValue:
    """What was mailed: the link's secret leaves the address before anything else, also before signing in."""
    seen = accounts.read(token, "address")
    return opened.go_on("/account/emails/confirm", token) if seen.state == "open" else _dead(seen)


@blueprint.route("/emails/confirm/opened/<mark>", methods=["GET", "POST"])
@sessions.login_required
def confirm_address(mark: str) -> ResponseReturnValue:
    """Add the address to the account that asked for it; only that account, signed in, can."""
    account, token = owner(), opened.token_of(mark)
    seen = accounts.read(token, "address")
    if seen.proof is None or seen.state != "open":
        return _dead(seen)
    if seen.proof.account_id != account.id:
        with unit_of_work():
            handle = continuation.begin(f"/account/emails/confirm/opened/{mark}")
        return web.page("portal/account/emails_another.html", 403, account=account, handle=handle)
    form, address = ConfirmForm(), seen.proof.address
    if not form.validate_on_submit():
        status = 400 if form.errors else 200
        return web.page("portal/account/emails_confirm.html", status, form=form, account=account, address=address)
    try:
        with unit_of_work():
            email = accounts.add_address(token, account.id)
    except Refusal as refusal:
        if refusal.code.startswith("link_"):
            return _dead(accounts.read(token, "address"))
        return _refused(refusal, address)
    flash(_("%(address)s is yours now.", address=address), "success")
    invited = organizations.own_invitations(account.id)
    waits = any(one.member.email_normalized == email.normalized for one in invited)
    return redirect("/account/organizations" if waits else HERE, 303)


def _dead(seen: LinkState) -> ResponseReturnValue:
    status = accounts.link_refusal(seen.state).status
    return web.page("portal/account/emails_dead.html", status, state=seen.state, message=None)


def _refused(refusal: Refusal, address: str) -> ResponseReturnValue:
    said = {"state": "refused", "message": refusal.message, "address": address}
    return web.page("portal/account/emails_dead.html", refusal, **said)


@blueprint.route("/emails/invited/<mark>", methods=["GET", "POST"])
@sessions.recent_sign_in_required()
def add_invited(mark: str) -> ResponseReturnValue:
    """Ask for the address that an invitation was mailed to, which nobody has yet: a link of its own is mailed there.

    Having the invitation is no proof: whoever reads that mailbox may have passed it on, and an address of the account
    can choose its password.
    """
    account, token = owner(), opened.token_of(mark)
    found = organizations.read_invitation(token)
    invitation, member = found.invitation, found.member
    if found.state != "open" or invitation is None or member is None or not member.email:
        return redirect(f"/invitation/opened/{mark}", 303)
    if member.account_id is not None or accounts.find_by_address(member.email) is not None:
        return redirect(f"/invitation/opened/{mark}", 303)
    form = ConfirmForm()
    if not form.validate_on_submit():
        return _invited_page(form, invitation, 400 if form.errors else 200)
    try:
        _ask(account, member.email)
    except Refusal as refusal:
        form.form_errors.append(refusal.message)
        return _invited_page(form, invitation, refusal)
    return redirect(HERE, 303)


def _invited_page(form: ConfirmForm, invitation: Invitation, status: web.Status) -> ResponseReturnValue:
    member = invitation.member
    return web.page(
        "portal/account/emails_invited.html",
        status,
        form=form,
        account=owner(),
        address=member.email,
        organization=member.organization.name,
    )
