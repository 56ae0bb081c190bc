"""Which hooks run for whom: programs pass by what is for people, and a blueprint's own hooks run for everybody."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort
from flask import session as cookie
from psycopg.pq import TransactionStatus
from sqlalchemy import select, text, update

from idp.accounts.models import Account
from idp.kernel.database import autocommit, reader, single, unit_of_work
from idp.kernel.web import Answer, Application
from tests.support.forms import log_in


@pytest.fixture
def app_with_hooks() -> Any:
    app = Application("hooks", static_folder=None)
    app.secret_key = "a secret key for this test alone"
    seen: list[str] = []

    def after(name: str) -> Any:
        def note(response: Response) -> Response:
            seen.append(name)
            return response

        return note

    app.before_any.append(lambda _asked, _kept: seen.append("before any"))
    app.after_any.append(lambda _asked, _kept, _response: seen.append("after any"))
    app.before_request(lambda: seen.append("before people"))
    app.after_request(after("after people"))
    app.teardown_request(lambda _error: seen.append("end for people"))
    guarded = Blueprint("guarded", __name__)

    @guarded.before_request
    def _closed() -> None:
        seen.append("before guarded")
        abort(403)

    for path in ("/page", "/api/open"):
        app.add_url_rule(path, path, lambda: Response("here"))
    guarded.add_url_rule("/api/guarded", "guarded", lambda: Response("never"))
    app.register_blueprint(guarded)
    app.extensions["seen"] = seen
    return app


def test_people_pass_all_hooks_and_any_is_first_and_last(app_with_hooks: Any) -> None:
    assert app_with_hooks.test_client().get("/page").status_code == 200
    assert app_with_hooks.extensions["seen"] == [
        "before any", "before people", "after people", "after any", "end for people",
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "status"), [("/api/open", 200), ("/api/nowhere", 404)])
def test_programs_pass_by_what_is_for_people(app_with_hooks: Any, path: str, status: int) -> None:
    assert app_with_hooks.test_client().get(path).status_code == status
    assert app_with_hooks.extensions["seen"] == ["before any", "after any"]


def test_a_blueprint_s_own_hook_guards_programs_too(app_with_hooks: Any) -> None:
    assert app_with_hooks.test_client().get("/api/guarded").status_code == 403
    assert "before guarded" in app_with_hooks.extensions["seen"]


def test_every_hook_and_view_is_a_plain_function(app: Flask) -> None:
    """`Application.ensure_sync` does not look."""
    from inspect import iscoroutinefunction

    hooks = [hook for kept in (app.before_request_funcs, app.after_request_funcs) for some in kept.values()
             for hook in some]  # fmt: skip
    assert hooks and not [one for one in (*hooks, *app.view_functions.values()) if iscoroutinefunction(one)]


def test_counting_requests_starts_no_thread(make_app: Any, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(database_url, throttle={"requests_per_minute": 3})
    app.config["WTF_CSRF_ENABLED"] = False  # a form without its token is refused before anything is counted
    client = app.test_client()
    client.get("/login")
    started: list[Any] = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread))
    answers = [client.post("/login").status_code for _ in range(4)]
    assert answers[3] == 429 and 429 not in answers[:3]
    assert started == []


def test_what_has_run_out_is_swept_away(app: Flask) -> None:
    from idp.kernel.web.rates import _Memory

    counted = _Memory("process://")
    counted.timer.cancel()
    counted.incr("some", 60)
    counted.expirations["some"] = 0.0
    counted.incr("other", 60)
    assert "some" in counted.storage
    counted._swept_at -= counted.SWEPT_EVERY
    counted.incr("other", 60)
    assert "some" not in counted.storage and counted.get("other") == 2


def test_programs_get_no_cookie(app: Flask) -> None:
    answer = app.test_client().post("/oauth2/token")
    assert "Set-Cookie" not in answer.headers and "Vary" not in answer.headers
    with app.test_request_context("/oauth2/token"):
        assert dict(cookie) == {}


def test_the_cookie_is_written_when_it_changes_and_on_a_new_day(client: Any, world: Any, clock: Any) -> None:
    assert "Set-Cookie" in log_in(client, world.account().address, world.password).headers
    assert client.get("/").status_code == 200 and "Set-Cookie" not in client.get("/").headers
    assert "Set-Cookie" in client.get("/?lang=nb").headers
    clock.advance(86400)
    assert "Set-Cookie" in client.get("/").headers and "Set-Cookie" not in client.get("/").headers


def test_an_answer_goes_out_as_it_is() -> None:
    app = Flask("answers")
    app.add_url_rule("/", "one", lambda: Answer('{"a": "é"}', [("Cache-Control", "no-store")]))
    client = app.test_client()
    got, head = client.get("/"), client.head("/")
    assert got.json == {"a": "é"} and got.status == "200 OK" and got.content_length == len(got.data) == 11
    assert head.data == b"" and list(head.headers) == list(got.headers)
    assert sorted(got.headers.keys()) == ["Cache-Control", "Content-Length", "Content-Type"]


def test_requests_at_other_hosts_are_routed_alike(app: Flask) -> None:
    for host in ("localhost", "other.example", "a..b"):
        answer = app.test_client().get("/healthz/live", headers={"Host": host})
        assert answer.status_code == (400 if host == "a..b" else 200)


def test_a_single_read_in_a_unit_sees_what_the_unit_has_done(app: Flask, world: Any) -> None:
    person = world.account()
    asked = select(Account.nickname).where(Account.id == person.account_id)
    with app.app_context():
        with unit_of_work() as session:
            session.execute(update(Account).where(Account.id == person.account_id).values(nickname="Kaia"))
            assert session.scalar(asked, bind_arguments=single()) == "Kaia"
            assert reader().scalar(asked) == "Kaia"
        assert reader().scalar(asked) == "Kaia" and reader() is reader()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_single_reads_and_transactions_have_connections_of_their_own(app: Flask) -> None:
    def driver(connection: Any) -> Any:
        return connection.connection.dbapi_connection

    with app.app_context(), autocommit() as single_read, unit_of_work() as session:
        single_read.execute(text("SELECT 1"))
        session.execute(text("SELECT 1"))
        assert driver(single_read).autocommit and not driver(single_read).pgconn.transaction_status
        inside = driver(session.connection())
        assert not inside.autocommit and inside.pgconn.transaction_status == TransactionStatus.INTRANS
        found = session.execute(text("SELECT 1 AS one, 'x' AS other"))
        assert list(found.keys()) == ["one", "other"] and found.one() == (1, "x")
