"""RFC 9068 and DESIGN §4: the access token; with it `onix_access` and its schema. Security R06, R12, R37, P08."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet
from jsonschema import Draft202012Validator

from idp.oidc.keys import signing_key
from idp.organizations.sentences import explain
from tests.support.protocol import claims_of, header_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SCHEMA = json.loads((Path(__file__).resolve().parents[3] / "idp/oidc/onix_access.schema.json").read_text())


def valid(access):
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(access)
    return True


def test_an_allow_says_exactly_this(protocol):
    token = protocol.tokens()
    assert header_of(token["access_token"]).keys() == {"alg", "kid", "typ"}
    assert header_of(token["access_token"])["typ"] == "at+jwt" and header_of(token["access_token"])["alg"] == "ES256"
    claims = claims_of(token["access_token"])
    license_id = claims["onix_access"]["license"]["id"]
    assert claims == {
        "iss": "http://localhost",
        "sub": protocol.person.account_id,
        "aud": "urn:onix:tag",
        "client_id": "tag",
        "iat": claims["iat"],
        "exp": claims["iat"] + 300,
        "jti": claims["jti"],
        "sid": claims["sid"],
        "scope": "openid profile email",
        "auth_time": claims["auth_time"],
        "acr": "urn:onix:acr:1",
        "amr": ["pwd"],
        "org_id": protocol.organization_id,
        "org_name": "Nordic Lift AS",
        "member_id": protocol.person.member_id,
        "member_type": "employee",
        "roles": claims["roles"],
        "entitlements": ["tag:standard"],
        "privileges": ["tag:access", "tag:equipment.read"],
        "onix_access": {
            "v": 1,
            "rev": 1,
            "decision": "allow",
            "license": {"id": license_id, "edition": "tag:standard"},
        },
    }
    assert len(claims["roles"]) == 1 and len(token["access_token"]) < 4096
    assert valid(claims["onix_access"])
    jwt.decode(
        token["access_token"], KeySet.import_key_set(protocol.http.get("/oauth2/jwks").json), algorithms=["ES256"]
    )


def test_two_tokens_of_one_second_differ(protocol):
    """The peer's bug of performance.md (c): a jti makes them different."""
    first = protocol.tokens()
    second = protocol.refresh(first["refresh_token"]).json
    assert first["access_token"] != second["access_token"]


LOSSES = {
    "member_disabled": ("Member", "member", {"status": "disabled"}),
    "membership_ended": ("Member", "member", {"status": "ended", "ended_reason": "ended"}),
    "terminated_inactive": ("Member", "member", {"status": "ended", "ended_reason": "inactive"}),
    "contact_only": ("Member", "member", {"status": "contact"}),
    "organization_suspended": ("Organization", "organization", {"status": "suspended"}),
    "license_missing": ("License", "license", {"starts_at": 99999999999}),
    "license_expired": ("License", "license", {"ends_at": 1}),
}


@pytest.mark.parametrize("code", sorted(LOSSES))
@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_denial_says_why(protocol, code, language):
    from idp.kernel.database import db
    from idp.organizations import models

    model, which, values = LOSSES[code]
    grant = protocol.grant(language=language)
    with protocol.app.app_context():
        license_id = db.session.scalar(db.select(models.License.id))
    ids = {"member": protocol.person.member_id, "organization": protocol.organization_id, "license": license_id}
    protocol.world.change(getattr(models, model), ids[which], **values)
    claims = claims_of(protocol.redeem(grant).json["access_token"])
    access = claims["onix_access"]
    assert claims["roles"] == claims["entitlements"] == claims["privileges"] == []
    assert access["decision"] == "deny" and access["reason"] == code and valid(access)
    words = explain(code, None, app_name="Onix Tag", organization_name="Nordic Lift AS", language=language)
    assert (access["reason_user"], access["remedy_user"]) == (words.cause, words.remedy)
    assert ("org_id" in claims) == (code != "contact_only")


def test_resources(protocol):
    """RFC 8707, DESIGN §4: the family asks its resource, or the API, whose privileges are those of `account`."""
    protocol.world.role(
        protocol.organization_id, ["account:people.manage", "account:access"], members=[protocol.person.member_id]
    )
    first = protocol.tokens()
    answer = protocol.refresh(first["refresh_token"], resource="http://localhost/api/v1")
    assert answer.status_code == 200, answer.text
    claims = claims_of(answer.json["access_token"])
    assert claims["aud"] == "http://localhost/api/v1"
    assert claims["privileges"] == ["account:access", "account:people.manage"]
    refused = protocol.refresh(answer.json["refresh_token"], resource="urn:onix:work")
    assert refused.status_code == 400 and refused.json["error"] == "invalid_target"


def test_the_api_is_for_clients_that_are_registered_for_it(protocol):
    """DESIGN §4: a client of no app asks `<issuer>/api/v1` only when its registration says so."""
    api = "http://localhost/api/v1"
    protocol.register("partner")
    answer = protocol.redeem(protocol.grant("partner", scope="openid", resource=api), "partner")
    assert answer.status_code == 400 and answer.json["error"] == "invalid_target"
    protocol.register("tool", resources=[api])
    claims = claims_of(protocol.tokens("tool", scope="openid", resource=api)["access_token"])
    assert claims["aud"] == api and claims["privileges"] == []
    protocol.world.role(protocol.organization_id, ["account:access"], members=[protocol.person.member_id])
    claims = claims_of(protocol.tokens("tool", scope="openid organization", resource=api)["access_token"])
    assert claims["aud"] == api and claims["privileges"] == ["account:access"]


def test_a_partner_gets_the_issuer_as_audience_and_empty_arrays(protocol):
    protocol.register("partner")
    claims = claims_of(protocol.tokens("partner", scope="openid")["access_token"])
    assert claims["aud"] == "http://localhost"
    assert claims["roles"] == claims["entitlements"] == claims["privileges"] == []
    assert not {"org_id", "org_name", "member_id", "onix_access"} & claims.keys()


def test_an_express_guest_tells_its_company(protocol):
    company = protocol.world.company(protocol.organization_id, name="Kunde AS")
    person = protocol.world.account()
    member = protocol.world.member(protocol.organization_id, person.account_id, type="express", company_id=company)
    protocol.world.role(protocol.organization_id, ["express:access", "express:documents.read"], members=[member])
    protocol.world.license(protocol.organization_id, "express:standard")
    protocol.register("express", app_id="express", deny_mode="token")
    claims = claims_of(protocol.tokens("express", person=person, member_id=member)["access_token"])
    assert (claims["member_type"], claims["company_id"], claims["company_name"]) == ("express", company, "Kunde AS")
    assert claims["org_name"] == "Nordic Lift AS" and claims["onix_access"]["decision"] == "allow"


def test_a_header_that_we_do_not_write_is_refused_with_a_good_signature(app, protocol):
    """Nothing is read in a header: another type or algorithm, a `crit`, or our own members in another order."""
    token = protocol.tokens()["access_token"]
    claims, header = claims_of(token), header_of(token)
    with app.app_context():
        key = signing_key("ES256")
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)

    def shown(head):
        text = jws.serialize_compact(head, json.dumps(claims).encode(), key, registry=registry)
        return protocol.userinfo(text).status_code

    assert shown(header) == 200
    assert shown(dict(reversed(header.items()))) == 401
    assert shown({**header, "typ": "JWT"}) == shown({**header, "more": 1}) == shown({**header, "kid": "other"}) == 401
