"""A face: where the platform's operators keep the records, the organizations and the keys, at `/admin/`.

Owns: these pages and who may open each. Does not own: a row or a rule; the rooms declare their tables (`records`)
and their verbs do what is done.
Start reading: `guard.platform`, which stands before every view, then `tables`, then the views, a file for each section.
"""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Put the administration at `/admin/`."""
    from .views import blueprint

    app.register_blueprint(blueprint)
