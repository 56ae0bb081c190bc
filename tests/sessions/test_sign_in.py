"""Signing in and out with a password."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import session as cookie_of
from sqlalchemy import select

from idp import sessions
from idp.accounts import events as people
from idp.accounts import passwords, service
from idp.accounts.models import Account
from idp.kernel import continuation
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.sessions import events
from idp.sessions.models import Session
from tests.accounts.steps import GOOD, last, link_of, listen
from tests.support.forms import form_with, forms_of, log_in, submit, text_of
from tests.support.races import at_once


@pytest.fixture
def heard(app: Any) -> list[Any]:
    return listen(app)


def handle_of(client: Any) -> str | None:
    with client.session_transaction() as cookie:
        return cookie.get("_user_id")


def who(client: Any) -> str | None:
    """The name on the sign-out page, or None when nobody is signed in."""
    text = text_of(client.get("/logout").text)
    return text.partition("You are signed in as ")[2].split(".")[0] or None if "signed in as" in text else None


def waiting(app: Any, client: Any, path: str = "/somewhere", **context: Any) -> str:
    """A continuation of this browser."""
    client.get("/login")
    with client.session_transaction() as cookie:
        cookie.setdefault("browser", "b" * 43)
        browser = cookie["browser"]
    with app.test_request_context():
        cookie_of["browser"] = browser
        with unit_of_work():
            return continuation.begin(path, context)


def stored(app: Any) -> list[Session]:
    with app.app_context():
        return list(db.session.scalars(select(Session).order_by(Session.created_at, Session.id)))


def test_sign_in_and_out(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person = world.account(given_name="Kari", family_name="Nordmann")
    answer = log_in(client, person.address.upper(), world.password)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert who(client) == "Kari Nordmann"
    assert last(heard, events.SignedIn).account_id == person.account_id
    page = client.get("/logout")
    assert who(client) == "Kari Nordmann", "GET only asks"
    assert submit(client, page, "csrf_token").status_code == 303
    assert who(client) is None
    assert last(heard, events.SessionEnded).reason == "signed_out"
    (row,) = stored(app)
    assert (row.acr, row.amr, row.ended_reason) == ("urn:onix:acr:1", ["pwd"], "signed_out")


def test_r33_the_old_cookie_is_worth_nothing_after_sign_out(app: Any, client: Any, world: Any) -> None:
    log_in(client, world.account().address, world.password)
    handle = handle_of(client)
    submit(client, client.get("/logout"), "csrf_token")
    with client.session_transaction() as cookie:
        cookie["_user_id"] = handle
    assert who(client) is None


def test_r20_one_error_for_both_fields(client: Any, heard: list[Any], world: Any) -> None:
    person = world.account()
    pages = set()
    for address, password in ((person.address, "wrong"), ("nobody@firma.no", world.password), ("no address", "x")):
        answer = log_in(client, address, password)
        assert answer.status_code == 400
        assert "Wrong e-mail or password." in text_of(answer.text)
        assert form_with(answer.text, "identifier").fields["identifier"] == address
        assert form_with(answer.text, "identifier").fields["password"] == ""
        pages.add(text_of(answer.text).replace(address, "as typed"))
    assert len(pages) == 1
    assert [event.reason for event in heard if isinstance(event, events.SignInFailed)] == ["wrong"] * 3


def test_account_disabled_is_told_only_after_the_right_password(client: Any, heard: list[Any], world: Any) -> None:
    person = world.account(status="disabled")
    assert "Wrong e-mail or password." in text_of(log_in(client, person.address, "wrong").text)
    answer = log_in(client, person.address, world.password)
    assert answer.status_code == 403
    assert "disabled" in text_of(answer.text)
    assert last(heard, events.SignInFailed).reason == "account_disabled"
    assert who(client) is None


def test_r26_ten_failures_then_429_also_for_the_right_password(client: Any, world: Any, clock: Any) -> None:
    person = world.account()
    for spelling in [person.address, person.address.upper()] * 5:
        assert log_in(client, spelling, "wrong").status_code == 400
    answer = log_in(client, person.address, world.password)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert form_with(answer.text, "identifier").fields["identifier"] == person.address
    clock.advance(int(answer.headers["Retry-After"]) - 1)
    assert log_in(client, person.address, world.password).status_code == 429
    clock.advance(1)
    assert log_in(client, person.address, world.password).status_code == 303


def test_r26_an_unknown_identifier_is_throttled_alike(client: Any) -> None:
    statuses = [log_in(client, "nobody@firma.no", "wrong").status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]


@pytest.mark.parametrize("app_settings", [{"throttle": {"failures_per_address": 4}}])
def test_r26_a_network_address_is_throttled_across_accounts(app: Any, client: Any, world: Any) -> None:
    people = [world.account() for _ in range(5)]
    for person in people[:4]:
        assert log_in(client, person.address, "wrong").status_code == 400
    assert log_in(client, people[4].address, world.password).status_code == 429
    page = client.get("/login")
    elsewhere = form_with(page.text, "identifier", "/login").filled(
        identifier=people[4].address, password=world.password
    )
    answer = client.post("/login", data=elsewhere, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert answer.status_code == 303


def test_r26_forwarded_headers_of_the_browser_change_nothing(client: Any, world: Any) -> None:
    """R18, P20: without a configured proxy, X-Forwarded-For is only text."""
    for number in range(10):
        page = client.get("/login")
        form = form_with(page.text, "identifier", "/login").filled(identifier=f"n{number}@firma.no", password="x")
        assert client.post("/login", data=form, headers={"X-Forwarded-For": f"192.0.2.{number}"}).status_code == 400
    assert log_in(client, world.account().address, world.password).status_code == 429


def test_a_success_forgets_the_failures(client: Any, world: Any) -> None:
    person = world.account()
    for _ in range(2):
        for _ in range(4):
            log_in(client, person.address, "wrong")
        assert log_in(client, person.address, world.password).status_code == 303
        submit(client, client.get("/logout"), "csrf_token")


@pytest.mark.parametrize("app_settings", [{"throttle": {"failures_per_address": 100}}])
def test_p26_parallel_guesses_do_not_slip_through(
    app: Any, client: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R26: of thirty guesses at once on one account ten are hashed, whatever happens meanwhile."""
    person, hashed = world.account(), []
    real = passwords.verify
    monkeypatch.setattr(passwords, "verify", lambda *args: (hashed.append(1), real(*args))[1])
    browsers = [app.test_client() for _ in range(30)]
    forms = [
        form_with(browser.get("/login").text, "identifier").filled(identifier=person.address, password="wrong")
        for browser in browsers
    ]
    pairs = zip(browsers, forms, strict=True)
    answers = at_once([partial(browser.post, "/login", data=form) for browser, form in pairs])
    assert sorted(answer.status_code for answer in answers) == [400] * 10 + [429] * 20
    assert len(hashed) == 10


