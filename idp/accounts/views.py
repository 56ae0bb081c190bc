"""Pages for becoming a user and for getting back in. GET and HEAD change nothing: mail scanners follow links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from flask import Blueprint, flash, redirect, request
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from idp.kernel import continuation, language, opened, web
from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal

from . import addresses, passwords, policy, service
from .forms import ActivationForm, AddressForm, ConfirmForm, NewPasswordForm, OwnAddressForm
from .models import Account

blueprint = Blueprint("accounts", __name__)


def _come_back() -> tuple[str | None, dict[str, Any]]:
    """The continuation's handle, to be carried on, and what it lets this page show."""
    handle = request.values.get("continue")
    found = continuation.find(handle)
    if found is None:
        return None, {}
    if found.context.get("logo_uri"):
        web.allow_image(str(found.context["logo_uri"]))
    return handle, found.context


def _page(name: str, status: web.Status = 200, **values: Any) -> ResponseReturnValue:
    return web.page(f"accounts/{name}.html", status, **values)


@blueprint.route("/signup", methods=["GET", "POST"])
def signup() -> ResponseReturnValue:
    """Create an account: the work e-mail only; the answer is the same for every address (R20)."""
    handle, context = _come_back()
    form = AddressForm()
    if request.method == "GET" and context.get("login_hint"):
        form.address.data = str(context["login_hint"])
    if not form.validate_on_submit():
        return _page("signup", 400 if form.errors else 200, form=form, handle=handle, context=context)
    typed = form.address.data or ""
    try:
        _send_activation(typed, context.get("app_id"))
    except Refusal as refusal:
        form.address.errors = [*form.address.errors, refusal.message]
        return _page("signup", refusal, form=form, handle=handle, context=context)
    if "again" in request.form:
        flash(_l("We have sent it once more."), "success")
    return _sent("/signup", typed, handle)


@blueprint.get("/signup/sent")
def signup_sent() -> ResponseReturnValue:
    """After asking: where to look. A GET of its own, so that loading it again sends nothing."""
    return _where_to_look("/signup", "signup_sent", form=None)


def _sent(asked_at: str, address: str, handle: str | None, again: bool = True) -> Response:
    """Lead from the page where a mail was asked for to the one that says where to look. What that says is kept in this
    browser, not in the page's address."""
    cookie[f"mailed {asked_at}"] = {"address": address.strip(), "again": again}
    return redirect(_onward(f"{asked_at}/sent", handle), 303)


def _where_to_look(asked_at: str, page: str, **values: Any) -> ResponseReturnValue:
    """The page after `_sent`; where nothing was asked for, back to asking."""
    handle, _context = _come_back()
    asked = cookie.get(f"mailed {asked_at}")
    if not isinstance(asked, dict):
        return redirect(_onward(asked_at, handle), 303)
    return _page(page, **asked, handle=handle, **values)


def _onward(path: str, handle: str | None) -> str:
    return f"{path}?continue={handle}" if handle else path


def _send_activation(typed: str, app_id: str | None) -> None:
    """Refuse private mail before counting, so that a refusal tells nothing about the mailbox."""
    problem = policy.work_problem(addresses.parse(typed).domain)
    if problem is not None:
        raise Refusal("address_not_work", problem, field="address")
    service.admit_network(request.remote_addr or "")
    if service.admit_mail(typed, "sign_up"):
        with unit_of_work():
            service.request_activation(typed, language.current(), app_id)


@blueprint.route("/activate/opened/<mark>", methods=["GET", "POST"])
def activate_opened(mark: str) -> ResponseReturnValue:
    """The same without the link's secret in the address."""
    return activate(opened.token_of(mark))


@blueprint.route("/activate/<token>", methods=["GET", "POST"])
def activate(token: str) -> ResponseReturnValue:
    """The form behind "Click here to activate your user"; opens in whichever browser (R28)."""
    seen = service.read_activation(token)
    if request.method == "POST" and request.form.get("resend"):
        return _resend(token, seen)
    if seen.proof is None or seen.state != "open":
        return _dead_link("activation", seen, token)
    if request.method != "POST" and service.find_by_address(seen.proof.normalized) is not None:
        return _activated_already()  # by another link; said before a form is filled in for nothing
    if opened.by_link():
        return opened.go_on("/activate", token)
    form = ActivationForm()
    form.context = (seen.proof.address,)
    if request.method == "GET":
        form.language.data = seen.proof.language
    if not form.validate_on_submit():
        return _page("activate", 400 if form.errors else 200, form=form, address=seen.proof.address)
    proof = seen.proof
    hashed = passwords.hash_password(form.password.data or "")
    try:
        with unit_of_work():
            account = service.activate(
                token,
                given_name=form.given_name.data or "",
                family_name=form.family_name.data or "",
                password_hash=hashed,
                phone_number=policy.phone_number(form.phone_number.data),
                language=form.language.data,
            )
    except Refusal as refusal:
        if refusal.code == "address_taken":
            return _activated_already()
        return _dead_link("activation", service.read_activation(token), token)
    _greet(account, proof.address, proof.app_id)
    return redirect("/activated", 303)


