"""RFC 7523, Core §9: private_key_jwt. Conformance 51 to 53, security R10."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from idp.oidc.authentication import fetch_key_set
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
        {"aud": []},
        {"aud": "http://localhost/oauth2/introspect"},
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
        {"iat": True},
        {"jti": "x" * 501},
        {"padding": "x" * 8192},
    ],
)
def test_each_defect_is_refused(signer, key, over):
    answer = ask(signer, assertion_form(key, "signer", **over))
    assert answer.status_code == 401 and answer.json["error"] == "invalid_client", answer.text


def test_times_to_the_second(signer, key, clock):
    """A client's clock may run a minute ahead; an assertion is kept an hour."""
    now = clock.now()
    for over, status in (
        ({"exp": now}, 401),
        ({"exp": now + 1}, 200),
        ({"exp": now + 3660}, 200),
        ({"exp": now + 3661}, 401),
        ({"iat": now + 60, "nbf": now + 60, "jti": "x" * 500}, 200),
        ({"iat": now + 61}, 401),
        ({"nbf": now + 61}, 401),
        ({"iat": None}, 200),
    ):
        assert ask(signer, assertion_form(key, "signer", **over)).status_code == status, over


def test_each_endpoint_is_an_audience_at_itself(signer, key):
    form = assertion_form(key, "signer", aud="http://localhost/oauth2/introspect")
    assert signer.http.post("/oauth2/introspect", data={"token": "x", **form}).json == {"active": False}


def test_only_keys_that_are_meant_for_it_verify(protocol):
    """53: by the key id where the assertion names one, and by what the key is for."""
    one, other, unnamed = client_key(kid="one"), client_key(kid="other"), client_key(kid=None)
    public = [key.as_dict(private=False) for key in (one, other)]
    protocol.register("signer", jwks={"keys": public}, **METHOD)
    for key, kid, status in (
        (one, "one", 200), (one, "other", 401), (other, None, 200), (one, "unknown", 401), (unnamed, None, 401),
    ):  # fmt: skip
        assert ask(protocol, assertion_form(key, "signer", header={"kid": kid})).status_code == status, kid
    rsa = client_key("RS256")
    told = {name: value for name, value in rsa.as_dict(private=False).items() if name not in ("use", "alg")}
    for number, (more, status) in enumerate(
        (({}, 200), ({"alg": "PS256"}, 401), ({"use": "sig", "alg": "RS256"}, 200))
    ):
        protocol.register(f"rsa-{number}", jwks={"keys": [{**told, **more}]}, **METHOD)
        assert ask(protocol, assertion_form(rsa, f"rsa-{number}", alg="RS256")).status_code == status, more


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
    ("status", "made_of"),
    [
        (500, lambda keys: keys), (302, lambda keys: keys), (404, lambda keys: keys), (200, lambda keys: b"<html>"),
        (200, lambda keys: b"[]"), (200, lambda keys: keys + b" " * 600_000),
    ],
)  # fmt: skip
def test_an_address_that_gives_no_keys_is_no_server_error(protocol, key_server, key, status, made_of):
    """39: whatever comes with the right keys in it counts for nothing but as an answer of 200, at most 512 kB long."""
    key_server.status, key_server.body = status, made_of(published(key))
    protocol.register("signer", jwks_uri=f"http://127.0.0.1:{key_server.server_port}/keys", **METHOD)
    assert ask(protocol, assertion_form(key, "signer")).status_code == 401
    assert key_server.asked == 1
    key_server.status, key_server.body = 200, published(key)
    assert ask(protocol, assertion_form(key, "signer")).status_code == 401, "it is not asked again at once"


def test_private_addresses_are_not_fetched(protocol, make_app, database_url, key_server):
    """39, R34: only where the issuer itself is this machine, and then nothing but this machine."""
    key_server.body = published(client_key())
    here = f"http://127.0.0.1:{key_server.server_port}/keys"
    with protocol.app.app_context():
        assert fetch_key_set(here) is not None
        assert fetch_key_set(here.replace("127.0.0.1", "127.1")) is None, "another name for it is none"
    with make_app(database_url, issuer="https://id.example").app_context():
        assert fetch_key_set(here) is None
    assert key_server.asked == 1
