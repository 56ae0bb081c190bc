"""One fresh database per test: a copy of a template that was migrated once."""

from __future__ import annotations

import importlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .configuration import settings
from .needs import ROOT
from .postgresql import Cluster


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


class Databases:
    """Makes databases for tests of one process. `kind` is `sqlite` or `postgresql`."""

    def __init__(self, folder: Path, cluster: Callable[[], Cluster]) -> None:
        self._folder, self._cluster = folder, cluster
        self._templates: dict[str, str] = {}

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
            cluster = self._cluster()
            yield cluster.create(name, template)
            cluster.drop(name)
