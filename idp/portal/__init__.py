"""A face: the launcher, on which a signed-in person finds the apps and each closed door says why, and the account page.

Owns: what stands on the launcher and in which order, what is pinned there (`Pin`), and the pages of asking for access.
Does not own: the decision and the requests (organizations), what the account page shows and changes (accounts,
sessions, oidc), the clients that are opened (oidc).
Start reading: `launcher.arrange`, then `views.home`; `asking.ask` for what a closed door offers; `account` for the
account page.
"""

from __future__ import annotations

from flask import Flask

from idp.kernel.exports import declare


def init_app(app: Flask) -> None:
    """Put the launcher at `/`, and asking for access at `/access/request`."""
    from .account import blueprint as account
    from .asking import blueprint as asking
    from .exports import PARTS
    from .views import blueprint

    declare(app, *PARTS)
    app.register_blueprint(blueprint)
    app.register_blueprint(asking)
    app.register_blueprint(account)
