"""Traps of the frameworks (P03, P14 to P17, P21, P25, P28, P29, P32) and what must hold beside them (R18, R27, R42)."""

from __future__ import annotations

import http.server
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.databases import one_database
from tests.support.forms import form_with, log_in


@one_database
def test_p03_the_time_of_sign_in_does_not_age_a_code(protocol: Any, clock: Any) -> None:
    """A sign-in of days ago: the code is new all the same, and `auth_time` is the truth."""
    from tests.support.protocol import claims_of

    sid = protocol.session(auth_time=clock.now() - 20 * 86400)
    token = protocol.tokens(sid=sid)
    assert claims_of(token["id_token"])["auth_time"] == clock.now() - 20 * 86400


@one_database
def test_p14_behind_a_proxy_the_protocol_works_over_plain_http(make_app: Any, database_url: str) -> None:
    """TLS ends in front: nothing reads `AUTHLIB_INSECURE_TRANSPORT`, nothing builds an address from the request."""
    import os

    assert "AUTHLIB_INSECURE_TRANSPORT" not in os.environ
    app = make_app(database_url, issuer="https://id.example", trusted_proxies=1)
    http = app.test_client()
    for base in ("http://10.0.0.7:8000", "https://id.example"):
        answer = http.post("/oauth2/token", data={"grant_type": "x"}, base_url=base)
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
        document = http.get("/.well-known/openid-configuration", base_url=base).json
        assert document["token_endpoint"] == "https://id.example/oauth2/token"


@one_database
@pytest.mark.parametrize("alg", ["HS256", "none", "RS384", "PS256"])
def test_p15_only_the_algorithm_that_was_meant_verifies(protocol: Any, alg: str) -> None:
    """A header that names another algorithm, with the public key as secret: the token is nothing."""
    import base64
    import hashlib
    import hmac
    import json

    token = protocol.tokens()["access_token"]
    head, body, _ = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "==")) | {"alg": alg}
    again = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    key = json.dumps(protocol.http.get("/oauth2/jwks").json["keys"][0]).encode()
    mark = hmac.new(key, f"{again}.{body}".encode(), hashlib.sha256).digest() if alg != "none" else b""
    forged = f"{again}.{body}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"
    assert protocol.userinfo(token).status_code == 200
    assert protocol.userinfo(forged).status_code == 401
    assert protocol.introspect(forged).json == {"active": False}


@one_database
def test_p16_r44_the_frameworks_limits_are_set(app: Any, client: Any) -> None:
    assert app.config["MAX_CONTENT_LENGTH"] <= 1_000_000 and app.config["MAX_FORM_PARTS"] <= 100
    boundary = "".join(f'--b\r\nContent-Disposition: form-data; name="f{n}"\r\n\r\nx\r\n' for n in range(150)) + "--b--"
    answer = client.post("/login", data=boundary, content_type="multipart/form-data; boundary=b")
    assert answer.status_code == 413


@one_database
def test_p17_the_cookie_holds_a_random_handle_and_nothing_to_read(app: Any, client: Any, world: Any) -> None:
    """Signed is not secret: no id, address or right stands in the cookie, and a copy dies with the sign-out."""
    import base64
    import zlib

    person = world.account()
    log_in(client, person.address, world.password)
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    head = cookie.value.rsplit(".", 2)[0]
    packed = base64.urlsafe_b64decode(head.lstrip(".") + "===")
    readable = zlib.decompress(packed) if head.startswith(".") else packed
    assert person.account_id.encode() not in readable and person.address.encode() not in readable
    assert "Cookie" in client.get("/").headers["Vary"]
    thief = app.test_client()
    thief.set_cookie(app.config["SESSION_COOKIE_NAME"], cookie.value)
    assert thief.get("/").status_code == 200
    form = form_with(client.get("/logout").get_data(as_text=True), "csrf_token", "/logout")
    assert client.post(form.action, data=form.fields).status_code == 303
    assert thief.get("/").status_code == 303


@one_database
def test_p21_the_cookies_name_and_flags_follow_the_configuration(make_app: Any, database_url: str) -> None:
    """`__Host-` over TLS, with what it needs; another name over http; never by what the request says."""
    app = make_app(database_url, issuer="https://id.example")
    head = app.test_client().get("/login", base_url="https://id.example").headers["Set-Cookie"]
    assert head.startswith("__Host-") and "Secure" in head and "Path=/" in head and "Domain" not in head
    plain = make_app(database_url, issuer="http://localhost:8123")
    head = plain.test_client().get("/login", headers={"X-Forwarded-Proto": "https"}).headers["Set-Cookie"]
    assert head.startswith("onix_account_8123=") and "HttpOnly" in head and "SameSite=Lax" in head


@one_database
def test_p25_static_files_stay_in_their_folder_and_errors_say_nothing(client: Any) -> None:
    for path in (
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/static/..%2fsettings.py",
    ):
        answer = client.get(path)
        assert answer.status_code in (301, 308, 400, 404), path
        assert b"import" not in answer.data and b"root:" not in answer.data
    answer = client.post("/oauth2/token", data=b"\xff\xfe", content_type="application/x-www-form-urlencoded")
    assert answer.status_code in (400, 401) and "Traceback" not in answer.text


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_p28_a_connection_gives_up(context: Any) -> None:
    from idp.kernel.database import db

    shown = {
        name: db.session.execute(text(f"SHOW {name}")).scalar_one()
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    }
    assert "0" not in shown.values(), shown


