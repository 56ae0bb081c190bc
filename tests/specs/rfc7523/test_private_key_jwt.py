"""RFC 7523, Core §9: private_key_jwt. Conformance 51 to 53, security R10."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support.assertions import assertion_form, client_key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
METHOD = {"kind": "machine", "token_endpoint_auth_method": "private_key_jwt", "secret": None}


def ask(protocol, form):
    return protocol.http.post("/oauth2/token", data={"grant_type": "client_credentials", **form})


@pytest.fixture
def key():
    return client_key()


@pytest.fixture
def signer(protocol, key):
    protocol.register("signer", jwks={"keys": [key.as_dict(private=False)]}, **METHOD)
    return protocol


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
def test_every_advertised_algorithm(protocol, alg):
    key = client_key(alg)
    protocol.register("signer", jwks={"keys": [key.as_dict(private=False)]}, **METHOD)
    assert ask(protocol, assertion_form(key, "signer", alg=alg)).status_code == 200


@pytest.mark.parametrize("audience", ["http://localhost", "http://localhost/oauth2/token", ["http://localhost"]])
def test_audiences(signer, key, audience):
    """52."""
    assert ask(signer, assertion_form(key, "signer", aud=audience)).status_code == 200


@pytest.mark.parametrize(
    "over",
    [
        {"iss": "other"},
        {"iss": None},
        {"sub": "other"},
        {"sub": None},
        {"sub": 5},
        {"aud": "https://evil.example"},
        {"aud": None},
        {"aud": [5]},
        {"aud": ["https://evil.example", "http://localhost"]},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 99999999999},
        {"jti": None},
        {"jti": 5},
        {"jti": ""},
        {"iat": 99999999999},
        {"nbf": 99999999999},
        {"nbf": "x"},
    ],
)
def test_each_defect_is_refused(signer, key, over):
    answer = ask(signer, assertion_form(key, "signer", **over))
    assert answer.status_code == 401 and answer.json["error"] == "invalid_client", answer.text


def test_once(signer, key):
    form = assertion_form(key, "signer")
    assert ask(signer, form).status_code == 200
    assert ask(signer, form).status_code == 401


def test_another_key_and_no_signature(signer):
    assert ask(signer, assertion_form(client_key(), "signer")).status_code == 401
    import base64

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    from idp.kernel import clock

    claims = {"iss": "signer", "sub": "signer", "aud": "http://localhost", "jti": "1", "exp": clock.now() + 60}
    unsigned = f"{part({'alg': 'none'})}.{part(claims)}."
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    for text in (unsigned, "x", "a.b.c", "é", part({"alg": "HS256"}) + "." + part([]) + ".x"):
        assert ask(signer, {"client_assertion_type": kind, "client_assertion": text}).status_code == 401


def test_registered_algorithm_only(protocol):
    key = client_key("RS256")
    protocol.register(
        "signer", jwks={"keys": [{**key.as_dict(private=False)}]}, token_endpoint_auth_signing_alg="ES256", **METHOD
    )
    assert ask(protocol, assertion_form(key, "signer", alg="RS256")).status_code == 401


def test_a_client_id_beside_must_match_and_the_type_must_be_right(signer, key):
    assert ask(signer, {**assertion_form(key, "signer"), "client_id": "signer"}).status_code == 200
    assert ask(signer, {**assertion_form(key, "signer"), "client_id": "tag"}).status_code == 401
    assert ask(signer, {**assertion_form(key, "signer"), "client_assertion_type": "x"}).status_code == 401
    assert ask(signer, {**assertion_form(key, "signer"), "client_secret": "x"}).status_code == 400


def test_clients_with_a_secret_may_not_use_it(protocol, key):
    """51: only the registered method."""
    assert ask(protocol, assertion_form(key, "tag")).status_code == 401


class _Keys(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        body = self.server.body
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def key_server():
    server = HTTPServer(("127.0.0.1", 0), _Keys)
    server.asked, server.status, server.body = 0, 200, b'{"keys":[]}'
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def published(*keys):
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


def test_keys_behind_an_address_are_cached_and_an_unknown_kid_fetches_again(protocol, key_server, monkeypatch):
    """53: cached; a new key id fetches, at most once in `REFETCH_AFTER` seconds."""
    old, new = client_key(kid="old"), client_key(kid="new")
    monkeypatch.setattr("idp.oidc.authentication.REFETCH_AFTER", 1_000)
    key_server.body = published(old)
    uri = f"http://127.0.0.1:{key_server.server_port}/keys"
    protocol.register("signer", jwks_uri=uri, **METHOD)
    assert ask(protocol, assertion_form(old, "signer")).status_code == 200
    assert ask(protocol, assertion_form(old, "signer")).status_code == 200
    assert key_server.asked == 1
    key_server.body = published(old, new)
    for _ in range(3):
        assert ask(protocol, assertion_form(new, "signer")).status_code == 401
    assert key_server.asked == 1
    monkeypatch.setattr("idp.oidc.authentication.REFETCH_AFTER", 0)
    assert ask(protocol, assertion_form(new, "signer")).status_code == 200
    assert key_server.asked == 2


@pytest.mark.parametrize(
    ("status", "body"), [(500, b""), (302, b""), (200, b"<html>"), (200, b"[]"), (200, b"{}" + b" " * 600_000)]
)
def test_an_address_that_gives_no_keys_is_no_server_error(protocol, key_server, status, body):
    """39."""
    key_server.status, key_server.body = status, body
    protocol.register("signer", jwks_uri=f"http://127.0.0.1:{key_server.server_port}/keys", **METHOD)
    assert ask(protocol, assertion_form(client_key(), "signer")).status_code == 401


def test_private_addresses_are_not_fetched(protocol):
    """39: the issuer's being local opens loopback only."""
    protocol.register("signer", jwks_uri="https://10.0.0.1/keys", **METHOD)
    assert ask(protocol, assertion_form(client_key(), "signer")).status_code == 401
