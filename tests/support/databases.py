"""One fresh database per test: a copy of a template that was migrated once, or on PostgreSQL one that was emptied."""

from __future__ import annotations

import importlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg.errors import ObjectInUse

from .configuration import settings
from .needs import ROOT
from .postgresql import Cluster

one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""Marks a test to which the database makes no difference: it runs on SQLite alone."""


def build_schema(url: str) -> None:
    """Bring an empty database to today's schema, by the migrations where there are any."""
    from idp import create_app
    from idp.kernel.database import db

    app = create_app(settings(url))
    with app.app_context():
        if any((ROOT / "idp" / "migrations" / "versions").glob("*.py")):
            from flask_migrate import upgrade

            upgrade(directory=str(ROOT / "idp" / "migrations"))
        else:
            for models in (ROOT / "idp").glob("*/models.py"):
                importlib.import_module(f"idp.{models.parent.name}.models")
            db.create_all()
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


# What the schema is made of: everything with a name, how many columns it has, and the migration that it is at.
_SHAPE = """SELECT md5(string_agg(format('%s %s %s', oid, relname, relnatts), ',' ORDER BY oid)),
(SELECT string_agg(version_num, ',') FROM alembic_version)
FROM pg_class WHERE relnamespace = 'public'::regnamespace"""
# The tables that ever had a row: an empty one that was never written to has no file pages.
_TOUCHED = """SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0"""
# The planner knows nothing of a new table, and chooses as it does for one that grows.
_UNKNOWN = """UPDATE pg_class SET reltuples = -1, relpages = 0
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= 0"""
_BORN_WITH = ["alembic_version"]


class _Emptied:
    """A PostgreSQL database that tests have had one after the other. Copying a new one costs twenty times as much."""

    def __init__(self, cluster: Cluster, name: str, template: str) -> None:
        self._cluster, self.name = cluster, name
        self.url = cluster.create(name, template)
        with cluster.connect(name) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()
            self._known = _names(connection) == _BORN_WITH

    def empty(self, name: str) -> bool:
        """Makes it as new, under a new name, where nobody finds it who had it before. Whether that can be done."""
        self._cluster.leave(self.name)
        with self._cluster.connect(self.name) as connection:
            if not self._known or connection.execute(_SHAPE).fetchone() != self._shape:
                return False
            touched = ", ".join(f'"{table}"' for table in _names(connection) if table not in _BORN_WITH)
            if touched:
                deletes = "".join(f"DELETE FROM {table};" for table in touched.split(", "))
                connection.execute(f"SET session_replication_role = replica; {deletes}".encode())
                # Rows are laid down from the first page on again, in the order in which they come.
                connection.execute(f"VACUUM (TRUNCATE, INDEX_CLEANUP ON) {touched}".encode())
                connection.execute(_UNKNOWN)
        try:
            self._cluster.execute(f'ALTER DATABASE "{self.name}" RENAME TO "{name}"')
        except ObjectInUse:  # somebody has come back
            return False
        self.name, self.url = name, self._cluster.url(name)
        return True


def _names(connection: Any) -> list[str]:
    return sorted(row[0] for row in connection.execute(_TOUCHED))


class Databases:
    """Makes databases for tests of one process. `kind` is `sqlite` or `postgresql`."""

    def __init__(self, folder: Path, cluster: Callable[[], Cluster]) -> None:
        self._folder, self._cluster = folder, cluster
        self._templates: dict[str, str] = {}
        self._emptied: list[_Emptied] = []

    def _sqlite_template(self) -> Path:
        path = self._folder / "template.sqlite3"
        if "sqlite" not in self._templates:
            build_schema(f"sqlite:///{path}")
            for left in self._folder.glob("template.sqlite3-*"):
                left.unlink()
            self._templates["sqlite"] = str(path)
        return path

    def _postgresql_template(self) -> str:
        name = "onix_template"
        if "postgresql" not in self._templates:
            self._cluster().drop(name)
            build_schema(self._cluster().create(name))
            self._templates["postgresql"] = name
        return name

    @contextmanager
    def fresh(self, kind: str) -> Iterator[str]:
        """The URL of an empty, migrated database that is gone afterwards."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            path = self._folder / f"{name}.sqlite3"
            shutil.copyfile(self._sqlite_template(), path)
            yield f"sqlite:///{path}"
            for left in self._folder.glob(f"{name}.sqlite3*"):
                left.unlink()
        else:
            template = self._postgresql_template()
            database = self._emptied.pop() if self._emptied else _Emptied(self._cluster(), name, template)
            yield database.url
            if database.empty(f"t_{uuid.uuid4().hex[:12]}"):
                self._emptied.append(database)
            else:
                self._cluster().drop(database.name)
