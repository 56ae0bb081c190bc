"""RFC 6749 §6, Core §12, RFC 9700 §4.14: refreshing. Conformance 60 to 62, R05, DESIGN §3 *Lifetimes*, *Loss*."""

from __future__ import annotations

import pytest

from tests.support.protocol import claims_of, no_store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def refused(answer, error="invalid_grant", description=None):
    assert (answer.status_code, answer.json["error"]) == (400, error), answer.text
    if description:
        assert answer.json["error_description"] == description
    assert no_store(answer)


def alive(protocol, token) -> bool:
    return protocol.userinfo(token["access_token"]).status_code == 200


def test_rotation_gives_new_tokens(protocol, clock):
    """60: new access token, same subject and sign-in, iat new; the nonce was the code's alone (Core §12.2)."""
    first = protocol.tokens(nonce="n-1")
    clock.advance(20)
    answer = protocol.refresh(first["refresh_token"])
    assert answer.status_code == 200 and no_store(answer)
    second = answer.json
    assert second["refresh_token"] != first["refresh_token"] and second["expires_in"] == 300
    before, after = claims_of(first["id_token"]), claims_of(second["id_token"])
    assert all(before[name] == after[name] for name in ("iss", "sub", "aud", "auth_time", "sid", "acr", "amr"))
    assert before["nonce"] == "n-1" and "nonce" not in after
    assert after["iat"] == before["iat"] + 20
    assert alive(protocol, second)


def test_scope_narrows_and_never_grows(protocol):
    """60: smaller is given, larger is invalid_scope, and the refresh token keeps the whole."""
    first = protocol.tokens(scope="openid profile")
    narrow = protocol.refresh(first["refresh_token"], scope="openid").json
    assert narrow["scope"] == "openid" and claims_of(narrow["access_token"])["scope"] == "openid"
    refused(protocol.refresh(narrow["refresh_token"], scope="openid profile email"), "invalid_scope")
    whole = protocol.refresh(narrow["refresh_token"]).json
    assert whole["scope"] == "openid profile"


def test_bound_to_its_client(protocol):
    """61."""
    protocol.register("other", app_id="tag")
    token = protocol.tokens()
    refused(protocol.refresh(token["refresh_token"], "other"))
    assert protocol.refresh(token["refresh_token"]).status_code == 200


def test_grace_gives_a_new_successor_and_the_unused_one_dies(protocol, clock):
    """DESIGN §3: a spent token shown again within ten seconds by the same confidential client."""
    first = protocol.tokens()["refresh_token"]
    second = protocol.refresh(first).json["refresh_token"]
    clock.advance(9)
    third = protocol.refresh(first).json
    assert third["refresh_token"] not in (first, second)
    fourth = protocol.refresh(third["refresh_token"])
    assert fourth.status_code == 200
    refused(protocol.refresh(second))  # the dead one: reuse
    assert not alive(protocol, fourth.json)


def test_after_the_grace_reuse_withdraws(protocol, clock):
    first = protocol.tokens()["refresh_token"]
    second = protocol.refresh(first).json
    clock.advance(10)
    refused(protocol.refresh(first))
    assert not alive(protocol, second)
    refused(protocol.refresh(second["refresh_token"]))


def test_once_the_successor_was_used_there_is_no_grace(protocol):
    first = protocol.tokens()["refresh_token"]
    second = protocol.refresh(first).json["refresh_token"]
    third = protocol.refresh(second).json
    refused(protocol.refresh(first))
    assert not alive(protocol, third)


def test_public_clients_have_no_grace(protocol):
    """R05: nobody authenticated, so a second showing is reuse."""
    protocol.register(
        "desktop", kind="native", app_id="tag", deny_mode="token", redirect_uris=["http://127.0.0.1/callback"]
    )
    grant = protocol.grant("desktop")
    public = {"headers": {}}
    form = {"grant_type": "authorization_code", "code": grant.code, "redirect_uri": "http://localhost:9999/callback",
            "code_verifier": grant.verifier, "client_id": "desktop"}  # fmt: skip
    first = protocol.post(form, **public).json
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": "desktop"}
    second = protocol.post(again, **public)
    assert second.status_code == 200
    refused(protocol.post(again, **public))
    assert not alive(protocol, second.json)


def test_online_tokens_end_with_the_session(protocol, clock):
    from idp.sessions.models import Session

    grant = protocol.grant()
    token = protocol.redeem(grant).json
    protocol.world.change(Session, grant.sid, ended_at=clock.now(), ended_reason="signed_out")
    refused(protocol.refresh(token["refresh_token"]))
    assert not alive(protocol, token)


def test_online_tokens_end_with_an_idle_session(protocol, clock):
    token = protocol.tokens()
    clock.advance(12 * 3600)
    refused(protocol.refresh(token["refresh_token"]))


def test_offline_tokens_outlive_the_session_and_end_when_idle(protocol, clock):
    from idp.sessions.models import Session

    grant = protocol.grant(scope="openid offline_access", offline=True)
    token = protocol.redeem(grant).json
    protocol.world.change(Session, grant.sid, ended_at=clock.now(), ended_reason="signed_out")
    clock.advance(29 * 86400)
    token = protocol.refresh(token["refresh_token"]).json
    clock.advance(30 * 86400)
    refused(protocol.refresh(token["refresh_token"]))


