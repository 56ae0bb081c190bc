"""One-use things raced: idea 4 of DESIGN §5, security P01; over several applications as several processes."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.support.protocol import CALLBACK, Protocol, basic
from tests.support.races import at_once

pytestmark = [pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)]


@pytest.fixture
def processes(protocol: Protocol, make_app: Any, database_url: str) -> list[Any]:
    """Four applications on one database, each with its own caches and connections."""
    return [protocol.app, *(make_app(database_url) for _ in range(3))]


def test_twenty_redemptions_give_one_success_and_then_no_live_token(protocol: Protocol, processes: list[Any]) -> None:
    grant = protocol.grant()
    form = {
        "grant_type": "authorization_code",
        "code": grant.code,
        "redirect_uri": CALLBACK,
        "code_verifier": grant.verifier,
    }

    def redeem(index: int) -> Any:
        answer = processes[index % 4].test_client().post("/oauth2/token", data=form, headers=basic("tag"))
        return answer.status_code, answer.json

    answers = at_once([partial(redeem, index) for index in range(20)])
    won = [body for status, body in answers if status == 200]
    assert len(won) == 1
    assert all(status == 400 and body["error"] == "invalid_grant" for status, body in answers if status != 200)
    assert protocol.userinfo(won[0]["access_token"]).status_code == 401
    assert protocol.introspect(won[0]["access_token"]).json == {"active": False}
    assert protocol.refresh(won[0]["refresh_token"]).json["error"] == "invalid_grant"


def test_parallel_refreshes_of_one_client_leave_one_live_token(protocol: Protocol, processes: list[Any]) -> None:
    """The grace: every answer is a success, and exactly the last successor counts."""
    token = protocol.tokens()["refresh_token"]

    def refresh(index: int) -> Any:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        answer = processes[index % 4].test_client().post("/oauth2/token", data=form, headers=basic("tag"))
        return answer.status_code, answer.json

    answers = at_once([partial(refresh, index) for index in range(8)])
    assert [status for status, _ in answers] == [200] * 8, answers
    live = [body for _, body in answers if protocol.introspect(body["refresh_token"]).json["active"]]
    assert len(live) == 1
    assert protocol.refresh(live[0]["refresh_token"]).status_code == 200


def test_one_assertion_counts_once_in_all_processes(protocol: Protocol, processes: list[Any]) -> None:
    """R10."""
    from tests.support.assertions import assertion_form, client_key

    key = client_key()
    protocol.register("signer", kind="machine", token_endpoint_auth_method="private_key_jwt", secret=None,
                      jwks={"keys": [key.as_dict(private=False)]})  # fmt: skip
    form = {"grant_type": "client_credentials", **assertion_form(key, "signer")}
    answers = at_once([partial(one.test_client().post, "/oauth2/token", data=form) for one in processes * 2])
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 7]
