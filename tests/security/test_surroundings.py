"""What lies around the protocol: addresses that look alike, mails, logs, outgoing calls, and powers."""

from __future__ import annotations

import http.server
import io
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_string
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from idp.accounts import addresses, service
from idp.accounts.models import Account
from idp.kernel import logging as logs
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.oidc.authentication import fetch_key_set
from idp.organizations import service as organizations
from idp.outbox import mails, worker
from idp.outbox.models import Delivery
from tests.accounts.steps import PERSON, last, link_of, listen, sign_up
from tests.specs.person import Browser, answer_of
from tests.support.databases import one_database
from tests.support.forms import log_in, submit, text_of


@one_database
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kari@Firma.no", "kari@firma.NO"),
        ("kåre@firma.no", "ka\u030are@firma.no"),
        ("KÅRE@firma.no", "kåre@firma.no"),
        ("STRAẞE@firma.no", "straße@firma.no"),
        ("kari@blåbær.no", "kari@xn--blbr-roah.no"),
        ("kari@firma.no", " kari@firma.no "),
        ("kari@firma.no", "kari@ｆｉｒｍａ.no"),
    ],
)
def test_p35_addresses_that_are_the_same_have_one_account(context: Any, one: str, other: str) -> None:
    with unit_of_work():
        service.create_account(address=one, given_name="A", family_name="B", verified=True)
    with pytest.raises(Refusal) as found, unit_of_work():
        service.create_account(address=other, given_name="A", family_name="B")
    assert found.value.code == "address_taken"
    assert service.find_by_address(other) is not None


@pytest.mark.parametrize(
    "text",
    [
        "kari@firma.no\r\nBcc: all@firma.no", "kari@firma.no\n", "kari@firma.no,eve@evil.example", "<kari@firma.no>",
        "kari@firma.no;eve@evil.example", '"a\r\nb"@firma.no', "kari@firma.no\0", "kari@firma.no\u2028x", "@",
        "a@b@c.no",
        "Kari <kari@firma.no>", "kari@[127.0.0.1]", "kari@firma.no?bcc=x@y.no", "kari\u202e@firma.no", "kari@localhost",
    ],
)  # fmt: skip
def test_addresses_that_are_none(text: str) -> None:
    """Header injection: a mail goes to one mailbox, and whoever types says which."""
    try:
        found = addresses.parse(text)
    except Refusal:
        return
    assert found.normalized == "kari@firma.no", "blanks around are the only thing forgiven"


@one_database
def test_p31_what_is_typed_adds_no_header_to_a_mail(context: Any, world: Any) -> None:
    from idp.outbox.models import Delivery

    place, inviter = world.organization(name="Evil\r\nBcc: all@firma.no"), world.account(given_name="A\r\nX-Y: z")
    with unit_of_work():
        member = organizations.add_member(place, email="new@work.example", given_name="New")
        organizations.invite(member.id, actor_id=inviter.account_id)
    delivery = db.session.scalar(db.select(Delivery).where(Delivery.kind == "invitation"))
    assert delivery is not None
    message = mails.compose(delivery)
    assert message is not None
    head = message_from_string(message.as_string())
    assert not {"Bcc", "X-Y"} & set(head.keys()) and head["To"] == "new@work.example"
    assert "all@firma.no" not in str(message.send_to)


