"""When a session is alive, and its sign-in fresh, as tables (R27, R32)."""

from __future__ import annotations

from typing import Any

import pytest

from idp.sessions.policy import alive, by_passkey, recent

NOW, IDLE = 1_000_000, 600


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"ended_at": NOW - 1}, False),
        ({"ended_at": NOW + 1}, False),
        ({"expires_at": NOW}, False),
        ({"last_seen_at": NOW - IDLE}, False),
        ({"last_seen_at": NOW}, True),
    ],
)
def test_a_session_lives_until_the_second_of_its_end(changed: dict[str, Any], expected: bool) -> None:
    """Each of its ends is one second off, but for what is changed."""
    stands = {"ended_at": None, "expires_at": NOW + 1, "last_seen_at": NOW - IDLE + 1}
    assert alive(**{**stands, **changed}, idle=IDLE, now=NOW) is expected


@pytest.mark.parametrize(("auth_time", "expected"), [(NOW, True), (NOW - 299, True), (NOW - 300, False)])
def test_how_long_a_sign_in_is_proof_of_who_is_there(auth_time: int, expected: bool) -> None:
    assert recent(auth_time=auth_time, within=300, now=NOW) is expected


@pytest.mark.parametrize(("synced", "methods"), [(True, ("swk", "user", "mfa")), (False, ("hwk", "user", "mfa"))])
def test_a_passkey_is_two_factors_at_once(synced: bool, methods: tuple[str, ...]) -> None:
    """RFC 8176: a key in software where it is copied between devices, in hardware where it is not."""
    assert by_passkey(synced=synced) == methods
