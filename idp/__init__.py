"""Onix Account: an OAuth2 / OpenID Connect identity provider for a family of business applications.

`create_app()` is the only place that knows every room: it registers blueprints and subscribers in two lists.
"""

from __future__ import annotations

import importlib

from . import settings as _settings
from .kernel import events, logging, web
from .kernel.database import database_config, db, prepare_engines
from .settings import ROOT, Settings

# In the order of the floors. Each room may export `init_app(app)` (set-up and blueprints) and `subscribe(bus)`.
ROOMS = (
    "accounts", "organizations", "sessions", "express", "oidc", "audit", "outbox", "health", "portal",
    "organization_admin", "platform", "api",
)  # fmt: skip
DEMO_ROOMS = ("demo",)


def create_app(settings: Settings | None = None) -> web.Application:
    """A provider, ready to serve. Raises `SettingsError` or `CatalogError` with everything that is wrong."""
    settings = settings or _settings.load()
    app = web.Application(
        "idp", root_path=str(ROOT / "idp"), template_folder=str(ROOT / "templates"), static_folder=None
    )
    app.debug = settings.debug
    app.testing = settings.environment == "test"
    app.extensions["onix_settings"] = settings
    app.extensions["onix_events"] = bus = events.Bus()
    app.config.update(database_config(settings.database))
    db.init_app(app)
    with app.app_context():
        prepare_engines(db.engines)
    logging.init_app(app)
    web.init_app(app)
    for name in ROOMS + (DEMO_ROOMS if settings.is_demo else ()):
        room = importlib.import_module(f"{__name__}.{name}")
        if hasattr(room, "init_app"):
            room.init_app(app)
        if hasattr(room, "subscribe"):
            room.subscribe(bus)
    return app
