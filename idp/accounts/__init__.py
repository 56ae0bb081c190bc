"""Who a person is: the account, its addresses, its password and what it tells; sign-up, activation, recovery.

Owns: Account, EmailAddress, MailboxProof; the rules about passwords, names and work e-mail; the mailed links; what
organizations and clients are told of a person (`profile`).
Does not own: signing in (sessions), what a person may do (organizations), the mails themselves (outbox).
Start reading: `policy`, then `service`.
"""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Give the application this room's pages."""
    from .views import blueprint

    app.register_blueprint(blueprint)
    app.jinja_env.globals["password_length"] = lambda: app.extensions["onix_settings"].passwords.min_length
