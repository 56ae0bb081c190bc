"""RFC 7009: revocation. Security R08, P10."""

from __future__ import annotations

import pytest

from tests.support.protocol import no_store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_an_access_token_goes_alone(protocol):
    token = protocol.tokens()
    answer = protocol.revoke(token["access_token"])
    assert answer.status_code == 200 and answer.json == {} and no_store(answer)
    assert protocol.userinfo(token["access_token"]).status_code == 401
    assert protocol.introspect(token["access_token"]).json == {"active": False}
    assert protocol.refresh(token["refresh_token"]).status_code == 200
    assert protocol.revoke(token["access_token"]).status_code == 200


def test_a_refresh_token_takes_its_authorization_along(protocol):
    token = protocol.tokens()
    assert protocol.revoke(token["refresh_token"], token_type_hint="access_token").status_code == 200
    assert protocol.refresh(token["refresh_token"]).json["error"] == "invalid_grant"
    assert protocol.userinfo(token["access_token"]).status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_another_clients_token_stays_and_the_answer_says_nothing(protocol, which):
    """P10: no oracle."""
    protocol.register("other", app_id="tag")
    token = protocol.tokens()
    answer = protocol.revoke(token[which], "other")
    assert (answer.status_code, answer.json) == (200, {})
    assert protocol.userinfo(token["access_token"]).status_code == 200
    assert protocol.refresh(token["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "é"])
def test_unknown_tokens_are_200(protocol, token):
    assert protocol.revoke(token).status_code == 200


def test_faulty_requests(protocol):
    assert protocol.post({}, path="/oauth2/revoke").json["error"] == "invalid_request"
    assert protocol.post({"token": ["a", "b"]}, path="/oauth2/revoke").status_code == 400
    assert protocol.http.post("/oauth2/revoke", data={"token": "x"}).status_code == 401
    assert protocol.http.get("/oauth2/revoke").status_code == 405


def test_public_clients_revoke_their_own(protocol):
    protocol.register(
        "desktop", kind="native", app_id="tag", deny_mode="token", redirect_uris=["http://127.0.0.1/callback"]
    )
    grant = protocol.grant("desktop")
    form = {"grant_type": "authorization_code", "code": grant.code, "redirect_uri": "http://localhost:9999/callback",
            "code_verifier": grant.verifier, "client_id": "desktop"}  # fmt: skip
    token = protocol.http.post("/oauth2/token", data=form).json
    answer = protocol.http.post("/oauth2/revoke", data={"token": token["refresh_token"], "client_id": "desktop"})
    assert answer.status_code == 200
    assert protocol.userinfo(token["access_token"]).status_code == 401
