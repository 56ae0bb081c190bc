"""Signing in and out: signed-in browsers, throttling, required actions, and who is acting.

Owns: Session; the sign-in, sign-out and account-choosing pages. Does not own: passwords (accounts), what a person may
do (organizations), grants to applications (oidc).
Start reading: `service.actor` and `service.sign_in`, then `ceremony.authenticate` and `second_step`; `guard` is what
stands before pages.
"""

from __future__ import annotations

from flask import Flask

from idp.kernel.events import Bus
from idp.kernel.exports import declare

from .ceremony import authenticate as authenticate
from .guard import back_here as back_here
from .guard import confirm_first as confirm_first
from .guard import has_two_factors as has_two_factors
from .guard import is_recent as is_recent
from .guard import login_required as login_required
from .guard import recent_sign_in_required as recent_sign_in_required
from .guard import to_second_factor as to_second_factor
from .guard import typed as typed
from .own_password import change_own_password as change_own_password
from .policy import BY_CODE as BY_CODE
from .policy import by_passkey as by_passkey
from .second_step import strengthen as strengthen
from .service import Actor as Actor
from .service import actor as actor
from .service import count_live_sessions as count_live_sessions
from .service import end_own_session as end_own_session
from .service import ended_sessions as ended_sessions
from .service import hold as hold
from .service import live_sessions as live_sessions
from .service import sign_in as sign_in
from .service import sign_out as sign_out
from .service import sign_out_elsewhere as sign_out_elsewhere


def init_app(app: Flask) -> None:
    """Hook Flask-Login on the application and register the pages."""
    from .exports import PARTS
    from .service import login_manager
    from .views import blueprint

    declare(app, *PARTS)
    login_manager.init_app(app)
    app.register_blueprint(blueprint)


def subscribe(bus: Bus) -> None:
    """A changed password and an account that is disabled or closed end every session (R33)."""
    from idp.accounts import events as people

    from . import service

    bus.subscribe(people.PasswordChanged, service.on_password_changed)
    bus.subscribe(people.AccountDisabled, service.on_account_disabled)
    bus.subscribe(people.AccountClosing, service.on_account_closing)
    bus.subscribe(people.AccountDeleted, service.on_account_deleted)
