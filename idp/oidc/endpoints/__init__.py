"""What machines and browsers call beside the authorization endpoint, one file each."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the routes that programs call."""
    from idp.oidc.token_views import blueprint

    app.register_blueprint(blueprint)
