"""The page behind a mailed invitation. GET and HEAD change nothing: mail scanners follow links.

The link was mailed to the invited address, so whoever opens it reads that mailbox: a new person creates the password in
the same step. An address that has an account is accepted by that account, signed in: a mail that was passed on, or a
mailbox that others read too, must not act for a person (security R28).
"""

from __future__ import annotations

from flask import Blueprint, redirect
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import current_user

from idp.accounts import passwords, policy
from idp.accounts import service as accounts
from idp.accounts.forms import ActivationForm, ConfirmForm
from idp.accounts.models import Account
from idp.kernel import continuation, language, opened, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal

from . import service
from .models import Invitation, Member

blueprint = Blueprint("organizations", __name__)

_STATUS = {
    "open": 200, "expired": 410, "accepted": 410, "withdrawn": 410, "replaced": 410, "unknown": 404, "full": 409,
    "there": 409,
}  # fmt: skip


@blueprint.route("/invitation/opened/<mark>", methods=["GET", "POST"])
def invitation_opened(mark: str) -> ResponseReturnValue:
    """The same without the link's secret in the address."""
    return invitation(opened.token_of(mark))


@blueprint.route("/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> ResponseReturnValue:
    """Who invites to what, and the form that accepts."""
    found = service.read_invitation(token)
    if found.state != "open" or found.invitation is None or found.member is None:
        return _dead(found.state)
    if opened.by_link():
        return opened.go_on("/invitation", token)
    account = _invited(found.member)
    if account is None:
        if _signed_in() is not None:
            return _add_or_leave(token, found.invitation, found.member)
        return _create(token, found.invitation, found.member)
    if _signed_in() == account.id:
        return _accept(token, found.invitation, found.member, account)
    return _sign_in_first(token, found.invitation, found.member)


def _signed_in() -> str | None:
    """The acting account's id. Sessions is a floor above, so Flask-Login, which it fills, is asked."""
    who = getattr(current_user, "account", None)
    return who.id if isinstance(who, Account) else None


def _sign_in_first(token: str, row: Invitation, member: Member) -> ResponseReturnValue:
    """The invited person has an account: explain, and lead through sign-in back to this page."""
    who = getattr(current_user, "account", None)
    if not ConfirmForm().validate_on_submit():
        return _page(row, member, ConfirmForm(), asks="another" if who else "sign_in", status=403 if who else 200)
    with unit_of_work():
        handle = continuation.begin(opened.keep("/invitation", token), {"login_hint": member.email})
    return redirect(f"/login/another?continue={handle}" if who else f"/login?continue={handle}", 303)


def _add_or_leave(token: str, row: Invitation, member: Member) -> ResponseReturnValue:
    """Nobody has the invited address yet, and somebody is signed in: it may be one more of theirs (DESIGN §3).

    Or it is somebody else's, who signs this person out first. The account page asks for a recent sign-in and adds it.
    """
    mark = opened.keep("/invitation", token).rpartition("/")[2]
    return _page(row, member, ConfirmForm(), asks="add", status=200, add=f"/account/emails/invited/{mark}")


def _invited(member: Member) -> Account | None:
    """Whose account the invitation is for: the member's own, or the one with the invited address."""
    if member.account_id is not None:
        return db.session.get(Account, member.account_id)
    return accounts.find_by_address(member.email or "")


def _accept(token: str, row: Invitation, member: Member, account: Account) -> ResponseReturnValue:
    form = ConfirmForm()
    if not form.validate_on_submit():
        return _page(row, member, form, asks="accept", status=400 if form.errors else 200)
    try:
        with unit_of_work():
            service.accept_invitation(token, account.id)
    except Refusal as refusal:
        return _refused(token, refusal)
    return redirect(_onward(member) or "/", 303)


def _onward(member: Member) -> str | None:
    """An Express guest goes on to the documents; everybody else has a way of its own."""
    return f"/invitation/accepted/{member.organization.slug}" if member.type == "express" else None


@blueprint.get("/invitation/accepted/<slug>")
def invitation_accepted(slug: str) -> ResponseReturnValue:
    """After an Express guest accepted: the way into Onix Express, where the documents are."""
    return web.page("organizations/accepted.html", supplier=service.supplier_called(slug, active=False))


def _create(token: str, row: Invitation, member: Member) -> ResponseReturnValue:
    form = ActivationForm()
    form.context = (member.email or "",)
    if not form.is_submitted():
        form.given_name.data, form.family_name.data = member.given_name, member.family_name
        form.language.data = member.language or language.shown()
    if not form.validate_on_submit():
        return _page(row, member, form, asks="create", status=400 if form.errors else 200)
    hashed = passwords.hash_password(form.password.data or "")
    try:
        with unit_of_work():
            account = accounts.create_account(
                address=member.email or "",
                given_name=form.given_name.data or "",
                family_name=form.family_name.data or "",
                password_hash=hashed,
                verified=True,
                locale=form.language.data,
                phone_number=policy.phone_number(form.phone_number.data),
            )
            service.accept_invitation(token, account.id)
    except Refusal as refusal:
        return _refused(token, refusal)
    cookie["login_hint"] = member.email
    cookie["language"] = form.language.data
    return redirect(_onward(member) or "/activated", 303)


def _refused(token: str, refusal: Refusal) -> ResponseReturnValue:
    """Two posts of one link give one success; the other is told what became of it."""
    if refusal.code in ("no_place_left", "already_member"):
        return _dead("full" if refusal.code == "no_place_left" else "there")
    state = service.read_invitation(token).state
    if state == "open" and refusal.code != "address_taken":
        raise refusal
    return _dead("accepted" if state == "open" else state)


def _page(
    row: Invitation,
    member: Member,
    form: ConfirmForm | ActivationForm,
    *,
    asks: str,
    status: web.Status,
    add: str | None = None,
) -> ResponseReturnValue:
    inviter = db.session.get(Account, row.invited_by) if row.invited_by else None
    return web.page(
        "organizations/invitation.html",
        status,
        form=form,
        asks=asks,
        add=add,
        signed_in=getattr(current_user, "account", None),
        organization=member.organization.name,
        company=member.company.name if member.company else None,
        inviter=inviter.name if inviter else None,
        address=member.email,
    )


def _dead(state: str) -> ResponseReturnValue:
    return web.page("organizations/dead_invitation.html", _STATUS[state], state=state)
