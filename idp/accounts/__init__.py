"""Who a person is: the account, its addresses and its password; sign-up, activation, recovery.

Owns: Account, EmailAddress, MailboxProof; the rules about passwords, names and work e-mail; the mailed links.
Does not own: signing in (sessions), what a person may do (organizations), the mails themselves (outbox).
Start reading: `policy`, then `service`.
"""

from __future__ import annotations

from flask import Flask

from idp.kernel.exports import declare


def init_app(app: Flask) -> None:
    """Give the application this room's pages."""
    from .exports import PARTS
    from .views import blueprint

    app.register_blueprint(blueprint)
    declare(app, *PARTS)
    app.jinja_env.globals["password_length"] = lambda: app.extensions["onix_settings"].passwords.min_length
