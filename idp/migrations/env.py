"""How Alembic reaches the database: through the application, under a lock, in one transaction.

Two processes that upgrade at once queue: PostgreSQL on an advisory lock, SQLite on its write lock (BEGIN IMMEDIATE).
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy import JSON
from sqlalchemy.exc import SAWarning

from idp.kernel.database import db
from idp.migrations import import_models, wait_for_turn

# Indexes over expressions are made by our own hand, and a test sees that they are there: no news to an operator.
warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index", SAWarning)


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our one JSON type as the migrations spell it."""
    if kind == "type" and isinstance(item, JSON):
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


def run() -> None:
    import_models()
    options = current_app.extensions["migrate"].configure_args | {"transactional_ddl": True}
    with db.engine.connect().execution_options(onix_write=True) as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_item,
            **options,
        )
        with context.begin_transaction():
            wait_for_turn(connection)
            context.run_migrations()


run()
