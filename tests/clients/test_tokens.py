"""Every defect of a token is refused, each by its own check (OpenID Connect Core §3.1.3.7, RFC 9068 §4, BCL §2.6)."""

from __future__ import annotations

import base64
import json
import socket
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from clients.relying_party import provider as provider_module
from clients.relying_party import tokens
from clients.relying_party.provider import Provider, Unreachable
from clients.relying_party.tokens import TokenRefused
from tests.clients.issuer import EVENT, Issuer, half_hash

NOW = int(time.time())


@pytest.fixture(autouse=True)
def standing_clock(issuer: Issuer) -> None:
    issuer.now = lambda: NOW


def refused(call: Any) -> str:
    with pytest.raises(TokenRefused) as caught:
        call()
    return caught.value.reason


ID_DEFECTS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://evil.example"}, "iss"),
    ({"iss": None}, "iss"),
    ({"aud": "onix-pick-and-pack"}, "aud"),
    ({"aud": ["onix-tag", "somebody"]}, "aud"),
    ({"aud": []}, "aud"),
    ({"aud": None}, "aud"),
    ({"azp": "somebody"}, "azp"),
    ({"exp": NOW - 1}, "exp"),
    ({"exp": "later"}, "exp"),
    ({"exp": True}, "exp"),
    ({"exp": None}, "exp"),
    ({"iat": NOW + 6}, "iat"),
    ({"iat": None}, "iat"),
    ({"nbf": NOW + 6}, "nbf"),
    ({"nbf": "now"}, "nbf"),
    ({"nonce": "other"}, "nonce"),
    ({"nonce": None}, "nonce"),
    ({"nonce": 7}, "nonce"),
    ({"at_hash": half_hash("another token")}, "at_hash"),
    ({"at_hash": 5}, "at_hash"),
    ({"sub": ""}, "sub"),
    ({"sub": "x" * 256}, "sub"),
    ({"sub": "å"}, "sub"),
    ({"sub": 5}, "sub"),
    ({"sid": None}, "sid"),
    ({"sid": 5}, "sid"),
    ({"sid": ""}, "sid"),
    ({"padding": "x" * tokens.LARGEST_TOKEN}, "format"),
]


def test_good_id_token(issuer: Issuer) -> None:
    for extra in (
        {}, {"aud": ["onix-tag"]}, {"azp": "onix-tag"}, {"iat": NOW + 5}, {"nbf": NOW + 5}, {"exp": NOW + 0.5},
    ):  # fmt: skip
        token = issuer.sign(issuer.id_claims(at_hash=half_hash("at"), **extra), "JWT")
        claims = tokens.check_id_token(token, Provider(issuer.issuer), "onix-tag", NOW, nonce="n", access_token="at")
        assert claims["sub"] == "person-1"
    longest = issuer.sign(issuer.id_claims(sub="x" * 255), "JWT")
    assert tokens.check_id_token(longest, Provider(issuer.issuer), "onix-tag", NOW, nonce="n")["sub"] == "x" * 255
    es256 = issuer.sign(issuer.id_claims(), None, issuer.ec)
    assert tokens.check_id_token(es256, Provider(issuer.issuer), "onix-tag", NOW, nonce="n")


@pytest.mark.parametrize(("change", "reason"), ID_DEFECTS)
def test_id_token_defects(issuer: Issuer, change: dict[str, Any], reason: str) -> None:
    claims = {name: value for name, value in {**issuer.id_claims(), **change}.items() if value is not None}
    token = issuer.sign(claims, "JWT")
    provider = Provider(issuer.issuer)
    assert (
        refused(lambda: tokens.check_id_token(token, provider, "onix-tag", NOW, nonce="n", access_token="at")) == reason
    )


def test_expiry_has_no_leeway(issuer: Issuer) -> None:
    token = issuer.sign(issuer.id_claims(exp=NOW + 10), "JWT")
    provider = Provider(issuer.issuer)
    assert tokens.check_id_token(token, provider, "onix-tag", NOW + 9, nonce="n")
    assert refused(lambda: tokens.check_id_token(token, provider, "onix-tag", NOW + 10, nonce="n")) == "exp"


def test_refreshed_id_token_is_about_the_same_sign_in(issuer: Issuer) -> None:
    provider, before = Provider(issuer.issuer), issuer.id_claims()

    def check(**changes: Any) -> Any:
        claims = {name: value for name, value in issuer.id_claims(**changes).items() if value is not None}
        token = issuer.sign(claims, "JWT")
        return tokens.check_id_token(token, provider, "onix-tag", NOW, nonce="n", before=before)

    assert check(nonce=None)
    assert check(auth_time=None)
    assert check()
    assert refused(lambda: check(nonce="other")) == "nonce"
    assert refused(lambda: check(sub="person-2")) == "sub"
    assert refused(lambda: check(auth_time=2_000)) == "auth_time"


