"""Signing in and out: signed-in browsers, throttling, required actions, and who is acting.

Owns: Session; the sign-in, sign-out and account-choosing pages. Does not own: passwords (accounts), what a person may
do (organizations), grants to applications (oidc).
Start reading: `service.actor` and `service.sign_in`, then `ceremony.authenticate`; `guard` is what
stands before pages.
"""

from __future__ import annotations

from flask import Flask

from idp.kernel.events import Bus
from idp.kernel.exports import declare

from .ceremony import authenticate as authenticate
from .guard import login_required as login_required
from .guard import recent_sign_in_required as recent_sign_in_required
from .guard import typed as typed
from .own_password import change_own_password as change_own_password
from .service import Actor as Actor
from .service import actor as actor
from .service import end_sessions_of as end_sessions_of
from .service import sign_in as sign_in
from .service import sign_out as sign_out


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
