"""Registering clients: R01, R03, R10 to R12, P07, P09; conformance 76 to 82 as far as metadata goes."""

from __future__ import annotations

import dataclasses

import pytest

from idp.kernel.database import unit_of_work
from idp.oidc import clients
from idp.oidc.client_metadata import MetadataError
from tests.support.assertions import client_key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def register(**values):
    with unit_of_work():
        return clients.register(**{"kind": "web", "name": "A", "redirect_uris": ["https://rp.example/cb"], **values})


def problem(**values) -> MetadataError:
    with pytest.raises(MetadataError) as caught:
        register(**values)
    return caught.value


@pytest.fixture
def secure(make_app, database_url):
    """A provider in the open: nothing about localhost is allowed."""
    with make_app(database_url, issuer="https://account.example").app_context():
        yield


@pytest.mark.parametrize(
    ("kind", "uri"),
    [
        ("web", "https://rp.example/cb"),
        ("web", "https://rp.example:8443/cb?x=1"),
        ("spa", "https://rp.example/"),
        ("native", "https://rp.example/cb"),
        ("native", "http://127.0.0.1/callback"),
        ("native", "http://[::1]/callback"),
        ("native", "com.example.app:/cb"),
    ],
)
def test_good_redirect_uris(secure, kind, uri):
    """R01, P09: also the private scheme that Authlib's check refuses."""
    made = register(kind=kind, redirect_uris=[uri])
    assert clients.find_client(made.client.id).check_redirect_uri(uri)


@pytest.mark.parametrize(
    ("kind", "uri"),
    [
        ("web", "http://rp.example/cb"),
        ("web", "http://127.0.0.1/cb"),
        ("web", "http://localhost/cb"),
        ("web", "https://rp.example/cb#"),
        ("web", "https://rp.example/cb#x"),
        ("web", "https://*.example/cb"),
        ("web", "javascript://x/%0aalert(1)"),
        ("web", "data:text/html,x"),
        ("web", "data://x/y"),
        ("web", "/cb"),
        ("web", ""),
        ("web", "https:///cb"),
        ("web", "https://user@rp.example/cb"),
        ("web", "https://rp.example/c b"),
        ("web", "https://rp.example/æ"),
        ("web", "https://rp.example:x/"),
        ("web", "com.example.app:/cb"),
        ("web", 5),
        ("web", None),
        ("native", "http://localhost/cb"),
        ("native", "http://127.0.0.2/cb"),
        ("native", "http://127.0.0.1.evil.example/cb"),
        ("native", "myapp:/cb"),
        ("native", "javascript:/cb"),
        ("native", "com.example.app://host/cb"),
        ("web", "https://[::1"),
    ],
)
def test_bad_redirect_uris(secure, kind, uri):
    """R01, P09: none is registered, none is a crash."""
    assert problem(kind=kind, redirect_uris=[uri]).code == "invalid_redirect_uri"


def test_only_loopback_literals_of_native_clients_have_any_port(secure):
    """R01, P11, RFC 8252 §7.3."""
    native = clients.find_client(register(kind="native", redirect_uris=["http://127.0.0.1/callback"]).client.id)
    assert native.check_redirect_uri("http://127.0.0.1:49152/callback")
    for uri in (
        "http://127.0.0.1:49152/other",
        "http://127.0.0.1:49152/callback?x",
        "http://127.0.0.1:49152@evil/callback",
        "http://localhost:49152/callback",
        "https://127.0.0.1:49152/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:٨٠/callback",
        "http://127.0.0.1:80/callback\n",
    ):
        assert not native.check_redirect_uri(uri)
    web = clients.find_client(register().client.id)
    assert not web.check_redirect_uri("https://rp.example:8443/cb") and not web.check_redirect_uri(
        "https://rp.example/cb/"
    )


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "robot"},
        {"deny_mode": "maybe"},
        {"deny_mode": "token"},
        {"app_id": "nothing"},
        {"redirect_uris": []},
        {"grant_types": ["password"]},
        {"grant_types": ["implicit"]},
        {"grant_types": []},
        {"grant_types": "authorization_code"},
        {"grant_types": ["refresh_token"]},
        {"response_types": ["token"]},
        {"response_types": ["code id_token"]},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"kind": "spa", "token_endpoint_auth_method": "client_secret_basic"},
        {"kind": "spa", "require_pkce": False},
        {"token_endpoint_auth_method": "none", "require_pkce": False},
        {"jwks_uri": "http://rp.example/k"},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "oct", "k": "eA"}]}},
        {"jwks": {"keys": ["x"]}},
        {"jwks": 5},
        {"jwks": {"keys": [{"kty": "RSA", "n": 5, "e": "AQAB"}]}},
        {"jwks": {"keys": [{"kty": "EC", "crv": "P-256", "x": "!", "y": "!"}]}},
        {"id_token_signed_response_alg": "none"},
        {"id_token_signed_response_alg": "HS256"},
        {"userinfo_signed_response_alg": "none"},
        {"token_endpoint_auth_signing_alg": "HS256"},
        {"subject_type": "pairwise"},
        {"sector_identifier_uri": "https://rp.example/s"},
        {"request_uris": ["https://rp.example/r"]},
        {"id_token_encrypted_response_alg": "RSA-OAEP"},
        {"dpop_bound_access_tokens": True},
        {"require_pushed_authorization_requests": True},
        {"scope": "openid everything"},
        {"resources": ["https://elsewhere.example"]},
        {"resources": "http://localhost/api/v1"},
        {"scope": 5},
        {"scope": 'open"id'},
        {"logo_uri": "javascript:alert(1)"},
        {"policy_uri": "http://rp.example"},
        {"tos_uri": 5},
        {"client_uri": "ftp://x"},
        {"logo_uri#n!": "https://rp.example"},
        {"backchannel_logout_uri": "http://rp.example/b"},
        {"default_max_age": -1},
        {"default_max_age": True},
        {"require_auth_time": "yes"},
        {"initiate_login_uri": "http://rp.example"},
        {"post_logout_redirect_uris": ["https://rp.example/#x"]},
        {"post_logout_redirect_uris": "https://rp.example/"},
        {"contacts": [5]},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a\nb"},
        {"frontchannel_logout_uri": "https://rp.example/f"},
        {"client_id": "0190c1d2-1111-7222-8333-444455556666"},
        {"client_id": "a b"},
        {"client_id": ""},
        {"kind": "machine"},
        {"kind": "machine", "redirect_uris": [], "scope": "openid"},
        {"kind": "machine", "redirect_uris": [], "token_endpoint_auth_method": "none"},
    ],
)
def test_metadata_that_is_refused(secure, values):
    """R11, P09: a clear error, never a crash; R12 for ids in a subject's shape."""
    assert problem(**values).code in ("invalid_client_metadata", "invalid_redirect_uri")


