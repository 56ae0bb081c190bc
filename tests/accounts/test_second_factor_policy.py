"""The rules about second factors as tables."""

from __future__ import annotations

import pytest

from idp.accounts.credentials import policy
from idp.accounts.credentials.policy import Methods
from idp.sessions.policy import acr_of, by_passkey, confirmed, together


@pytest.mark.parametrize(
    ("has", "second_factor"),
    [
        (Methods(), False),
        (Methods(password=True), False),
        (Methods(password=True, codes=10), False),
        (Methods(password=True, authenticator=True), True),
        (Methods(password=True, passkeys=1), True),
        (Methods(passkeys=1), True),
    ],
)
def test_what_is_a_second_factor(has: Methods, second_factor: bool) -> None:
    assert has.second_factor is second_factor


@pytest.mark.parametrize(
    ("has", "removed", "last"),
    [
        (Methods(password=True, passkeys=1), "passkey", False),
        (Methods(passkeys=1), "passkey", True),
        (Methods(passkeys=1, authenticator=True, codes=10), "passkey", True),
        (Methods(passkeys=2), "passkey", False),
        (Methods(password=True), "password", True),
        (Methods(password=True, authenticator=True), "password", True),
        (Methods(password=True, passkeys=1), "password", False),
        (Methods(password=True, authenticator=True), "authenticator", False),
        (Methods(passkeys=1, authenticator=True), "authenticator", False),
    ],
)
def test_the_last_way_in(has: Methods, removed: policy.Kept, last: bool) -> None:
    assert policy.last_way_in(has, removed) is last


def test_the_window_is_one_step_to_each_side() -> None:
    assert set(policy.steps_around(3000)) == {99, 100, 101}
    assert set(policy.steps_around(3029)) == {99, 100, 101}
    assert set(policy.steps_around(3030)) == {100, 101, 102}


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        ("123 456", "123456"),
        (" 123-456 ", "123456"),
        ("１２３４５６", "123456"),
        ("ABCD-efgh-2345-wxyz", "abcdefgh2345wxyz"),
        (None, ""),
        ("\0" * 5000, ""),
    ],
)
def test_codes_as_people_type_them(typed: str | None, compared: str) -> None:
    assert policy.typed_code(typed) == compared


def test_recovery_codes_in_groups_lose_nothing() -> None:
    assert policy.shown_code("abcdefgh2345wxyz") == "abcd-efgh-2345-wxyz"
    assert not set(policy.CODE_SIGNS) & set("01ilo")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("  My\nphone ", "My phone"), ("x" * 100, "x" * 60), ("\u202e", ""), ("", ""), (None, "")],
)
def test_a_passkeys_name(typed: str | None, kept: str) -> None:
    assert policy.passkey_name(typed) == kept


@pytest.mark.parametrize(
    ("first", "then", "methods", "acr"),
    [
        ((), ("pwd",), ["pwd"], "urn:onix:acr:1"),
        (("pwd",), ("otp", "mfa"), ["pwd", "otp", "mfa"], "urn:onix:acr:2"),
        (("pwd",), by_passkey(synced=False), ["pwd", "hwk", "user", "mfa"], "urn:onix:acr:2"),
        ((), by_passkey(synced=True), ["swk", "user", "mfa"], "urn:onix:acr:2"),
        (("swk", "user", "mfa"), ("otp", "mfa"), ["swk", "user", "otp", "mfa"], "urn:onix:acr:2"),
    ],
)
def test_methods_and_class_of_two_steps(
    first: tuple[str, ...], then: tuple[str, ...], methods: list[str], acr: str
) -> None:
    assert together(first, then) == methods
    assert acr_of(methods) == acr


@pytest.mark.parametrize(
    ("before", "shown", "after"),
    [
        (["pwd"], ["pwd"], ["pwd"]),
        (["pwd"], ["swk", "user", "mfa"], ["swk", "user", "mfa"]),
        (["hwk", "user", "mfa"], ["pwd"], ["hwk", "user", "pwd", "mfa"]),
        (["pwd", "otp", "mfa"], ["swk", "user", "mfa"], ["swk", "user", "mfa"]),
    ],
)
def test_a_confirmation_never_makes_a_session_weaker(before: list[str], shown: list[str], after: list[str]) -> None:
    assert confirmed(before, shown) == after
