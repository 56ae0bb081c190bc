"""What counts once, raced: a recovery code, a code of the app, a challenge, and the two last ways in."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.accounts.credentials.models import Passkey, RecoveryCode
from idp.accounts.models import Account
from idp.kernel.database import db
from idp.sessions.models import Session
from tests.support.authenticators import (
    SoftKey,
    add_passkey,
    begin,
    codes_of,
    password_then,
    set_up_app,
    token_of,
)
from tests.support.forms import browser_of, form_with
from tests.support.races import at_once

pytestmark = [pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)]
TWENTY = {"throttle": {"failures": 100, "failures_per_address": 1000}}


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return TWENTY


@pytest.fixture
def person(world: Any) -> Any:
    return world.account()


@pytest.fixture
def owner(app: Any, world: Any, person: Any) -> Any:
    return browser_of(app, world, person)


@pytest.fixture
def processes(app: Any, make_app: Any, database_url: str) -> list[Any]:
    """Four applications on one database, each with its own connections."""
    return [app, *(make_app(database_url, **TWENTY) for _ in range(3))]


def _sessions(app: Any, person: Any) -> int:
    with app.app_context():
        rows = select(func.count()).select_from(Session).where(Session.account_id == person.account_id)
        return db.session.scalar(rows) or 0


def _twenty_second_steps(processes: list[Any], person: Any, password: str, path: str, code: str) -> list[int]:
    """Twenty browsers whose password was right type the same code at once."""
    waiting = []
    for number in range(20):
        browser = processes[number % 4].test_client()
        password_then(browser, person, password)
        fields = form_with(browser.get(path).get_data(as_text=True), "code", path).filled(code=code)
        waiting.append((browser, fields))
    answers = at_once([partial(browser.post, path, data=fields) for browser, fields in waiting])
    return [answer.status_code for answer in answers]


def test_one_recovery_code_twenty_times(
    app: Any, world: Any, person: Any, owner: Any, processes: Any, clock: Any
) -> None:
    _app, done = set_up_app(owner, clock.now())
    code = codes_of(done)[0]
    statuses = _twenty_second_steps(processes, person, world.password, "/login/code/recovery", code)
    assert sorted(statuses) == [303] + [400] * 19
    assert _sessions(app, person) == 2
    with app.app_context():
        left = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.spent_at.is_(None))
        assert db.session.scalar(left) == 9


def test_one_code_of_the_app_twenty_times(
    app: Any, world: Any, person: Any, owner: Any, processes: Any, clock: Any
) -> None:
    authenticator, _done = set_up_app(owner, clock.now())
    clock.advance(30)
    code = authenticator.at(clock.now())
    statuses = _twenty_second_steps(processes, person, world.password, "/login/code", code)
    assert sorted(statuses) == [303] + [400] * 19
    assert _sessions(app, person) == 2


def test_one_challenge_twenty_times(app: Any, person: Any, owner: Any, processes: Any) -> None:
    """The same browser posts the same answer twenty times, to whichever process: the key does not even count."""
    key, _done = add_passkey(owner, SoftKey(counts=False))
    first = app.test_client()
    begun = begin(first).json
    token = token_of(first)
    with first.session_transaction() as cookie:
        kept = dict(cookie)
    data = {"ceremony": begun["ceremony"], "credential": key.show(begun["publicKey"]), "on": "login"}

    def post(number: int) -> int:
        browser = processes[number % 4].test_client()
        with browser.session_transaction() as cookie:
            cookie.update(kept)
        return int(browser.post("/login/passkey", data={**data, "csrf_token": token}).status_code)

    statuses = at_once([partial(post, number) for number in range(20)])
    assert sorted(statuses) == [303] + [400] * 19
    assert _sessions(app, person) == 2


def test_two_passkeys_of_an_account_without_a_password_are_not_both_removed(
    app: Any, world: Any, person: Any, owner: Any, processes: Any
) -> None:
    add_passkey(owner)
    add_passkey(owner)
    world.change(Account, person.account_id, password_hash=None)
    with app.app_context():
        ids = list(db.session.scalars(select(Passkey.id)))
    token = token_of(owner)
    with owner.session_transaction() as cookie:
        kept = dict(cookie)

    def remove(number: int) -> int:
        browser = processes[number].test_client()
        with browser.session_transaction() as cookie:
            cookie.update(kept)
        path = f"/account/security/passkeys/{ids[number]}/remove"
        return int(browser.post(path, data={"csrf_token": token}).status_code)

    assert sorted(at_once([partial(remove, number) for number in range(2)])) == [303, 409]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Passkey)) == 1
