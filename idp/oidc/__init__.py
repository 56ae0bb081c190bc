"""The protocol: OAuth 2.0 and OpenID Connect for clients, over what the rooms below know.

Owns: clients, authorization requests, consents, authorizations and everything that hangs on them, signing keys, tokens.
Does not own: who a person is, signing in, or the verdict (accounts, sessions, organizations).
Start reading: `server.py` (the table of contents), `interaction.next_step`, then `authorize.py` and `claims.py`.
"""

from __future__ import annotations

from flask import Flask

from idp.kernel.events import Bus
from idp.kernel.exports import declare


def init_app(app: Flask) -> None:
    """Build this application's server and register its endpoints: for browsers, for programs."""
    from . import server, token_views, views
    from .exports import PARTS

    declare(app, *PARTS)
    server.install(app)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(token_views.blueprint)


def subscribe(bus: Bus) -> None:
    """Sign-ins that a stored request waits for, and everything that an authorization can lose."""
    from idp.accounts import events as people
    from idp.sessions import events as signing_in

    from . import authorizations, requests

    bus.subscribe(signing_in.SignedIn, requests.on_signed_in)
    bus.subscribe(signing_in.AccountConfirmed, requests.on_account_confirmed)
    bus.subscribe(people.AccountDeleted, requests.on_account_deleted)
    authorizations.subscribe(bus)
