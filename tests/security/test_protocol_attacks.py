"""What a thief, a hostile client or a hostile page tries at the protocol's endpoints."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from idp.kernel import clock as kernel_clock
from idp.oidc.client_metadata import MetadataError, redirect_problem, validate_metadata
from idp.oidc.clients import find_client
from tests.specs.person import CALLBACK, Browser, answer_of
from tests.support.databases import one_database
from tests.support.forms import text_of
from tests.support.protocol import basic, claims_of

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def another_organization(protocol: Any) -> str:
    """The person may use Tag in a second organization too; gives its slug."""
    other = protocol.world.organization("breim", name="Breim Kran AS")
    member_id = protocol.world.member(other, protocol.person.account_id)
    protocol.world.role(other, ["tag:access"], members=[member_id])
    protocol.world.license(other, holders=[member_id])
    return "breim"


def test_r05_reuse_ends_the_siblings_that_a_thief_opened(protocol: Any, clock: Any) -> None:
    """RFC 9700 §4.14.2: what was opened from a stolen refresh token ends when the theft is seen."""
    slug = another_organization(protocol)
    first, unrelated = protocol.tokens(), protocol.tokens()
    sibling = protocol.refresh(first["refresh_token"], organization=slug).json
    protocol.refresh(first["refresh_token"])
    clock.advance(60)
    assert protocol.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert protocol.refresh(sibling["refresh_token"]).json["error"] == "invalid_grant"
    assert protocol.userinfo(sibling["access_token"]).status_code == 401
    assert protocol.refresh(unrelated["refresh_token"]).status_code == 200, "another sign-in has nothing to do with it"


def test_r05_a_public_client_spends_its_token_for_a_sibling(protocol: Any) -> None:
    """Otherwise a thief would open siblings without end, unseen."""
    slug = another_organization(protocol)
    protocol.register("native", app_id="tag", kind="native", deny_mode="token", secret=None,
                      token_endpoint_auth_method="none", redirect_uris=["http://127.0.0.1/cb"])  # fmt: skip
    grant = protocol.grant("native")
    form = {"grant_type": "authorization_code", "code": grant.code, "code_verifier": grant.verifier}
    first = protocol.http.post(
        "/oauth2/token", data={**form, "client_id": "native", "redirect_uri": "http://localhost:9999/callback"}
    ).json

    def refresh(token: str, **more: str) -> Any:
        data = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "native", **more}
        return protocol.http.post("/oauth2/token", data=data)

    sibling = refresh(first["refresh_token"], organization=slug)
    assert claims_of(sibling.json["access_token"])["org_name"] == "Breim Kran AS"
    back = refresh(sibling.json["refresh_token"], organization=protocol.organization_id)
    assert claims_of(back.json["access_token"])["org_id"] == protocol.organization_id, "and the way back is the same"
    assert refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert refresh(back.json["refresh_token"]).json["error"] == "invalid_grant", "the reuse was seen"


def test_a_sibling_within_the_grace_leaves_the_successor_alive(protocol: Any) -> None:
    slug = another_organization(protocol)
    first = protocol.tokens()
    second = protocol.refresh(first["refresh_token"]).json
    assert protocol.refresh(first["refresh_token"], organization=slug).status_code == 200
    assert protocol.refresh(second["refresh_token"]).status_code == 200


@one_database
def test_p19_tokens_of_one_client_are_nothing_to_another(protocol: Any) -> None:
    """Code injection across clients, revocation and introspection oracles (P10)."""
    protocol.register("other", app_id="pickandpack", deny_mode="token")
    grant, token = protocol.grant(), protocol.tokens()
    stolen, unknown = (
        protocol.redeem(grant, "other"),
        protocol.redeem(type(grant)("x" * 43, grant.verifier, grant.authorization_id, grant.sid), "other"),
    )
    assert (stolen.status_code, stolen.json) == (unknown.status_code, unknown.json)
    assert protocol.refresh(token["refresh_token"], "other").json["error"] == "invalid_grant"
    for name in ("access_token", "refresh_token", "id_token"):
        told = protocol.introspect(token[name], "other")
        assert (told.status_code, told.json) == (200, {"active": False})
        gone = protocol.revoke(token[name], "other")
        nothing = protocol.revoke("no-such-token", "other")
        assert (gone.status_code, gone.data) == (nothing.status_code, nothing.data) == (200, b"{}")
    assert protocol.userinfo(token["access_token"]).status_code == 200
    assert protocol.userinfo(token["id_token"]).status_code == 401, "R14: an ID Token is no access token"
    assert protocol.refresh(token["refresh_token"]).status_code == 200
    assert protocol.redeem(grant).status_code == 200, "the thief's attempt did not spend the code"


@one_database
def test_r03_no_way_down_from_s256(protocol: Any, client: Any) -> None:
    browser = Browser(client, "tag", redirect_uri="http://localhost:9999/callback").signed_in(protocol.person)
    for changes in (
        {"code_challenge_method": None}, {"code_challenge_method": "plain"}, {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None}, {"code_challenge": "a" * 42}, {"code_challenge": ""},
    ):  # fmt: skip
        assert answer_of(browser.ask(**changes), browser.redirect_uri)["error"] == "invalid_request"
    grant = protocol.grant()
    for verifier in (None, "", "x" * 43, grant.verifier + "x"):
        assert protocol.redeem(grant, code_verifier=verifier).status_code == 400
    without = protocol.grant(challenge=False)
    assert protocol.redeem(without).status_code == 400, "a verifier that nothing was bound to"


@one_database
def test_r10_one_method_and_only_the_registered_one(protocol: Any) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "y"}
    secret = {"client_id": "tag", "client_secret": "a-fixed-secret-for-tests-0123456789abcdef"}

    def answer(data: dict[str, str], **options: Any) -> Any:
        found = protocol.http.post("/oauth2/token", data={**form, **data}, **options)
        return found.status_code, found.json["error"]

    assert answer(secret) == (401, "invalid_client"), "post, but basic is registered"
    assert answer({"client_id": "tag"}) == (401, "invalid_client")
    assert answer(secret, headers=basic("tag")) == (400, "invalid_request")
    assert answer({"client_id": "other"}, headers=basic("tag")) == (400, "invalid_request")
    assert answer({"client_assertion": "x", "client_assertion_type": JWT_BEARER}, headers=basic("tag"))[0] == 400
    for header in ("Basic", "Basic !", "Basic " + "A" * 20_000, "Bearer x", "Basic " + "dGFnOg==", "Negotiate x"):
        assert answer({}, headers={"Authorization": header}) == (401, "invalid_client")


@one_database
@pytest.mark.parametrize("audience", [["http://localhost", "https://other.example"], [], [["http://localhost"]], {}])
def test_r10_an_assertion_that_others_could_show_is_refused(protocol: Any, audience: Any) -> None:
    """RFC 7523bis: an assertion for us and for somebody else could be shown here by that somebody."""
    from joserfc import jwt
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256")
    protocol.register("signer", kind="machine", token_endpoint_auth_method="private_key_jwt", secret=None,
                      redirect_uris=[], jwks={"keys": [key.as_dict(private=False)]})  # fmt: skip

    def ask(aud: Any, jti: str, alg: str = "ES256") -> int:
        now = kernel_clock.now()
        claims = {"iss": "signer", "sub": "signer", "aud": aud, "jti": jti, "iat": now, "exp": now + 60}
        assertion = jwt.encode({"alg": alg}, claims, key)
        found = protocol.http.post("/oauth2/token", data={
            "grant_type": "client_credentials", "client_assertion": assertion, "client_assertion_type": JWT_BEARER,
        })  # fmt: skip
        return int(found.status_code)

    assert ask(audience, "a") == 401
    assert ask(["http://localhost", "http://localhost/oauth2/token"], "b") == 200
    assert ask("http://localhost", "b") == 401, "jti used before"


@one_database
def test_r44_deep_claims_are_refused_and_never_an_error(protocol: Any, client: Any) -> None:
    browser = Browser(client, "tag", redirect_uri="http://localhost:9999/callback").signed_in(protocol.person)
    for depth in (15, 16, 17, 25, 400, 880, 890, 900, 1300):
        nested = '{"a":' * depth + "1" + "}" * depth
        answer = answer_of(browser.ask(claims=f'{{"userinfo":{{"x":{nested}}}}}'), browser.redirect_uri)
        assert ("code" in answer) == (depth <= 17), depth


@one_database
def test_p08_nothing_typed_becomes_a_claim_of_ours(protocol: Any, client: Any) -> None:
    """Names that look like claims, and the `claims` parameter asking for ours, change nothing."""
    from idp.accounts.models import Account
    from idp.organizations.models import Organization

    odd = '","privileges":["tag:admin"],"sub":"root'
    protocol.world.change(Account, protocol.person.account_id, given_name=odd, nickname="iss")
    protocol.world.change(Organization, protocol.organization_id, name=odd)
    asked = {name: {"value": "evil"} for name in ("sub", "iss", "aud", "exp", "privileges", "roles", "onix_access")}
    token = protocol.tokens(claims_request={"id_token": {**asked, "given_name": None}, "userinfo": asked})
    access, identity = claims_of(token["access_token"]), claims_of(token["id_token"])
    assert identity["given_name"] == odd and access["org_name"] == odd
    assert access["privileges"] == ["tag:access", "tag:equipment.read"]
    assert identity["sub"] == access["sub"] == protocol.person.account_id and identity["iss"] == "http://localhost"
    assert "privileges" not in identity
    told = protocol.userinfo(token["access_token"]).json
    assert told["sub"] == protocol.person.account_id and told["privileges"] == access["privileges"]


@one_database
def test_r07_every_answer_names_the_issuer(protocol: Any, client: Any) -> None:
    """Mix-up (RFC 9207): codes and errors alike."""
    browser = Browser(client, "tag", redirect_uri="http://localhost:9999/callback")
    assert answer_of(browser.ask(prompt="none"), browser.redirect_uri)["error"] == "login_required"
    browser.signed_in(protocol.person)
    assert answer_of(browser.ask(), browser.redirect_uri)["code"]
    assert answer_of(browser.ask(response_type="token"), browser.redirect_uri)["error"] == "unsupported_response_type"


@one_database
def test_a_request_of_one_browser_is_nothing_to_another(app: Any, protocol: Any, client: Any) -> None:
    """Idea 2 of the design: stored requests and continuations are bound to the browser that made them."""
    browser = Browser(client, "tag", redirect_uri="http://localhost:9999/callback")
    login = browser.follow(browser.ask())
    handle = login.request.args["continue"]
    thief = Browser(app.test_client(), "tag")
    page = thief.http.get(f"/login?continue={handle}")
    assert "Onix Tag" not in text_of(page) and "/cancel" not in page.text
    done = thief.press(page, "/login", identifier=protocol.person.address, password=protocol.world.password)
    assert done.location == "/", "the sign-in leads nowhere of the other browser's"
    posted = client.post("/oauth2/authorize", data=browser.parameters())
    assert posted.status_code == 303
    first = client.get(posted.location)
    assert first.status_code == 303
    assert thief.http.get(posted.location).status_code == 400, "a posted request belongs to who opened it first"


@one_database
def test_redirects_are_never_built_from_the_host(client: Any) -> None:
    """Host header poisoning: no address of ours is answered by a redirect to another host."""
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    for path in (
        "/", "//login", "/oauth2//authorize", "/login/", "//evil.example", "/account", "/admin", "/org/nowhere", "/api",
        "/login/required",
    ):  # fmt: skip
        answer = client.open(path="/", environ_overrides={"PATH_INFO": path}, headers=evil)
        assert answer.headers.get("Location", "/").startswith("/") and answer.status_code < 500
        assert not answer.headers.get("Location", "/").startswith("//")
        assert "//evil.example" not in answer.text
    for path in ("/.well-known/openid-configuration", "/oauth2/jwks", "/login", "/signup"):
        assert "evil.example" not in client.get(path, headers=evil).text


@one_database
@pytest.mark.parametrize(
    "uri",
    [
        "https://rp.example;sandbox/cb", "https://rp.example,default-src/cb", "https://rp.example'/cb", "https://*/cb",
        "https://user@rp.example/cb", "https://rp.example:1:2/cb", "javascript://rp.example/%0aalert(1)",
        "data://text/html,x", "https:///cb", "https://rp%2eexample/cb", "//rp.example/cb", "https://rp.example\n/cb",
    ],
)  # fmt: skip
def test_r01_addresses_that_would_break_out_of_a_policy(context: Any, uri: str) -> None:
    for kind in ("web", "spa", "native"):
        assert redirect_problem(kind, uri)
    for member in ("logo_uri", "policy_uri", "tos_uri", "client_uri", "initiate_login_uri", "backchannel_logout_uri"):
        with pytest.raises(MetadataError):
            validate_metadata("web", {"client_name": "x", "redirect_uris": [CALLBACK], member: uri})


@one_database
def test_r17_a_yes_counts_for_what_was_shown(protocol: Any, client: Any) -> None:
    """Another tab changes the organization in question while the page stands open: it is asked anew."""
    slug = another_organization(protocol)
    protocol.register("partner", redirect_uris=[CALLBACK], deny_mode="error")
    browser = Browser(client, "partner").signed_in(protocol.person)
    wish = {"scope": "openid organization"}
    first = browser.follow(browser.ask(**wish))
    page = browser.follow(browser.press(first, "/organization", member=protocol.person.member_id))
    assert "Nordic Lift AS" in page.text
    for shown in ("", "-", f"{protocol.organization_id} openid organization profile"):
        again = browser.follow(browser.press(page, "/consent", answer="allow", shown=shown))
        assert again.status_code == 200 and "consent-form" in again.text
    other = browser.follow(browser.ask(**wish, organization=slug))
    assert "Breim Kran AS" in other.text
    assert answer_of(browser.follow(browser.press(page, "/consent", answer="allow")))["code"]
    still = browser.follow(browser.ask(**wish, organization=slug))
    assert "consent-form" in still.text, "a yes for one organization is none for another"


@one_database
def test_markup_in_names_stays_text(protocol: Any, client: Any) -> None:
    """Stored XSS: client, person and organization names on the pages that show them."""
    bad = "<script>alert(1)</script>\"'><img src=x>"
    from idp.accounts.models import Account
    from idp.oidc.models import Client
    from idp.organizations.models import Organization

    protocol.register("partner", redirect_uris=[CALLBACK])
    with protocol.app.app_context():
        metadata = dict(protocol.world.get(Client, "partner").metadata_)
    protocol.world.change(Client, "partner", metadata_={**metadata, "client_name": bad}, rev=9)
    protocol.world.change(Account, protocol.person.account_id, given_name=bad)
    protocol.world.change(Organization, protocol.organization_id, name=bad)
    browser = Browser(client, "partner")
    login = browser.follow(browser.ask(scope="openid profile organization", login_hint=bad))
    consent = browser.sign_in(login, protocol.person)
    pages = [login, consent, client.get("/"), client.get("/logout"), client.get("/oauth2/logout")]
    assert any("alert(1)" in page.text for page in pages)
    for page in pages:
        assert page.status_code == 200 and "<script>alert" not in page.text and "<img src=x" not in page.text
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert page.headers["X-Frame-Options"] == "DENY" and page.headers["Cache-Control"] == "no-store"


@one_database
def test_odd_tokens_everywhere(protocol: Any, client: Any) -> None:
    """Whatever stands where a JWT should stand: the registered error, never a fault of ours."""
    browser = Browser(client, "tag", redirect_uri="http://localhost:9999/callback").signed_in(protocol.person)

    def b64(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    nested = "[" * 2500 + "]" * 2500
    headers = ["null", "[]", "1", '"x"', nested, f'{{"alg":{nested}}}', '{"alg":"none"}', '{"alg":"HS256","kid":null}',
               '{"alg":"RS256","kid":{}}', '{"alg":["ES256"]}', '{"typ":1,"alg":"ES256"}', "\ud7ff",
               '{"alg":"ES256","crit":1}',
               '{"alg":"ES256","typ":"at+jwt","b64":false,"crit":["b64"]}']  # fmt: skip
    for token in (*(f"{b64(header)}.{b64('{}')}.{b64('x')}" for header in headers), "..", ".", "a.b.c.d.e", "é.é.é"):
        answer = client.get("/oauth2/authorize?" + urlencode(browser.parameters(id_token_hint=token)))
        assert answer_of(answer, browser.redirect_uri)["error"] == "invalid_request"
        assert client.get("/oauth2/logout?" + urlencode({"id_token_hint": token})).status_code == 400
        assert client.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {token}".encode("latin1", "replace")
                          .decode("latin1")}).status_code == 401  # fmt: skip
        assert protocol.introspect(token).json == {"active": False}
        assert protocol.revoke(token).status_code == 200
        assertion = {"client_assertion": token, "client_assertion_type": JWT_BEARER, "grant_type": "client_credentials"}
        assert client.post("/oauth2/token", data=assertion).status_code == 401


@one_database
def test_a_disabled_client_is_refused_at_every_endpoint(protocol: Any, client: Any) -> None:
    from idp.kernel.database import unit_of_work
    from idp.oidc.clients import disable_client

    grant, token = protocol.grant(), protocol.tokens()
    with protocol.app.app_context(), unit_of_work():
        disable_client("tag")
        assert not find_client("tag").enabled  # type: ignore[union-attr]
    assert protocol.redeem(grant).status_code == 401
    for call in (protocol.refresh, protocol.introspect, protocol.revoke):
        assert call(token["refresh_token"]).status_code == 401
    assert protocol.userinfo(token["access_token"]).status_code == 401
    browser = Browser(client, "tag", redirect_uri="http://localhost:9999/callback")
    assert browser.ask().status_code == 400, "a page: the address of a disabled client gets nothing"


def test_json_is_the_only_thing_that_programs_get(client: Any) -> None:
    for path in ("/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"):
        for method in ("GET", "PUT", "DELETE"):
            answer = client.open(path, method=method)
            assert answer.status_code == 405 and json.loads(answer.text)["error"]
        assert client.post(path + "?client_id=tag", data={"token": "x"}).json["error"] == "invalid_request"
