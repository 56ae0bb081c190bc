"""Signing in with more than a password, and without one: each factor, and everything that must not work (R28, R30)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from idp import sessions
from idp.accounts import events as people
from idp.accounts.credentials.models import Ceremony, Passkey, RecoveryCode
from idp.accounts.models import Account
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.outbox.models import Delivery
from idp.sessions import events
from idp.sessions.models import Session
from tests.accounts.steps import GOOD, last, link_of, listen
from tests.support.authenticators import (
    SoftKey,
    add_passkey,
    begin,
    codes_of,
    live_on,
    password_then,
    press,
    set_up_app,
    show_passkey,
    token_of,
)
from tests.support.databases import one_database
from tests.support.forms import browser_of, log_in, submit


@pytest.fixture
def person(world: Any) -> Any:
    return world.account(given_name="Kari", family_name="Nordmann")


@pytest.fixture
def signed_in(app: Any, world: Any, person: Any) -> Any:
    """A browser in which the person signed in with the password, before there was anything else."""
    return browser_of(app, world, person)


def session_of(app: Any, person: Any) -> Session:
    with app.app_context():
        rows = db.session.scalars(
            select(Session).where(Session.account_id == person.account_id, Session.ended_at.is_(None))
        )
        return max(rows, key=lambda row: (row.auth_time, row.id))


def stored_of(app: Any, person: Any) -> list[Session]:
    with app.app_context():
        alive = select(Session).where(Session.account_id == person.account_id, Session.ended_at.is_(None))
        return list(db.session.scalars(alive))


def is_signed_in(client: Any) -> bool:
    return client.get("/account/").status_code == 200


def mails(app: Any) -> list[str]:
    with app.app_context():
        return [row.kind for row in db.session.scalars(select(Delivery).order_by(Delivery.id)) if row.kind != "logout"]


# Authenticator app ----------------------------------------------------------------------------------------------------


def test_an_authenticator_app_from_setting_up_to_a_spent_code(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    page = signed_in.get("/account/security/authenticator")
    assert "<svg" in page.text and "style=" not in page.text.split("<svg", 1)[1].split("</svg>")[0]
    assert page.text.split('id="key">')[1][:20] in signed_in.get("/account/security/authenticator").text, "same key"
    wrong = submit(signed_in, page, "code", code="000000")
    assert wrong.status_code == 400 and "not the code that the app shows" in wrong.text
    assert client.get("/account/security").status_code == 303
    assert log_in(app.test_client(), person.address, world.password).headers["Location"] == "/", (
        "not on before confirmed"
    )

    clock.advance(1)
    authenticator, done = set_up_app(signed_in, clock.now())
    codes = codes_of(done)
    assert done.status_code == 200 and len(set(codes)) == 10
    assert (
        codes[0] not in signed_in.get("/account/security").text
        and "10 of 10 left" in signed_in.get("/account/security").text
    )
    assert session_of(app, person).acr == "urn:onix:acr:2", "it was shown just now"
    assert mails(app) == ["authenticator_added", "recovery_codes_made"]

    second = password_then(client, person, world.password)
    assert not is_signed_in(client), "the password alone opens nothing"
    spent = submit(client, second, "code", code=authenticator.at(clock.now()))
    assert spent.status_code == 400 and "used already" in spent.text, "the code that confirmed it is spent"
    clock.advance(30)
    code = authenticator.at(clock.now())
    answer = submit(client, second, "code", code=f"{code[:3]} {code[3:]}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/") and is_signed_in(client)
    session = session_of(app, person)
    assert (session.acr, session.amr) == ("urn:onix:acr:2", ["pwd", "otp", "mfa"])

    other = app.test_client()
    again = password_then(other, person, world.password)
    assert submit(other, again, "code", code=code).status_code == 400, "a code counts once, in every browser"
    before = authenticator.at(clock.now() - 30)
    assert submit(other, again, "code", code=before).status_code == 400, "and none before it"
    assert submit(other, again, "code", code=authenticator.at(clock.now() + 60)).status_code == 400, "too early"
    assert submit(other, again, "code", code=authenticator.at(clock.now() + 30)).status_code == 303, "one step ahead"


@one_database
def test_guessing_codes_is_slowed_down_with_the_password(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    authenticator, _done = set_up_app(signed_in, clock.now())
    heard = listen(app)
    stranger = app.test_client()
    second = password_then(stranger, person, world.password)
    statuses = [submit(stranger, second, "code", code=f"{guess:06}").status_code for guess in range(12)]
    assert statuses[:9] == [400] * 9 and set(statuses[10:]) == {429}, statuses
    assert last(heard, events.SignInFailed).reason == "code_wrong"
    clock.advance(30)
    right = submit(stranger, second, "code", code=authenticator.at(clock.now()))
    assert right.status_code == 429 and int(right.headers["Retry-After"]) > 0, "the right one too"
    assert log_in(stranger, person.address, world.password).status_code == 429, "one count for both"
    known = password_then(signed_in, person, world.password, "/login/another")
    assert submit(signed_in, known, "code", code=authenticator.at(clock.now())).status_code == 303, "nobody is shut out"


@one_database
def test_the_second_step_is_this_browsers_and_minutes_long(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    authenticator, _done = set_up_app(signed_in, clock.now())
    clock.advance(60)
    second = password_then(client, person, world.password)
    foreign = app.test_client()
    assert foreign.get("/login/code").headers["Location"] == "/login"
    data = {"csrf_token": token_of(foreign), "code": authenticator.at(clock.now())}
    assert foreign.post("/login/code", data=data).headers["Location"] == "/login"
    assert not is_signed_in(foreign)
    clock.advance(600)
    late = submit(client, second, "code", code=authenticator.at(clock.now()))
    assert late.headers["Location"] == "/login" and not is_signed_in(client)


@one_database
def test_a_password_changed_or_an_account_disabled_ends_the_second_step(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    authenticator, _done = set_up_app(signed_in, clock.now())
    clock.advance(30)
    second = password_then(client, person, world.password)
    world.change(Account, person.account_id, password_hash="another")
    assert submit(client, second, "code", code=authenticator.at(clock.now())).headers["Location"] == "/login"
    world.change(Account, person.account_id, password_hash=world._hashed(world.password))
    second = password_then(client, person, world.password)
    world.change(Account, person.account_id, status="disabled")
    assert submit(client, second, "code", code=authenticator.at(clock.now())).headers["Location"] == "/login"
    world.change(Account, person.account_id, status="active")
    assert not is_signed_in(client)


@one_database
def test_a_new_password_by_mail_does_not_pass_by_the_second_factor(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    authenticator, _done = set_up_app(signed_in, clock.now())
    heard = listen(app)
    submit(client, client.get("/password/forgot"), "address", address=person.address)
    page = client.get(link_of(app, last(heard, people.ResetRequested).proof_id), follow_redirects=True)
    assert submit(client, page, "password", password=GOOD).status_code == 303
    assert not is_signed_in(client) and not is_signed_in(signed_in)
    second = password_then(client, person, GOOD)
    clock.advance(30)
    assert submit(client, second, "code", code=authenticator.at(clock.now())).status_code == 303


@one_database
@pytest.mark.parametrize("app_settings", [{"throttle": {"failures_per_address": 1000, "mails_per_address": 100}}])
def test_new_passwords_by_mail_win_no_more_guesses_at_codes(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    """Who reads the mailbox can set passwords all day; codes are counted on (R26). A recovery code still opens."""
    authenticator, done = set_up_app(signed_in, clock.now())
    heard = listen(app)

    def guesses() -> int:
        submit(client, client.get("/password/forgot"), "address", address=person.address)
        page = client.get(link_of(app, last(heard, people.ResetRequested).proof_id), follow_redirects=True)
        assert submit(client, page, "password", password=GOOD).status_code == 303
        stranger = app.test_client()
        second = password_then(stranger, person, GOOD)
        return [submit(stranger, second, "code", code=f"{n:06}").status_code for n in range(11)].count(400)

    assert [guesses() for _ in range(3)] == [9, 0, 0], "the password is an attempt too"
    clock.advance(30)
    second = password_then(client, person, GOOD)
    assert submit(client, second, "code", code=authenticator.at(clock.now())).status_code == 429
    page = client.get("/login/code/recovery")
    assert submit(client, page, "code", code=codes_of(done)[0]).status_code == 303, "nor is the person shut out"


# Recovery codes -------------------------------------------------------------------------------------------------------


def test_a_recovery_code_stands_in_once_and_a_new_set_ends_the_old(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    _authenticator, done = set_up_app(signed_in, clock.now())
    codes = codes_of(done)
    with app.app_context():
        kept = list(db.session.scalars(select(RecoveryCode.code_digest)))
    assert not {code.replace("-", "") for code in codes} & set(kept)
    second = password_then(client, person, world.password)
    assert "/login/code/recovery" in second.text, "always in sight"
    page = client.get("/login/code/recovery")
    assert submit(client, page, "code", code="abcd-efgh-jkmn-pqrs").status_code == 400
    assert submit(client, page, "code", code=codes[0].upper().replace("-", " ")).status_code == 303
    assert session_of(app, person).amr == ["pwd", "otp", "mfa"]
    assert "recovery_code_used" in mails(app)
    assert "9 of 10 left" in client.get("/account/security").text

    other = app.test_client()
    password_then(other, person, world.password)
    page = other.get("/login/code/recovery")
    assert submit(other, page, "code", code=codes[0]).status_code == 400, "spent"
    new = codes_of(press(client, "/account/security/recovery-codes", "/recovery-codes"))
    assert len(set(new) | set(codes)) == 20
    assert submit(other, page, "code", code=codes[1]).status_code == 400, "of the old set"
    assert submit(other, page, "code", code=new[0]).status_code == 303


# Passkeys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("synced", "methods"), [(False, ["hwk", "user", "mfa"]), (True, ["swk", "user", "mfa"])])
def test_a_passkey_alone_signs_in(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, synced: bool, methods: list[str]
) -> None:
    key, done = add_passkey(signed_in, SoftKey(synced=synced))
    assert done.status_code == 200 and len(codes_of(done)) == 10
    assert session_of(app, person).acr == "urn:onix:acr:2"
    assert mails(app) == ["passkey_added", "recovery_codes_made"]
    options = begin(client).json["publicKey"]
    assert options["rpId"] == "localhost" and options["userVerification"] == "required"
    assert not options.get("allowCredentials"), "nobody is asked who it is"
    answer = show_passkey(client, key)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/") and is_signed_in(client)
    assert session_of(app, person).amr == methods
    with app.app_context():
        row = db.session.scalar(select(Passkey))
        assert row.sign_count == key.count and row.last_used_at is not None and row.transports == ["internal"]


@one_database
def test_a_passkey_as_the_second_step(app: Any, client: Any, world: Any, person: Any, signed_in: Any) -> None:
    key, _done = add_passkey(signed_in)
    password_then(client, person, world.password)
    options = begin(client, "code").json["publicKey"]
    assert len(options["allowCredentials"]) == 1
    assert show_passkey(client, key, "code").status_code == 303
    assert session_of(app, person).amr == ["pwd", "hwk", "user", "mfa"]


@one_database
def test_a_key_that_does_not_count_signs_in_again_and_again(app: Any, client: Any, signed_in: Any) -> None:
    key, _done = add_passkey(signed_in, SoftKey(counts=False))
    for _ in range(2):
        assert show_passkey(app.test_client(), key).status_code == 303


HOSTILE: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "http://localhost.evil.example"},
    "another port": {"origin": "http://localhost:8000"},
    "another site": {"rp_id": "evil.example"},
    "nobody verified": {"verified": False},
    "nobody present": {"present": False},
    "another challenge": {"challenge": "A" * 86},
    "another account's handle": {"user_handle": "YW5vdGhlcg"},
    "no handle": {"user_handle": ""},
}


@one_database
@pytest.mark.parametrize("wrong", HOSTILE.values(), ids=HOSTILE)
def test_hostile_assertions(app: Any, client: Any, signed_in: Any, wrong: dict[str, Any]) -> None:
    key, _done = add_passkey(signed_in)
    answer = show_passkey(client, key, **wrong)
    assert answer.status_code == 400 and "did not work" in answer.text and not is_signed_in(client)
    assert show_passkey(client, key).status_code == 303, "it was the request that was wrong"


@one_database
def test_an_assertion_counts_once_in_one_browser_in_time_and_for_its_key(
    app: Any, client: Any, world: Any, signed_in: Any, clock: Any
) -> None:
    key, _done = add_passkey(signed_in)
    begun = begin(client).json
    data = {"ceremony": begun["ceremony"], "credential": key.show(begun["publicKey"]), "on": "login"}
    foreign = app.test_client()
    assert foreign.post("/login/passkey", data={**data, "csrf_token": token_of(foreign)}).status_code == 400
    assert client.post("/login/passkey", data={**data, "csrf_token": token_of(client)}).status_code == 303
    other = app.test_client()
    assert client.post("/login/passkey", data={**data, "csrf_token": token_of(client)}).status_code == 400, "replayed"
    begun = begin(other).json
    for verified in (False, True):
        shown = {
            "ceremony": begun["ceremony"],
            "credential": key.show(begun["publicKey"], verified=verified),
            "on": "login",
        }
        answer = other.post("/login/passkey", data={**shown, "csrf_token": token_of(other)})
        assert answer.status_code == 400, "a challenge that was answered wrongly is spent"
    begun = begin(other).json
    clock.advance(600)
    late = {"ceremony": begun["ceremony"], "credential": key.show(begun["publicKey"]), "on": "login"}
    answer = other.post("/login/passkey", data={**late, "csrf_token": token_of(other)})
    assert answer.status_code == 400 and "too long" in answer.text
    thief = SoftKey(credential_id=key.credential_id, handle=key.handle, count=100)
    assert show_passkey(other, thief).status_code == 400, "another key under the same name"
    key.count = 0
    assert show_passkey(other, key).status_code == 400, "a copy that counts behind"
    assert not is_signed_in(other) and not is_signed_in(foreign)


@one_database
def test_a_challenge_for_making_is_none_for_showing_and_the_other_way_round(client: Any, signed_in: Any) -> None:
    key, _done = add_passkey(signed_in)
    token = token_of(signed_in, "/account/security/passkeys/new")
    making = signed_in.post("/account/security/passkeys/options", data={"csrf_token": token}).json
    data = {"ceremony": making["ceremony"], "credential": key.show(making["publicKey"]), "on": "login"}
    assert signed_in.post("/login/passkey", data={**data, "csrf_token": token}).status_code == 400
    showing = begin(signed_in).json
    made = SoftKey().make({**making["publicKey"], "challenge": showing["publicKey"]["challenge"]})
    data = {"ceremony": showing["ceremony"], "credential": made, "csrf_token": token}
    assert signed_in.post("/account/security/passkeys", data=data).status_code == 400


@one_database
def test_another_accounts_passkey_is_no_second_step(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any
) -> None:
    add_passkey(signed_in)
    thief = world.account()
    browser = app.test_client()
    log_in(browser, thief.address, world.password)
    foreign, _done = add_passkey(browser)
    password_then(client, person, world.password)
    assert show_passkey(client, foreign, "code").status_code == 400 and not is_signed_in(client)
    begun = begin(client, "login").json
    data = {"ceremony": begun["ceremony"], "credential": foreign.show(begun["publicKey"]), "on": "code"}
    answer = client.post("/login/passkey", data={**data, "csrf_token": token_of(client)})
    assert answer.status_code == 400 and not is_signed_in(client), "nor with a challenge for anybody"


@one_database
def test_a_disabled_account_has_no_way_in(client: Any, world: Any, person: Any, signed_in: Any) -> None:
    key, _done = add_passkey(signed_in)
    world.change(Account, person.account_id, status="disabled")
    answer = show_passkey(client, key)
    assert answer.status_code == 403 and "disabled" in answer.text and not is_signed_in(client)


GARBAGE = [
    "", "null", "[]", "{}", "1e999", '"text"', "[" * 15000, '{"id":' * 2000, "{" * 20000, "x" * 400_000, "\ud800",
    json.dumps({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}}),
    json.dumps({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {
        "clientDataJSON": "!!!", "authenticatorData": "AAAA", "signature": "AAAA", "attestationObject": "v___",
        "userHandle": "%"}}),
    json.dumps({"id": "\ud800\0", "rawId": "AAAA", "type": "public-key", "response": {"userHandle": "\udfff"}}),
    json.dumps({"id": "A" * 1400, "rawId": "AAAA", "type": "public-key", "response": {}}),
    json.dumps({"id": 7, "rawId": [], "type": None, "response": {"clientDataJSON": 1, "userHandle": {}}}),
    json.dumps({"id": "A" * 9000, "rawId": "é", "response": [1]}),
]  # fmt: skip


@pytest.mark.parametrize("app_settings", [{"throttle": {"failures": 100, "failures_per_address": 1000}}])
def test_whatever_is_sent_in_place_of_a_credential_is_refused_calmly(
    app: Any, world: Any, signed_in: Any, app_settings: Any
) -> None:
    add_passkey(signed_in)
    bombs = [
        json.dumps({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {
            "clientDataJSON": "e30", "attestationObject": bomb}})
        for bomb in ("m______8", "X______8", "n______8", "oWNmbXT_", "2f____8")  # CBOR that promises gigabytes
    ]  # fmt: skip
    token = token_of(signed_in, "/account/security/passkeys/new")
    for text in [*GARBAGE, *bombs]:
        text = text.encode("utf-8", "replace").decode()
        making = signed_in.post("/account/security/passkeys/options", data={"csrf_token": token}).json
        data = {"ceremony": making["ceremony"], "credential": text, "csrf_token": token}
        assert signed_in.post("/account/security/passkeys", data=data).status_code == 400, text[:60]
        stranger = app.test_client()
        begun = begin(stranger).json
        data = {"ceremony": begun["ceremony"], "credential": text, "on": "login", "csrf_token": token_of(stranger)}
        assert stranger.post("/login/passkey", data=data).status_code == 400, text[:60]
    for ceremony in ("", "x" * 5000, "00000000-0000-0000-0000-000000000000"):
        data = {"ceremony": ceremony, "credential": "{}", "csrf_token": token}
        assert signed_in.post("/account/security/passkeys", data=data).status_code == 400
    assert signed_in.post("/account/security/passkeys", data={"csrf_token": token}).status_code == 400
    too_much = {"credential": "x" * 2_000_000, "csrf_token": token}
    assert signed_in.post("/account/security/passkeys", data=too_much).status_code == 413
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Passkey)) == 1


@one_database
def test_wrong_passkeys_are_not_tried_without_limit(app: Any, client: Any, signed_in: Any) -> None:
    key, _done = add_passkey(signed_in)
    statuses = [show_passkey(client, key, verified=False).status_code for _ in range(12)]
    assert statuses[0] == 400 and statuses[-1] == 429


@one_database
def test_challenges_need_the_forms_token_and_a_page_that_asks(app: Any, client: Any) -> None:
    assert client.post("/login/passkey/options", data={"on": "login"}).status_code == 400
    for on in ("", "code", "stronger", "again", "x"):
        assert begin(client, on).json == {"error": "sign_in_again"}
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Ceremony)) == 0


# Confirming -----------------------------------------------------------------------------------------------------------


@one_database
def test_confirming_asks_for_the_second_factor_and_keeps_the_class(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    authenticator, _done = set_up_app(signed_in, clock.now())
    clock.advance(301)
    asked = signed_in.get("/account/security/password").headers["Location"]
    first = submit(signed_in, signed_in.get(asked), "password", password=world.password)
    assert first.headers["Location"].startswith("/login/code")
    assert signed_in.get("/account/security/password").status_code == 303, "not confirmed yet"
    second = signed_in.get(first.headers["Location"])
    done = submit(signed_in, second, "code", code=authenticator.at(clock.now()))
    assert done.headers["Location"] == "/account/security/password"
    assert session_of(app, person).acr == "urn:onix:acr:2"
    clock.advance(301)
    key, _ = SoftKey(), None
    submit(signed_in, signed_in.get(signed_in.get("/account/security/passkeys/new").headers["Location"]), "password",
           password=world.password)  # fmt: skip
    submit(signed_in, signed_in.get("/login/code"), "code", code=authenticator.at(clock.now()))
    key, _done = add_passkey(signed_in)
    clock.advance(301)
    where = signed_in.get("/account/security/password").headers["Location"]
    handle = where.partition("continue=")[2]
    assert show_passkey(signed_in, key, "again", handle=handle).headers["Location"] == "/account/security/password"
    assert session_of(app, person).amr == ["hwk", "user", "mfa"]


@one_database
def test_a_session_from_before_the_second_factor_changes_nothing_without_it(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    """A thief with the password, signed in moments before, can't take the new factor away or add one (R27)."""
    thief = app.test_client()
    log_in(thief, person.address, world.password)
    token = token_of(thief)
    authenticator, _done = set_up_app(signed_in, clock.now())
    assert thief.get("/account/").headers["Location"].startswith("/login?"), "its session has ended"
    assert is_signed_in(signed_in)
    live_on(app, person.account_id)  # and were it opened at that very moment:
    posts = ("authenticator/remove", "recovery-codes", "passkeys/options", "password")
    for path in (*posts, "authenticator"):
        asked = thief.post(f"/account/security/{path}", data={"csrf_token": token})
        assert asked.status_code == 303 and asked.headers["Location"].startswith("/login/again"), path
    assert thief.get("/account/security/authenticator").headers["Location"].startswith("/login/again")
    assert "/login/code" in log_in(app.test_client(), person.address, world.password).headers["Location"]
    before = next(row for row in stored_of(app, person) if row.amr == ["pwd"])
    clock.advance(30)
    stronger = submit(thief, thief.get("/login/stronger"), "code", code=authenticator.at(clock.now()))
    assert stronger.status_code == 303 and world.get(Session, before.id).acr == "urn:onix:acr:2"
    assert world.get(Session, before.id).auth_time == before.auth_time, "a code alone is no sign-in"
    clock.advance(300)
    asked = thief.get("/account/security/password").headers["Location"]
    first = submit(thief, thief.get(asked), "password", password=world.password)
    clock.advance(30)
    second = submit(thief, thief.get(first.headers["Location"]), "code", code=authenticator.at(clock.now()))
    assert second.headers["Location"] == "/account/security/password"
    assert thief.get(second.headers["Location"]).status_code == 200, "whoever has the factor goes on"


