"""Setting up, naming and removing what the person signs in with besides the password; all behind a recent sign-in.

Who is sent here from an application's sign-in carries its continuation along and goes on there at the end.
"""

from __future__ import annotations

from typing import Any

from flask import flash, jsonify, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField

from idp import sessions
from idp.accounts.credentials import authenticator, methods, passkeys, policy, recovery_codes
from idp.accounts.forms import ConfirmForm, required
from idp.kernel import continuation, web
from idp.kernel.continuation import Continuation
from idp.kernel.database import unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.refusal import Refusal
from idp.kernel.web import allow_form_action, count_request
from idp.sessions.forms import CodeForm

from . import blueprint, owner
from .security import HERE

NEW_PASSKEY = f"{HERE}/passkeys/new"


class NameForm(FlaskForm):
    """What the person calls a passkey."""

    name = StringField(_l("Name"), [required], render_kw={"maxlength": policy.NAME_LENGTH})


def _come_back() -> tuple[str | None, Continuation | None]:
    """The continuation that the person came with, if it is this browser's and leads elsewhere."""
    handle = request.values.get("continue")
    found = continuation.find(handle)
    if found is None or found.path == request.path:
        return None, None
    if found.context.get("form_action"):
        allow_form_action(str(found.context["form_action"]))  # the way on may end at the application (P23)
    return handle, found


def _page(name: str, status: web.Status = 200, **values: Any) -> ResponseReturnValue:
    return web.page(f"portal/account/{name}.html", status, **values)


def _done(codes: tuple[str, ...], said: str, waiting: Continuation | None) -> ResponseReturnValue:
    """Show the recovery codes that came with a first factor, this once; or go on."""
    onward = waiting.path if waiting else HERE
    if not codes:
        flash(said, "success")
        return redirect(onward, 303)
    return _page("codes_made", codes=codes, said=said, onward=onward, address=owner().known_as)


@blueprint.route("/security/authenticator", methods=["GET", "POST"])
@sessions.recent_sign_in_required()
def set_up_authenticator() -> ResponseReturnValue:
    """Scan the drawing or copy the key, and type the code that the app shows: only then it counts."""
    account, form = owner(), CodeForm()
    handle, waiting = _come_back()
    status: web.Status = 400 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with unit_of_work():
                authenticator.confirm(account.id, form.code.data or "")
                codes = recovery_codes.make_first(account.id)
                sessions.strengthen(sessions.BY_CODE, waiting.path if waiting else None)
        except Refusal as refusal:
            status = refusal
            refuse(form, refusal)
        else:
            return _done(codes, _("Your authenticator app is set up."), waiting)
    begun = authenticator.begun(account.id)
    if begun is None:
        count_request()
        with unit_of_work():
            begun = authenticator.begin(account.id)
    key = authenticator.key_of(begun)
    return _page(
        "authenticator",
        status,
        form=form,
        handle=handle,
        key=policy.shown_code(key).replace("-", " "),
        drawing=authenticator.drawing_of(key, owner().known_as),
        address=authenticator.address_of(key, owner().known_as),
        replaces=methods.methods_of(account.id).authenticator,
    )


@blueprint.post("/security/authenticator/remove")
@sessions.recent_sign_in_required(back=HERE)
def remove_authenticator() -> ResponseReturnValue:
    """Its codes count no longer."""
    with unit_of_work():
        authenticator.remove(owner().id)
    flash(_("Your authenticator app is removed."), "success")
    return redirect(HERE, 303)


@blueprint.route("/security/recovery-codes", methods=["GET", "POST"])
@sessions.recent_sign_in_required()
def make_recovery_codes() -> ResponseReturnValue:
    """How many are left; a new set takes the old one's place and is shown this once."""
    account, form = owner(), ConfirmForm()
    if form.validate_on_submit():
        with unit_of_work():
            codes = recovery_codes.make(account.id)
        return _done(codes, _("The new codes count from now on, the old ones no longer."), None)
    return _page("recovery_codes", 400 if form.is_submitted() else 200, form=form, has=methods.methods_of(account.id))


