"""Hot paths send few statements and commit once (DESIGN §8, issue: held by tests)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.protocol import Protocol

SMALL = {"scope": "openid profile email"}


@pytest.fixture
def warm(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> Protocol:
    """Everything that a process reads once is read: keys, clients, the machine's standing authorization."""
    monkeypatch.setattr("idp.oidc.keys.REREAD_AFTER", 3600.0)
    protocol.register("machine", kind="machine")
    protocol.post({"grant_type": "client_credentials"}, "machine")
    token = protocol.tokens(**SMALL)
    protocol.userinfo(token["access_token"])
    return protocol


def test_client_credentials_takes_one_statement_and_writes_nothing(warm: Protocol, statements: Any) -> None:
    with statements() as seen:
        answer = warm.post({"grant_type": "client_credentials"}, "machine")
    assert answer.status_code == 200
    assert (len(seen), seen.commits) == (1, 0), str(seen)


def test_code_redemption_takes_four_statements_and_one_commit(warm: Protocol, statements: Any) -> None:
    grant = warm.grant(**SMALL)
    with statements() as seen:
        answer = warm.redeem(grant)
    assert answer.status_code == 200, answer.text
    assert len(seen) <= 4 and seen.commits == 1, str(seen)


def test_refresh_takes_four_statements_and_one_commit(warm: Protocol, statements: Any) -> None:
    token = warm.tokens(**SMALL)
    with statements() as seen:
        answer = warm.refresh(token["refresh_token"])
    assert answer.status_code == 200
    assert len(seen) <= 4 and seen.commits == 1, str(seen)


def test_userinfo_takes_two_statements(warm: Protocol, statements: Any) -> None:
    token = warm.tokens(**SMALL)
    with statements() as seen:
        answer = warm.userinfo(token["access_token"])
    assert answer.status_code == 200
    assert len(seen) <= 2 and seen.commits == 0, str(seen)


def test_introspection_takes_two_statements(warm: Protocol, statements: Any) -> None:
    token = warm.tokens(**SMALL)
    with statements() as seen:
        answer = warm.introspect(token["access_token"])
    assert answer.json["active"] is True
    assert len(seen) <= 2 and seen.commits == 0, str(seen)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/oauth2/jwks"])
def test_discovery_and_keys_take_none(warm: Protocol, statements: Any, path: str) -> None:
    warm.http.get(path)
    with statements() as seen:
        assert warm.http.get(path).status_code == 200
    assert len(seen) == 0, str(seen)