@one_database
def test_an_account_without_a_password(
    app: Any, client: Any, world: Any, person: Any, signed_in: Any, clock: Any
) -> None:
    key, _done = add_passkey(signed_in)
    world.change(Account, person.account_id, password_hash=None, password_changed_at=None)
    assert log_in(app.test_client(), person.address, world.password).status_code == 400
    assert show_passkey(client, key).status_code == 303
    assert "You have no password" in client.get("/account/security").text
    clock.advance(301)
    where = client.get("/account/security/password").headers["Location"]
    page = client.get(where)
    assert 'name="password"' not in page.text and "Use a passkey" in page.text
    assert show_passkey(client, key, "again", handle=where.partition("continue=")[2]).status_code == 303
    page = client.get("/account/security/password")
    assert "current_password" not in page.text
    assert submit(client, page, "password", password=GOOD).headers["Location"] == "/account/security"
    assert is_signed_in(client) and session_of(app, person).acr == "urn:onix:acr:2"
    assert "/login/code" in log_in(app.test_client(), person.address, GOOD).headers["Location"]


@one_database
def test_the_door_itself_wants_the_second_factor(app: Any, world: Any, person: Any, signed_in: Any) -> None:
    """Whoever comes to `sign_in` with a password alone, by whichever way."""
    add_passkey(signed_in)
    with app.test_request_context(), pytest.raises(Refusal) as refused, unit_of_work():
        sessions.sign_in(sessions.hold(db.session.get_one(Account, person.account_id)))
    assert refused.value.code == "second_factor_missing"


@one_database
def test_signing_in_costs_few_statements(app: Any, client: Any, world: Any, person: Any, statements: Any) -> None:
    page = client.get("/login")
    with statements() as seen:
        submit(client, page, "password", identifier=person.address, password=world.password)
    assert len(seen) <= 14, str(seen)
