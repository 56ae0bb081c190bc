"""Who a person is: the account, its addresses, its password and second factors, what it tells; sign-up and recovery.

Owns: Account, EmailAddress, MailboxProof, Picture, Signature, and in `credentials` passkeys, authenticator apps and
recovery codes; the rules about passwords, names and work e-mail; the mailed links; what organizations and clients are
told of a person (`profile`); the workshop that makes every image anew (`images`).
Does not own: signing in (sessions), what a person may do (organizations), the mails themselves (outbox).
Start reading: `policy`, then `service`.
"""

from __future__ import annotations

from flask import Flask

from idp.kernel.exports import declare


def face(address: str | None, version: int | str, pixels: int) -> str | None:
    """Where our own pages show a picture of ours in this size; None for no picture, and for one that is elsewhere.

    `version` changes whenever the picture does, so that browsers may keep what they have.
    """
    if not address or not address.startswith("/pictures/"):
        return None
    return f"{address}?size={pixels}&v={version}"


def init_app(app: Flask) -> None:
    """Give the application this room's pages."""
    from .exports import LEFT_OUT, PARTS
    from .picture_views import blueprint as pictures
    from .views import blueprint

    app.register_blueprint(blueprint)
    app.register_blueprint(pictures)
    app.jinja_env.filters["face"] = face
    declare(app, *PARTS, left_out=LEFT_OUT)
    app.jinja_env.globals["password_length"] = lambda: app.extensions["onix_settings"].passwords.min_length
