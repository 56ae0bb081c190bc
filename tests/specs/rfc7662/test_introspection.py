"""RFC 7662: introspection. Conformance: only the token's client or one of its audience; security R36, P10."""

from __future__ import annotations

import pytest

from tests.support.protocol import claims_of, no_store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_an_active_token_tells_what_it_says(protocol):
    token = protocol.tokens()["access_token"]
    answer = protocol.introspect(token)
    assert answer.status_code == 200 and no_store(answer)
    assert answer.json == {"active": True, "token_type": "Bearer", **claims_of(token)}


def test_clients_of_its_audience_may_know_and_others_may_not(protocol):
    protocol.register("tag-api", app_id="tag")
    protocol.register("partner")
    protocol.register("pick", app_id="pickandpack")
    token = protocol.tokens()["access_token"]
    assert protocol.introspect(token, "tag-api").json["active"] is True
    assert protocol.introspect(token, "partner").json == {"active": False}
    assert protocol.introspect(token, "pick").json == {"active": False}


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "anything"])
def test_the_hint_is_only_a_hint(protocol, hint):
    token = protocol.tokens()
    assert protocol.introspect(token["access_token"], token_type_hint=hint).json["active"] is True
    assert protocol.introspect(token["refresh_token"], token_type_hint=hint).json["active"] is True


def test_refresh_tokens_for_their_own_client_only(protocol):
    protocol.register("tag-api", app_id="tag")
    token = protocol.tokens()["refresh_token"]
    said = protocol.introspect(token).json
    assert said["active"] is True and said["client_id"] == "tag" and said["sub"] == protocol.person.account_id
    assert protocol.introspect(token, "tag-api").json == {"active": False}
    protocol.refresh(token)
    assert protocol.introspect(token).json == {"active": False}


@pytest.mark.parametrize("token", ["x", "a.b.c", "é\u2603", "a" * 9000])
def test_rubbish_is_inactive(protocol, token):
    assert protocol.introspect(token).json == {"active": False}


def test_id_tokens_and_expired_ones_are_inactive(protocol, clock):
    token = protocol.tokens()
    assert protocol.introspect(token["id_token"]).json == {"active": False}
    clock.advance(301)
    assert protocol.introspect(token["access_token"]).json == {"active": False}


def test_whoever_asks_has_a_secret(protocol):
    protocol.register("desktop", kind="native", redirect_uris=["http://127.0.0.1/callback"])
    token = protocol.tokens()["access_token"]
    answer = protocol.http.post("/oauth2/introspect", data={"token": token, "client_id": "desktop"})
    assert answer.status_code == 401 and answer.json["error"] == "invalid_client"
    assert protocol.http.post("/oauth2/introspect", data={"token": token}).status_code == 401
    assert protocol.introspect("", "tag").json["error"] == "invalid_request"
    assert protocol.http.get("/oauth2/introspect").status_code == 405
    assert protocol.post({"token": token}, path=f"/oauth2/introspect?token={token}").status_code == 400


def test_a_caller_disabled_in_another_process_is_refused(protocol):
    from idp.oidc.models import Client

    token = protocol.tokens()["access_token"]
    protocol.introspect(token)
    protocol.world.change(Client, "tag", status="disabled")  # the cached row still says active
    assert protocol.introspect(token).status_code == 401


@pytest.mark.parametrize("lose", ["member", "organization", "role", "seat", "privilege", "linked"])
def test_inactive_once_todays_decision_no_longer_grants_all(protocol, lose):
    """R36, DESIGN §3 *Loss*."""
    from idp.kernel.database import db, unit_of_work
    from idp.organizations.models import Member, MemberRole, Organization, RolePrivilege, Seat

    token = protocol.tokens()["access_token"]
    if lose == "member":
        protocol.world.change(Member, protocol.person.member_id, status="ended")
    elif lose == "linked":
        protocol.world.change(Member, protocol.person.member_id, account_id=None)
    elif lose == "organization":
        protocol.world.change(Organization, protocol.organization_id, status="suspended")
    else:
        with protocol.app.app_context(), unit_of_work():
            if lose == "role":
                db.session.execute(db.delete(MemberRole))
            elif lose == "seat":
                db.session.execute(db.delete(Seat))
            else:
                db.session.execute(db.delete(RolePrivilege).where(RolePrivilege.privilege == "tag:equipment.read"))
    assert protocol.introspect(token).json == {"active": False}
    assert protocol.userinfo(token).status_code == 200


def test_a_gain_leaves_a_token_active(protocol):
    token = protocol.tokens()["access_token"]
    protocol.world.role(protocol.organization_id, ["tag:print.read"], members=[])
    assert protocol.introspect(token).json["active"] is True
