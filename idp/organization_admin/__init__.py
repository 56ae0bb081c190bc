"""A face: where the administrators of an organization decide who may do what, at `/org/<slug>/`.

Owns: these pages and who may open each. Does not own: a single rule about members, roles or licenses (organizations),
nor a row.
Start reading: `guard.administrator`, which stands before every view, then the views, a file for each section.
"""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Put the administration at `/org/<slug>/`."""
    from .views import blueprint

    app.register_blueprint(blueprint)
