"""Signing in and out, and what stands between a sign-in and everything else."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, make_response, redirect, render_template, request
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from idp.accounts import service as accounts
from idp.kernel import continuation, language, web
from idp.kernel.continuation import Continuation
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal

from . import ceremony, guard, service
from .forms import AgainForm, ChangePasswordForm, ConfirmForm, LoginForm
from .own_password import change_own_password

blueprint = Blueprint("sessions", __name__)


def _continuation() -> tuple[str | None, Continuation | None]:
    """The handle to carry on and what it stands for; a foreign or expired one is as good as none.

    Lets the page's forms end at the one validated origin that the waiting request leads to (security P23).
    """
    handle = request.values.get("continue")
    found = continuation.find(handle)
    if found is None:
        return None, None
    for origin in _origins(found.context):
        web.allow_form_action(origin)
    if found.context.get("logo_uri"):
        web.allow_image(str(found.context["logo_uri"]))
    return handle, found


def _origins(context: dict[str, Any]) -> list[str]:
    named = context.get("form_action") or []
    return [named] if isinstance(named, str) else [str(one) for one in named]


def _with(path: str, handle: str | None) -> str:
    return f"{path}?continue={handle}" if handle else path


def _onward(handle: str | None, waiting: Continuation | None) -> ResponseReturnValue:
    """Required actions first, then back to where the person came from; 303, so no password is posted on (R09)."""
    who = service.actor()
    if who is not None and accounts.required_action(who.account) is not None:
        return redirect(_with("/login/required", handle), 303)
    return redirect(waiting.path if waiting else "/", 303)


def _page(name: str, status: int = 200, retry_after: int | None = None, **values: Any) -> ResponseReturnValue:
    response = make_response(render_template(f"sessions/{name}.html", **values), status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """The sign-in page."""
    handle, waiting = _continuation()
    who = service.actor()
    if request.method == "GET" and who is not None and waiting is None:
        return _onward(None, None)
    form = LoginForm()
    if request.method == "GET":
        form.identifier.data = _known_as(waiting, who)
    if not form.validate_on_submit():
        return _login_page(form, handle, waiting, 400 if form.errors else 200)
    typed = form.identifier.data or ""
    path = waiting.path if waiting else None
    try:
        found = ceremony.authenticate(typed, form.password.data or "", request.remote_addr or "")
        if isinstance(found, Refusal):
            raise found
        with unit_of_work():
            service.sign_in(found, path=path, identifier=typed)
    except Refusal as refusal:
        form.form_errors.append(refusal.message)
        return _login_page(form, handle, waiting, refusal.status, refusal.retry_after)
    cookie.pop("login_hint", None)
    return _onward(handle, waiting)


def _known_as(waiting: Continuation | None, who: service.Actor | None) -> str:
    """The e-mail to fill in: what the application says, whoever is signed in, or who just activated."""
    if waiting and waiting.context.get("login_hint"):
        return str(waiting.context["login_hint"])
    if who is not None and who.account.email is not None:
        return who.account.email.address
    return str(cookie.get("login_hint") or "")


def _login_page(
    form: LoginForm, handle: str | None, waiting: Continuation | None, status: int, retry_after: int | None = None
) -> ResponseReturnValue:
    return _page(
        "login",
        status,
        retry_after,
        form=form,
        handle=handle,
        context=waiting.context if waiting else {},
        ended=None if form.is_submitted() else service.ended_here(),
        demo_people=current_app.extensions.get("onix_demo_people"),
    )


@blueprint.route("/login/choose", methods=["GET", "POST"])
def choose() -> ResponseReturnValue:
    """`prompt=select_account`: go on as the signed-in person, or sign in as another."""
    handle, waiting = _continuation()
    who = service.actor()
    if who is None:
        return redirect(_with("/login", handle), 303)
    form = ConfirmForm()
    if not form.validate_on_submit():
        return _page(
            "choose",
            400 if form.errors else 200,
            form=form,
            handle=handle,
            context=waiting.context if waiting else {},
            account=who.account,
        )
    if request.form.get("as") == "another":
        return redirect(_with("/login/another", handle), 303)
    with unit_of_work():
        service.confirm_account(waiting.path if waiting else None)
    return _onward(handle, waiting)


@blueprint.route("/login/another")
def another() -> ResponseReturnValue:
    """The sign-in page for somebody else: nothing filled in. The present session ends when the other one begins."""
    handle, waiting = _continuation()
    return _login_page(LoginForm(formdata=None), handle, waiting, 200)


@blueprint.route("/login/again", methods=["GET", "POST"])
def again() -> ResponseReturnValue:
    """The signed-in person shows once more that it is they, before something that a found browser must not do (R27)."""
    handle, waiting = _continuation()
    who = service.actor()
    if who is None:
        return redirect(_with("/login", handle), 303)
    form = AgainForm()
    identifier = who.account.email.normalized if who.account.email else who.account.id
    page: dict[str, Any] = {"form": form, "handle": handle, "account": who.account, "address": identifier}
    if not form.validate_on_submit():
        return _page("again", 400 if form.errors else 200, **page)
    try:
        found = ceremony.authenticate(identifier, form.password.data or "", request.remote_addr or "")
        if isinstance(found, Refusal):
            form.password.errors = [_l("The password is wrong.")]
            return _page("again", found.status, **page)
        with unit_of_work():
            service.sign_in(found, path=waiting.path if waiting else None, identifier=identifier)
    except Refusal as refusal:
        form.form_errors.append(refusal.message)
        return _page("again", refusal.status, refusal.retry_after, **page)
    if waiting is not None and waiting.context.get(guard.TYPED):
        return redirect(_with(waiting.path, handle), 303)
    return _onward(handle, waiting)


@blueprint.route("/login/required", methods=["GET", "POST"])
def required() -> ResponseReturnValue:
    """What the person must do before anything else is given: prove the mailbox, then change the first password."""
    handle, waiting = _continuation()
    who = service.actor()
    if who is None:
        return redirect(_with("/login", handle), 303)
    action = accounts.required_action(who.account)
    if action is None:
        return _onward(handle, waiting)
    context = waiting.context if waiting else {}
    if action == "mailbox":
        return _required_mailbox(who, handle, context)
    return _required_password(who, handle, waiting)


def _required_mailbox(who: service.Actor, handle: str | None, context: dict[str, Any]) -> ResponseReturnValue:
    form = ConfirmForm()
    email = who.account.email
    address = email.address if email else None
    sent = False
    if form.validate_on_submit():
        sent = True
        account = who.account
        if address and accounts.admit_mail(address):
            with unit_of_work():
                accounts.request_mailbox_proof(account, language.current())
    return _page(
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
    account, email = who.account, who.account.email
    identifier = email.normalized if email else account.id
    form.context = (identifier, account.given_name, account.family_name)
    context = waiting.context if waiting else {}
    page: dict[str, Any] = {"form": form, "handle": handle, "context": context, "address": identifier}
    if not form.validate_on_submit():
        return _page("required_password", 400 if form.errors else 200, **page)
    old, new, path = form.current_password.data or "", form.password.data or "", waiting.path if waiting else None
    try:
        change_own_password(account, old, new, address=request.remote_addr or "", path=path)
    except Refusal as refusal:
        refuse(form, refusal)
        return _page("required_password", refusal.status, refusal.retry_after, **page)
    return _onward(handle, waiting)


@blueprint.route("/logout", methods=["GET", "POST"])
def logout() -> ResponseReturnValue:
    """Sign out: GET asks, POST does it."""
    form = ConfirmForm()
    who = service.actor()
    if who is not None and not form.validate_on_submit():
        return _page("logout", 400 if form.errors else 200, form=form, account=who.account)
    if who is not None:
        with unit_of_work():
            service.sign_out()
    if request.method == "POST":
        return redirect("/logout", 303)
    return _page("signed_out", form=None)
