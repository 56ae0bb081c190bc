"""Transactions on PostgreSQL in few round trips: opened by their first statement, closed with their last ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import psycopg
import pytest
from flask import Flask
from psycopg.pq import TransactionStatus
from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from idp.kernel.counters import ThrottleCounter
from idp.kernel.database import aside, db, unit_of_work, write_last

ROW: dict[str, Any] = {"kind": "some", "subject_digest": "one", "window_start": 1, "count": 1}
TABLE = cast("Table", ThrottleCounter.__table__)
ADD = insert(TABLE)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def kept() -> int:
    found = db.session.scalar(select(func.count()).select_from(ThrottleCounter)) or 0
    db.session.rollback()
    return found


def test_what_is_written_last_is_written_with_the_unit() -> None:
    with unit_of_work() as session:
        write_last(ADD, ROW)
        assert session.scalar(select(func.count()).select_from(ThrottleCounter)) == 0, "nothing in the unit reads it"
        session.execute(ADD, {**ROW, "subject_digest": "two"})
    assert kept() == 2


def test_a_unit_of_last_statements_alone_is_a_transaction_too() -> None:
    with unit_of_work():
        write_last(ADD, ROW)
        write_last(ADD, {**ROW, "subject_digest": "two"})
    assert kept() == 2


def test_what_the_mapper_holds_back_is_written_before() -> None:
    with unit_of_work() as session:
        session.add(ThrottleCounter(**ROW))
        write_last(TABLE.update().values(count=9), {})
    assert db.session.scalar(select(ThrottleCounter.count)) == 9


def test_a_unit_that_is_undone_leaves_nothing_for_the_next() -> None:
    with pytest.raises(ZeroDivisionError), unit_of_work():
        write_last(ADD, ROW)
        raise ZeroDivisionError
    with unit_of_work():
        pass
    assert kept() == 0


@pytest.mark.parametrize("alone", [True, False])
def test_what_the_database_refuses_at_the_end_undoes_the_unit(alone: bool) -> None:
    with pytest.raises(IntegrityError), unit_of_work() as session:
        if not alone:
            session.execute(ADD, {**ROW, "subject_digest": "two"})
        write_last(ADD, ROW)
        write_last(ADD, ROW)
    assert kept() == 0
    with unit_of_work():
        write_last(ADD, ROW)
    assert kept() == 1, "the connection is good for another one"


def test_outside_of_a_unit_it_is_written_at_once() -> None:
    write_last(ADD, ROW)
    assert db.session.scalar(select(func.count()).select_from(ThrottleCounter)) == 1
    db.session.rollback()
    assert kept() == 0


@only_postgresql
def test_a_connection_that_dies_before_the_end_is_told_and_replaced() -> None:
    with pytest.raises(OperationalError), unit_of_work() as session:
        mine = session.scalar(select(func.pg_backend_pid()))
        with aside_of_all() as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (mine,))
        write_last(ADD, ROW)
    with unit_of_work():
        write_last(ADD, ROW)
    assert kept() == 1


def aside_of_all() -> psycopg.Connection[Any]:
    url = db.engine.url
    return psycopg.connect(dbname=url.database, user=url.username, autocommit=True, **url.query)  # type: ignore[arg-type]


def driver() -> psycopg.Connection[Any]:
    found = db.session.connection().connection.driver_connection
    assert isinstance(found, psycopg.Connection)
    return found


def _one(cursor: psycopg.Cursor[Any]) -> None:
    cursor.execute("INSERT INTO throttle_counter VALUES ('some', 'one', 1, 1)")


def _many(cursor: psycopg.Cursor[Any]) -> None:
    cursor.executemany("INSERT INTO throttle_counter VALUES ('some', %s, 1, 1)", [("one",), ("two",)])


def _copied(cursor: psycopg.Cursor[Any]) -> None:
    with cursor.copy("COPY throttle_counter FROM STDIN") as copy:
        copy.write_row(("some", "one", 1, 1))


def _streamed(cursor: psycopg.Cursor[Any]) -> None:
    assert len(list(cursor.stream("INSERT INTO throttle_counter VALUES ('some', 'one', 1, 1) RETURNING kind"))) == 1


@only_postgresql
@pytest.mark.parametrize("work", [_one, _many, _copied, _streamed])
def test_whatever_comes_first_opens_the_transaction(work: Callable[[psycopg.Cursor[Any]], None]) -> None:
    connection = driver()
    with connection.cursor() as cursor:
        work(cursor)
    assert connection.info.transaction_status == TransactionStatus.INTRANS
    db.session.rollback()
    assert kept() == 0


@only_postgresql
def test_a_result_that_is_read_in_parts_has_a_transaction() -> None:
    with driver().cursor("parts") as cursor:
        assert [row[0] for row in cursor.execute("SELECT generate_series(1, 3)")] == [1, 2, 3]
    db.session.rollback()


@only_postgresql
def test_a_first_statement_that_is_refused_is_told_as_ever() -> None:
    with pytest.raises(Exception, match="nowhere"):
        db.session.execute(text("SELECT * FROM nowhere"))
    db.session.rollback()
    with aside() as own:
        assert own.execute(text("SELECT 1")).scalar() == 1