ACCESS_DEFECTS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://evil.example"}, "iss"),
    ({"aud": "urn:onix:pickandpack"}, "aud"),
    ({"aud": ["urn:onix:tag", "urn:onix:work"]}, "aud"),
    ({"client_id": "onix-work"}, "client_id"),
    ({"client_id": None}, "client_id"),
    ({"exp": NOW}, "exp"),
    ({"exp": None}, "exp"),
    ({"iat": NOW + 60}, "iat"),
    ({"jti": None}, "jti"),
    ({"jti": ""}, "jti"),
    ({"jti": 5}, "jti"),
    ({"sub": None}, "sub"),
]


@pytest.mark.parametrize(("change", "reason"), ACCESS_DEFECTS)
def test_access_token_defects(issuer: Issuer, change: dict[str, Any], reason: str) -> None:
    claims = {name: value for name, value in {**issuer.access_claims(), **change}.items() if value is not None}
    token = issuer.sign(claims, "at+jwt", issuer.ec)
    provider = Provider(issuer.issuer)
    assert refused(lambda: tokens.check_access_token(token, provider, "onix-tag", "urn:onix:tag", NOW)) == reason


def test_each_kind_of_token_is_only_its_own_kind(issuer: Issuer) -> None:
    provider = Provider(issuer.issuer)

    def as_access(token: str) -> Any:
        return tokens.check_access_token(token, provider, "onix-tag", "urn:onix:tag", NOW)

    def as_id(token: str) -> Any:
        return tokens.check_id_token(token, provider, "onix-tag", NOW, nonce="n")

    def as_logout(token: str) -> Any:
        return tokens.check_logout_token(token, provider, "onix-tag", NOW)

    assert as_access(issuer.sign(issuer.access_claims(), "application/at+jwt", issuer.ec))
    for kind in ("JWT", None, "logout+jwt", "jwt+at"):
        token = issuer.sign(issuer.access_claims(), kind, issuer.ec)
        assert refused(lambda token=token: as_access(token)) == "typ"
    for kind in ("at+jwt", "logout+jwt", "secevent+jwt"):
        token = issuer.sign(issuer.id_claims(), kind)
        assert refused(lambda token=token: as_id(token)) == "typ"
    for kind in ("JWT", "at+jwt", None):
        token = issuer.logout_token(typ=kind)
        assert refused(lambda token=token: as_logout(token)) == "typ"


def test_algorithms_and_keys(issuer: Issuer) -> None:
    provider = Provider(issuer.issuer)

    def as_id(token: str) -> Any:
        return tokens.check_id_token(token, provider, "onix-tag", NOW, nonce="n")

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    none = f"{part({'alg': 'none', 'kid': 'rsa-1'})}.{part(issuer.id_claims())}."
    assert refused(lambda: as_id(none)) == "alg"
    secret = OctKey.import_key("a shared secret that is long enough, 32+", {"kid": "rsa-1"})
    assert refused(lambda: as_id(issuer.sign(issuer.id_claims(), "JWT", secret, "HS256"))) == "alg"
    ps256 = RSAKey.import_key(issuer.rsa.as_dict(private=True) | {"alg": "PS256"})
    assert refused(lambda: as_id(issuer.sign(issuer.id_claims(), "JWT", ps256, "PS256"))) == "alg"
    rs256 = issuer.sign(issuer.access_claims(), "at+jwt", issuer.rsa)
    assert refused(lambda: tokens.check_access_token(rs256, provider, "onix-tag", "urn:onix:tag", NOW)) == "alg"
    stranger = RSAKey.generate_key(2048, {"kid": "rsa-1"}, private=True)
    assert refused(lambda: as_id(issuer.sign(issuer.id_claims(), "JWT", stranger))) == "signature"
    good = issuer.sign(issuer.id_claims(), "JWT")
    head, body, signature = good.split(".")
    other = part({**issuer.id_claims(), "sub": "person-2"})
    assert refused(lambda: as_id(f"{head}.{other}.{signature}")) == "signature"
    confused = issuer.sign(issuer.id_claims(), "JWT", issuer.ec, kid="rsa-1")
    assert refused(lambda: as_id(confused)) == "alg"
    unnamed = f"{part({'alg': 'RS256'})}.{body}.{signature}"
    assert refused(lambda: as_id(unnamed)) == "kid"
    critical = f"{part({'alg': 'RS256', 'kid': 'rsa-1', 'crit': ['exp'], 'exp': 1})}.{body}.{signature}"
    assert refused(lambda: as_id(critical)) == "crit"
    for header, reason in (
        ({"b64": False}, "format"),
        ({"kid": "rsa-9"}, "kid"),
        ({"kid": 5}, "kid"),
        ({"typ": 5}, "typ"),
    ):
        odd = f"{part({'alg': 'RS256', 'kid': 'rsa-1', **header})}.{body}.{signature}"
        assert refused(lambda odd=odd: as_id(odd)) == reason
    for junk in (None, 5, "", "a.b", "a.b.c", "å.b.c", "." * 3, "x" * 20_000, good + ".x"):
        assert refused(lambda junk=junk: as_id(junk)) == "format"


