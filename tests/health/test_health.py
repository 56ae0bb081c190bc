"""Live, ready and numbers (R49); request ids and a log without secrets (R19, P05)."""

from __future__ import annotations

import io
import json
import logging as stdlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import make_url, text

from idp.kernel import logging
from idp.kernel.database import db, unit_of_work
from idp.oidc import keys
from idp.settings import SettingsError
from tests.support.forms import log_in


@pytest.fixture
def ready(app: Any) -> Any:
    with app.app_context(), unit_of_work():
        keys.ensure_keys()
    return app


def test_live_answers_without_a_database(make_app: Any, tmp_path: Any) -> None:
    client = make_app(f"sqlite:///{tmp_path}/nowhere/at/all.sqlite3").test_client()
    assert client.get("/healthz/live").json == {"status": "ok"}
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503 and answer.json["checks"]["database"] == "not reachable"
    assert str(tmp_path) not in answer.text


def test_ready_when_all_is_well(ready: Any) -> None:
    answer = ready.test_client().get("/healthz/ready")
    assert answer.status_code == 200, answer.json
    assert answer.json == {"status": "ok", "checks": {"database": "ok", "keys": "ok", "migrations": "ok"}}
    assert answer.headers["Cache-Control"] == "no-store"


def test_not_ready_without_keys(client: Any) -> None:
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503 and answer.json["checks"]["keys"] == "no usable signing key"


def test_not_ready_with_another_key_encryption_key(ready: Any, make_app: Any, database_url: str) -> None:
    other = make_app(database_url, key_encryption_key="another-key-encryption-key-000000000000")
    assert other.test_client().get("/healthz/ready").json["checks"]["keys"] == "no usable signing key"


def test_not_ready_behind_the_migrations(ready: Any) -> None:
    with ready.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    answer = ready.test_client().get("/healthz/ready")
    assert answer.status_code == 503 and answer.json["checks"]["migrations"] == "not at head"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_can_only_be_read(
    ready: Any, make_app: Any, database_url: str, world: Any, postgresql: Any
) -> None:
    """A standby, or an administrator at work: not ready, and what would write is told to come again."""
    person, name = world.account(), make_url(database_url).database
    postgresql.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    try:
        client = make_app(database_url).test_client()
        answer = client.get("/healthz/ready")
        assert answer.status_code == 503
        assert answer.json["checks"] == {"database": "read-only", "keys": "ok", "migrations": "ok"}
        refused = log_in(client, person.address, world.password)
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
    finally:
        postgresql.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')


def test_metrics_count_by_route_and_name_nobody(ready: Any) -> None:
    client = ready.test_client()
    client.get("/activate/some-secret-link-1234567890?code=abc")
    client.get("/nowhere/kari@bedrift.example")
    with ready.app_context():
        from idp.outbox import service

        with unit_of_work():
            service.queue_mail("test", address="kari@bedrift.example", language="en")
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.content_type.startswith("text/plain")
    assert 'route="/activate/<token>"' in answer.text
    assert 'route="(none)"' in answer.text
    assert 'onix_deliveries{lane="mail",state="waiting"} 1.0' in answer.text
    for secret in ("some-secret-link", "kari", "bedrift"):
        assert secret not in answer.text


def test_metrics_are_for_whoever_has_the_token(make_app: Any, database_url: str) -> None:
    token = "metrics-token-of-a-test-0123456789"
    client = make_app(database_url, metrics_token=token).test_client()
    for given in (
        None, "", "Bearer", "Bearer ", f"Bearer {token[:-1]}", f"Bearer {token}0", f"Basic {token}", token,
        "Bearer \u00e6", f"Bearer {token.upper()}",
    ):  # fmt: skip
        answer = client.get("/metrics", headers={} if given is None else {"Authorization": given})
        assert answer.status_code == 401, given
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="metrics"' and "onix_" not in answer.text
    for given in (f"Bearer {token}", f"bearer  {token}"):
        answer = client.get("/metrics", headers={"Authorization": given})
        assert answer.status_code == 200 and "onix_requests_total" in answer.text
    assert client.get("/healthz/live").status_code == 200, "whoever restarts processes needs no token"


