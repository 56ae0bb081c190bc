"""RFC 6749 §3.2, §4.1.3, §4.4, §5: the token endpoint. Conformance D; security R04, R08, R10, P01, P04, P06."""

from __future__ import annotations

import base64
import json
from io import BytesIO

import pytest

from tests.support.protocol import CALLBACK, SECRET, basic, claims_of, no_store

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def refused(answer, error: str, status: int = 400) -> dict:
    """An RFC 6749 §5.2 error: registered code, printable ASCII, JSON, never stored."""
    assert answer.status_code == status, answer.text
    assert answer.content_type.startswith("application/json") and no_store(answer)
    assert answer.json["error"] == error, answer.json
    description = answer.json.get("error_description", "")
    assert description.isascii() and '"' not in description and "\\" not in description
    assert "access_token" not in answer.json
    return answer.json


def test_a_code_gives_tokens(protocol):
    """54: success is 200, JSON, no-store, Bearer, a positive `expires_in`, an ID Token for openid."""
    answer = protocol.redeem(protocol.grant())
    assert answer.status_code == 200 and answer.content_type.startswith("application/json") and no_store(answer)
    assert answer.headers["Pragma"] == "no-cache"
    token = answer.json
    assert token["token_type"] == "Bearer" and token["expires_in"] == 300
    assert {"access_token", "id_token", "refresh_token", "scope"} <= token.keys()
    assert "Set-Cookie" not in answer.headers


def test_without_openid_there_is_no_id_token(protocol):
    token = protocol.tokens(scope="profile")
    assert "id_token" not in token


def test_a_code_is_good_once_and_reuse_ends_what_it_gave(protocol):
    """56, R04: the second use is invalid_grant, and tokens from the first are dead everywhere."""
    grant = protocol.grant()
    token = protocol.redeem(grant).json
    refused(protocol.redeem(grant), "invalid_grant")
    assert protocol.userinfo(token["access_token"]).status_code == 401
    assert protocol.introspect(token["access_token"]).json == {"active": False}
    refused(protocol.refresh(token["refresh_token"]), "invalid_grant")


def test_reuse_after_half_a_minute_is_still_seen(protocol, clock):
    """56: also 30 seconds later, and after the code's own end."""
    grant = protocol.grant()
    token = protocol.redeem(grant).json
    clock.advance(70)
    refused(protocol.redeem(grant), "invalid_grant")
    assert protocol.userinfo(token["access_token"]).status_code == 401


def test_a_code_dies_after_a_minute(protocol, clock):
    """57, 115: first use after 62 seconds gives invalid_grant."""
    grant = protocol.grant()
    clock.advance(62)
    refused(protocol.redeem(grant), "invalid_grant")


@pytest.mark.parametrize(
    "over",
    [{"redirect_uri": "http://localhost:9999/other"}, {"redirect_uri": CALLBACK + "?x=1"}, {"code_verifier": "a" * 43},
     {"code": "unknown"}, {"redirect_uri": None}],
)  # fmt: skip
def test_a_code_is_bound_and_a_mismatch_does_not_spend_it(protocol, over):
    """57: another redirect URI or verifier is invalid_grant; the honest client can still redeem."""
    grant = protocol.grant()
    refused(protocol.redeem(grant, **over), "invalid_grant")
    assert protocol.redeem(grant).status_code == 200


def test_a_code_of_another_client_is_unknown(protocol):
    """57: bound to the client, and the other client's try harms nobody."""
    protocol.register("other", app_id="tag")
    grant = protocol.grant()
    refused(protocol.redeem(grant, "other"), "invalid_grant")
    assert protocol.redeem(grant).status_code == 200


@pytest.mark.parametrize("verifier", [None, "", "a" * 42, "a" * 129, "\u00e6" * 43, "a b" * 15])
def test_a_missing_or_malformed_verifier_does_not_fit(protocol, verifier):
    """57, 110: the code is bound to its challenge, whatever comes instead of the verifier."""
    grant = protocol.grant()
    refused(protocol.redeem(grant, code_verifier=verifier), "invalid_grant")
    assert protocol.redeem(grant).status_code == 200