@blueprint.get("/security/passkeys/new")
@sessions.recent_sign_in_required()
def new_passkey() -> ResponseReturnValue:
    """What a passkey is, and the button that makes one."""
    handle, _waiting = _come_back()
    return _page("passkey_new", form=None, handle=handle)


@blueprint.post("/security/passkeys/options")
@sessions.recent_sign_in_required(back=NEW_PASSKEY)
def passkey_options() -> ResponseReturnValue:
    """What the browser needs to make one: JSON for our own script."""
    with unit_of_work():
        begun = passkeys.begin_creation(owner())
    return web.private(jsonify(begun))


@blueprint.post("/security/passkeys")
@sessions.recent_sign_in_required(back=NEW_PASSKEY)
def add_passkey() -> ResponseReturnValue:
    """Keep what the browser made."""
    account = owner()
    handle, waiting = _come_back()
    codes: tuple[str, ...] = ()
    try:
        with unit_of_work():
            made = passkeys.create(account.id, request.form.get("ceremony", ""), request.form.get("credential", ""))
            if not isinstance(made, Refusal):
                passkeys.note_offer(account.id)
                codes = recovery_codes.make_first(account.id)
                shown = sessions.by_passkey(synced=made.synced)
                sessions.strengthen(shown, waiting.path if waiting else None)
        if isinstance(made, Refusal):
            raise made
    except Refusal as refusal:
        form = ConfirmForm(formdata=None)
        form.form_errors.append(refusal.message)
        return _page("passkey_new", refusal, form=form, handle=handle)
    return _done(codes, _("%(name)s is added. From now on it signs you in.", name=made.name), waiting)


@blueprint.route("/security/passkeys/<passkey_id>", methods=["GET", "POST"])
@sessions.recent_sign_in_required()
def passkey(passkey_id: str) -> ResponseReturnValue:
    """One passkey: what is known about it, its name, and removing it."""
    account = owner()
    row = passkeys.own(account.id, passkey_id)
    form = NameForm(name=row.name)
    status: web.Status = 400 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with unit_of_work():
                passkeys.rename(account.id, passkey_id, form.name.data or "")
        except Refusal as refusal:
            status = refusal
            refuse(form, refusal)
        else:
            flash(_("Saved."), "success")
            return redirect(HERE, 303)
    return _passkey_page(passkey_id, form, status)


@blueprint.post("/security/passkeys/<passkey_id>/remove")
@sessions.recent_sign_in_required(back=HERE)
def remove_passkey(passkey_id: str) -> ResponseReturnValue:
    """It signs in no more. The last way in stays."""
    account = owner()
    try:
        with unit_of_work():
            name = passkeys.remove(account.id, passkey_id)
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        form = NameForm(formdata=None, name=passkeys.own(account.id, passkey_id).name)
        form.form_errors.append(refusal.message)
        return _passkey_page(passkey_id, form, refusal)
    flash(_("%(name)s is removed. Delete it on the device too, if it is still offered there.", name=name), "success")
    return redirect(HERE, 303)


def _passkey_page(passkey_id: str, form: NameForm, status: web.Status) -> ResponseReturnValue:
    account = owner()
    has = methods.methods_of(account.id)
    return _page(
        "passkey",
        status,
        form=form,
        passkey=passkeys.own(account.id, passkey_id),
        last=policy.last_way_in(has, "passkey"),
        has=has,
    )


@blueprint.post("/security/passkeys/offer")
@sessions.login_required
def decline_passkey() -> ResponseReturnValue:
    """*Not now*: the launcher offers no passkey any more."""
    if ConfirmForm().validate_on_submit():
        with unit_of_work():
            passkeys.note_offer(owner().id)
    return redirect("/", 303)
