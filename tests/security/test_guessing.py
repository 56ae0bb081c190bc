"""Guessing passwords, patiently and from many places (security R26)."""

from __future__ import annotations

from typing import Any

import pytest

from idp.accounts import service as accounts
from idp.jobs import tidy
from idp.kernel import counters
from idp.kernel.counters import network_of
from idp.kernel.database import aside, unit_of_work
from idp.sessions.throttle import LONGEST_WAIT, MOST_IN_A_ROW, pace
from tests.support.databases import one_database
from tests.support.forms import form_with, log_in, submit

DAY = 86400


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return {"throttle": {"failures_per_address": 1000}}


def test_the_pace_slows_down_to_one_attempt_a_day() -> None:
    assert [pace(10, 900, n) for n in (0, 9, 10, 19, 20, 30)] == [
        (900, 10), (900, 10), (900, 10), (900, 10), (1800, 10), (3600, 10)
    ]  # fmt: skip
    assert pace(10, 900, 89) == (LONGEST_WAIT, 10)
    assert pace(10, 900, 90) == pace(10, 900, 10_000) == (LONGEST_WAIT, 1)
    assert pace(100, 900, 0) == (900, 100), "a setting of one series is kept"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_r26_at_most_a_hundred_failures_in_a_row(app: Any, world: Any, clock: Any) -> None:
    """A stranger who never gives up has had fewer than a hundred attempts after twelve days, then one a day."""
    person, tried, began = world.account(), 0, clock.now()
    while clock.now() < began + 12 * DAY:
        answer = log_in(app.test_client(), person.address, "wrong")
        if answer.status_code == 429:
            clock.advance(int(answer.headers["Retry-After"]))
            with app.app_context():
                tidy()
        else:
            tried += 1
    assert 90 <= tried <= MOST_IN_A_ROW
    before = tried
    for _ in range(3):
        statuses = [log_in(app.test_client(), person.address, "wrong").status_code for _ in range(2)]
        tried += statuses.count(400)
        clock.advance(DAY)
    assert tried - before <= 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_r26_strangers_lock_nobody_out(app: Any, client: Any, world: Any) -> None:
    """While a stranger knocks, the person's own browser signs in, and a new password opens every other one."""
    person, stranger = world.account(), app.test_client()
    assert log_in(client, person.address, world.password).status_code == 303
    submit(client, client.get("/logout"), "csrf_token")
    for _ in range(10):
        assert log_in(stranger, person.address, "wrong").status_code == 400
    assert log_in(stranger, person.address, world.password).status_code == 429
    assert log_in(client, person.address, world.password).status_code == 303
    submit(client, client.get("/logout"), "csrf_token")
    statuses = [log_in(client, person.address, "wrong").status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429], "the familiar browser is counted as well"
    assert log_in(stranger, person.address, world.password).status_code == 429, "and opens no other"
    with app.app_context(), unit_of_work():
        account = accounts.find_by_address(person.address)
        assert account is not None
        accounts.change_password(account, account.password_hash or "")
    assert log_in(stranger, person.address, world.password).status_code == 303


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_r26_a_mark_of_another_browser_is_worth_nothing(app: Any, client: Any, world: Any) -> None:
    person, stranger = world.account(), app.test_client()
    log_in(client, person.address, world.password)
    with client.session_transaction() as cookie:
        marks = cookie["familiar"]
    stranger.get("/login")
    with stranger.session_transaction() as cookie:
        cookie["familiar"] = marks
    for _ in range(10):
        log_in(app.test_client(), person.address, "wrong")
    assert log_in(stranger, person.address, world.password).status_code == 429


@pytest.mark.parametrize("app_settings", [{"throttle": {"failures_per_address": 4}}])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_r26_a_subscriber_of_ipv6_is_one_address(client: Any) -> None:
    statuses = []
    for number in range(5):
        form = form_with(client.get("/login").text, "identifier").filled(identifier=f"n{number}@firma.no", password="x")
        place = {"REMOTE_ADDR": f"2001:db8:1:2:{number}::{number}"}
        statuses.append(client.post("/login", data=form, environ_base=place).status_code)
    assert statuses == [400] * 4 + [429]


def test_what_a_network_address_is_counted_under() -> None:
    assert network_of("192.0.2.7") == network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("2001:db8:1:2::9") == network_of("2001:0DB8:1:2:ffff::1")
    assert network_of("fe80::1%eth0") == network_of("fe80::2")
    assert network_of("") == "" and network_of("unix:") == "unix:"


@one_database
def test_what_is_counted_is_admitted_up_to_its_limit_within_its_window(context: Any) -> None:
    """Three in sixty seconds. What comes above is refused with the seconds to wait and does not prolong them."""
    table = [  # when, how long to wait
        (0, 0), (10, 0), (59, 0), (59, 1), (59, 1), (60, 0), (61, 0), (62, 0), (63, 57), (119, 1), (120, 0),
    ]  # fmt: skip
    for second, wait in table:
        now = 1_000_000 + second
        with aside() as own:
            start, count = counters.read(own, ("kind", "one"))[0]
            assert counters.left(start, count, now=now, window=60, limit=3) == wait, second
            assert counters.add(own, "kind", "one", now=now, window=60, limit=3) == wait, second
    with aside() as own:
        assert counters.read(own, ("kind", "other"), ("other", "one"), ("kind", "one")) == [
            (0, 0), (0, 0), (1_000_120, 1)
        ]  # fmt: skip
        assert counters.left(1_000_000, 3, now=1_000_059, window=60, limit=4) == 0
        counters.clear(own, ["other"], "one")
        counters.clear(own, ["kind"], "other")
        assert counters.read(own, ("kind", "one")) == [(1_000_120, 1)]
        counters.clear(own, ["kind"], "other", "one")
        assert counters.read(own, ("kind", "one")) == [(0, 0)]


@one_database
def test_counters_are_kept_for_their_window_and_rows_of_failures_for_a_year(context: Any) -> None:
    with aside() as own:
        for second in (0, 1):
            counters.add(own, "kind", f"at {second}", now=second, window=60, limit=3)
            counters.add_in_a_row(own, "row", f"at {second}", now=second)
        counters.add_in_a_row(own, "row", "at 0", now=0)
    kinds = [("kind", "at 0"), ("kind", "at 1"), ("row", "at 0"), ("row", "at 1")]
    for now, left in ((59, [1, 1, 2, 1]), (60, [0, 1, 2, 1]), (61, [0, 0, 2, 1]), (500, [0, 0, 0, 1])):
        with aside() as own:
            counters.tidy(own, now=now, window=60, rows={"row": 500})
            assert [count for _start, count in counters.read(own, *kinds)] == left, now