def test_encryption_key_of_the_set_never_verifies(issuer: Issuer) -> None:
    other = RSAKey.generate_key(2048, {"kid": "enc-1", "use": "enc"}, private=True)
    issuer.published.append(other)
    signing = RSAKey.import_key({**other.as_dict(private=True), "use": "sig"})
    token = issuer.sign(issuer.id_claims(), "JWT", signing)
    assert refused(lambda: tokens.check_id_token(token, Provider(issuer.issuer), "onix-tag", NOW, nonce="n")) == "alg"


LOGOUT_DEFECTS: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://evil.example"}, "iss"),
    ({"aud": "onix-work"}, "aud"),
    ({"exp": NOW}, "exp"),
    ({"exp": None}, "exp"),
    ({"iat": None}, "iat"),
    ({"iat": NOW + 60}, "iat"),
    ({"jti": None}, "jti"),
    ({"jti": 5}, "jti"),
    ({"events": None}, "events"),
    ({"events": {}}, "events"),
    ({"events": {EVENT: None}}, "events"),
    ({"events": EVENT}, "events"),
    ({"nonce": "n"}, "nonce"),
    ({"sub": None, "sid": None}, "sub or sid"),
    ({"sub": 5}, "sub or sid"),
    ({"sid": ""}, "sub or sid"),
    ({"sub": ""}, "sub or sid"),
    ({"jti": ""}, "jti"),
]


@pytest.mark.parametrize(("change", "reason"), LOGOUT_DEFECTS)
def test_logout_token_defects(issuer: Issuer, change: dict[str, Any], reason: str) -> None:
    token = issuer.logout_token(**change)
    provider = Provider(issuer.issuer)
    assert refused(lambda: tokens.check_logout_token(token, provider, "onix-tag", NOW)) == reason


def test_access_and_id_token_belong_together(issuer: Issuer) -> None:
    access, identity = issuer.access_claims(), issuer.id_claims()
    tokens.check_pair(access, identity)
    tokens.check_pair(access, {name: value for name, value in identity.items() if name != "org_id"})
    tokens.check_pair({name: value for name, value in access.items() if name not in ("org_id", "sid")}, identity)
    for name in ("sub", "sid", "org_id"):
        assert refused(lambda name=name: tokens.check_pair({**access, name: "another"}, identity)) == name


def test_discovery_is_fetched_when_needed_and_kept(issuer: Issuer) -> None:
    provider = Provider(issuer.issuer)
    assert not issuer.calls
    for _ in range(3):
        assert provider.key("rsa-1")
    assert issuer.calls["/.well-known/openid-configuration"] == 1
    assert issuer.calls["/oauth2/jwks"] == 1


def test_unknown_kid_fetches_again_but_not_for_every_stranger(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_module, "UNKNOWN_KID_PAUSE", 1_000)
    provider = Provider(issuer.issuer)
    assert provider.key("rsa-1")
    issuer.published.append(ECKey.generate_key("P-256", {"kid": "ec-2", "use": "sig"}, private=True))
    assert provider.key("ec-2"), "in use a moment after the set was read"
    for number in range(20):
        assert provider.key(f"guess-{number}") is None
    assert issuer.calls["/oauth2/jwks"] == 2
    issuer.published.append(ECKey.generate_key("P-256", {"kid": "ec-3", "use": "sig"}, private=True))
    monkeypatch.setattr(provider_module, "UNKNOWN_KID_PAUSE", 0)
    assert provider.key("ec-3")
    assert issuer.calls["/oauth2/jwks"] == 3


def test_a_removed_key_is_forgotten(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider(issuer.issuer)
    assert provider.key("rsa-1")
    issuer.published.remove(issuer.rsa)
    monkeypatch.setattr(provider_module, "KEYS_AGE", 0)
    assert provider.key("rsa-1") is None


def test_provider_down_is_asked_gently(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_module, "FAILURE_PAUSE", 30)
    port = issuer.server.server_port
    issuer.stop()
    provider = Provider(issuer.issuer)
    with pytest.raises(Unreachable):
        provider.metadata()
    with socket.create_server(("127.0.0.1", port)) as there:
        for _ in range(50):
            with pytest.raises(Unreachable):
                provider.metadata()
        there.setblocking(False)
        with pytest.raises(BlockingIOError):
            there.accept()


def test_metadata_of_another_issuer_is_not_used(issuer: Issuer) -> None:
    with pytest.raises(Unreachable):
        Provider(issuer.issuer.replace("127.0.0.1", "localhost")).metadata()


@pytest.mark.parametrize("address", ["http://example.org", "ftp://localhost", "javascript:x", "", "https://"])
def test_issuer_address_is_https_or_this_machine(address: str) -> None:
    with pytest.raises(provider_module.ConfigurationError):
        Provider(address)
