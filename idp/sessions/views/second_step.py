"""Signing in with more than a password, or without one: codes, recovery codes, passkeys.

The second step stands at `/login/code` after a password, and at `/login/stronger` for a signed-in person whose session
has to become a stronger one; both show the same page.
"""

from __future__ import annotations

from typing import Any

from flask import jsonify, redirect, request
from flask.typing import ResponseReturnValue

from idp.accounts.credentials import passkeys
from idp.kernel import web
from idp.kernel.continuation import Continuation
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal

from .. import second_step, service
from ..forms import AgainForm, CodeForm, LoginForm, RecoveryCodeForm
from ..second_step import Waiting
from . import blueprint, onward, page, read_continuation, with_handle
from .sign_in import again_page, login_page

STEPS = {"code": second_step.waiting, "stronger": second_step.of_session}
"""By the page's name: whose second step it is."""


@blueprint.route("/login/code", methods=["GET", "POST"], defaults={"here": "code"})
@blueprint.route("/login/stronger", methods=["GET", "POST"], defaults={"here": "stronger"})
def second(here: str) -> ResponseReturnValue:
    """The second step with a code of the authenticator app, or with a passkey where the account has one."""
    return _second(here, "code", CodeForm())


@blueprint.route("/login/code/recovery", methods=["GET", "POST"], defaults={"here": "code"})
@blueprint.route("/login/stronger/recovery", methods=["GET", "POST"], defaults={"here": "stronger"})
def recovery(here: str) -> ResponseReturnValue:
    """The second step with a recovery code, for who has nothing else at hand."""
    return _second(here, "recovery", RecoveryCodeForm())


def _second(here: str, kind: second_step.Kind, form: CodeForm | RecoveryCodeForm) -> ResponseReturnValue:
    handle, waiting = read_continuation()
    step = STEPS[here]()
    if step is None:
        return _nothing_waits(here, handle, waiting)
    if not step.methods.second_factor:
        return redirect(with_handle("/login/set-up", handle), 303)
    if not form.validate_on_submit():
        return _second_page(here, kind, form, step, handle, waiting, 400 if form.errors else 200)
    path = waiting.path if waiting else None
    try:
        refused = second_step.show_code(step, kind, form.code.data or "", path=path, address=request.remote_addr or "")
        if refused is not None:
            raise refused
    except Refusal as refusal:
        if refusal.code == "sign_in_again":
            return redirect(with_handle("/login", handle), 303)
        refuse(form, refusal)
        form.code.data = ""
        return _second_page(here, kind, form, step, handle, waiting, refusal)
    return onward(handle, waiting)


def _nothing_waits(here: str, handle: str | None, waiting: Continuation | None) -> ResponseReturnValue:
    """The password was shown too long ago, or the session is strong enough already."""
    if here == "stronger" and service.actor() is not None:
        return onward(handle, waiting)
    return redirect(with_handle("/login", handle), 303)


def _second_page(
    here: str,
    kind: str,
    form: Any,
    step: Waiting,
    handle: str | None,
    waiting: Continuation | None,
    status: web.Status,
) -> ResponseReturnValue:
    name = "recovery" if kind == "recovery" else "code"
    return page(
        name,
        status,
        form=form,
        handle=handle,
        context=waiting.context if waiting else {},
        here=here,
        methods=step.methods,
        address=step.account.known_as,
    )


@blueprint.get("/login/set-up")
def set_up() -> ResponseReturnValue:
    """The organization asks for a second factor, and the person has none: where to get one, and back."""
    handle, waiting = read_continuation()
    step = second_step.of_session()
    if step is None:
        return _nothing_waits("stronger", handle, waiting)
    if step.methods.second_factor:
        return redirect(with_handle("/login/stronger", handle), 303)
    return page("set_up", handle=handle, context=waiting.context if waiting else {}, account=step.account, form=None)


@blueprint.post("/login/passkey/options")
def passkey_options() -> ResponseReturnValue:
    """What the browser needs to ask for a passkey: JSON for our own script. `on`: the page that asks."""
    on = request.form.get("on", "")
    step = STEPS[on]() if on in STEPS else None
    who = service.actor()
    account_id = step.account.id if step else who.account.id if on == "again" and who else None
    if account_id is None and on != "login":
        return web.private(jsonify(error="sign_in_again")), 400
    with unit_of_work():
        begun = passkeys.begin_proof(account_id)
    return web.private(jsonify(begun))


@blueprint.post("/login/passkey")
def passkey() -> ResponseReturnValue:
    """What the browser answered: signs in, or shows the page again with the reason."""
    handle, waiting = read_continuation()
    on = request.form.get("on", "")
    step = STEPS[on]() if on in STEPS else None
    if on in STEPS and step is None:
        return _nothing_waits(on, handle, waiting)
    who = service.actor()
    if on == "again" and who is None:
        return redirect(with_handle("/login", handle), 303)
    try:
        refused = second_step.show_passkey(
            request.form.get("ceremony", ""),
            request.form.get("credential", ""),
            step,
            path=waiting.path if waiting else None,
            address=request.remote_addr or "",
            again=on == "again",
        )
        if refused is not None:
            raise refused
    except Refusal as refusal:
        return _refused(on, step, who, refusal, handle, waiting)
    return onward(handle, waiting)


def _refused(
    on: str,
    step: Waiting | None,
    who: service.Actor | None,
    refusal: Refusal,
    handle: str | None,
    waiting: Continuation | None,
) -> ResponseReturnValue:
    """The page that the passkey was asked for on, with the reason on top."""
    shown = CodeForm if step else AgainForm if on == "again" else LoginForm
    form: Any = shown(formdata=None)
    form.form_errors.append(refusal.message)
    if step is not None:
        return _second_page(on, "code", form, step, handle, waiting, refusal)
    if on == "again" and who is not None:
        return again_page(form, handle, who, refusal)
    gone = passkeys.credential_id_of(request.form.get("credential", "")) if refusal.code == "passkey_unknown" else None
    return login_page(form, handle, waiting, refusal, gone=gone)
