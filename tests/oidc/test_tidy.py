"""What is deleted of authorizations and their shadows, and what has to stay (idea 4 of DESIGN §5, RFC 9700 §4.14)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from idp import jobs
from idp.kernel.database import db, unit_of_work
from idp.oidc import authorizations
from idp.oidc.models import Authorization, AuthorizationCode, RefreshToken
from tests.support.protocol import Protocol, claims_of

DAY = 86400


def tidied(protocol: Protocol) -> None:
    with protocol.app.app_context():
        jobs.tidy()


def rows(protocol: Protocol) -> tuple[int, int, int]:
    """How many authorizations, codes and refresh tokens there are."""
    with protocol.app.app_context():
        counted = [
            db.session.scalar(select(func.count()).select_from(model))
            for model in (Authorization, AuthorizationCode, RefreshToken)
        ]
        db.session.rollback()
    return tuple(counted)  # type: ignore[return-value]


def offline(protocol: Protocol) -> dict[str, Any]:
    return protocol.tokens(scope="openid offline_access", offline=True)


def test_a_refresh_token_spent_long_ago_is_seen_when_it_comes_again(protocol: Protocol, clock: Any) -> None:
    """Its authorization lives: whoever shows it has stolen it, or was stolen from."""
    first = newest = offline(protocol)["refresh_token"]
    for _ in range(5):
        clock.advance(20 * DAY)
        tidied(protocol)
        newest = protocol.refresh(newest).json["refresh_token"]
    assert rows(protocol) == (1, 1, 6)
    assert protocol.refresh(first).json["error"] == "invalid_grant"
    assert protocol.refresh(newest).json["error"] == "invalid_grant", "the reuse ended everything"


def test_a_code_spent_long_ago_is_seen_when_it_comes_again(protocol: Protocol, clock: Any) -> None:
    grant = protocol.grant(scope="openid offline_access", offline=True)
    token = protocol.redeem(grant).json
    clock.advance(20 * DAY)
    tidied(protocol)
    assert protocol.redeem(grant).json["error"] == "invalid_grant"
    assert protocol.refresh(token["refresh_token"]).json["error"] == "invalid_grant"


def test_what_has_been_dead_for_90_days_goes_with_all_its_shadows(protocol: Protocol, clock: Any) -> None:
    protocol.register("machine", kind="machine")
    protocol.post({"grant_type": "client_credentials"}, "machine")
    revoked = offline(protocol)
    protocol.refresh(revoked["refresh_token"])
    online = protocol.tokens()
    protocol.revoke(revoked["refresh_token"])
    assert rows(protocol) == (3, 2, 3)
    clock.advance(89 * DAY)
    living = offline(protocol)
    tidied(protocol)
    assert rows(protocol) == (4, 3, 4)
    clock.advance(2 * DAY)
    tidied(protocol)
    assert rows(protocol) == (3, 2, 2), "the withdrawn one is gone"
    clock.advance(28 * DAY)
    tidied(protocol)
    assert rows(protocol) == (3, 2, 2), "the session's, over at its thirtieth day, stays for as long"
    clock.advance(2 * DAY)
    tidied(protocol)
    assert rows(protocol) == (2, 1, 1)
    assert claims_of(online["access_token"])["exp"] < clock.now()
    assert protocol.refresh(living["refresh_token"]).json["error"] == "invalid_grant", "idle for a month"
    assert protocol.post({"grant_type": "client_credentials"}, "machine").status_code == 200


def test_a_portion_is_bounded_and_the_living_stay(
    protocol: Protocol, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        dead = offline(protocol)["refresh_token"]
        for _ in range(4):
            dead = protocol.refresh(dead).json["refresh_token"]
        protocol.revoke(dead)
    clock.advance(60 * DAY)
    living = offline(protocol)["refresh_token"]
    clock.advance(20 * DAY)
    living = protocol.refresh(living).json["refresh_token"]
    clock.advance(11 * DAY)
    monkeypatch.setattr(authorizations.tidying, "PORTION", 10)
    portions = []
    with protocol.app.app_context():
        while not portions or portions[-1]:
            with unit_of_work():
                portions.append(authorizations.tidy(clock.now()))
    assert sum(portions) == 4 * (1 + 1 + 5) and max(portions) <= 10
    assert rows(protocol) == (1, 1, 2)
    assert protocol.refresh(living).status_code == 200
