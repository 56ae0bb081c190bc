"""Discovery and RFC 8414. Conformance 1 to 7, 12, 129; security R07. That each value works is tested where it does."""

from __future__ import annotations

import pytest
from authlib.oidc.discovery import OpenIDProviderMetadata

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATHS = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]


@pytest.mark.parametrize("path", PATHS)
def test_both_documents(client, path):
    answer = client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 200 and answer.content_type == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*" and "Set-Cookie" not in answer.headers
    document = answer.json
    assert document["issuer"] == "http://localhost"
    assert all(
        value.startswith("http://localhost/")
        for name, value in document.items()
        if name.endswith(("_endpoint", "_uri"))
    )
    assert all(value != [] for value in document.values())


def test_the_members_that_must_be_there(client):
    """3, 6, 12, 96."""
    document = client.get(PATHS[0]).json
    assert {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "introspection_endpoint",
            "revocation_endpoint", "end_session_endpoint"} <= document.keys()  # fmt: skip
    assert document["response_types_supported"] == ["code"] and document["subject_types_supported"] == ["public"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert set(document["grant_types_supported"]) == {"authorization_code", "refresh_token", "client_credentials"}
    assert "RS256" in document["id_token_signing_alg_values_supported"] and "openid" in document["scopes_supported"]
    assert document["request_parameter_supported"] is False and document["request_uri_parameter_supported"] is False
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["backchannel_logout_supported"] is True and document["backchannel_logout_session_supported"] is True


def test_an_https_issuer_passes_authlibs_check(make_app, database_url):
    """2, 4: registered types, https addresses."""
    client = make_app(database_url, issuer="https://account.example").test_client()
    document = client.get(PATHS[0]).json
    OpenIDProviderMetadata(document).validate()
    assert document["issuer"] == "https://account.example"


def test_every_endpoint_that_is_listed_answers(client):
    document = client.get(PATHS[0]).json
    for name, address in document.items():
        if name.endswith("_endpoint"):
            assert client.post(address.removeprefix("http://localhost")).status_code not in (404, 405, 500), name
