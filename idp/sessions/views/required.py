"""What stands between a sign-in and everything else."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from idp.accounts import service as accounts
from idp.kernel import language
from idp.kernel.continuation import Continuation
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal

from .. import service
from ..forms import ChangePasswordForm, ConfirmForm
from ..own_password import change_own_password
from . import blueprint, onward, page, read_continuation, with_handle


@blueprint.route("/login/required", methods=["GET", "POST"])
def required() -> ResponseReturnValue:
    """What the person must do before anything else is given: keep an account that is closing, prove the mailbox, change
    the first password."""
    handle, waiting = read_continuation()
    who = service.actor()
    if who is None:
        return redirect(with_handle("/login", handle), 303)
    action = accounts.required_action(who.account)
    if action is None:
        return onward(handle, waiting)
    context = waiting.context if waiting else {}
    if action == "closing":
        return _required_closing(who, handle, waiting)
    if action == "mailbox":
        return _required_mailbox(who, handle, context)
    return _required_password(who, handle, waiting)


@blueprint.get("/login/keep/<token>")
def keep(token: str) -> ResponseReturnValue:
    """What the mails about a closing account lead to: the sign-in with the e-mail filled in, then the one press that
    keeps the account. Whoever is signed in as it already is there at once; where somebody else is, nothing is filled
    in. Changes nothing."""
    account, who = accounts.account_to_keep(token), service.actor()
    if account is None or account.email is None:
        return redirect("/login", 303)
    if who is not None and who.account.id != account.id:
        return redirect("/login/another", 303)
    cookie["login_hint"] = account.email.address
    return redirect("/login/required" if who is not None else "/login", 303)


def _required_closing(who: service.Actor, handle: str | None, waiting: Continuation | None) -> ResponseReturnValue:
    """The account closes soon: the person keeps it, or leaves."""
    form = ConfirmForm()
    if not form.validate_on_submit():
        return page("required_closing", 400 if form.errors else 200, form=form, handle=handle, account=who.account)
    with unit_of_work():
        accounts.keep_account(who.account.id)
    flash(_l("Your account stays open."), "success")
    return onward(handle, waiting)


def _required_mailbox(who: service.Actor, handle: str | None, context: dict[str, Any]) -> ResponseReturnValue:
    form = ConfirmForm()
    email = who.account.email
    address = email.address if email else None
    sent = False
    if form.validate_on_submit():
        sent = True
        account = who.account
        if address and accounts.admit_mail(address, "own"):
            with unit_of_work():
                accounts.request_mailbox_proof(account, language.current())
    return page(
        "required_mailbox",
        400 if form.errors else 200,
        form=form,
        handle=handle,
        context=context,
        address=address,
        sent=sent,
    )


def _required_password(who: service.Actor, handle: str | None, waiting: Continuation | None) -> ResponseReturnValue:
    form = ChangePasswordForm()
    account = who.account
    form.context = (account.identifier, account.given_name, account.family_name)
    context = waiting.context if waiting else {}
    shown: dict[str, Any] = {"form": form, "handle": handle, "context": context, "address": account.identifier}
    if not form.validate_on_submit():
        return page("required_password", 400 if form.errors else 200, **shown)
    old, new, path = form.current_password.data or "", form.password.data or "", waiting.path if waiting else None
    try:
        change_own_password(account, old, new, address=request.remote_addr or "", path=path)
    except Refusal as refusal:
        refuse(form, refusal)
        return page("required_password", refusal, **shown)
    return onward(handle, waiting)
