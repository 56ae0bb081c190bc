"""The database: one metadata, one session per request, and one way to change a row.

`unit_of_work()` wraps one service or Authlib call in a view, job or command. Returning commits, raising rolls back:
a *no* that has to be remembered (a failed sign-in, a replayed code) is returned; a *no* that must leave no trace is
raised. Services never commit.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import psycopg
import uuid_utils
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    CursorResult,
    Engine,
    Executable,
    MetaData,
    String,
    event,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, registry

RESTED = 10.0  # seconds after which a pooled connection is asked whether it still lives

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class _Base(DeclarativeBase):
    registry = registry(
        metadata=metadata,
        type_annotation_map={
            int: BigInteger,
            dict[str, Any]: JSON().with_variant(JSONB(), "postgresql"),
            list[str]: JSON().with_variant(JSONB(), "postgresql"),
        },
    )


class _Columns(Sequence[tuple[Any, ...]]):
    """What a result's columns are called and of which type they are, worked out for whoever looks."""

    def __init__(self, result: psycopg.pq.abc.PGresult) -> None:
        self._result = result

    def __len__(self) -> int:
        return self._result.nfields

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        if index >= len(self):
            raise IndexError(index)
        return (self._result.fname(index) or b"").decode(), self._result.ftype(index), None, None, None, None, None


class Cursor(psycopg.Cursor[Any]):
    """psycopg's cursor with a description that costs nothing until it is read: SQLAlchemy reads it of each statement
    once, and then only asks whether there is one. Looking up the type of each column took a sixth of UserInfo."""

    @property
    def description(self) -> Any:
        result = self.pgresult
        if result is None or not (result.nfields or result.status == psycopg.pq.ExecStatus.TUPLES_OK):
            return None
        return _Columns(result)


SINGLE = "single"
"""The key of the engine whose connections are in autocommit mode (PostgreSQL)."""
_autocommit_engines: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()
db = SQLAlchemy(model_class=_Base, session_options={"expire_on_commit": False})

if TYPE_CHECKING:

    class Base(_Base):
        """Every row. Instants are whole UTC seconds (`BigInteger`), ids are UUID text of 36 characters."""

        __abstract__ = True
else:
    Base = db.Model


def new_id() -> str:
    """A time-ordered UUIDv7 as text: the primary key of every row that nobody outside has to guess."""
    return str(uuid_utils.uuid7())


def id_column() -> Any:
    """The primary key column that most rows share."""
    return mapped_column(String(36), primary_key=True, default=new_id)


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """One short write transaction: commits when the block returns, rolls back when it raises.

    On SQLite the write lock is taken at the start (BEGIN IMMEDIATE), so two writers queue instead of failing late.
    Units do not nest; a service that needs another calls it inside the same unit.
    """
    session = db.session()
    if session.info.get("unit_of_work"):
        raise RuntimeError("units of work do not nest")
    if session.in_transaction():
        session.commit()
    session.info["unit_of_work"] = True
    try:
        session.connection(execution_options={"onix_write": True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("unit_of_work", None)


@contextmanager
def aside(*, each: bool = False) -> Iterator[Connection]:
    """A small transaction of its own, beside whatever the request is doing (security P26).

    For counters that must survive a rolled-back request: throttles, floods, guesses. Never call it inside a
    `unit_of_work`: SQLite has one writer. `each`: every statement is a transaction by itself.
    """
    session = db.session()
    if session.info.get("unit_of_work"):
        raise RuntimeError("a transaction aside cannot run inside a unit of work")
    if session.in_transaction():
        session.commit()
    if each:
        with autocommit() as connection:
            yield connection
        return
    with db.engine.connect().execution_options(onix_write=True) as connection, connection.begin():
        yield connection


def autocommit() -> Connection:
    """A connection on which each statement is its own transaction: the hot paths' single reads, one round trip each.

    To be used with `with`, which gives it back.
    """
    return _autocommit_engines[db.engine].connect()


def single() -> dict[str, Any]:
    """`bind_arguments` for one read of this request's session: a round trip without BEGIN, and nothing to end after.

    In a unit of work it is one of the unit's own reads. So it is on SQLite, where there is no round trip to save, and a
    request that held two connections of one pool could wait for another that does the same.
    """
    engine = db.engine
    own = db.session().info.get("unit_of_work") or engine.dialect.name == "sqlite"
    return {} if own else {"bind": _autocommit_engines[engine]}


def reader() -> Connection:
    """The connection of `single`, for several reads one after the other; the session gives it back."""
    return db.session().connection(bind_arguments=single())


def change(statement: Executable) -> int:
    """Execute an UPDATE or DELETE in this request's session and give the number of rows that it met."""
    result = db.session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount


@cache
def _as_one(first: Any, last: Any) -> Executable:
    return last.add_cte(first.cte("first"))  # type: ignore[no-any-return]


def write_both(first: Any, last: Any, values: Mapping[str, Any]) -> None:
    """Execute two prebuilt INSERTs or DELETEs in this request's session: as one statement where the database takes them
    so, for hot paths. `values` are of both; neither statement may see what the other does."""
    connection = db.session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(_as_one(first, last), values)
        return
    connection.execute(first, values)
    connection.execute(last, values)


def lock_name(kind: str, text: str) -> None:
    """Hold a name until this transaction ends: for a rule between rows of two rooms, which no row of either can guard.

    `kind` keeps the names of different rules apart. Whoever holds the same name is waited for (at most `lock_timeout`);
    two names may share a lock by chance, which only makes one wait. On SQLite, whose writers queue, there is nothing to
    do. The order of locks is in docs/decisions/0009.
    """
    session = db.session()
    if session.get_bind().dialect.name == "postgresql":
        mark = hashlib.sha256(f"{kind}:{text}".encode()).digest()[:8]
        session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(mark, "big", signed=True))))


def database_config(url: str) -> dict[str, Any]:
    """What Flask-SQLAlchemy has to know.

    On PostgreSQL single reads have connections of their own, which are always in autocommit mode: a connection that
    serves both is switched to and fro at every transaction, and an engine that switches tells its listeners of each
    statement besides.
    """
    if url.startswith("sqlite"):
        return {"SQLALCHEMY_DATABASE_URI": url}
    options: dict[str, Any] = {
        "pool_recycle": 1800,
        "pool_size": 8,
        "max_overflow": 8,
        "connect_args": {
            "cursor_factory": Cursor,
            "options": "-c statement_timeout=15000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=30000",
        },
    }
    single = {**options, "url": url, "isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    return {
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": options,
        "SQLALCHEMY_BINDS": {SINGLE: single},
    }


def prepare_engines(engines: Mapping[str | None, Engine]) -> None:
    """Give new engines the connection settings that correctness needs (security P28, P29)."""
    engine = engines[None]
    if engine.dialect.name != "sqlite":
        _autocommit_engines[engine] = engines[SINGLE]
        for one in engines.values():
            _check_idle_connections(one)
        return
    _autocommit_engines[engine] = engine.execution_options(isolation_level="AUTOCOMMIT")

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") == "AUTOCOMMIT":
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("onix_write") else "BEGIN")


def _check_idle_connections(engine: Engine) -> None:
    """Ask a connection whether it still lives when it has rested a while, instead of before every use (P28).

    SQLAlchemy's own `pool_pre_ping` costs a round trip per request: a quarter of what client_credentials takes.
    """

    @event.listens_for(engine, "checkin")
    def _rests(_connection: Any, record: Any) -> None:
        record.info["onix_rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _wakes(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("onix_rests_since", time.monotonic()) < RESTED:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:  # whatever the driver says: the pool makes a new one
            raise DisconnectionError from error