def test_offline_authorizations_end_after_half_a_year(protocol, clock):
    token = protocol.tokens(scope="openid offline_access", offline=True)
    for _ in range(6):
        clock.advance(29 * 86400)
        token = protocol.refresh(token["refresh_token"]).json
    clock.advance(6 * 86400 - 100)
    token = protocol.refresh(token["refresh_token"]).json
    assert token["expires_in"] == 100
    clock.advance(100)
    refused(protocol.refresh(token["refresh_token"]))


def test_a_token_never_outlives_its_license(protocol, clock):
    """DESIGN §3: one number feeds `exp` and `expires_in`."""
    from idp.organizations.models import License

    with protocol.app.app_context():
        from idp.kernel.database import db

        license_id = db.session.scalar(db.select(License.id))
    protocol.world.change(License, license_id, ends_at=clock.now() + 40)
    token = protocol.tokens()
    claims = claims_of(token["access_token"])
    assert 38 <= token["expires_in"] <= 40 and claims["exp"] - claims["iat"] == token["expires_in"]
    assert claims_of(token["id_token"])["exp"] == claims["exp"]
    clock.advance(41)
    denied = protocol.refresh(token["refresh_token"]).json
    assert claims_of(denied["access_token"])["onix_access"]["reason"] == "license_expired"


def test_entitlement_lost_is_told_and_the_authorization_lives(protocol):
    """DESIGN §3 *Loss*: refresh and userinfo give today's decision, the old token reads inactive, a gain shows."""
    from idp.organizations.models import Member

    token = protocol.tokens()
    protocol.world.change(Member, protocol.person.member_id, status="disabled")
    assert protocol.introspect(token["access_token"]).json == {"active": False}
    assert protocol.userinfo(token["access_token"]).json["onix_access"]["reason"] == "member_disabled"
    denied = protocol.refresh(token["refresh_token"]).json
    claims = claims_of(denied["access_token"])
    assert claims["onix_access"]["reason"] == "member_disabled" and claims["privileges"] == []
    assert protocol.introspect(denied["access_token"]).json["active"] is True
    protocol.world.change(Member, protocol.person.member_id, status="active")
    regained = protocol.refresh(denied["refresh_token"]).json
    assert claims_of(regained["access_token"])["onix_access"]["decision"] == "allow"


def test_denials_are_errors_for_clients_that_did_not_declare_them(protocol):
    """DESIGN §4: `invalid_grant` with the code, and the refresh token can be used again after a gain."""
    from idp.organizations.models import Member

    protocol.register("strict", app_id="tag")
    token = protocol.tokens("strict")
    protocol.world.change(Member, protocol.person.member_id, status="disabled")
    refused(protocol.refresh(token["refresh_token"], "strict"), description="member_disabled")
    protocol.world.change(Member, protocol.person.member_id, status="active")
    assert protocol.refresh(token["refresh_token"], "strict").status_code == 200


def test_a_disabled_account_loses_everything(protocol):
    from idp.accounts.models import Account

    token = protocol.tokens(scope="openid offline_access", offline=True)
    protocol.world.change(Account, protocol.person.account_id, status="disabled")
    refused(protocol.refresh(token["refresh_token"]))
    assert protocol.userinfo(token["access_token"]).status_code == 401
    assert protocol.introspect(token["access_token"]).json == {"active": False}


def test_another_organization_opens_a_sibling(protocol):
    """DESIGN §4: an authorization of its own with its own refresh token; the first one lives on."""
    other = protocol.world.organization("breim", name="Breim Kran AS")
    member_id = protocol.world.member(other, protocol.person.account_id)
    protocol.world.role(other, ["tag:access"], members=[member_id])
    protocol.world.license(other, holders=[member_id])
    first = protocol.tokens()
    sibling = protocol.refresh(first["refresh_token"], organization="breim").json
    claims = claims_of(sibling["access_token"])
    assert claims["org_name"] == "Breim Kran AS" and claims["privileges"] == ["tag:access"]
    assert claims["jti"].split(".")[0] != claims_of(first["access_token"])["jti"].split(".")[0]
    assert claims_of(protocol.refresh(sibling["refresh_token"]).json["access_token"])["org_id"] == other
    again = protocol.refresh(first["refresh_token"])
    assert claims_of(again.json["access_token"])["org_id"] == protocol.organization_id


@pytest.mark.parametrize("asked", ["not-there", "x" * 200, "fjord"])
def test_an_organization_that_is_not_the_persons_answers_like_an_unknown_one(protocol, asked):
    protocol.world.organization("fjord")
    first = protocol.tokens()
    denied = protocol.refresh(first["refresh_token"], organization=asked).json
    claims = claims_of(denied["access_token"])
    assert claims["onix_access"]["reason"] == "no_organization" and "org_id" not in claims
    assert "refresh_token" not in denied
    assert protocol.userinfo(denied["access_token"]).json["onix_access"]["reason"] == "no_organization"
    assert protocol.refresh(first["refresh_token"]).status_code == 200


def test_the_own_organization_is_an_ordinary_refresh(protocol):
    first = protocol.tokens()
    second = protocol.refresh(first["refresh_token"], organization=protocol.organization_id).json
    assert (
        claims_of(second["access_token"])["jti"].split(".")[0] == claims_of(first["access_token"])["jti"].split(".")[0]
    )
    assert second["refresh_token"] != first["refresh_token"]
