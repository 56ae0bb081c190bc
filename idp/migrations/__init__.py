"""The database's history, for SQLite and PostgreSQL alike (Alembic through Flask-Migrate).

`onix-account db upgrade` brings a database to today's schema; `make migration MESSAGE=…` writes the next step.
"""

from __future__ import annotations

import importlib
from pathlib import Path


def import_models() -> None:
    """Put the tables of every room into the metadata, also of rooms that nothing has imported yet."""
    for path in sorted(Path(__file__).resolve().parent.parent.glob("*/models.py")):
        importlib.import_module(f"idp.{path.parent.name}.models")
    for name in ("continuation", "counters"):
        importlib.import_module(f"idp.kernel.{name}")