def test_defaults_and_unknown_members(secure):
    """77, 78."""
    made = register(something_else={"kept": True}, **{"client_name#nb": "En", "policy_uri": "https://rp.example/p"})
    info = clients.find_client(made.client.id)
    assert info.grant_types == {"authorization_code", "refresh_token"} and info.response_types == {"code"}
    assert info.auth_method == "client_secret_basic" and info.id_token_alg == "RS256"
    assert info.metadata["something_else"] == {"kept": True}
    assert info.name("nb") == "En" and info.name("en") == "A"
    assert len(made.secret) == 43


def test_jwks_and_jwks_uri_exclude_each_other(secure):
    """79."""
    jwks = {"keys": [client_key().as_dict(private=False)]}
    problem(token_endpoint_auth_method="private_key_jwt", jwks=jwks, jwks_uri="https://rp.example/k")
    register(token_endpoint_auth_method="private_key_jwt", jwks_uri="https://rp.example/k")
    problem(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [client_key().as_dict(private=True)]})


def test_public_clients_get_no_secret(secure):
    """P09."""
    assert register(kind="native", redirect_uris=["com.example.app:/cb"]).secret is None


def test_two_secrets_live_side_by_side(secure, clock):
    """R10: rotation with overlap, never more than two."""
    made = register()
    with unit_of_work():
        second = clients.rotate_secret(made.client.id)
    info = clients.find_client(made.client.id)
    assert info.check_client_secret(made.secret) and info.check_client_secret(second)
    with unit_of_work():
        third = clients.rotate_secret(made.client.id)
    info = clients.find_client(made.client.id)
    assert [info.check_client_secret(secret) for secret in (made.secret, second, third)] == [False, True, True]
    clock.advance(7 * 86400)
    assert [info.check_client_secret(secret) for secret in (second, third)] == [False, True]
    assert not info.check_client_secret("å\ud800") and not info.check_client_secret("")


def test_changes_are_validated_like_a_registration(secure):
    """R11."""
    made = register()
    with pytest.raises(MetadataError), unit_of_work():
        clients.change_metadata(made.client.id, redirect_uris=["http://rp.example/cb"])
    with unit_of_work():
        clients.change_metadata(made.client.id, redirect_uris=["https://rp.example/new"])
    info = clients.find_client(made.client.id)
    assert info.redirect_uris == {"https://rp.example/new"} and info.rev == 2


def test_the_cache_follows_the_row(secure):
    made = register()
    assert clients.find_client(made.client.id).enabled
    with unit_of_work():
        clients.disable_client(made.client.id)
    assert not clients.find_client(made.client.id).enabled
    with unit_of_work():
        clients.enable_client(made.client.id)
    assert clients.find_client(made.client.id).enabled
    assert (
        clients.find_client("nobody") is None
        and clients.find_client("a\0b") is None
        and clients.find_client(None) is None
    )


def test_an_id_is_registered_once(secure):
    register(client_id="mine")
    assert problem(client_id="mine").field == "client_id"


def test_a_client_whose_app_left_the_catalog_asks_for_the_issuer_and_holds_no_privilege(app):
    with app.app_context():
        made = register(app_id="tag")
        client = clients.find_client(made.client.id)
        assert clients.resources(client) == {"urn:onix:tag": "tag", "http://localhost/api/v1": "account"}
        catalog = app.extensions["onix_catalog"]
        without = {name: one for name, one in catalog.apps.items() if name != "tag"}
        app.extensions["onix_catalog"] = dataclasses.replace(catalog, apps=without)
        assert clients.resources(client) == {"http://localhost": None, "http://localhost/api/v1": "account"}
