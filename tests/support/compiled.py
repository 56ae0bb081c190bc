"""What is compiled once for all applications of a process, since each test makes its own: routes, templates, SQL.

What is compiled depends on the text alone. Making an application takes a third of the time, and its requests less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule


def keep_routes() -> None:
    """From now on what builds a route's address is compiled once for each text; Werkzeug's rules are as before."""
    compiled: dict[tuple[Any, ...], Callable[..., Any]] = {}
    compile_builder = Rule._compile_builder

    def kept(self: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        if self.defaults:  # their values are in the code
            return compile_builder(self, append_unknown)
        name = (self.rule, tuple(self._trace), append_unknown)
        if name not in compiled:
            compiled[name] = compile_builder(self, append_unknown)
        return compiled[name]

    Rule._compile_builder = kept  # type: ignore[method-assign]


class Templates(BytecodeCache):
    """For `jinja_env.bytecode_cache`."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


def _hurried(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # a test's rows need not outlive the machine


class Sql:
    """One dialect and one cache of compiled statements for all engines of a kind, since the server is the same one."""

    def __init__(self) -> None:
        self._dialects: dict[tuple[str | None, str], Dialect] = {}
        self._cache: Any = LRUCache(3000)

    def share(self, engines: Mapping[str | None, Engine]) -> None:
        """For the engines of a new application."""
        for name, engine in engines.items():
            engine._compiled_cache = self._cache
            engine.dialect = self._dialects.get((name, engine.dialect.name), engine.dialect)
            if engine.dialect.name == "sqlite":
                event.listen(engine, "connect", _hurried)

    def learn(self, engines: Mapping[str | None, Engine]) -> None:
        """From the engines of an application that was used: a dialect knows the server by its first connection."""
        for name, engine in engines.items():
            if engine.dialect.server_version_info:
                self._dialects.setdefault((name, engine.dialect.name), engine.dialect)
