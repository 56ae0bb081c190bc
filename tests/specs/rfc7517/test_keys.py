"""RFC 7517, Core §10.1: the key set and rotation. Conformance 8 to 11; security R15."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.kernel.database import unit_of_work
from idp.oidc import keys
from tests.support.protocol import header_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def published(protocol):
    return protocol.http.get("/oauth2/jwks").json["keys"]


def rotate(protocol, **options):
    with protocol.app.app_context(), unit_of_work():
        return keys.rotate(**options)


def test_only_public_keys_each_with_kid_use_and_alg(protocol):
    """8, 9."""
    found = published(protocol)
    assert {key["alg"] for key in found} == {"RS256", "ES256"} and len({key["kid"] for key in found}) == 2
    assert all(key["use"] == "sig" and not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys() for key in found)
    KeySet.import_key_set({"keys": found})
    rsa = next(key for key in found if key["kty"] == "RSA")
    assert len(rsa["n"]) >= 342 and next(key for key in found if key["kty"] == "EC")["crv"] == "P-256"
    answer = protocol.http.get("/oauth2/jwks")
    assert answer.headers["Access-Control-Allow-Origin"] == "*" and "Set-Cookie" not in answer.headers


def test_the_next_key_is_published_before_it_signs(protocol, clock):
    """10, R15."""
    before = protocol.tokens()
    old = header_of(before["access_token"])["kid"]
    new = rotate(protocol)
    assert {key["kid"] for key in published(protocol)} >= {old, *new}
    assert header_of(protocol.tokens()["access_token"])["kid"] == old
    clock.advance(86400)
    token = protocol.tokens()
    assert header_of(token["access_token"])["kid"] in new and header_of(token["id_token"])["kid"] in new
    assert old in {key["kid"] for key in published(protocol)}
    clock.advance(86400 + 301)
    assert old not in {key["kid"] for key in published(protocol)}


def test_an_emergency_signs_at_once_and_old_tokens_still_verify(protocol, clock):
    """10: `key rotate --now`."""
    before = protocol.tokens()
    new = rotate(protocol, immediately=True)
    token = protocol.tokens()
    assert header_of(token["access_token"])["kid"] in new
    assert protocol.userinfo(before["access_token"]).status_code == 200
    jwt.decode(before["id_token"], KeySet.import_key_set({"keys": published(protocol)}), algorithms=["RS256"])
    clock.advance(301)
    assert {key["kid"] for key in published(protocol)} == set(new)


def test_another_process_sees_a_rotation(protocol, make_app, database_url, monkeypatch):
    other = make_app(database_url)
    assert len(other.test_client().get("/oauth2/jwks").json["keys"]) == 2
    rotate(protocol, immediately=True)
    monkeypatch.setattr(keys, "REREAD_AFTER", 0)
    assert len(other.test_client().get("/oauth2/jwks").json["keys"]) == 4


def test_private_keys_rest_encrypted(protocol):
    from idp.kernel.database import db
    from idp.oidc.models import SigningKey

    published(protocol)
    with protocol.app.app_context():
        kept = db.session.scalars(db.select(SigningKey.private_key)).all()
    assert kept and not any("PRIVATE" in text for text in kept)


def test_the_clocks_hand_rotates_in_time(protocol, clock):
    published(protocol)

    def due():
        with protocol.app.app_context(), unit_of_work():
            return keys.rotate_if_due()

    assert due() == ()
    clock.advance(89 * 86400)
    assert len(due()) == 2
    assert due() == ()
