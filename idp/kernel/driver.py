"""psycopg with fewer round trips. Each costs two switches between processes, which cost more than the statements.

A transaction's BEGIN goes with its first statement, and whatever nobody reads goes with its COMMIT (`committed_with`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import psycopg
from psycopg.pq import ExecStatus, PipelineStatus, TransactionStatus
from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError


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
        if result is None or not (result.nfields or result.status == ExecStatus.TUPLES_OK):
            return None
        return _Columns(result)


class OpeningCursor(Cursor):
    """A cursor whose first statement opens the transaction: BEGIN and the statement are one round trip.

    For connections in the driver's autocommit mode, where psycopg neither sends a BEGIN nor waits for one. COMMIT and
    ROLLBACK are sent by it as ever.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        if not _idle(self.connection):
            return super().execute(query, params, **options)
        with self.connection.pipeline():
            _begin(self.connection)
            return super().execute(query, params, **options)

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        _opened(self.connection)
        super().executemany(query, params_seq, **options)

    def copy(self, *arguments: Any, **options: Any) -> Any:
        _opened(self.connection)
        return super().copy(*arguments, **options)

    def stream(self, *arguments: Any, **options: Any) -> Any:
        _opened(self.connection)
        return super().stream(*arguments, **options)


class OpeningServerCursor(psycopg.ServerCursor[Any]):
    """The same for a result that is read in parts."""

    def execute(self, *arguments: Any, **options: Any) -> Any:
        _opened(self.connection)
        return super().execute(*arguments, **options)


def _idle(connection: psycopg.Connection[Any]) -> bool:
    """Whether no transaction is open, and none is about to be."""
    driver = connection.pgconn
    return driver.transaction_status == TransactionStatus.IDLE and driver.pipeline_status == PipelineStatus.OFF


def _begin(connection: psycopg.Connection[Any]) -> None:
    psycopg.Cursor(connection).execute("BEGIN", prepare=False)


def _opened(connection: psycopg.Connection[Any]) -> None:
    if _idle(connection):
        _begin(connection)


def open_by_statement(connection: psycopg.Connection[Any]) -> None:
    """Let this connection's transactions be opened by their first statements."""
    connection.autocommit = True
    connection.cursor_factory = OpeningCursor
    connection.server_cursor_factory = OpeningServerCursor


def ping(connection: psycopg.Connection[Any]) -> None:
    """One round trip that opens no transaction. Raises what the driver says of a dead connection."""
    psycopg.Cursor(connection).execute(";", prepare=False)


def committed_with(connection: Connection, last: Iterable[tuple[Executable, Mapping[str, Any]]]) -> None:
    """Send the last statements of a transaction and its COMMIT in one round trip; their results are read by nobody.

    Raises SQLAlchemy's errors, also for what the database finds at COMMIT only.
    """
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    opens = _idle(driver)
    try:
        with driver.pipeline():
            if opens:
                _begin(driver)
            for statement, values in last:
                connection.execute(statement, values)
            driver.commit()
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error) from error
