"""Sessions: where the person is signed in, and the way out of each."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp import sessions
from idp.accounts.forms import ConfirmForm
from idp.kernel import clock, language, listing
from idp.kernel.database import unit_of_work
from idp.oidc.connections import clients_of_sessions
from idp.sessions.devices import Device, device_of, network_shown
from idp.sessions.models import Session

from . import blueprint, owner

HERE = "/account/sessions"
REMEMBERED = 30 * 86400  # seconds: how long an ended session is shown


@dataclass(frozen=True, slots=True)
class Row:
    """One session as the page shows it. `network`: where it is another than here, empty otherwise."""

    session: Session
    device: Device
    network: str
    apps: list[str]
    current: bool


@blueprint.get("/sessions")
@sessions.login_required
def list_sessions() -> ResponseReturnValue:
    """This browser first, then the others, those seen last in front; below, what was ended lately."""
    account, here = owner(), _here()
    asked = listing.read(HERE, request.args, sorts=("seen",))
    page = listing.page_of(
        sessions.live_sessions(account.id),
        asked,
        ((Session.id != here.id).asc(), Session.last_seen_at.desc(), Session.id.asc()),
    )
    ended = sessions.ended_sessions(account.id, clock.now() - REMEMBERED)
    apps = clients_of_sessions([row.id for row in (*page.rows, *ended)], language.shown())
    network = network_shown(here.address)

    def shown(row: Session) -> Row:
        there = network_shown(row.address)
        return Row(row, device_of(row.user_agent), there if there != network else "", apps.get(row.id, []), row is here)

    return render_template(
        "portal/account/sessions.html",
        page=page.with_rows(shown(row) for row in page.rows),
        ended=[shown(row) for row in ended],
        form=None,
    )


def _here() -> Session:
    actor = sessions.actor()
    assert actor is not None
    return actor.session


@blueprint.post("/sessions/<session_id>/end")
@sessions.login_required
def end_session(session_id: str) -> ResponseReturnValue:
    """End one of them; this browser's own is the same as signing out."""
    if not ConfirmForm().validate_on_submit():
        return redirect(HERE, 303)
    if session_id == _here().id:
        with unit_of_work():
            sessions.sign_out()
        return redirect("/logout", 303)
    with unit_of_work():
        ended = sessions.end_own_session(owner().id, session_id)
    name = name_of(device_of(ended.user_agent))
    flash(_("%(device)s is signed out, there and in the apps that were opened.", device=name), "success")
    return redirect(HERE, 303)


@blueprint.post("/sessions/end-others")
@sessions.login_required
def end_other_sessions() -> ResponseReturnValue:
    """End every other one."""
    if ConfirmForm().validate_on_submit():
        with unit_of_work():
            ended = sessions.sign_out_elsewhere(owner().id, "by_owner", except_id=_here().id)
        flash(_("You are signed out everywhere else.") if ended else _("You are signed in only here."), "success")
    return redirect(HERE, 303)


@blueprint.app_template_filter("device_name")
def name_of(device: Device) -> str:
    """A device in words: "Chrome on Windows"."""
    if device.browser and device.system:
        return str(_("%(browser)s on %(system)s", browser=device.browser, system=device.system))
    return str(device.browser or device.system or _("An unknown browser"))
