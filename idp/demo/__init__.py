"""The demo: the whole family on one machine, with people for every answer. Nothing here is reachable elsewhere.

Owns: `make run`'s supervisor, the mail sink and its viewer, the movable clock, the demo world. Does not own: any rule;
the demo world is made by the rooms' own services. Start reading: `run.py`, then `world.py`.
"""

from __future__ import annotations

from flask import Flask

ENVIRONMENT = "environment"
"""A file in the demo's folder: what its parts are told, for commands typed beside it. No secret stands in it."""


def init_app(app: Flask) -> None:
    """Register the demo's pages; the factory calls this in the demo environment only."""
    from .views import blueprint
    from .world import people

    app.register_blueprint(blueprint)
    app.extensions["onix_demo_people"] = people()
    app.jinja_env.globals["demo_mail"] = "/demo/mail"
