"""A face: the launcher, the page on which a signed-in person finds the apps, and each closed door says why.

Owns: what stands on the launcher and in which order. Does not own: the decision (organizations), the session
(sessions), the clients that are opened (oidc).
Start reading: `launcher.arrange`, then `views.home`.
"""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Put the launcher at `/`."""
    from .views import blueprint

    app.register_blueprint(blueprint)