def _activated_already() -> ResponseReturnValue:
    return _page("dead_link", 409, kind="activation", state="spent", token=None, form=None)


@blueprint.route("/activated")
def activated() -> ResponseReturnValue:
    """After success: "Back to login", where the e-mail is filled in already."""
    return _page("activated", address=cookie.get("login_hint"))


def _greet(account: Account, address: str, app_id: str | None) -> None:
    """Keep for the sign-in page who comes, and for the launcher which application they came from first."""
    cookie["login_hint"] = address
    if app_id:
        cookie["first_app"] = app_id
    if account.locale:
        cookie["language"] = account.locale


def _resend(token: str, seen: service.LinkState) -> ResponseReturnValue:
    form = ConfirmForm()
    if not form.validate_on_submit() or seen.proof is None or seen.state not in ("open", "expired"):
        return _dead_link("activation", seen, token)
    if service.admit_mail(seen.proof.normalized, "own"):
        with unit_of_work():
            service.resend_activation(token)
    return _sent("/signup", seen.proof.address, None, again=False)


def _dead_link(kind: str, seen: service.LinkState, token: str) -> ResponseReturnValue:
    """Why a link can't be used, with the way on; what the page says is also its status."""
    status = service.link_refusal(seen.state).status
    return _page("dead_link", status, kind=kind, state=seen.state, token=token, form=ConfirmForm(formdata=None))


def _spend(kind: Literal["reset", "mailbox"], token: str, act: Callable[[], Account]) -> ResponseReturnValue | None:
    """Do what a link is for, once. Gives the page that says why not when the link died while the form was open."""
    try:
        with unit_of_work():
            act()
    except Refusal as refusal:
        if refusal.code.startswith("link_"):
            return _dead_link(kind, service.read(token, kind), token)
        raise
    return None


@blueprint.route("/password/forgot", methods=["GET", "POST"])
def forgot() -> ResponseReturnValue:
    """Ask for a link to set a new password; the answer is the same for every address (R20)."""
    handle, context = _come_back()
    form = OwnAddressForm()
    if request.method == "GET":
        form.address.data = str(context.get("login_hint") or cookie.get("login_hint") or "")
    if not form.validate_on_submit():
        return _page("forgot", 400 if form.errors else 200, form=form, handle=handle)
    typed = form.address.data or ""
    try:
        service.admit_network(request.remote_addr or "")
    except Refusal as refusal:
        form.address.errors = [refusal.message]
        return _page("forgot", refusal, form=form, handle=handle)
    if service.admit_mail(typed, "reset"):
        with unit_of_work():
            service.request_reset(typed, language.current())
    return _sent("/password/forgot", typed, handle)


@blueprint.get("/password/forgot/sent")
def forgot_sent() -> ResponseReturnValue:
    """After asking: where to look, as after a sign-up."""
    return _where_to_look("/password/forgot", "forgot_sent")


@blueprint.route("/password/reset/opened/<mark>", methods=["GET", "POST"])
def reset_opened(mark: str) -> ResponseReturnValue:
    """The same without the link's secret in the address."""
    return reset(opened.token_of(mark))


@blueprint.route("/password/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> ResponseReturnValue:
    """Set a new password with a mailed link; it signs nobody in (R28)."""
    seen = service.read(token, "reset")
    if seen.proof is None or seen.state != "open":
        return _dead_link("reset", seen, token)
    if opened.by_link():
        return opened.go_on("/password/reset", token)
    form = NewPasswordForm()
    account = service.find_by_address(seen.proof.normalized)
    form.context = (seen.proof.address, *((account.given_name, account.family_name) if account else ()))
    if not form.validate_on_submit():
        return _page("reset", 400 if form.errors else 200, form=form, address=seen.proof.address)
    address = seen.proof.address
    hashed = passwords.hash_password(form.password.data or "")
    if (died := _spend("reset", token, lambda: service.reset_password(token, hashed))) is not None:
        return died
    cookie["login_hint"] = address
    return redirect("/password/changed", 303)


@blueprint.route("/password/changed")
def changed() -> ResponseReturnValue:
    """After a reset: "Back to login"."""
    return _page("changed", address=cookie.get("login_hint"))


@blueprint.route("/mailbox/opened/<mark>", methods=["GET", "POST"])
def mailbox_opened(mark: str) -> ResponseReturnValue:
    """The same without the link's secret in the address."""
    return mailbox(opened.token_of(mark))


@blueprint.route("/mailbox/<token>", methods=["GET", "POST"])
def mailbox(token: str) -> ResponseReturnValue:
    """Prove a mailbox: the button spends the link, opening it does not."""
    seen = service.read(token, "mailbox")
    if seen.proof is None or seen.state != "open":
        return _dead_link("mailbox", seen, token)
    if opened.by_link():
        return opened.go_on("/mailbox", token)
    form = ConfirmForm()
    if not form.validate_on_submit():
        return _page("mailbox", 400 if form.errors else 200, form=form, address=seen.proof.address)
    address = seen.proof.address
    if (died := _spend("mailbox", token, lambda: service.prove_mailbox(token))) is not None:
        return died
    return _page("mailbox_proven", address=address)