def test_a_verifier_without_a_challenge_is_refused(protocol):
    """R03: downgrade by leaving the challenge out."""
    protocol.register("certified", require_pkce=False)
    grant = protocol.grant("certified", challenge=False)
    assert protocol.redeem(grant, "certified").status_code == 400
    assert protocol.redeem(grant, "certified", code_verifier=None).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, "unsupported_grant_type"),
        ({"grant_type": 'x"\\\nÅ\u2603'}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "Å\u2603"}, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "a\0b"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "a" * 20_000}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
        ({"grant_type": ["refresh_token", "refresh_token"], "refresh_token": "x"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": ["x", "y"]}, "invalid_request"),
    ],
)
def test_faulty_requests_get_the_registered_error(protocol, form, error):
    """55, 63, R02."""
    refused(protocol.post(form), error)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        (b"grant_type=&grant_type=", "invalid_request"),
        (b"grant_type=client_credentials&resource=urn:a&resource=urn:b", "invalid_target"),  # RFC 8707 §2
        (b"grant_type=client_credentials&scope=\xff\xfe", "invalid_request"),
        (b"grant_type=client_credentials&scope=%00", "invalid_request"),
        (b"grant_type=client_credentials&scope=" + b"a" * 16_385, "invalid_request"),
        (b"grant_type=%FF", "unsupported_grant_type"),
    ],
)
def test_a_body_that_is_no_form_is_refused(protocol, body, error):
    """RFC 6749 §3.2, appendix B: each parameter once, in UTF-8."""
    protocol.register("machine", kind="machine")
    kind, headers = "application/x-www-form-urlencoded", basic("machine")
    refused(protocol.http.post("/oauth2/token", data=body, content_type=kind, headers=headers), error)
    if error == "invalid_target":  # the token endpoint's own word
        for path in ("/oauth2/introspect", "/oauth2/revoke"):
            refused(protocol.http.post(path, data=body, content_type=kind, headers=headers), "invalid_request")


def test_parameters_without_a_value_count_as_left_out(protocol):
    """RFC 6749 §3.2."""
    protocol.register("machine", kind="machine")
    kind, headers = "application/x-www-form-urlencoded; charset=UTF-8", basic("machine")
    body = b"scope=&grant_type=client_credentials&scope=&client_secret=&resource=&grant_type=&made_up="
    answer = protocol.http.post("/oauth2/token", data=body, content_type=kind, headers=headers)
    assert answer.status_code == 200, answer.text


def test_a_body_too_large_is_not_read(protocol):
    answer = protocol.http.post("/oauth2/token", data={"grant_type": "x", "scope": "a" * 500_001})
    assert answer.status_code == 413 and answer.content_type.startswith("application/json") and no_store(answer)


@pytest.mark.parametrize(("size", "status"), [(10, 200), (499_950, 400), (500_001, 413)])
def test_a_body_in_chunks_is_read_whole_or_not_at_all(protocol, size, status):
    protocol.register("machine", kind="machine")
    body = b"grant_type=client_credentials&made_up=" + b"a" * size
    answer = protocol.http.post(
        "/oauth2/token", input_stream=BytesIO(body), content_type="application/x-www-form-urlencoded",
        headers=basic("machine"), environ_overrides={"wsgi.input_terminated": True},
    )  # fmt: skip
    assert answer.status_code == status, answer.text


def test_parameters_in_the_query_are_refused(protocol):
    """R08, P06: body only."""
    grant = protocol.grant()
    refused(protocol.post({"code": grant.code, "redirect_uri": CALLBACK, "code_verifier": grant.verifier},
                          path="/oauth2/token?grant_type=authorization_code"), "invalid_request")  # fmt: skip
    assert protocol.redeem(grant).status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_only_post(protocol, method):
    assert getattr(protocol.http, method)("/oauth2/token").status_code == 405


