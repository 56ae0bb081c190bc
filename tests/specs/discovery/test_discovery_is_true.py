"""Discovery is true: each advertised value works, each known value that is not advertised is refused as registered."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from idp.accounts.models import Account
from idp.kernel.refusal import Refusal
from tests.specs.person import CALLBACK, SECRET, Browser, answer_of
from tests.support.assertions import assertion_form, client_key
from tests.support.authenticators import add_passkey
from tests.support.flow import claims_of
from tests.support.forms import forms_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# What the registries know of each member; what of it is not advertised must be refused.
RESPONSE_TYPES = {
    "code",
    "token",
    "id_token",
    "code token",
    "code id_token",
    "id_token token",
    "code id_token token",
    "none",
}
RESPONSE_MODES = {"query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt", "web_message"}
GRANT_TYPES = {
    "authorization_code", "refresh_token", "client_credentials", "password", "implicit",
    "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:openid:params:grant-type:ciba",
}  # fmt: skip
AUTH_METHODS = {
    "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth",
    "self_signed_tls_client_auth", "none",
}  # fmt: skip
SIGNATURES = {
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256", "HS512", "EdDSA",
    "Ed25519", "none",
}  # fmt: skip
ENDPOINTS = {
    "registration_endpoint": "/oauth2/register",
    "pushed_authorization_request_endpoint": "/oauth2/par",
    "device_authorization_endpoint": "/oauth2/device_authorization",
    "backchannel_authentication_endpoint": "/oauth2/bc-authorize",
    "check_session_iframe": "/oauth2/check_session",
}
WITH_REFRESH = {"grant_types": ["authorization_code", "refresh_token"]}


@pytest.fixture
def document(client: Any) -> dict[str, Any]:
    return client.get("/.well-known/openid-configuration").get_json()  # type: ignore[no-any-return]


def _basic(client_id: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()}


def _redeem(browser: Browser, code: str, **headers: Any) -> dict[str, Any]:
    answer = browser.http.post(
        "/oauth2/token",
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": browser.verifier,
        },
        headers=headers.get("headers") or _basic(browser.client_id),
    )
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()  # type: ignore[no-any-return]


def _tokens(browser: Browser, person: Any, **changes: str | None) -> dict[str, Any]:
    page = browser.follow(browser.ask(**changes))
    if "Location" not in page.headers:
        page = browser.sign_in(page, person)
    return _redeem(browser, answer_of(page)["code"])


def _header(token: str) -> dict[str, Any]:
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))  # type: ignore[no-any-return]


def test_response_types(document: Any, family: Any, person: Any, browser_of: Callable[..., Browser]) -> None:
    browser = browser_of().signed_in(person)
    for kind in document["response_types_supported"]:
        assert "code" in answer_of(browser.follow(browser.ask(response_type=kind)))
    for kind in RESPONSE_TYPES - set(document["response_types_supported"]):
        answer = browser.follow(browser.ask(response_type=kind, nonce="n"))
        assert "unsupported_response_type" in answer.headers["Location"], kind
        assert "code=" not in answer.headers["Location"]


def test_response_modes(document: Any, family: Any, person: Any, browser_of: Callable[..., Browser]) -> None:
    browser = browser_of().signed_in(person)
    supported = set(document["response_modes_supported"])
    assert supported <= {"query", "form_post"}
    assert "code" in answer_of(browser.follow(browser.ask(response_mode="query")))
    page = browser.follow(browser.ask(response_mode="form_post"))
    form = forms_of(page.get_data(as_text=True))[0]
    assert form.action == CALLBACK
    assert form.fields["code"]
    for mode in RESPONSE_MODES - supported:
        refused = answer_of(browser.follow(browser.ask(response_mode=mode)))
        assert refused["error"] == "invalid_request" and "code" not in refused, mode


def test_prompts(document: Any, family: Any, person: Any, browser_of: Callable[..., Browser]) -> None:
    for prompt in document["prompt_values_supported"]:
        browser = browser_of().signed_in(person)
        answer = browser.follow(browser.ask(prompt=prompt))
        assert answer.status_code in (200, 303), prompt
        assert "error=" not in answer.headers.get("Location", ""), prompt
    assert set(document["prompt_values_supported"]) == {"none", "login", "consent", "select_account", "create"}
    browser = browser_of().signed_in(person)
    assert answer_of(browser.follow(browser.ask(prompt="teleport")))["error"] == "invalid_request"


def test_code_challenge_methods(document: Any, family: Any, person: Any, browser_of: Callable[..., Browser]) -> None:
    browser = browser_of().signed_in(person)
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert _tokens(browser, person)["access_token"]
    for method in ("plain", "S512"):
        assert answer_of(browser.follow(browser.ask(code_challenge_method=method)))["error"] == "invalid_request"


def test_scopes(document: Any, world: Any, person: Any, browser_of: Callable[..., Browser]) -> None:
    world.client(
        "All", app_id="tag", redirect_uris=[CALLBACK], client_id="all", secret=SECRET,
        scope=" ".join(document["scopes_supported"]), **WITH_REFRESH,
    )  # fmt: skip
    browser = browser_of("all").signed_in(person)
    for scope in document["scopes_supported"]:
        wanted = " ".join(dict.fromkeys(["openid", scope]))
        given = _tokens(browser, person, scope=wanted, prompt="consent" if scope == "offline_access" else None)
        assert set(given.get("scope", wanted).split()) == set(wanted.split()), scope
    given = _tokens(browser, person, scope="openid everything:write")
    assert given["scope"] == "openid", "what is not known is not given, and the answer says so (RFC 6749 §3.3)"


def test_grant_types(document: Any, world: Any, person: Any, browser_of: Callable[..., Browser], client: Any) -> None:
    supported = set(document["grant_types_supported"])
    assert supported == {"authorization_code", "refresh_token", "client_credentials"}
    world.client("All", app_id="tag", redirect_uris=[CALLBACK], client_id="all", secret=SECRET, **WITH_REFRESH)
    world.client("M", kind="machine", client_id="machine", secret=SECRET, grant_types=["client_credentials"])
    tokens = _tokens(browser_of("all").signed_in(person), person)
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert client.post("/oauth2/token", data=again, headers=_basic("all")).status_code == 200
    machine = {"grant_type": "client_credentials"}
    assert client.post("/oauth2/token", data=machine, headers=_basic("machine")).status_code == 200
    for grant in GRANT_TYPES - supported:
        answer = client.post("/oauth2/token", data={"grant_type": grant}, headers=_basic("all"))
        assert (answer.status_code, answer.get_json()["error"]) == (400, "unsupported_grant_type"), grant


def _machine(world: Any, method: str, **values: Any) -> str:
    name = f"machine-{method.replace('_', '-')}-{values.get('token_endpoint_auth_signing_alg', 'x')}"
    if method.startswith("client_secret"):
        values["secret"] = SECRET
    world.client(name, kind="machine", client_id=name, grant_types=["client_credentials"],
                 token_endpoint_auth_method=method, **values)  # fmt: skip
    return name


def test_authentication_methods(document: Any, world: Any, client: Any) -> None:
    supported = set(document["token_endpoint_auth_methods_supported"])
    for method in AUTH_METHODS - supported:
        with pytest.raises(Refusal):
            _machine(world, method)
    form = {"grant_type": "client_credentials"}
    basic = _machine(world, "client_secret_basic")
    assert client.post("/oauth2/token", data=form, headers=_basic(basic)).status_code == 200
    post = _machine(world, "client_secret_post")
    body = {**form, "client_id": post, "client_secret": SECRET}
    assert client.post("/oauth2/token", data=body).status_code == 200
    assert supported == {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}


def test_assertion_algorithms(document: Any, world: Any, client: Any) -> None:
    supported = document["token_endpoint_auth_signing_alg_values_supported"]
    for algorithm in supported:
        key = client_key(algorithm)
        name = _machine(world, "private_key_jwt", token_endpoint_auth_signing_alg=algorithm,
                        jwks={"keys": [key.as_dict(private=False)]})  # fmt: skip
        form = {"grant_type": "client_credentials", **assertion_form(key, name, alg=algorithm)}
        answer = client.post("/oauth2/token", data=form)
        assert answer.status_code == 200, (algorithm, answer.get_json())
    for algorithm in SIGNATURES - set(supported):
        with pytest.raises(Refusal):
            _machine(world, "private_key_jwt", token_endpoint_auth_signing_alg=algorithm,
                     jwks={"keys": [client_key("RS256").as_dict(private=False)]})  # fmt: skip


@pytest.mark.parametrize("member", ["id_token_signed_response_alg", "userinfo_signed_response_alg"])
def test_response_algorithms(
    member: str, document: Any, world: Any, person: Any, browser_of: Callable[..., Browser], client: Any
) -> None:
    supported = document[member.replace("_signed_response_alg", "_signing_alg_values_supported")]
    published = {key["alg"] for key in client.get("/oauth2/jwks").get_json()["keys"]}
    for algorithm in supported:
        name = f"alg-{algorithm}"
        world.client(name, app_id="tag", redirect_uris=[CALLBACK], client_id=name, secret=SECRET, **{member: algorithm})
        tokens = _tokens(browser_of(name).signed_in(person), person)
        signed = tokens["id_token"]
        if member.startswith("userinfo"):
            bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
            answer = client.get("/oauth2/userinfo", headers=bearer)
            assert answer.mimetype == "application/jwt"
            signed = answer.get_data(as_text=True)
        assert _header(signed)["alg"] == algorithm
        assert algorithm in published
    for algorithm in SIGNATURES - set(supported):
        with pytest.raises(Refusal):
            world.client("no", app_id="tag", redirect_uris=[CALLBACK], client_id="no", **{member: algorithm})


def test_authentication_context(document: Any, family: Any, person: Any, browser_of: Callable[..., Browser]) -> None:
    browser = browser_of().signed_in(person)
    assert document["acr_values_supported"] == ["urn:onix:acr:1", "urn:onix:acr:2"]
    add_passkey(browser.http)
    for acr in document["acr_values_supported"]:
        claims = json.dumps({"id_token": {"acr": {"essential": True, "values": [acr]}}})
        assert claims_of(_tokens(browser, person, claims=claims)["id_token"])["acr"] == acr
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": ["urn:onix:acr:9"]}}})
    answer = answer_of(browser.follow(browser.ask(claims=claims)))
    assert answer["error"] == "unmet_authentication_requirements"


def test_claims_parameter(document: Any, family: Any, person: Any, browser_of: Callable[..., Browser]) -> None:
    assert document["claims_parameter_supported"] is True
    browser = browser_of().signed_in(person)
    claims = json.dumps({"id_token": {"email": {"essential": True}}})
    tokens = _tokens(browser, person, scope="openid email", claims=claims)
    assert claims_of(tokens["id_token"])["email"] == person.address


@pytest.mark.parametrize(
    ("parameter", "value", "error"),
    [
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "https://rp.example/request.jwt", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
    ],
)
def test_what_is_not_supported_is_said(
    parameter: str, value: str, error: str, document: Any, family: Any, person: Any, browser_of: Callable[..., Browser]
) -> None:
    assert not document.get(f"{parameter}_parameter_supported")
    browser = browser_of().signed_in(person)
    assert answer_of(browser.follow(browser.ask(**{parameter: value})))["error"] == error


def test_languages(document: Any, family: Any, browser_of: Callable[..., Browser]) -> None:
    for language in document["ui_locales_supported"]:
        browser = browser_of()
        page = browser.follow(browser.ask(ui_locales=f"xx {language}"))
        assert f'<html lang="{language}"' in page.get_data(as_text=True)
    page = browser_of().follow(browser_of().ask(ui_locales="tlh"))
    assert page.status_code == 200


def test_endpoints(document: Any, client: Any) -> None:
    for member, address in document.items():
        if member.endswith("_endpoint") or member == "jwks_uri":
            assert client.get(address.removeprefix("http://localhost")).status_code != 404, member
    for member, path in ENDPOINTS.items():
        if member not in document:
            assert client.get(path).status_code == 404
            assert client.post(path).status_code == 404


def test_subject_types(document: Any, world: Any) -> None:
    for kind in {"public", "pairwise"}:
        values = {"redirect_uris": [CALLBACK], "client_id": f"subject-{kind}", "subject_type": kind}
        if kind in document["subject_types_supported"]:
            world.client(kind, **values)
        else:
            with pytest.raises(Refusal):
                world.client(kind, **values)


def test_claims(document: Any, world: Any, browser_of: Callable[..., Browser], client: Any) -> None:
    """No claim is given that is not advertised."""
    person = world.user(
        app="tag", middle_name="M", nickname="N", preferred_username="P", profile="https://p.example",
        picture="https://p.example/p.png", website="https://w.example", gender="x", birthdate="1990-01-02",
        zoneinfo="Europe/Oslo", locale="nb", phone_number="+4722334455", phone_number_verified=True
    )  # fmt: skip
    world.change(Account, person.account_id, address={"country": "NO"})
    world.client("All", app_id="tag", redirect_uris=[CALLBACK], client_id="all", secret=SECRET)
    scope = "openid profile email address phone organization"
    tokens = _tokens(browser_of("all").signed_in(person), person, scope=scope, nonce="n")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    told = set(client.get("/oauth2/userinfo", headers=bearer).get_json()) | set(claims_of(tokens["id_token"]))
    assert told <= set(document["claims_supported"])
    assert {"address", "birthdate", "phone_number_verified", "updated_at", "org_id", "privileges"} <= told
