"""Core §5.3, RFC 6750: UserInfo. Conformance 68 to 74, security R14, R19."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.protocol import claims_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EVERYTHING = {
    "middle_name": "M",
    "nickname": "Addie",
    "preferred_username": "ada",
    "profile": "https://a.example/ada",
    "picture": "https://a.example/ada.png",
    "website": "https://ada.example",
    "gender": "female",
    "birthdate": "1990-01-31",
    "zoneinfo": "Europe/Oslo",
    "locale": "nb",
    "phone_number": "+4712345678",
    "phone_number_verified": True,
    "address": {"street_address": "Gate 1", "country": "NO", "iss": "evil", "region": None},
}


@pytest.fixture
def full(protocol):
    from idp.accounts.models import Account

    protocol.world.change(Account, protocol.person.account_id, **EVERYTHING)
    return protocol


def test_every_claim_of_the_scopes_with_its_type(full):
    """69, 70."""
    token = full.tokens(scope="openid profile email phone address")
    answer = full.userinfo(token["access_token"])
    assert answer.status_code == 200 and answer.content_type == "application/json"
    said = answer.json
    assert said["sub"] == claims_of(token["id_token"])["sub"]
    assert said["name"] == "Ada M Berg" and said["given_name"] == "Ada" and said["family_name"] == "Berg"
    for name in set(EVERYTHING) - {"address"}:
        assert said[name] == EVERYTHING[name]
    assert said["address"] == {"street_address": "Gate 1", "country": "NO"}
    assert said["email"] == full.person.address and said["email_verified"] is True
    assert type(said["updated_at"]) is int


def test_only_what_the_scope_allows(full):
    """68: nothing that was not asked; absent values are left out."""
    said = full.userinfo(full.tokens(scope="openid")["access_token"]).json
    assert said.keys() == {"sub", "org_id", "org_name", "member_id", "member_type", "onix_access", "privileges"}
    said = full.userinfo(full.tokens(scope="openid email")["access_token"]).json
    assert {"email", "email_verified"} <= said.keys() and not {"name", "phone_number", "address"} & said.keys()


def test_absent_values_are_left_out(protocol):
    """70: never null, empty or the word null."""
    said = protocol.userinfo(protocol.tokens(scope="openid profile phone address")["access_token"]).json
    assert not {"nickname", "phone_number", "phone_number_verified", "address", "picture"} & said.keys()
    assert all(value not in (None, "") for value in said.values())


def test_claims_parameter(full):
    """34: asked one by one, for UserInfo and for the ID Token; unknown ones are no error."""
    asked = {
        "userinfo": {"name": {"essential": True}, "nobody_knows": None, "iss": None},
        "id_token": {"email": None, "org_id": {"value": "evil"}},
    }
    token = full.tokens(scope="openid", claims_request=asked)
    said = full.userinfo(token["access_token"]).json
    assert said["name"] == "Ada M Berg" and "nickname" not in said and "iss" not in said
    inside = claims_of(token["id_token"])
    assert inside["email"] == full.person.address and inside["org_id"] == full.organization_id
    assert "name" not in inside


def test_header_in_any_case_and_form_body(protocol):
    """71, 121."""
    token = protocol.tokens()["access_token"]
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert protocol.http.get("/oauth2/userinfo", headers={"Authorization": f"{scheme} {token}"}).status_code == 200
    assert protocol.http.post("/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert protocol.http.post("/oauth2/userinfo", data={"access_token": token}).status_code == 200
    parts = {"content_type": "multipart/form-data"}
    answer = protocol.http.post("/oauth2/userinfo", data={"access_token": token}, **parts)
    assert answer.status_code == 401, "only a form body that is form-encoded carries one (RFC 6750 §2.2)"


def test_the_query_and_two_places_are_refused(protocol):
    """R19, RFC 6750 §2."""
    token = protocol.tokens()["access_token"]
    assert protocol.http.get(f"/oauth2/userinfo?access_token={token}").status_code == 400
    answer = protocol.http.post(
        "/oauth2/userinfo", data={"access_token": token}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 400 and 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "ey" * 9000])
def test_bad_tokens(protocol, token):
    """72."""
    answer = protocol.http.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_no_token_is_asked_for_one_without_an_error(protocol):
    """RFC 6750 §3.1."""
    answer = protocol.http.get("/oauth2/userinfo")
    assert answer.status_code == 401 and "error" not in answer.headers["WWW-Authenticate"]
    assert answer.json == {}


def test_expired_tokens_and_other_kinds_of_tokens(protocol, clock):
    """72, R14: an ID Token is no access token."""
    token = protocol.tokens()
    answer = protocol.userinfo(token["id_token"])
    assert answer.status_code == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    clock.advance(301)
    assert protocol.userinfo(token["access_token"]).status_code == 401


def test_without_openid_the_scope_is_insufficient(protocol):
    """72: 403."""
    answer = protocol.userinfo(protocol.tokens(scope="profile")["access_token"])
    assert answer.status_code == 403 and 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_signed_answers(protocol):
    """73: application/jwt with iss and aud, no nonce."""
    protocol.register("signed", app_id="tag", userinfo_signed_response_alg="RS256")
    answer = protocol.userinfo(protocol.tokens("signed", nonce="n")["access_token"])
    assert answer.content_type.startswith("application/jwt")
    keys = KeySet.import_key_set(protocol.http.get("/oauth2/jwks").json)
    said = jwt.decode(answer.text, keys, algorithms=["RS256"]).claims
    assert said["iss"] == "http://localhost" and said["aud"] == "signed" and "nonce" not in said


def test_partners_hear_of_organizations_only_with_the_scope(protocol):
    """DESIGN §4."""
    protocol.register("partner")
    said = protocol.userinfo(protocol.tokens("partner", scope="openid")["access_token"]).json
    assert said.keys() == {"sub"}
    token = protocol.tokens("partner", scope="openid organization")
    said = protocol.userinfo(token["access_token"]).json
    assert said["org_name"] == "Nordic Lift AS" and "privileges" not in said
    assert claims_of(token["access_token"])["privileges"] == [] and claims_of(token["access_token"])["roles"] == []


def test_scripts_of_other_sites_may_ask(protocol):
    """74."""
    answer = protocol.http.options("/oauth2/userinfo", headers={"Origin": "https://spa.example"})
    assert answer.status_code == 204 and "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert protocol.http.get("/oauth2/userinfo").headers["Access-Control-Allow-Origin"] == "*"


def test_typed_names_reach_no_reserved_claim(protocol):
    """P08: whatever a person types arrives under the standard names only."""
    from idp.accounts.models import Account
    from idp.organizations.models import Organization

    protocol.world.change(Account, protocol.person.account_id, given_name='","iss":"evil', nickname="exp")
    protocol.world.change(Organization, protocol.organization_id, name='{"sub":"evil"}')
    token = protocol.tokens()
    said = protocol.userinfo(token["access_token"]).json
    assert said["sub"] == protocol.person.account_id and "iss" not in said
    assert claims_of(token["access_token"])["iss"] == "http://localhost"
