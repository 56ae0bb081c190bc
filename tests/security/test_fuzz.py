"""Junk at every route, by everybody: a clear refusal or a page, never a fault of ours (DESIGN §8 "never a 5xx")."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.kernel.database import db
from tests.support.forms import log_in

FIELDS = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "prompt", "max_age", "claims", "resource",
    "organization", "ui_locales", "login_hint", "id_token_hint", "acr_values", "response_mode", "code_challenge",
    "code_challenge_method", "request", "request_uri", "grant_type", "code", "code_verifier", "refresh_token", "token",
    "token_type_hint", "client_secret", "client_assertion", "client_assertion_type", "access_token", "continue", "lang",
    "identifier", "password", "address", "given_name", "family_name", "phone_number", "language", "member", "answer",
    "as", "resend", "csrf_token", "app", "post_logout_redirect_uri", "organization_id", "current_password", "page",
)  # fmt: skip
TELLING = (
    "tag", "http://localhost:9999/callback", "code", "openid profile offline_access", "none", "login", "consent",
    "select_account", "create", "form_post", "S256", "a" * 43, "authorization_code", "refresh_token",
    "client_credentials", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "eyJhbGciOiJFUzI1NiJ9.e30.eA",
    '{"userinfo":{"a":null},"id_token":{"acr":{"essential":true,"values":[1,null]}}}', '{"userinfo":[]}', "[" * 2000,
    '{"id_token":{"a":{"\\ud800":"\\u0000"}}}', "99999999999", "-1", "1e9", "nb", "allow", "deny", "another", "1",
    "//evil.example", "/%2e%2e//evil", "javascript:alert(1)", "x@y.example", "ſ@ﬀ.example", "a" * 9000, "%00",
    "\r\nX: y",
    "' or 1=1 --", "{{7*7}}", "٣", "\u202e", "İ@İ.example", "xn--@xn--.example", "[::1]", "urn:onix:tag",
)  # fmt: skip
junk = st.one_of(
    st.sampled_from(TELLING), st.text(max_size=40), st.binary(max_size=20),
    st.text(st.characters(categories=["Cc", "Cf", "Co", "Zl", "Zp", "So", "Mn"]), max_size=8),
)  # fmt: skip
pairs = st.lists(st.tuples(st.sampled_from(FIELDS), junk), max_size=8)
HEADERS = ("Authorization", "Accept-Language", "Origin", "Sec-Fetch-Site", "Cookie", "Range", "If-None-Match", "Accept")


def encoded(value: str | bytes) -> str:
    return quote_from_bytes(value) if isinstance(value, bytes) else quote(value, errors="surrogatepass")


def form(fields: list[tuple[str, str | bytes]]) -> str:
    return "&".join(f"{name}={encoded(value)}" for name, value in fields)


def header(value: str | bytes) -> str:
    """What a server lets through: Latin-1 without line ends."""
    text = value.decode("latin1") if isinstance(value, bytes) else value.encode("utf-8", "replace").decode("latin1")
    return text.replace("\r", "").replace("\n", "")


def test_junk_is_never_an_error_of_ours(app: Any, client: Any, protocol: Any) -> None:
    app.config["PROPAGATE_BUGS"] = False
    app.config["WTF_CSRF_ENABLED"] = False  # the form token would turn most of it away before anything reads it
    person = protocol.person
    log_in(client, person.address, protocol.world.password)
    client.get("/oauth2/jwks")  # makes the first keys, without which nobody is ready
    rules = sorted(
        (rule for rule in app.url_map.iter_rules() if not rule.build_only), key=lambda rule: (rule.rule, rule.endpoint)
    )
    browsers = (client, app.test_client())

    @settings(max_examples=250, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.data())
    def throw(data: st.DataObject) -> None:
        rule = data.draw(st.sampled_from(rules))
        browser = data.draw(st.sampled_from(browsers))
        path = rule.rule
        for argument in rule.arguments:
            start, _, rest = path.partition("<")
            path = start + encoded(data.draw(junk, argument)).replace("/", "%2F") + rest.partition(">")[2]
        method = data.draw(st.sampled_from(["GET", "POST", "HEAD", "PUT", "OPTIONS"]))
        kind = data.draw(st.sampled_from(["form", "form", "form", "raw", "json", "parts"]))
        extra = [(data.draw(st.sampled_from(HEADERS)), header(data.draw(junk)))] if data.draw(st.booleans()) else []
        options: dict[str, Any] = {"headers": extra}
        if method in ("POST", "PUT"):
            fields = data.draw(pairs)
            if kind == "form":
                options |= {"data": form(fields), "content_type": "application/x-www-form-urlencoded"}
            elif kind == "parts":
                parts = data.draw(st.binary(max_size=200))
                options |= {"data": parts, "content_type": "multipart/form-data; boundary=x"}
            else:
                options |= {"data": data.draw(st.binary(max_size=60)), "content_type": "application/json"}
        answer = browser.open(f"{path}?{form(data.draw(pairs))}" if data.draw(st.booleans()) else path,
                              method=method, **options)  # fmt: skip
        assert answer.status_code < 500, answer.text[:400]
        location = answer.headers.get("Location", "")
        assert "evil" not in location.split("?")[0] and not location.startswith("//")
        if extra and extra[0][0] == "Cookie":  # the signed cookie was replaced for this request only
            browser.get("/login")

    throw()
    with app.app_context():
        assert db.session.is_active


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_r44_sizes(client: Any) -> None:
    """Bodies above the limit, a thousand fields, long addresses and headers."""
    parts = {f"f{number}": "x" for number in range(1000)}
    for path in ("/login", "/signup", "/oauth2/authorize", "/oauth2/token", "/oauth2/logout"):
        assert client.post(path, data={"password": "x" * 10_000_000}).status_code == 413
        assert client.post(path, data=parts, content_type="multipart/form-data").status_code in (400, 413)
        assert client.post(path, data=parts).status_code < 500
        assert client.get(f"{path}?continue={'x' * 60_000}").status_code < 500
        long = {"Authorization": "Basic " + "A" * 60_000, "Accept-Language": "nb," * 20_000}
        assert client.get(path, headers=long).status_code < 500