@one_database
def test_r19_no_secret_is_logged_at_debug(
    app: Any, client: Any, world: Any, protocol: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sign-up, sign-in, code flow and refresh with every logger at DEBUG."""
    root = logging.getLogger()
    level, handlers, heard = root.level, root.handlers[:], io.StringIO()
    logs.configure("json", "DEBUG")
    for handler in root.handlers:
        if handler.get_name() == "onix" and isinstance(handler, logging.StreamHandler):
            handler.setStream(heard)
    try:
        events = listen(app)
        sign_up(client, "kari@firma.no")
        from idp.accounts.events import ActivationRequested

        link = link_of(app, last(events, ActivationRequested).proof_id)
        submit(client, client.get(link, follow_redirects=True), "given_name", **PERSON)
        log_in(client, "kari@firma.no", "a-wrong-passphrase-to-look-for")
        browser = Browser(client, "tag", redirect_uri="http://localhost:9999/callback")
        log_in(client, protocol.person.address, world.password)
        code = answer_of(browser.ask(), browser.redirect_uri)["code"]
        token = protocol.tokens()
        again = protocol.refresh(token["refresh_token"]).json
        protocol.userinfo(again["access_token"])
        protocol.introspect(again["access_token"])
        protocol.revoke(again["refresh_token"])
        with client.session_transaction() as cookie:
            handle = cookie["_user_id"]
    finally:
        root.handlers, root.level = handlers, level
        root.setLevel(level)
    written = heard.getvalue() + "".join(capsys.readouterr())
    assert "request" in written
    secrets = [
        link.rpartition("/")[2], code, handle, world.password, PERSON["password"], "a-wrong-passphrase-to-look-for",
        "a-fixed-secret-for-tests", *(answer[name] for answer in (token, again) for name in answer if "token" in name
                                      and name != "token_type"),
    ]  # fmt: skip
    for secret in secrets:
        assert secret not in written and secret[-20:] not in written


@pytest.fixture
def key_server() -> Iterator[tuple[int, list[str]]]:
    """Serves a good key set on loopback; `/moved` leads to it."""
    asked: list[str] = []
    body = json.dumps({"keys": [RSAKey.generate_key(2048).as_dict(private=False)]}).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path.startswith("/drip"):
                self._drip(b"HTTP/1.1 200 OK\r\n" + (b"X: " if self.path == "/drip-head" else b"\r\n"))
                return
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("Location", "/keys")
            self.end_headers()
            self.wfile.write(b"x" * 600_000 if self.path == "/huge" else body)

        do_POST = do_GET

        def _drip(self, begun: bytes) -> None:
            """A letter now and then, as long as somebody reads."""
            with suppress(OSError):
                self.wfile.write(begun)
                for _ in range(2_000):
                    self.wfile.write(b" ")
                    time.sleep(0.05)
                asked.append("to the end")

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, asked
    server.shutdown()
    server.server_close()


@one_database
@pytest.mark.parametrize("app_settings", [{"issuer": "https://id.example"}])
@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0.0.0.0", "[::ffff:127.0.0.1]", "0177.0.0.1"]
)
def test_r34_outgoing_calls_reach_nothing_private(context: Any, key_server: Any, host: str) -> None:
    port, asked = key_server
    assert fetch_key_set(f"http://{host}:{port}/keys") is None
    assert asked == []


@one_database
def test_r34_no_redirect_is_followed_and_size_is_bounded(context: Any, key_server: Any) -> None:
    port, asked = key_server
    assert fetch_key_set(f"http://localhost:{port}/keys") is not None, "the demo's own machine"
    assert fetch_key_set(f"http://localhost:{port}/moved") is None
    assert fetch_key_set(f"http://localhost:{port}/huge") is None
    assert fetch_key_set("http://169.254.169.254/latest") is None
    assert asked == ["/keys", "/moved", "/huge"]


@one_database
@pytest.mark.parametrize("path", ["/drip-head", "/drip-body"])
def test_r34_who_answers_a_letter_at_a_time_keeps_nobody(
    context: Any, key_server: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Each letter is in time for the next one, so the whole is bounded too: a thread would be kept for days."""
    port, asked = key_server
    address = f"http://localhost:{port}{path}"
    monkeypatch.setattr("idp.oidc.authentication.FETCH_WITHIN", 1)
    assert fetch_key_set(address) is None
    monkeypatch.setattr(worker, "ANSWERED_WITHIN", 1)
    monkeypatch.setattr("idp.oidc.logout.logout_token", lambda *_: (address, "token"))
    notice = Delivery(payload={"client_id": "rp", "sub": "s", "sid": None})
    assert worker.deliver_logout(notice) == "delivered", "it has said that it heard, and the rest is not waited for"
    assert asked == [path, path]


@one_database
def test_r38_a_customers_role_gives_no_power_over_the_platform(context: Any, world: Any) -> None:
    """Neither by the verb, nor by a row that somebody wrote past it: the decision looks again."""
    from idp.organizations.catalog import current_catalog
    from idp.organizations.facts import load_facts
    from idp.organizations.policy import entitlement, may

    catalog = current_catalog()
    powers = [
        privilege.name for app in catalog.apps.values() for privilege in app.privileges.values()
        if privilege.reach == "platform"
    ]  # fmt: skip
    assert powers
    customer = world.organization()
    with pytest.raises(Refusal) as found, unit_of_work():
        organizations.create_role(customer, "Root", powers)
    assert found.value.code == "privilege_of_platform"
    person = world.account()
    member_id = world.member(customer, person.account_id)
    world.role(customer, [*powers, "account:access"], members=[member_id])
    facts = load_facts(db.session(), person.account_id, "account")
    assert facts is not None
    decision = entitlement(facts, facts.members[0], catalog.apps["account"], 2_000_000_000)
    assert not set(decision.privileges) & set(powers)
    for power in powers:
        app = catalog.apps[power.partition(":")[0]]
        assert not may(facts, power, app, 2_000_000_000, organization=customer)


@one_database
def test_r20_strangers_learn_nothing_about_an_address(app: Any, client: Any, world: Any) -> None:
    """Sign-up, forgotten password and a wrong password answer alike for known, unknown, disabled and flooded addresses:
    by page, headers and cookies."""
    known, disabled = world.account("known@firma.no"), world.account("gone@firma.no", status="disabled")
    for path, field in (("/signup", "address"), ("/password/forgot", "address"), ("/login", "identifier")):
        pages = set()
        for address in (known.address, disabled.address, "nobody@firma.no", *[known.address] * 6):
            browser = app.test_client()
            typed = {field: address, "password": "wrong"} if path == "/login" else {field: address}
            page = submit(browser, browser.get(path), field, **typed)
            headers = tuple(sorted(name for name, _value in page.headers))
            shown = browser.get(page.headers["Location"]) if page.status_code == 303 else page
            pages.add((page.status_code, text_of(shown.text).replace(address, "…"), headers))
        assert len(pages) == 1, (path, pages)
    with app.app_context():
        assert db.session.query(Account).count() == 2


@one_database
@pytest.mark.parametrize(
    "name", ["Nordic\u202eSA tfiL", "Nordic\x1b[2J", "Nordic\u2066", "Nordic\ufeff", "No\ud800", "\ue000"]
)
def test_names_of_organizations_that_would_look_like_others(context: Any, name: str) -> None:
    with pytest.raises(Refusal), unit_of_work():
        organizations.create_organization(slug="nordic", name=name)


@one_database
def test_nothing_of_the_demo_is_there_outside_of_it(client: Any) -> None:
    for path in ("/demo/mail", "/demo/mail.json", "/demo/clock"):
        assert client.get(path).status_code == 404
        assert client.post(path, json={"advance": "P1D"}).status_code == 404
