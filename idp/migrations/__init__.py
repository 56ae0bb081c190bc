"""The database's history, for SQLite and PostgreSQL alike (Alembic through Flask-Migrate).

`onix-account db upgrade` brings a database to this release; `make migration MESSAGE=… REV=…` writes the next step.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text

FOLDER = Path(__file__).resolve().parent
LOCK = 0x4F6E6978  # "Onix": any number will do, if it is always the same


def import_models() -> None:
    """Put the tables of every room into the metadata, also of rooms that nothing has imported yet."""
    for path in sorted(FOLDER.parent.rglob("models.py")):
        importlib.import_module(".".join(("idp", *path.relative_to(FOLDER.parent).with_suffix("").parts)))
    for name in ("continuation", "counters"):
        importlib.import_module(f"idp.kernel.{name}")


@cache
def head() -> str | None:
    """The newest migration of this release."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return ScriptDirectory.from_config(config).get_current_head()


def current_revision(connection: Connection) -> str | None:
    """The migration that the database is at; None for a database that has none."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def wait_for_turn(connection: Connection) -> None:
    """Let one process at a time go on, until its transaction ends. SQLite's write transactions queue by themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '120s'"))
        connection.execute(text("SET LOCAL statement_timeout = '0'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def bring_to_head() -> str | None:
    """Upgrade the schema, publish the first signing keys, take over the catalog's roles; gives the migration.

    Whoever asks at the same time waits. Call inside an application context, outside a unit of work.
    """
    from flask_migrate import upgrade

    from idp.kernel.database import db, unit_of_work
    from idp.oidc import keys
    from idp.organizations import service as organizations
    from idp.organizations.catalog import current_catalog

    db.session.remove()
    upgrade(directory=str(FOLDER))
    with unit_of_work() as session:
        wait_for_turn(session.connection())
        keys.ensure_keys()
        organizations.sync_system_roles(current_catalog())
    return head()
