"""Core §2, §3.1.3: the ID Token. Conformance 64 to 68; security R13, R14."""

from __future__ import annotations

import base64
import hashlib

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.support.protocol import claims_of, header_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_an_id_token_says_exactly_this(protocol, clock):
    grant = protocol.grant(nonce="n" * 384)
    token = protocol.redeem(grant).json
    claims = claims_of(token["id_token"])
    half = base64.urlsafe_b64encode(hashlib.sha256(token["access_token"].encode()).digest()[:16]).rstrip(b"=").decode()
    assert claims == {
        "iss": "http://localhost", "sub": protocol.person.account_id, "aud": "tag", "iat": clock.now(),
        "exp": clock.now() + 300, "auth_time": clock.now() - 5, "acr": "urn:onix:acr:1", "amr": ["pwd"],
        "sid": grant.sid, "nonce": "n" * 384, "at_hash": half, "org_id": protocol.organization_id,
        "org_name": "Nordic Lift AS", "onix_access": claims["onix_access"],
    }  # fmt: skip
    assert type(claims["auth_time"]) is int and len(claims["sub"]) <= 255


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_signed_as_the_client_registered(protocol, alg):
    """65, 11: RS256 by default, the kid in the header, verifiable from the published set."""
    protocol.register("chosen", app_id="tag", **({"id_token_signed_response_alg": alg} if alg != "RS256" else {}))
    token = protocol.tokens("chosen")["id_token"]
    assert header_of(token)["alg"] == alg and header_of(token)["typ"] == "JWT"
    keys = KeySet.import_key_set(protocol.http.get("/oauth2/jwks").json)
    assert header_of(token)["kid"] in {key.kid for key in keys}
    jwt.decode(token, keys, algorithms=[alg])


def test_no_nonce_that_was_not_sent(protocol):
    assert "nonce" not in claims_of(protocol.tokens()["id_token"])


def test_names_and_addresses_go_to_userinfo(protocol):
    """68."""
    claims = claims_of(protocol.tokens(scope="openid profile email phone address")["id_token"])
    assert not {"name", "email", "given_name", "privileges", "roles"} & claims.keys()
