"""Hashing: argon2id, the same work for nobody, bounded, never inside a transaction."""

from __future__ import annotations

import threading
import time
import unicodedata
from typing import Any

import pytest

from idp.accounts import passwords
from idp.accounts.passwords import PasswordVerdict, _hashing
from idp.kernel.database import unit_of_work
from tests.support.races import at_once

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_r25_argon2id_with_a_salt_per_hash(context: Any) -> None:
    first, second = passwords.hash_password("seven herons"), passwords.hash_password("seven herons")
    assert first.startswith("$argon2id$")
    assert first != second
    assert passwords.verify(first, "seven herons") == PasswordVerdict(True, False)
    assert passwords.verify(first, "seven heron") == PasswordVerdict(False, False)


def test_r25_other_parameters_ask_for_a_rehash(context: Any, make_app: Any, database_url: str) -> None:
    old = passwords.hash_password("seven herons")
    other = make_app(database_url, passwords={"time_cost": 2})
    with other.app_context():
        assert passwords.verify(old, "seven herons") == PasswordVerdict(True, True)
        assert passwords.verify(old, "wrong") == PasswordVerdict(False, False)


def test_r22_one_normalisation(context: Any) -> None:
    stored = passwords.hash_password(unicodedata.normalize("NFC", "blåbærsyltetøy"))
    assert passwords.verify(stored, unicodedata.normalize("NFD", "blåbærsyltetøy")).ok


def test_r23_nothing_is_cut_off(context: Any) -> None:
    stored = passwords.hash_password("x" * 255 + "y")
    assert passwords.verify(stored, "x" * 255 + "y").ok
    assert not passwords.verify(stored, "x" * 255 + "z").ok


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$broken", "$2b$12$abcdefghijklmnopqrstuv"])
def test_p33_what_is_no_hash_is_wrong_and_no_error(context: Any, stored: str | None) -> None:
    assert passwords.verify(stored, "anything") == PasswordVerdict(False, False)


@pytest.mark.parametrize("typed", ["", "\0", "\ud800", "x" * 10_000_000])
def test_odd_passwords_are_wrong_and_no_error(context: Any, typed: str) -> None:
    stored = passwords.hash_password("seven herons")
    started = time.thread_time()
    assert not passwords.verify(stored, typed).ok
    assert time.thread_time() - started < 1


def test_p33_nobody_costs_as_much_as_somebody(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """R20: an unknown account is hashed for as well."""
    seen: list[str] = []
    hashing = _hashing()
    real = hashing.hasher

    class Watching:
        def verify(self, stored: str, password: bytes) -> Any:
            seen.append(stored)
            return real.verify(stored, password)

    monkeypatch.setattr(hashing, "hasher", Watching())
    assert not passwords.verify(None, "seven herons").ok
    assert seen == [hashing.nobody]


def test_p33_no_more_than_the_setting_at_once(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hashing, running, most, guard = _hashing(), 0, 0, threading.Lock()

    class Slow:
        def hash(self, password: bytes) -> str:
            nonlocal running, most
            with guard:
                running += 1
                most = max(most, running)
            time.sleep(0.03)
            with guard:
                running -= 1
            return "hash"

    monkeypatch.setattr(hashing, "hasher", Slow())

    def work() -> None:
        with context.app_context():
            passwords.hash_password("x")

    at_once([work] * 8)
    assert most == 2


def test_hashing_inside_a_transaction_is_refused(context: Any) -> None:
    with pytest.raises(RuntimeError), unit_of_work():
        passwords.hash_password("x")
    with pytest.raises(RuntimeError), unit_of_work():
        passwords.verify(None, "x")
