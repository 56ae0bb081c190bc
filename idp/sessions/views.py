"""Signing in and out, and what stands between a sign-in and everything else."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, request
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from idp.accounts import service as accounts
from idp.accounts.credentials import passkeys
from idp.accounts.credentials.methods import methods_of
from idp.kernel import continuation, language, web
from idp.kernel.continuation import Continuation
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal

from . import ceremony, guard, second_step, service
from .forms import AgainForm, ChangePasswordForm, ConfirmForm, LoginForm
from .own_password import change_own_password

blueprint = Blueprint("sessions", __name__)


def read_continuation() -> tuple[str | None, Continuation | None]:
    """The handle to carry on and what it stands for; a foreign or expired one is as good as none.

    Lets the page's forms end at the one validated origin that the waiting request leads to (security P23).
    """
    handle = request.values.get("continue")
    found = continuation.find(handle)
    if found is None:
        return None, None
    if found.context.get("form_action"):
        web.allow_form_action(str(found.context["form_action"]))
    if found.context.get("logo_uri"):
        web.allow_image(str(found.context["logo_uri"]))
    return handle, found


def with_handle(path: str, handle: str | None) -> str:
    return f"{path}?continue={handle}" if handle else path


def onward(handle: str | None, waiting: Continuation | None) -> ResponseReturnValue:
    """Required actions first, then back to where the person came from; 303, so no password is posted on (R09)."""
    who = service.actor()
    if who is not None and accounts.required_action(who.account) is not None:
        return redirect(with_handle("/login/required", handle), 303)
    if waiting is not None and waiting.context.get(guard.TYPED):
        return redirect(with_handle(waiting.path, handle), 303)
    return redirect(waiting.path if waiting else "/", 303)


def page(name: str, status: int = 200, retry_after: int | None = None, **values: Any) -> ResponseReturnValue:
    return web.page(f"sessions/{name}.html", status, retry_after, **values)


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """The sign-in page."""
    handle, waiting = read_continuation()
    who = service.actor()
    if request.method == "GET" and who is not None and waiting is None:
        return onward(None, None)
    form = LoginForm()
    if request.method == "GET":
        form.identifier.data = _known_as(waiting, who)
    if not form.validate_on_submit():
        return login_page(form, handle, waiting, 400 if form.errors else 200)
    typed = form.identifier.data or ""
    path = waiting.path if waiting else None
    try:
        found = ceremony.authenticate(typed, form.password.data or "", request.remote_addr or "")
        if isinstance(found, Refusal):
            raise found
        with unit_of_work():
            entered = second_step.enter(found, path=path, identifier=typed)
    except Refusal as refusal:
        form.form_errors.append(refusal.message)
        return login_page(form, handle, waiting, refusal.status, refusal.retry_after)
    cookie.pop("login_hint", None)
    return onward(handle, waiting) if entered else redirect(with_handle("/login/code", handle), 303)


def _known_as(waiting: Continuation | None, who: service.Actor | None) -> str:
    """The e-mail to fill in: what the application says, whoever is signed in, or who just activated."""
    if waiting and waiting.context.get("login_hint"):
        return str(waiting.context["login_hint"])
    if who is not None and who.account.email is not None:
        return who.account.email.address
    return str(cookie.get("login_hint") or "")


def login_page(
    form: LoginForm,
    handle: str | None,
    waiting: Continuation | None,
    status: int,
    retry_after: int | None = None,
    *,
    gone: str | None = None,
) -> ResponseReturnValue:
    """The sign-in page. `gone`: the id of a passkey that was shown and is not registered (any more)."""
    return page(
        "login",
        status,
        retry_after,
        form=form,
        handle=handle,
        context=waiting.context if waiting else {},
        ended=None if form.is_submitted() else service.ended_here(),
        demo_people=current_app.extensions.get("onix_demo_people"),
        gone={"rpId": passkeys.rp_id(), "credentialId": gone} if gone else None,
    )


@blueprint.route("/login/choose", methods=["GET", "POST"])
def choose() -> ResponseReturnValue:
    """`prompt=select_account`: go on as the signed-in person, or sign in as another."""
    handle, waiting = read_continuation()
    who = service.actor()
    if who is None:
        return redirect(with_handle("/login", handle), 303)
    form = ConfirmForm()
    if not form.validate_on_submit():
        return page(
            "choose",
            400 if form.errors else 200,
            form=form,
            handle=handle,
            context=waiting.context if waiting else {},
            account=who.account,
        )
    if request.form.get("as") == "another":
        return redirect(with_handle("/login/another", handle), 303)
    with unit_of_work():
        service.confirm_account(waiting.path if waiting else None)
    return onward(handle, waiting)


@blueprint.route("/login/another")
def another() -> ResponseReturnValue:
    """The sign-in page for somebody else: nothing filled in. The present session ends when the other one begins."""
    handle, waiting = read_continuation()
    return login_page(LoginForm(formdata=None), handle, waiting, 200)


@blueprint.route("/login/again", methods=["GET", "POST"])
def again() -> ResponseReturnValue:
    """The signed-in person shows once more that it is they, before something that a found browser must not do (R27)."""
    handle, waiting = read_continuation()
    who = service.actor()
    if who is None:
        return redirect(with_handle("/login", handle), 303)
    form = AgainForm()
    identifier = who.account.identifier
    if not form.validate_on_submit():
        return again_page(form, handle, who, 400 if form.errors else 200)
    try:
        found = ceremony.authenticate(identifier, form.password.data or "", request.remote_addr or "")
        if isinstance(found, Refusal):
            form.password.errors = [_l("The password is wrong.")]
            return again_page(form, handle, who, found.status)
        with unit_of_work():
            path = waiting.path if waiting else None
            entered = second_step.enter(found, path=path, identifier=identifier, again=True)
    except Refusal as refusal:
        form.form_errors.append(refusal.message)
        return again_page(form, handle, who, refusal.status, refusal.retry_after)
    return onward(handle, waiting) if entered else redirect(with_handle("/login/code", handle), 303)


def again_page(
    form: AgainForm, handle: str | None, who: service.Actor, status: int, retry_after: int | None = None
) -> ResponseReturnValue:
    """Asks for whichever proof the account has: its password, or one of its passkeys."""
    return page(
        "again",
        status,
        retry_after,
        form=form,
        handle=handle,
        account=who.account,
        address=who.account.identifier,
        methods=methods_of(who.account.id),
    )


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
        return page("required_password", refusal.status, refusal.retry_after, **shown)
    return onward(handle, waiting)


@blueprint.route("/logout", methods=["GET", "POST"])
def logout() -> ResponseReturnValue:
    """Sign out: GET asks, POST does it."""
    form = ConfirmForm()
    who = service.actor()
    if who is not None and not form.validate_on_submit():
        return page("logout", 400 if form.errors else 200, form=form, account=who.account)
    if who is not None:
        with unit_of_work():
            service.sign_out()
    if request.method == "POST":
        return redirect("/logout", 303)
    return page("signed_out", form=None)


# Their views stand on the same blueprint.
from . import factor_views as factor_views  # noqa: E402