def test_production_without_a_token_shows_its_numbers_to_nobody(make_app: Any, database_url: str) -> None:
    from idp import health

    app = make_app(
        database_url, environment="production", issuer="https://account.example", secret_key="s" * 40,
        key_encryption_key="k" * 40, mail_url="smtp://mail.example", mail_from="a@mail.example",
    )  # fmt: skip
    for where in ("127.0.0.1", "::1", "203.0.113.5"):
        answer = app.test_client().get(
            "/metrics", headers={"Authorization": "Bearer x"}, environ_overrides={"REMOTE_ADDR": where}
        )
        assert answer.status_code == 404 and "onix_" not in answer.text, where
    with app.app_context():
        assert "ONIX_METRICS_TOKEN is not set: /metrics answers nobody" in health.remarks()
    with pytest.raises(SettingsError, match="ONIX_METRICS_TOKEN: needs at least 32"):
        make_app(
            database_url, environment="production", issuer="https://account.example", secret_key="s" * 40,
            key_encryption_key="k" * 40, mail_url="smtp://mail.example", mail_from="a@mail.example",
            metrics_token="short",
        )  # fmt: skip


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What the log says, line by line, as JSON; what was set up before comes back."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    root = stdlib.getLogger()
    before, level = list(root.handlers), root.level
    logging.configure("json", "INFO")
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = before, level


def test_every_request_has_an_id_and_one_line(ready: Any, lines: Any) -> None:
    answer = ready.test_client().get("/login?code=abc123secret")
    mine = [line for line in lines() if line.get("event") == "request"]
    assert len(mine) == 1
    assert mine[0]["request_id"] == answer.headers["X-Request-ID"]
    assert mine[0]["route"] == "/login" and "abc123secret" not in json.dumps(mine)


def test_the_line_has_one_shape_however_it_is_written(ready: Any, lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = ready.test_client()
    where = {"REMOTE_ADDR": 'access_token=abcdefgh "\n'}
    client.post("/oauth2/token", environ_overrides=where)
    monkeypatch.setattr(logging, "_lines", None)  # the way through the libraries, as in the console's format
    client.post("/oauth2/token", environ_overrides=where)
    written, expected = lines()
    assert list(written) == list(expected)
    varying = ("request_id", "timestamp", "milliseconds")
    assert {name: written[name] for name in written if name not in varying} == {
        name: expected[name] for name in expected if name not in varying
    }
    assert [len(line["timestamp"]) for line in (written, expected)] == [27, 27]
    assert written["address"].startswith("access_token=[redacted]") is expected["address"].startswith(
        "access_token=[redacted]"
    )
    assert "abcdefgh" not in json.dumps([written, expected])


def test_nothing_is_written_above_the_level(ready: Any, lines: Any) -> None:
    logging.configure("json", "WARNING")
    assert ready.test_client().get("/login").status_code == 200
    assert lines() == []


def test_nobody_who_listens_does_not_keep_an_answer_back(ready: Any, lines: Any) -> None:
    for handler in stdlib.getLogger().handlers:
        if handler.get_name() == "onix":
            handler.stream.close()  # type: ignore[attr-defined]
    assert ready.test_client().get("/login").status_code == 200


def test_an_id_from_outside_is_not_taken_over(ready: Any) -> None:
    answer = ready.test_client().get("/healthz/live", headers={"X-Request-ID": "mine\r\n" if False else "mine"})
    assert answer.headers["X-Request-ID"] != "mine"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("password", "correct-horse"),
        ("client_secret", "abc"),
        ("refresh_token", "abc"),
        ("Authorization", "Basic abc"),
        ("note", "Authorization: Bearer abcdefghijklmnop"),
        ("note", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"),
        ("note", "https://x.example/cb?code=abcdef&state=xyz"),
        ("note", "postgresql://onix:hunter2@db/onix"),
        ("note", "handle " + "a" * 43),
    ],
)
def test_r19_secrets_are_redacted(key: str, value: str) -> None:
    shown = json.dumps(logging.redact({key: value}))
    assert "[redacted]" in shown
    for secret in ("correct-horse", "abcdef", "hunter2", "eyJ", "a" * 43):
        assert secret not in shown


def test_plain_words_stay() -> None:
    plain = {"request_id": "01a200c3-62e4-70d7-90af-07e66d25a550", "route": "/login", "status": 200, "client_id": "tag"}
    assert logging.redact(plain) == plain


def test_p05_library_loggers_say_no_tokens(lines: Any) -> None:
    logging.configure("json", "DEBUG")
    stdlib.getLogger("authlib.oauth2").debug("Issue token %r", {"access_token": "secret"})
    stdlib.getLogger("sqlalchemy.engine.Engine").info("SELECT secret")
    assert lines() == []


def test_exceptions_are_logged_without_secrets(lines: Any) -> None:
    try:
        raise ValueError("refresh_token=abcdefghijkl")
    except ValueError:
        stdlib.getLogger("x").exception("broke")
    text = json.dumps(lines())
    assert "ValueError" in text and "abcdefghijkl" not in text