def test_r25_the_hash_follows_the_parameters(app: Any, world: Any, make_app: Any, database_url: str) -> None:
    person = world.account()
    with app.app_context():
        before = db.session.get_one(Account, person.account_id).password_hash
    stronger = make_app(database_url, passwords={"time_cost": 2})
    assert log_in(stronger.test_client(), person.address, world.password).status_code == 303
    with app.app_context():
        after = db.session.get_one(Account, person.account_id, populate_existing=True).password_hash
        assert after != before
        assert after is not None
        assert "t=2" in after
    assert log_in(stronger.test_client(), person.address, world.password).status_code == 303


def test_r32_a_new_handle_on_each_sign_in_the_same_session_for_the_same_person(
    app: Any, client: Any, heard: list[Any], world: Any, clock: Any
) -> None:
    """`prompt=login`: signing in again keeps the identity and raises auth_time."""
    person = world.account()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "planted"
    log_in(client, person.address, world.password)
    first = handle_of(client)
    assert first not in (None, "planted")
    clock.advance(100)
    handle = waiting(app, client, "/oauth2/authorize/abc")
    log_in(client, person.address, world.password, f"/login?continue={handle}")
    assert handle_of(client) != first
    (row,) = stored(app)
    assert row.auth_time - row.created_at == 100
    assert last(heard, events.SignedIn).path == "/oauth2/authorize/abc"
    with client.session_transaction() as cookie:
        cookie["_user_id"] = first
    assert who(client) is None


