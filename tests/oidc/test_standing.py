"""What an authorization stands on, and how long a token of it counts, as tables (DESIGN §3 *Loss*, *Lifetimes*)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from idp.oidc.authorizations import expiry, fallen
from idp.oidc.authorizations.judging import too_weak
from idp.organizations.policy import Decision, MemberFacts, OrganizationFacts
from tests.support.databases import one_database

NOW, IDLE = 1_800_000_000, 12 * 3600
AWAY: dict[str, Any] = {"offline": True}
ENDED: dict[str, Any] = {"session_ended_at": NOW - 9}
GONE: dict[str, Any] = {"session_expires_at": None, "session_last_seen_at": None}
MACHINE: dict[str, Any] = {"account_id": None, "account_status": None, **AWAY, **GONE}


def row(**values: Any) -> Any:
    """An authorization of a signed-in browser, as the `*_standing` statements read it."""
    stands = {
        "withdrawn_at": None, "expires_at": NOW + 1, "client_status": "active", "account_id": "a",
        "account_status": "active", "offline": False, "amr": ["pwd"], "session_ended_at": None,
        "session_ended_reason": None, "session_expires_at": NOW + 1, "session_last_seen_at": NOW - IDLE + 1,
    }  # fmt: skip
    return SimpleNamespace(**{**stands, **values})


# what is different                                                            which part has fallen
TABLE: dict[str, tuple[dict[str, Any], str | None]] = {
    "everything stands for a second more": ({}, None),
    "withdrawn": ({"withdrawn_at": NOW}, "withdrawn"),
    "at its end": ({"expires_at": NOW}, "expired"),
    "without an end": ({"expires_at": None}, None),
    "client disabled": ({"client_status": "disabled"}, "client"),
    "account disabled": ({"account_status": "disabled"}, "account"),
    "account closed, and kept a while": ({"account_status": "closing"}, "account"),
    "account gone": ({"account_status": None}, "account"),
    "session signed out": ({**ENDED, "session_ended_reason": "signed_out"}, "session"),
    "session at its absolute end": ({"session_expires_at": NOW}, "session"),
    "session at its idle end": ({"session_last_seen_at": NOW - IDLE}, "session"),
    "session gone": (GONE, "session"),
    "while away: session signed out": ({**AWAY, **ENDED, "session_ended_reason": "signed_out"}, None),
    "while away: session at its ends": ({**AWAY, "session_expires_at": NOW, "session_last_seen_at": 0}, None),
    "while away: session gone": ({**AWAY, **GONE}, None),
    "while away: account disabled": ({**AWAY, "account_status": "disabled"}, "account"),
    **{
        f"while away: session ended, {reason}": ({**AWAY, **ENDED, "session_ended_reason": reason}, "session")
        for reason in (
            "by_owner", "by_admin", "factor_added", "password_changed", "account_disabled", "account_closing",
        )
    },
    "machine": (MACHINE, None),
    "machine whose client is disabled": ({**MACHINE, "client_status": "disabled"}, "client"),
}  # fmt: skip


@one_database
def test_what_has_fallen(context: Any) -> None:
    for name, (values, part) in TABLE.items():
        assert fallen(row(**values), NOW) == part, name
    assert fallen(None, NOW) == "withdrawn"


MEMBER = MemberFacts(id="m", type="employee", status="active", organization=OrganizationFacts("o", "lift", "Lift"))
ALLOW = Decision(code=None, account_id="a", app_id="tag", member=MEMBER, judged=MEMBER)


@one_database
def test_none_outlives_the_ground_it_stands_on(context: Any) -> None:
    """300 seconds, or whatever ends first."""
    lasting: dict[str, Any] = {"expires_at": NOW + 9000, "session_expires_at": NOW + 9000}
    ends = Decision(code=None, account_id="a", app_id="tag", ends_at=NOW + 40)
    for values, decision, seconds in (
        ({}, ALLOW, 300),
        ({}, None, 300),
        ({}, ends, 40),
        ({"expires_at": NOW + 50}, ALLOW, 50),
        ({"expires_at": None}, ALLOW, 300),
        ({"session_expires_at": NOW + 60}, ALLOW, 60),
        ({"session_expires_at": NOW + 60, **AWAY}, ALLOW, 300),
        ({"session_expires_at": None, **AWAY}, None, 300),
        ({"expires_at": NOW + 50, "session_expires_at": NOW + 60}, ends, 40),
    ):
        assert expiry(row(**{**lasting, **values}), decision, NOW) == NOW + seconds, (values, decision)


@pytest.mark.parametrize(("asks", "amr", "weak"), [
    (True, ["pwd"], True), (True, [], True), (True, None, True), (True, ["pwd", "otp", "mfa"], False),
    (True, ["hwk", "user", "mfa"], False), (False, ["pwd"], False),
])  # fmt: skip
def test_where_the_organization_asks_for_two_factors_one_is_too_weak(asks: bool, amr: Any, weak: bool) -> None:
    place = OrganizationFacts("o", "lift", "Lift", second_factor_required=asks)
    member = MemberFacts(id="m", type="employee", status="active", organization=place)
    allow = Decision(code=None, account_id="a", app_id="tag", member=member, judged=member)
    assert too_weak(row(amr=amr), allow) is weak
    deny = Decision(code="license_missing", account_id="a", app_id="tag", member=member, judged=member)
    assert not too_weak(row(amr=amr), deny) and not too_weak(row(amr=amr), None)