@one_database
def test_p29_sqlite_is_set_up_for_several_writers(context: Any) -> None:
    from idp.kernel.database import db

    for pragma, value in (("journal_mode", "wal"), ("foreign_keys", 1)):
        assert db.session.execute(text(f"PRAGMA {pragma}")).scalar_one() == value
    assert db.session.execute(text("PRAGMA busy_timeout")).scalar_one() >= 5000


def test_p29_instants_are_whole_utc_seconds(context: Any) -> None:
    """No column holds a date that could mean another moment in another zone."""
    from sqlalchemy import BigInteger, Date, DateTime

    from idp.kernel.database import metadata

    for table in metadata.tables.values():
        for column in table.columns:
            assert not isinstance(column.type, Date | DateTime), column
            if column.name.endswith("_at"):
                assert isinstance(column.type, BigInteger), column


def test_p32_a_job_may_run_twice_and_late(app: Any, clock: Any) -> None:
    """Jobs are computed from rows: after an outage of a year they catch up, and again they find nothing to do."""
    from idp import jobs
    from idp.kernel.database import unit_of_work
    from idp.oidc import keys

    with app.app_context():
        with unit_of_work():
            keys.ensure_keys()
        clock.advance(365 * 86400)
        first = {job.name: job.run() for job in jobs.JOBS}
        second = {job.name: job.run() for job in jobs.JOBS}
        assert first["keys"] == 2 and second["keys"] == 0
        assert keys.signing_key("RS256") and keys.signing_key("ES256")


def test_r42_every_page_carries_the_headers(client: Any) -> None:
    for path in ("/login", "/signup", "/password/forgot", "/nowhere", "/oauth2/authorize", "/oauth2/logout"):
        head = client.get(path).headers
        policy = head["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy and "base-uri 'none'" in policy
        assert head["X-Content-Type-Options"] == "nosniff" and head["Referrer-Policy"] == "no-referrer"
        assert head["Cross-Origin-Opener-Policy"] == "same-origin" and head["Permissions-Policy"]


@one_database
def test_r27_a_changed_password_is_told_by_mail_and_ends_the_other_sessions(app: Any, world: Any) -> None:
    """Told at the address; sessions and refresh tokens of other browsers end (the account page itself comes later)."""
    from sqlalchemy import select

    from idp.accounts import passwords, service
    from idp.accounts.models import Account
    from idp.kernel.database import db, unit_of_work
    from idp.outbox.models import Delivery

    person, browser = world.account(), app.test_client()
    log_in(browser, person.address, world.password)
    assert browser.get("/").status_code == 200
    with app.app_context():
        hashed = passwords.hash_password("lake-orange-tractor-nine")
        with unit_of_work():
            service.change_password(db.session.get_one(Account, person.account_id), hashed)
        told = db.session.scalars(select(Delivery).where(Delivery.lane == "mail")).all()
        assert [row.kind for row in told] == ["password_changed"]
    assert browser.get("/").status_code == 303


@one_database
def test_r31_every_way_to_a_session_asks_the_same(app: Any, world: Any) -> None:
    """Ways in: the sign-in form and its second step. Activation, reset, invitation, mailbox proof sign nobody in."""
    import ast

    from idp.settings import ROOT

    callers = set()
    for file in (ROOT / "idp").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sign_in":
                callers.add(str(file.relative_to(ROOT / "idp")))
    assert callers == {"sessions/second_step.py", "sessions/own_password.py"}, callers


def test_outgoing_tls_is_modern(tmp_path: Path) -> None:
    """Conformance 101: what calls others refuses TLS before 1.2, and certificates that nobody vouches for."""
    from requests.exceptions import SSLError
    from urllib3.util.ssl_ import create_urllib3_context

    from idp.kernel.outgoing import caller
    from tests.cli.test_serving import _certificate

    assert create_urllib3_context().minimum_version >= ssl.TLSVersion.TLSv1_2
    assert ssl.create_default_context().minimum_version >= ssl.TLSVersion.TLSv1_2
    certificate, key = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(SSLError):
            caller(2, 2, loopback=True).send_request("GET", f"https://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        server.server_close()


@one_database
def test_what_was_typed_is_text_in_a_lazy_sentence_too(app: Any) -> None:
    """Flask-Babel calls its lazy strings markup: a refusal that names a company would put its tags on the page."""
    from flask import render_template_string
    from flask_babel import lazy_gettext as _l

    said = _l("There is no company %(name)s.", name="<form action=//evil.example><b>AS")
    with app.test_request_context():
        for page in ("{{ said }}", "{{ 'x' ~ said }}", "{{ [said] | join }}", "{{ (said | string) ~ '' }}"):
            shown = render_template_string(page, said=said)
            assert "&lt;form action=//evil.example&gt;&lt;b&gt;AS" in shown and "<" not in shown
