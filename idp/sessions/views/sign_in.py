"""Signing in with a password: at first, as another, and once more before what a found browser must not do."""

from __future__ import annotations

from flask import current_app, redirect, request
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError

from idp.accounts.credentials import passkeys
from idp.accounts.credentials.methods import methods_of
from idp.accounts.service import find_by_address
from idp.kernel import web
from idp.kernel.continuation import JOINS, Continuation
from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal

from .. import ceremony, second_step, service
from ..forms import AgainForm, ConfirmForm, LoginForm
from . import blueprint, onward, page, read_continuation, with_handle


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """The sign-in page."""
    handle, waiting = read_continuation()
    who = service.actor()
    if request.method == "GET" and who is not None and (waiting is None or waiting.context.get(JOINS)):
        return onward(handle if waiting else None, waiting)
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
        return login_page(form, handle, waiting, refusal)
    cookie.pop("login_hint", None)
    return onward(handle, waiting) if entered else redirect(with_handle("/login/code", handle), 303)


@blueprint.errorhandler(CSRFError)
def stale_form(error: CSRFError) -> ResponseReturnValue:
    """A sign-in page that was open in two tabs: after the first, the form of the second is from another session.

    Whoever is signed in as the one who was typed goes on; everybody else is told that the form has expired.
    """
    who = service.actor() if request.endpoint == f"{blueprint.name}.login" else None
    typed = find_by_address(request.form.get("identifier", "")) if who is not None else None
    if who is None or typed is None or typed.id != who.account.id:
        return web.form_expired(error)
    return onward(*read_continuation())


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
    status: web.Status,
    *,
    gone: str | None = None,
) -> ResponseReturnValue:
    """The sign-in page. `gone`: the id of a passkey that was shown and is not registered (any more)."""
    return page(
        "login",
        status,
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
        return again_page(form, handle, who, refusal)
    return onward(handle, waiting) if entered else redirect(with_handle("/login/code", handle), 303)


def again_page(form: AgainForm, handle: str | None, who: service.Actor, status: web.Status) -> ResponseReturnValue:
    """Asks for whichever proof the account has: its password, or one of its passkeys."""
    return page(
        "again",
        status,
        form=form,
        handle=handle,
        account=who.account,
        address=who.account.identifier,
        methods=methods_of(who.account.id),
    )