def test_one_signed_in_person_per_browser(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    one, two = world.account(given_name="One", family_name="A"), world.account(given_name="Two", family_name="B")
    log_in(client, one.address, world.password)
    log_in(client, two.address, world.password, "/login/another")
    assert who(client) == "Two B"
    ended = last(heard, events.SessionEnded)
    assert (ended.account_id, ended.reason) == (one.account_id, "replaced")


def test_r43_the_form_token_changes_with_the_person(client: Any, world: Any) -> None:
    page = client.get("/login")
    person = world.account()
    submit(client, page, "password", identifier=person.address, password=world.password)
    other = world.account().address
    assert submit(client, page, "password", identifier=other, password=world.password).status_code == 400


def test_r32_idle_and_absolute_end(app: Any, client: Any, world: Any, clock: Any) -> None:
    log_in(client, world.account(given_name="A", family_name="B").address, world.password)
    clock.advance(12 * 3600 - 1)
    assert who(client) == "A B"
    clock.advance(12 * 3600)
    assert who(client) is None
    log_in(client, world.account(given_name="A", family_name="B").address, world.password)
    for _ in range(59):
        clock.advance(12 * 3600 - 100)
        assert who(client) == "A B"
    clock.advance(12 * 3600 - 100)
    assert who(client) == "A B"
    clock.advance(5999)
    assert who(client) == "A B", "30 days less a second"
    clock.advance(1)
    assert who(client) is None


def test_r33_disabling_the_account_ends_its_sessions_at_once(
    app: Any, client: Any, heard: list[Any], world: Any
) -> None:
    person = world.account(given_name="A", family_name="B")
    log_in(client, person.address, world.password)
    with app.app_context(), unit_of_work():
        service.disable_account(person.account_id)
    assert who(client) is None
    assert last(heard, events.SessionEnded).reason == "account_disabled"
    with app.app_context(), unit_of_work():
        service.enable_account(person.account_id)
    assert who(client) is None, "what ended stays ended"


def test_p18_a_status_changed_by_any_means_counts_at_the_next_request(app: Any, client: Any, world: Any) -> None:
    person = world.account(given_name="A", family_name="B")
    log_in(client, person.address, world.password)
    world.change(Account, person.account_id, status="disabled")
    assert who(client) is None


def test_the_loader_is_one_statement_and_writes_once_a_minute(
    app: Any, client: Any, world: Any, clock: Any, statements: Any
) -> None:
    log_in(client, world.account().address, world.password)
    with app.test_request_context(), statements() as seen:
        cookie_of["_user_id"] = handle_of(client)
        assert sessions.actor() is not None
        assert sessions.actor() is not None
    assert (len(seen), seen.commits) == (1, 0), str(seen)
    for seconds, writes in ((59, 0), (1, 1), (1, 0)):
        clock.advance(seconds)
        with app.test_request_context(), statements() as seen:
            cookie_of["_user_id"] = handle_of(client)
            assert sessions.actor() is not None
        assert (len(seen), seen.commits) == (1 + writes, writes), str(seen)


def test_end_sessions_of_spares_the_named_one(app: Any, client: Any, world: Any) -> None:
    person = world.account(given_name="A", family_name="B")
    other = app.test_client()
    log_in(client, person.address, world.password)
    log_in(other, person.address, world.password)
    keep = next(row.id for row in stored(app))
    with app.app_context(), unit_of_work():
        assert sessions.service.end_sessions_of(person.account_id, "by_admin", except_id=keep) == 1
    assert (who(client), who(other)) == ("A B", None)


def test_there_is_an_end_to_sessions(app: Any, client: Any, world: Any, monkeypatch: Any, clock: Any) -> None:
    """A thief with the password can't heap up so many that a new password, which ends them all, never gets done."""
    monkeypatch.setattr("idp.sessions.service.MOST_SESSIONS", 3)
    person = world.account()
    browsers = [app.test_client() for _ in range(5)]
    for browser in browsers:
        log_in(browser, person.address, world.password)
        clock.advance(1)
    assert [browser.get("/account/").status_code for browser in browsers] == [303, 303, 200, 200, 200]
    assert "on too many other browsers" in text_of(browsers[0].get("/login").text)
    assert [row.ended_reason for row in stored(app)] == ["too_many"] * 2 + [None] * 3
    log_in(browsers[4], person.address, world.password, "/login/another")
    assert browsers[2].get("/account/").status_code == 200, "the same browser again is none more"


def test_the_page_shows_where_the_person_is_going(app: Any, client: Any) -> None:
    handle = waiting(
        app, client, client_name="Partner <b>App</b>", logo_uri="https://rp.example/logo.png",
        policy_uri="https://rp.example/privacy", tos_uri="https://rp.example/terms",
        cancel_path="/oauth2/authorize/x/cancel", login_hint="hint@firma.no", form_action="https://rp.example",
    )  # fmt: skip
    page = client.get(f"/login?continue={handle}")
    assert "Partner <b>App</b>" in text_of(page.text)
    for address in ("https://rp.example/logo.png", "https://rp.example/privacy", "https://rp.example/terms"):
        assert address in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self' https://rp.example" in policy
    assert "img-src 'self' data: https://rp.example" in policy
    assert any(
        form.action == "/oauth2/authorize/x/cancel" and form.method == "post" for form in forms_of(page.text, "/login")
    )
    assert form_with(page.text, "identifier").fields["identifier"] == "hint@firma.no"
    assert f"/signup?continue={handle}" in page.text
    assert "Create an account" in text_of(page.text)


def test_a_continuation_leads_back_and_only_in_its_browser(app: Any, client: Any, world: Any) -> None:
    person = world.account()
    handle = waiting(app, client, "/oauth2/authorize/abc")
    stranger = app.test_client()
    assert log_in(stranger, person.address, world.password, f"/login?continue={handle}").headers["Location"] == "/"
    answer = log_in(client, person.address, world.password, f"/login?continue={handle}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/oauth2/authorize/abc")


@pytest.mark.parametrize(
    ("handle", "expected"),
    [
        ("https://evil.example", (303, "/")),
        ("//evil.example", (303, "/")),
        ("\0", (400, None)),
        ("x" * 100_000, (303, "/")),
        ("é", (303, "/")),
    ],
)
def test_p18_what_is_no_handle_leads_nowhere(client: Any, world: Any, handle: str, expected: Any) -> None:
    page = client.get("/login")
    form = form_with(page.text, "identifier", "/login").filled(
        identifier=world.account().address, password=world.password
    )
    answer = client.post("/login", data={**form, "continue": handle})
    assert (answer.status_code, answer.headers.get("Location")) == expected


def test_the_second_of_two_tabs_goes_on_where_it_was_going(app: Any, client: Any, world: Any) -> None:
    """Both were opened before anybody was signed in; the first sign-in made the second's form another session's."""
    person, other = world.account(), world.account()
    handle = waiting(app, client, "/oauth2/authorize/x")
    first, second = client.get("/login"), client.get(f"/login?continue={handle}")
    assert submit(client, first, "password", identifier=person.address, password=world.password).status_code == 303
    late = submit(client, second, "password", identifier=person.address.upper(), password="whatever")
    assert (late.status_code, late.headers["Location"]) == (303, "/oauth2/authorize/x")
    for typed in (other.address, "nobody@firma.no", ""):
        refused = submit(client, second, "password", identifier=typed, password=world.password)
        assert refused.status_code == 400 and "This form has expired" in refused.text
        assert f'href="/login?continue={handle}">Open a fresh form' in refused.text
    stranger = app.test_client()
    assert submit(stranger, second, "password", identifier=person.address, password=world.password).status_code == 400


def test_choose_goes_on_as_the_same_person(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person = world.account(given_name="Kari", family_name="Nordmann")
    log_in(client, person.address, world.password)
    handle = waiting(app, client, "/oauth2/authorize/abc", client_name="Tag")
    page = client.get(f"/login/choose?continue={handle}")
    assert "Continue as Kari Nordmann" in text_of(page.text)
    assert "Sign in as another" in text_of(page.text)
    form = form_with(page.text, "csrf_token", "/login/choose")
    answer = client.post("/login/choose", data=form.filled(**{"as": "same"}))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/oauth2/authorize/abc")
    confirmed = last(heard, events.AccountConfirmed)
    assert (confirmed.account_id, confirmed.path) == (person.account_id, "/oauth2/authorize/abc")
    other = client.post("/login/choose", data=form.filled(**{"as": "another"}))
    assert other.headers["Location"] == f"/login/another?continue={handle}"
    assert form_with(client.get(other.headers["Location"]).text, "identifier").fields["identifier"] == ""


def test_required_actions_in_order_before_anything_else(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    """R29: a first password set by an administrator leads to mailbox proof, then to changing it."""
    person = world.account(verified=False, must_change_password=True)
    handle = waiting(app, client, "/somewhere")
    answer = log_in(client, person.address, world.password, f"/login?continue={handle}")
    assert answer.headers["Location"] == f"/login/required?continue={handle}"
    page = client.get(answer.headers["Location"])
    assert "Confirm your address" in text_of(page.text)
    assert submit(client, page, "csrf_token").status_code == 200
    link = link_of(app, last(heard, people.MailboxProofRequested).proof_id)
    elsewhere = app.test_client()
    submit(elsewhere, elsewhere.get(link, follow_redirects=True), "csrf_token")
    page = client.get(answer.headers["Location"])
    assert "Choose your own password" in text_of(page.text)
    refused = submit(client, page, "current_password", current_password="wrong", password=GOOD)
    assert refused.status_code == 400
    assert (
        submit(client, page, "current_password", current_password=world.password, password="short").status_code == 400
    )
    same = submit(client, page, "current_password", current_password=world.password, password=world.password)
    assert same.status_code == 400
    before = handle_of(client)
    done = submit(client, page, "current_password", current_password=world.password, password=GOOD)
    assert (done.status_code, done.headers["Location"]) == (303, "/somewhere")
    assert handle_of(client) != before
    assert last(heard, people.PasswordChanged).by_reset is False
    live = [row for row in stored(app) if row.ended_at is None]
    assert len(live) == 1
    assert client.get("/login/required").headers["Location"] == "/"


def test_a_reset_during_the_change_of_a_first_password_stands(
    app: Any, client: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knew the first password does not overwrite what the person has just set by mail."""
    person = world.account(must_change_password=True)
    log_in(client, person.address, world.password)
    page = client.get("/login/required")
    hashing = passwords.hash_password

    def meanwhile(password: str) -> str:
        by_mail = hashing("set-by-mail-meanwhile")
        with app.app_context(), unit_of_work() as session:
            service.change_password(session.get_one(Account, person.account_id), by_mail)
        return hashing(password)

    monkeypatch.setattr(passwords, "hash_password", meanwhile)
    refused = submit(client, page, "current_password", current_password=world.password, password=GOOD)
    assert refused.status_code == 401
    monkeypatch.undo()
    assert log_in(app.test_client(), person.address, GOOD).status_code == 400
    assert log_in(app.test_client(), person.address, "set-by-mail-meanwhile").status_code == 303


def test_login_required_brings_back(app: Any, client: Any, world: Any) -> None:
    app.add_url_rule("/private", view_func=sessions.login_required(lambda: "secret"), endpoint="private")
    sent = client.get("/private?x=1")
    assert sent.status_code == 303
    person = world.account()
    back = log_in(client, person.address, world.password, sent.headers["Location"])
    assert back.headers["Location"] == "/private?x=1"
    assert client.get(back.headers["Location"]).text == "secret"
    world.change(Account, person.account_id, must_change_password=True)
    assert client.get("/private").headers["Location"].startswith("/login/required?continue=")


def test_a_password_changed_meanwhile_is_not_signed_in_with(app: Any, world: Any) -> None:
    person = world.account()
    with app.test_request_context():
        found = sessions.authenticate(person.address, world.password, "127.0.0.1")
        assert not isinstance(found, Refusal)
        with app.app_context():
            world.change(Account, person.account_id, password_hash="other")
        with pytest.raises(Refusal) as refused, unit_of_work():
            sessions.sign_in(sessions.hold(found))
        assert refused.value.code == "sign_in_again"


@pytest.mark.parametrize(("meanwhile", "gets_in"), [("the same password", True), ("another password", False)])
def test_r25_a_hash_of_older_parameters_is_renewed_by_one_of_two_sign_ins(
    app: Any, world: Any, monkeypatch: pytest.MonkeyPatch, meanwhile: str, gets_in: bool
) -> None:
    person = world.account()
    older = PasswordHasher(time_cost=3, memory_cost=16, parallelism=1)
    world.change(Account, person.account_id, password_hash=older.hash(world.password))
    hashing = passwords.hash_password

    def overtaken(password: str) -> str:
        other = hashing(password if gets_in else "something else altogether")
        with app.app_context():
            world.change(Account, person.account_id, password_hash=other)
        return hashing(password)

    monkeypatch.setattr(passwords, "hash_password", overtaken)
    with app.test_request_context():
        found = sessions.authenticate(person.address, world.password, "127.0.0.1")
        assert not isinstance(found, Refusal)
        with pytest.raises(Refusal) if not gets_in else nullcontext(), unit_of_work():
            sessions.hold(found)
    assert older.check_needs_rehash(world.get(Account, person.account_id).password_hash)


@pytest.mark.parametrize("text", ["\0", "\ud800", "x" * 400_000, "\u202e"])
def test_odd_bytes_are_no_server_error(client: Any, text: str) -> None:
    from urllib.parse import quote_from_bytes

    token = form_with(client.get("/login").text, "identifier").fields["csrf_token"]
    raw = quote_from_bytes(text.encode("utf-8", "surrogatepass"))
    for body in (f"identifier={raw}&password=x", f"identifier=a@b.no&password={raw}"):
        answer = client.post(
            "/login", data=f"csrf_token={token}&{body}", content_type="application/x-www-form-urlencoded",
            headers={"User-Agent": "\x7f" * 500},
        )  # fmt: skip
        assert answer.status_code < 500


def test_r32_the_cookie_flags(client: Any) -> None:
    cookie = client.get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_r09_credentials_are_answered_with_303_and_no_referrer(client: Any, world: Any) -> None:
    assert client.get("/login").headers["Referrer-Policy"] == "no-referrer"
    assert log_in(client, world.account().address, world.password).status_code == 303


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_r33_a_reset_ends_the_session_of_a_sign_in_under_way(app: Any, world: Any) -> None:
    """The sign-in holds the account's row until it commits, so the reset finds its session."""
    person, order = world.account(), []

    def reset() -> None:
        with app.app_context(), unit_of_work() as session:
            account = session.get_one(Account, person.account_id)
            service.change_password(account, "new")
            order.append("reset")

    with app.test_request_context():
        found = sessions.authenticate(person.address, world.password, "127.0.0.1")
        assert not isinstance(found, Refusal)
        with unit_of_work():
            sessions.sign_in(sessions.hold(found))
            thread = threading.Thread(target=reset)
            thread.start()
            thread.join(0.5)
            order.append("sign-in")
    thread.join(120)
    assert order == ["sign-in", "reset"]
    assert [row.ended_reason for row in stored(app)] == ["password_changed"]


def test_the_statements_of_a_sign_in(client: Any, world: Any, statements: Any, database_url: str) -> None:
    person = world.account()
    page = client.get("/login")
    with statements() as seen:
        assert submit(client, page, "password", identifier=person.address, password=world.password).status_code == 303
    assert len(seen) == (6 if database_url.startswith("postgresql") else 7), str(seen)
    assert seen.commits == 2, "the attempt counted before hashing, and the sign-in"


def test_tidying_keeps_what_is_alive(app: Any, client: Any, world: Any, clock: Any) -> None:
    from idp.sessions import service as of_sessions

    person = world.account(given_name="A", family_name="B")
    log_in(client, person.address, world.password)
    submit(client, client.get("/logout"), "csrf_token")
    log_in(client, person.address, world.password)
    with app.app_context(), unit_of_work():
        assert of_sessions.tidy(clock.now()) == 0
        assert of_sessions.tidy(clock.now() + 90 * 86400) == 1
    assert who(client) == "A B"