def test_a_json_body_is_refused(protocol):
    answer = protocol.http.post("/oauth2/token", json={"grant_type": "client_credentials"}, headers=basic("tag"))
    refused(answer, "invalid_request")


def test_a_bad_secret_an_unknown_client_and_no_client_look_alike(protocol):
    """R20, 55: 401 with a challenge, the same words."""
    answers = [
        protocol.post({"grant_type": "client_credentials"}, headers=basic("tag", "wrong")),
        protocol.post({"grant_type": "client_credentials"}, headers=basic("nobody")),
        protocol.post({"grant_type": "client_credentials"}, headers=basic("Åse", "ü")),
        protocol.post({"grant_type": "client_credentials"}, headers={}),
        protocol.post({"grant_type": "client_credentials"}, headers={"Authorization": "Basic !!!"}),
        protocol.post({"grant_type": "client_credentials"}, headers={"Authorization": "Bearer x"}),
        protocol.post({"grant_type": "client_credentials", "client_id": "a\u2603"}, headers={}),
    ]
    bodies = {json.dumps(refused(answer, "invalid_client", 401)) for answer in answers}
    assert len(bodies) == 1
    assert all(answer.headers["WWW-Authenticate"].startswith("Basic ") for answer in answers)


def test_only_the_registered_method_counts(protocol):
    """51, P07: a client registered for the header may not use the body, nor the other way round."""
    protocol.register("poster", token_endpoint_auth_method="client_secret_post", kind="machine")
    form = {"grant_type": "client_credentials"}
    refused(protocol.post(form, headers=basic("poster")), "invalid_client", 401)
    in_body = {**form, "client_id": "poster", "client_secret": SECRET}
    assert protocol.post(in_body, headers={}).status_code == 200
    refused(protocol.post({**in_body, "client_id": "tag"}, headers={}), "invalid_client", 401)
    refused(protocol.post({**form, "client_id": "tag"}, headers={}), "invalid_client", 401)


def test_two_methods_at_once_are_refused(protocol):
    """RFC 6749 §2.3, R10."""
    form = {"grant_type": "client_credentials", "client_id": "tag", "client_secret": SECRET}
    refused(protocol.post(form), "invalid_request")
    refused(protocol.post({"grant_type": "client_credentials", "client_id": "other"}), "invalid_request")


def test_id_and_secret_in_the_header_are_form_encoded(protocol):
    """51: RFC 6749 §2.3.1."""
    protocol.register("odd", kind="machine", secret="p%:+ å" * 6)
    from urllib.parse import quote_plus

    value = base64.b64encode(f"odd:{quote_plus('p%:+ å' * 6)}".encode()).decode()
    answer = protocol.post({"grant_type": "client_credentials"}, headers={"Authorization": f"bAsIc {value}"})
    assert answer.status_code == 200, answer.text


def test_public_clients_show_their_id_and_their_verifier(protocol):
    """51: `none`."""
    protocol.register(
        "desktop", kind="native", app_id="tag", deny_mode="token", redirect_uris=["http://127.0.0.1/callback"]
    )
    grant = protocol.grant("desktop")
    form = {"grant_type": "authorization_code", "code": grant.code, "redirect_uri": CALLBACK, "client_id": "desktop"}
    assert protocol.post(form, headers={}).status_code == 400
    answer = protocol.post({**form, "code_verifier": grant.verifier}, headers={})
    assert answer.status_code == 200 and "refresh_token" in answer.json


def test_machines(protocol):
    """DESIGN §4: sub is the client, arrays are empty, no organization, no refresh and no ID Token."""
    protocol.register("machine", kind="machine", scope="orders.read orders.write")
    token = protocol.post({"grant_type": "client_credentials", "scope": "orders.read"}, "machine").json
    assert token.keys() == {"access_token", "token_type", "expires_in", "scope"} and token["scope"] == "orders.read"
    claims = claims_of(token["access_token"])
    assert claims["sub"] == claims["client_id"] == "machine" and claims["aud"] == "http://localhost"
    assert claims["roles"] == claims["entitlements"] == claims["privileges"] == []
    assert not {"org_id", "member_id", "onix_access", "sid"} & claims.keys()
    refused(protocol.post({"grant_type": "client_credentials", "scope": "orders.read tag"}, "machine"), "invalid_scope")
    refused(
        protocol.post({"grant_type": "client_credentials", "resource": "urn:onix:tag"}, "machine"), "invalid_target"
    )
    assert protocol.introspect(token["access_token"], "machine").json["active"] is True


