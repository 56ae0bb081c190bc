"""What has to leave the house: mails and logout tokens.

Owns: the `delivery` rows, the mails' words (`templates/mail/`), and the worker that sends.
Does not own: who is told what (that is the events' meaning), nor how a logout token is made (`idp/oidc`).
Start reading: `listeners.py` (which event causes which delivery), then `worker.py`.
"""

from __future__ import annotations

from flask import Flask
from flask_mail import Mail

from idp.kernel.events import Bus
from idp.kernel.exports import declare


def init_app(app: Flask) -> None:
    """Flask-Mail composes the messages; sending is ours, because its connection has no timeout (security P31)."""
    from .exports import PARTS

    declare(app, *PARTS)
    settings = app.extensions["onix_settings"]
    app.config.setdefault("MAIL_DEFAULT_SENDER", settings.mail_sender)
    app.config.setdefault("MAIL_SUPPRESS_SEND", True)
    Mail(app)


def subscribe(bus: Bus) -> None:
    from . import listeners

    listeners.subscribe(bus)
