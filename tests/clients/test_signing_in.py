"""Signing in, staying in, being put out, and coming back: Onix Tag against a provider over real HTTP."""

from __future__ import annotations

import sqlite3
import threading
import time
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from clients.relying_party.flow import RelyingParty
from clients.relying_party.store import Ended, Session, Store
from tests.clients.conftest import BASE, Browser, settings
from tests.clients.issuer import Issuer, deny
from tests.support.forms import text_of
from tests.support.races import at_once


def asked(answer: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


def test_signed_out_page_offers_both_ways_in(tag: Browser, issuer: Issuer) -> None:
    page = tag.get("/")
    assert page.status_code == 200
    for text in ("Sign in", "Create an account", "Onix Tag for Windows"):
        assert text in page.text
    assert "Opprett en konto" in tag.get("/?lang=nb").text
    assert "Opprett en konto" in tag.get("/").text, "the choice is remembered"
    assert not issuer.calls, "nothing is fetched before it is needed"


def test_authorization_request(tag: Browser) -> None:
    first, second = asked(tag.get("/login")), asked(tag.get("/login?prompt=create"))
    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256" and len(first["code_challenge"]) == 43
    assert first["redirect_uri"] == f"{BASE}/callback"
    assert first["resource"] == "urn:onix:tag"
    assert "prompt" not in first and second["prompt"] == "create"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 40 and first[name] != second[name]


def test_sign_in_opens_the_app_by_token_alone(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    page = tag.get("/")
    assert page.status_code == 200
    for text in ("Kari Nordmann", "Nordic Lift AS", "Onix Tag Standard", "Inspector", "Chain hoist"):
        assert text in page.text
    assert set(issuer.calls) == {"/.well-known/openid-configuration", "/oauth2/jwks", "/oauth2/token"}
    assert issuer.calls["/oauth2/token"] == 1
    for _ in range(5):
        tag.get("/")
    assert sum(issuer.calls.values()) == 3


def test_me_json(tag: Browser, issuer: Issuer) -> None:
    assert tag.get("/me.json").status_code == 401
    tag.sign_in()
    found = tag.get("/me.json").json
    assert found["verdict"]["decision"] == "allow" and "tag:access" in found["verdict"]["privileges"]
    assert found["claims"]["org_id"] == "org-1"
    issuer.organization = deny("license_missing")
    tag.sign_in()
    found = tag.get("/me.json").json
    assert (found["verdict"]["decision"], found["verdict"]["code"]) == ("deny", "license_missing")
    assert found["verdict"]["ask"] == ["Ada Berg"]


def test_cookie_holds_a_handle_and_the_file_no_token(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    handle = tag.cookie("session")
    assert handle and len(handle) == 43
    path = tag.app.extensions["onix_settings"].database
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump())
    rp: RelyingParty = tag.app.extensions["onix_rp"]
    session = rp.store.find_session(handle)
    assert isinstance(session, Session) and session.refresh_token
    for secret in (handle, session.refresh_token, session.id_token, session.nonce):
        assert secret not in dump


def test_cookies_carry_their_port_and_flags(tag: Browser) -> None:
    tag.follow(tag.get("/login"))
    for name in ("session", "browser"):
        cookie = tag.client.get_cookie(f"onix-tag-8001-{name}", domain="localhost")
        assert cookie and cookie.http_only and cookie.same_site == "Lax"


BAD_ANSWERS = {
    "no state": lambda q: q.pop("state"),
    "other state": lambda q: q.update(state=["x" * 43]),
    "two states": lambda q: q.update(state=[q["state"][0], "other"]),
    "no iss": lambda q: q.pop("iss"),
    "other iss": lambda q: q.update(iss=["https://evil.example"]),
    "two iss": lambda q: q.update(iss=[q["iss"][0], "https://evil.example"]),
    "no code": lambda q: q.pop("code"),
    "two codes": lambda q: q.update(code=[q["code"][0], "other"]),
    "unknown code": lambda q: q.update(code=["made-up"]),
    "error of another issuer": lambda q: q.update(error=["access_denied"], iss=["https://evil.example"]),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_bad_answers_sign_nobody_in(tag: Browser, issuer: Issuer, name: str) -> None:
    given = parse_qs(urlsplit(issuer.authorize(tag.get("/login").location)).query)
    BAD_ANSWERS[name](given)
    answer = tag.get("/callback", query_string=given)
    assert answer.status_code == 400
    assert "You were not signed in" in answer.text
    assert tag.cookie("session") is None


def test_an_answer_works_once_and_only_in_its_browser(tag: Browser, issuer: Issuer) -> None:
    callback = issuer.authorize(tag.get("/login").location).removeprefix(BASE)
    stranger = Browser(tag.app, issuer)
    assert stranger.get(callback).status_code == 400
    assert tag.get(callback).status_code == 303
    assert tag.get(callback).status_code == 400
    assert tag.get("/").status_code == 200


def test_two_tabs_sign_in_at_the_same_time(tag: Browser, issuer: Issuer) -> None:
    first, second = tag.get("/login"), tag.get("/login")
    assert tag.follow(first).status_code == 303
    assert tag.follow(second).status_code == 303


TOKEN_LIES = {
    "nonce": ("edit_id", {"nonce": "other"}),
    "id aud": ("edit_id", {"aud": "onix-work"}),
    "at_hash": ("edit_id", {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    "another person": ("edit_access", {"sub": "person-2"}),
    "another session": ("edit_access", {"sid": "sid-2"}),
    "another client": ("edit_access", {"client_id": "onix-work"}),
    "another app": ("edit_access", {"aud": "urn:onix:work"}),
    "run out": ("edit_access", {"exp": 1_000}),
    "not bearer": ("edit_answer", {"token_type": "DPoP"}),
    "no id token": ("edit_answer", {"id_token": None}),
    "no access token": ("edit_answer", {"access_token": ""}),
    "id token as access token": ("edit_answer", {"access_token": "x.y.z"}),
}


@pytest.mark.parametrize("name", TOKEN_LIES)
def test_lying_tokens_sign_nobody_in(tag: Browser, issuer: Issuer, name: str) -> None:
    hook, change = TOKEN_LIES[name]
    setattr(issuer, hook, lambda body: body.update(change))
    answer = tag.follow(tag.get("/login"))
    assert answer.status_code == 400
    assert tag.cookie("session") is None


def test_cancelled_sign_in_gets_a_kind_page(tag: Browser, issuer: Issuer) -> None:
    issuer.authorize_error = "access_denied"
    answer = tag.follow(tag.get("/login"))
    assert answer.status_code == 403 and "Try again" in answer.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("iss={issuer}&login_hint=kari@demo.example&target_link_uri={base}/windows&organization=nordic-lift", 303),
        ("iss=https://evil.example", 400),
        ("target_link_uri=https://evil.example/", 400),
        ("target_link_uri=//evil.example/", 400),
        ("target_link_uri=/%5Cevil.example", 400),
        ("target_link_uri={base}.evil.example/", 400),
        ("target_link_uri=javascript:alert(1)", 400),
        ("target_link_uri=http://[", 400),
        ("target_link_uri=/callback", 400),
        ("target_link_uri=/&target_link_uri=/windows", 400),
    ],
)
def test_third_party_initiated_login(tag: Browser, issuer: Issuer, query: str, status: int) -> None:
    answer = tag.get("/login?" + query.format(issuer=issuer.issuer, base=BASE))
    assert answer.status_code == status
    if status == 303:
        request = asked(answer)
        assert (request["login_hint"], request["organization"]) == ("kari@demo.example", "nordic-lift")
        assert tag.follow(answer).location == "/windows"


def test_login_may_be_posted(tag: Browser, issuer: Issuer) -> None:
    answer = tag.post("/login", {"iss": issuer.issuer, "login_hint": "kari@demo.example"})
    assert answer.status_code == 303 and asked(answer)["login_hint"] == "kari@demo.example"


# staying in


def test_refresh_on_demand_shows_todays_truth(tag: Browser, issuer: Issuer, later: Any) -> None:
    tag.sign_in()
    issuer.organization = deny("license_missing")
    refreshing(issuer)
    later(270)
    assert tag.get("/").status_code == 200
    assert issuer.calls["/oauth2/token"] == 1
    later(301)
    page = tag.get("/")
    assert page.status_code == 403
    for text in ("You don't have access to Nordic Lift AS from this app.", "The cause.", "The remedy.", "Ada Berg"):
        assert text.replace("'", "&#39;") in page.text
    assert issuer.calls["/oauth2/token"] == 2


def refreshing(issuer: Issuer) -> None:
    """Let refreshed tokens outlive the moved clock."""
    issuer.edit_access = lambda claims: claims.update(exp=claims["iat"] + 3000)
    issuer.edit_id = lambda claims: claims.update(exp=claims["iat"] + 3000)


def test_refresh_is_single_flight_across_threads_and_processes(
    tag: Browser, issuer: Issuer, later: Any, tmp_path: Any
) -> None:
    """Two instances of the kit over one file stand for two processes; many threads ask at once."""
    tag.sign_in()
    handle = tag.cookie("session")
    refreshing(issuer)
    issuer.pause = lambda: time.sleep(0.3)
    later(301)
    first: RelyingParty = tag.app.extensions["onix_rp"]
    second = RelyingParty(first.client, Store(first.store.path))
    results = at_once([partial(rp.current, handle) for rp in (first, second) for _ in range(10)])
    assert all(isinstance(result, Session) for result in results)
    assert {result.version for result in results} == {2}
    assert issuer.calls["/oauth2/token"] == 2


def test_failed_refresh_is_shared_too(
    tag: Browser, issuer: Issuer, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.relying_party.flow.FAILURE_PAUSE", 60.0)
    tag.sign_in()
    issuer.pause = lambda: time.sleep(0.2)
    issuer.token_error = (503, {"error": "temporarily_unavailable"})
    later(301)
    handle = tag.cookie("session")

    def ask() -> int:
        client = tag.app.test_client()
        client.set_cookie("onix-tag-8001-session", str(handle), domain="localhost")
        return client.get("/", base_url=BASE).status_code

    assert at_once([ask] * 8) == [503] * 8
    assert issuer.calls["/oauth2/token"] == 2


def test_provider_stopped_open_until_exp_and_never_after(tag: Browser, issuer: Issuer, later: Any) -> None:
    tag.sign_in()
    issuer.stop()
    later(270)
    assert tag.get("/").status_code == 200
    assert tag.get("/me.json").status_code == 200
    for seconds in (301, 10_000):
        later(seconds)
        page = tag.get("/")
        assert page.status_code == 503 and "sign-in service" in page.text and page.headers["Retry-After"]
        assert "Chain hoist" not in page.text
        assert tag.get("/me.json").status_code == 503
        assert tag.post("/equipment", {"number": "X"}).status_code == 503


def test_provider_back_the_session_goes_on(tag: Browser, issuer: Issuer, later: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("clients.relying_party.flow.FAILURE_PAUSE", 0.0)
    tag.sign_in()
    port = issuer.server.server_port
    issuer.stop()
    later(301)
    assert tag.get("/").status_code == 503
    refreshing(issuer)
    issuer.start(port)
    assert tag.get("/").status_code == 200


def test_withdrawn_refresh_token_leads_to_a_silent_sign_in(tag: Browser, issuer: Issuer, later: Any) -> None:
    tag.sign_in()
    issuer.refresh_tokens.clear()
    later(301)
    refreshing(issuer)
    answer = tag.get("/")
    assert answer.status_code == 303
    request = asked(answer)
    assert (request["prompt"], request["organization"]) == ("none", "org-1")
    assert tag.follow(answer).status_code == 303
    assert tag.get("/").status_code == 200


def test_signed_out_at_the_provider_ends_on_the_signed_out_page(tag: Browser, issuer: Issuer, later: Any) -> None:
    tag.sign_in()
    issuer.refresh_tokens.clear()
    later(301)
    issuer.authorize_error = "login_required"
    assert tag.follow(tag.get("/")).location == "/signed-out"
    assert tag.cookie("session") is None
    page = tag.get(tag.get("/signed-out").location)
    assert page.status_code == 200 and "You have been signed out." in page.text


def test_silent_sign_in_that_needs_the_person_asks_the_person(tag: Browser, issuer: Issuer, later: Any) -> None:
    tag.sign_in()
    issuer.refresh_tokens.clear()
    later(301)
    issuer.authorize_error = "interaction_required"
    again = tag.follow(tag.get("/"))
    assert again.status_code == 303 and "prompt" not in asked(again)


def test_refresh_that_lies_ends_the_session(tag: Browser, issuer: Issuer, later: Any) -> None:
    tag.sign_in()
    later(301)
    refreshing(issuer)
    issuer.sub = "person-2"
    assert asked(tag.get("/"))["prompt"] == "none"


def test_refresh_for_another_organization(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    rp: RelyingParty = tag.app.extensions["onix_rp"]
    session = rp.store.find_session(str(tag.cookie("session")))
    assert isinstance(session, Session)
    issuer.organization = {**issuer.organization, "org_id": "org-2", "org_name": "Breim Kran AS"}
    changed = rp.refresh(session, organization="breim-kran")
    assert isinstance(changed, Session) and changed.access["org_name"] == "Breim Kran AS"
    assert issuer.seen[-1][1]["organization"] == "breim-kran"


# being put out


def logout(tag: Browser, token: str, **more: Any) -> Any:
    return Browser(tag.app, tag.issuer).post("/backchannel-logout", {"logout_token": token}, **more)


def test_backchannel_logout_ends_matching_sessions_at_once(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    other = Browser(tag.app, issuer)
    issuer.sid = "sid-2"
    other.sign_in()
    assert logout(tag, issuer.logout_token(sid="sid-1")).status_code == 200
    assert tag.get("/me.json").status_code == 401
    assert other.get("/me.json").status_code == 200
    assert logout(tag, issuer.logout_token(sid=None)).status_code == 200
    assert other.get("/me.json").status_code == 401


def test_logout_of_another_person_ends_nothing(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    assert logout(tag, issuer.logout_token(sid=None, sub="person-2")).status_code == 200
    assert logout(tag, issuer.logout_token(sid="sid-1", sub="person-2")).status_code == 200
    assert tag.get("/me.json").status_code == 200


def test_a_logout_token_works_once(tag: Browser, issuer: Issuer) -> None:
    token = issuer.logout_token()
    assert logout(tag, token).status_code == 200
    tag.sign_in()
    assert logout(tag, token).status_code == 400
    assert tag.get("/me.json").status_code == 200


def test_bad_logout_requests(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    for data in ({}, {"logout_token": ""}, {"logout_token": ["a.b.c", "a.b.c"]}, {"logout_token": "a.b.c"}):
        answer = tag.post("/backchannel-logout", data)
        assert answer.status_code == 400 and answer.json["error"] == "invalid_request"
        assert answer.headers["Cache-Control"] == "no-store"
    assert logout(tag, issuer.sign(issuer.id_claims(), "JWT")).status_code == 400
    assert tag.post("/backchannel-logout", json={"logout_token": issuer.logout_token()}).status_code == 400
    assert tag.get("/backchannel-logout").status_code == 405
    assert tag.get("/me.json").status_code == 200


def test_after_a_logout_for_a_changed_verdict_the_new_truth_shows(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    issuer.organization = deny("privilege_missing")
    assert logout(tag, issuer.logout_token()).status_code == 200
    answer = tag.get("/")
    assert asked(answer)["prompt"] == "none"
    assert tag.follow(answer).location == "/"
    assert tag.get("/").status_code == 403


def test_post_after_logout_changes_nothing(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    token = tag.csrf()
    assert logout(tag, issuer.logout_token()).status_code == 200
    form = {"csrf_token": token, "number": "X-1", "name": "Hook", "location": "Quay"}
    assert tag.post("/equipment", form).status_code == 303
    tag.sign_in()
    assert "X-1" not in text_of(tag.get("/"))


def test_logout_overtakes_a_refresh_under_way(tag: Browser, issuer: Issuer, later: Any) -> None:
    tag.sign_in()
    refreshing(issuer)
    asked_for, answers = threading.Event(), threading.Event()
    issuer.pause = lambda: (asked_for.set(), answers.wait(60))
    later(301)
    rp: RelyingParty = tag.app.extensions["onix_rp"]
    handle = str(tag.cookie("session"))
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(rp.current(handle)))
    thread.start()
    assert asked_for.wait(60)
    token = issuer.logout_token(exp=9_000_000_000)
    assert logout(tag, token).status_code == 200
    assert not found, "the refresh is still under way"
    answers.set()
    thread.join(60)
    assert isinstance(found[0], Ended)
    assert isinstance(rp.store.find_session(handle), Ended)


def test_logout_overtakes_a_sign_in_under_way(tag: Browser, issuer: Issuer) -> None:
    begun = tag.get("/login")
    issuer.edit_id = lambda claims: claims.update(iat=claims["iat"] - 10)
    assert logout(tag, issuer.logout_token()).status_code == 200
    again = tag.follow(begun)
    assert again.status_code == 303 and again.location.startswith(issuer.issuer)
    assert tag.cookie("session") is None


# denial pages


def test_denial_page_rechecks_by_itself(tag: Browser, issuer: Issuer, later: Any) -> None:
    issuer.organization = deny("seat_limit_reached")
    tag.sign_in()
    page = tag.get("/")
    assert page.status_code == 403
    assert 'http-equiv="refresh"' in page.text and "kit/recheck.js" in page.text
    url = page.text.split('data-url="', 1)[1].split('"', 1)[0]
    assert tag.get(url).json == {"changed": False}
    later(3)
    assert tag.get(url).json == {"changed": False}
    issuer.organization = Issuer().organization
    later(6)
    assert tag.get(url).json == {"changed": True}
    assert tag.get("/").status_code == 200


def test_recheck_with_the_provider_stopped_keeps_the_old_truth(tag: Browser, issuer: Issuer, later: Any) -> None:
    issuer.organization = deny("contact_only")
    tag.sign_in()
    issuer.stop()
    later(10)
    assert tag.get("/").status_code == 403
    later(400)
    assert tag.get("/").status_code == 503
    assert tag.get("/recheck").status_code == 503


def test_denials_without_organization_name_none(tag: Browser, issuer: Issuer) -> None:
    issuer.organization = deny("no_organization", organization=False)
    tag.sign_in()
    page = tag.get("/")
    assert page.status_code == 403 and "You don&#39;t have access to any organization" in page.text
    assert "Nordic Lift" not in page.text


def test_what_people_typed_is_text(tag: Browser, issuer: Issuer) -> None:
    issuer.organization = deny("license_missing", ask=["<script>alert(1)</script>"], reason_user="<b>bold</b>")
    issuer.organization["org_name"] = "<img src=x>"
    tag.sign_in()
    page = tag.get("/").text
    assert "<script>alert" not in page and "<b>bold" not in page and "<img src=x>" not in page


# signing out


def test_sign_out_here_and_at_the_provider(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    assert tag.post("/logout").status_code == 400, "a form without its proof"
    assert tag.get("/me.json").status_code == 200
    answer = tag.post("/logout", {"csrf_token": tag.csrf("/logout")})
    assert answer.status_code == 303 and answer.location.startswith(f"{issuer.issuer}/oauth2/logout?")
    given = asked(answer)
    assert given["post_logout_redirect_uri"] == f"{BASE}/" and given["client_id"] == "onix-tag"
    assert given["id_token_hint"].count(".") == 2
    assert tag.get("/me.json").status_code == 401
    assert "You have been signed out." in tag.get("/").text, "told once, on coming back"
    assert "You have been signed out." not in tag.get("/").text
    assert tag.get("/logout").location == "/?signed_out=1"


def test_language_follows_the_account_until_chosen(tag: Browser, issuer: Issuer) -> None:
    """The browser's language is not asked for: in the token it would stand above the account's, and a denial would
    speak two languages."""
    issuer.edit_id = lambda claims: claims.update(locale="nb-NO")
    assert "ui_locales" not in asked(tag.get("/login"))
    tag.sign_in()
    assert "Tilgangen din" in tag.get("/").text
    assert "Your access" in tag.get("/?lang=en").text
    assert asked(tag.get("/login"))["ui_locales"] == "en"
    assert asked(tag.get("/login?lang=nb"))["ui_locales"] == "nb"


def test_security_headers(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    for path in ("/", "/me.json", "/windows", "/nowhere", "/logout"):
        headers = tag.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
    for path in ("/", "/windows"):
        page = tag.get(path).text
        assert "<style" not in page and " style=" not in page and "<script>" not in page and " onclick" not in page


def test_other_host_names_lead_home(tag: Browser) -> None:
    answer = tag.client.get("/login", base_url="http://127.0.0.1:8001")
    assert (answer.status_code, answer.location) == (307, f"{BASE}/login")
    assert tag.client.post("/logout", base_url="http://evil.example").status_code == 400
    assert tag.client.get("/healthz/live", base_url="http://127.0.0.1:8001").json == {"status": "ok"}


def test_cookies_over_tls_are_host_bound(issuer: Issuer, tmp_path: Any) -> None:
    from clients.tag.app import create_app

    app = create_app(settings(issuer, tmp_path, base_url="https://tag.example"))
    answer = app.test_client().get("/login", base_url="https://tag.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-") and "Secure" in cookie and "Path=/" in cookie
    assert "max-age" in answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize(("language", "words"), [("en", "Ask for access"), ("nb", "Be om tilgang")])
def test_a_denied_person_asks_at_the_provider(tag: Browser, issuer: Issuer, language: str, words: str) -> None:
    """With the organization where the token names it; where nobody can be asked there is no button."""
    for code, named, asked in (
        ("license_missing", True, "&amp;organization=org-1"),
        ("contact_only", False, ""),
        ("no_organization", False, None),
    ):
        issuer.organization = deny(code, organization=named)
        tag.sign_in(f"/login?lang={language}")
        page = tag.get(f"/?lang={language}").text
        link = f'href="{issuer.issuer}/access/request?app=tag{asked}">{words}</a>'
        assert (link in page) == (asked is not None), code
        assert ("/access/request" in page) == (asked is not None), code