def test_a_machine_without_scope_is_told_of_none(protocol):
    """RFC 6749 §3.3: a scope has at least one word, so none is left out; its token still counts."""
    protocol.register("machine", kind="machine")
    token = protocol.post({"grant_type": "client_credentials"}, "machine").json
    assert token.keys() == {"access_token", "token_type", "expires_in"}
    assert "scope" not in claims_of(token["access_token"])
    answer = protocol.introspect(token["access_token"], "machine").json
    assert answer["active"] is True and "scope" not in answer
    refused_user = protocol.userinfo(token["access_token"])
    assert refused_user.status_code == 403 and "insufficient_scope" in refused_user.headers["WWW-Authenticate"]


def test_a_machine_may_ask_the_api(protocol):
    protocol.register("machine", kind="machine")
    api = "http://localhost/api/v1"
    token = protocol.post({"grant_type": "client_credentials", "resource": api}, "machine").json
    claims = claims_of(token["access_token"])
    assert claims["aud"] == api and claims["privileges"] == []


def test_the_last_use_of_a_secret_is_noted_once_a_day(protocol, clock, statements):
    from idp.kernel.database import db
    from idp.oidc.models import ClientSecret

    def noted() -> int | None:
        with protocol.app.app_context():
            return db.session.scalar(db.select(ClientSecret.last_used_at).where(ClientSecret.client_id == "machine"))

    def ask(secret: str = SECRET) -> int:
        headers = basic("machine", secret)
        return protocol.http.post(
            "/oauth2/token", data={"grant_type": "client_credentials"}, headers=headers
        ).status_code

    protocol.register("machine", kind="machine")
    assert ask("wrong") == 401 and noted() is None
    before = clock.now()
    assert ask() == 200
    first = noted()
    assert first is not None and first >= before
    clock.advance(86000)
    with statements() as seen:
        assert ask() == 200
    assert noted() == first and "client_secret SET" not in str(seen)
    clock.advance(500)
    assert ask() == 200
    assert noted() >= first + 86400


def test_a_disabled_client_is_refused_at_once(protocol):
    from idp.kernel.database import unit_of_work
    from idp.oidc.clients import disable_client

    token = protocol.tokens()
    grant = protocol.grant()
    with protocol.app.app_context(), unit_of_work():
        disable_client("tag")
    refused(protocol.redeem(grant), "invalid_client", 401)
    refused(protocol.refresh(token["refresh_token"]), "invalid_client", 401)
    assert protocol.userinfo(token["access_token"]).status_code == 401


def test_scripts_of_other_sites_may_ask(protocol):
    """R08: CORS without credentials."""
    answer = protocol.http.options("/oauth2/token", headers={"Origin": "https://spa.example"})
    assert answer.status_code == 204 and answer.headers["Access-Control-Allow-Origin"] == "*"
    answer = protocol.redeem(protocol.grant())
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_secrets_have_256_bits_and_rest_as_digests(protocol):
    """58, R04, R05: nothing that was handed out stands in the database."""
    from idp.oidc.models import AuthorizationCode, RefreshToken

    grant = protocol.grant()
    token = protocol.redeem(grant).json
    assert len(grant.code) == 43 and len(token["refresh_token"]) == 43
    with protocol.app.app_context():
        from idp.kernel.database import db

        kept = [*db.session.scalars(db.select(AuthorizationCode.code_digest)),
                *db.session.scalars(db.select(RefreshToken.token_digest))]  # fmt: skip
    assert grant.code not in kept and token["refresh_token"] not in kept
