"""RFC 6749 §3.1, §4.1.1, §4.1.2.1: what the authorization endpoint takes, refuses, and where it says so."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import func, select

from idp.kernel.database import db
from idp.oidc.models import Consent
from tests.specs.person import CALLBACK, answer_of, reason_of
from tests.support.databases import one_database

pytestmark = pytest.mark.usefixtures("family", "person")

HOSTILE = ['"', "\\", "é", "<script>alert(1)</script>", "\r\nSet-Cookie: a=b", "\t", "%00", "a" * 9000, "\u2028", "'"]


def test_get_and_post_are_treated_alike(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    response = browser.http.post("/oauth2/authorize", data=browser.parameters(state="posted"))
    assert response.status_code == 303
    assert answer_of(browser.follow(response))["state"] == "posted"


def test_a_post_from_another_site_sets_no_cookie_and_is_taken_up_by_the_browsers_own_get(
    app: Any, browser_of: Any, person: Any
) -> None:
    """SameSite=Lax: the posting browser sends no cookie, and must not lose its session for it (security P22)."""
    browser = browser_of().signed_in(person)
    headers = {"Origin": "https://rp.example", "Sec-Fetch-Site": "cross-site"}
    response = app.test_client().post("/oauth2/authorize", data=browser.parameters(), headers=headers)
    assert response.status_code == 303 and "Set-Cookie" not in response.headers
    assert answer_of(browser.follow(response))["code"]
    late = browser_of().signed_in(person)
    assert reason_of(late.http.get(response.headers["Location"])) == "request_expired"


def test_faults_of_a_post_are_answered_at_once(browser_of: Any) -> None:
    browser = browser_of()
    answer = answer_of(browser.http.post("/oauth2/authorize", data=browser.parameters(response_type="token")))
    assert answer["error"] == "unsupported_response_type"
    page = browser.http.post("/oauth2/authorize", data=browser.parameters(client_id="nobody"))
    assert reason_of(page) == "client_unknown"


def test_an_unknown_client_gets_a_page_and_no_redirect(browser_of: Any) -> None:
    """Conformance 21, 22; security R01."""
    for client_id in ("nobody", "", None, "x" * 500, *HOSTILE):
        page = browser_of().ask(client_id=client_id)
        assert reason_of(page) in ("client_unknown", "client_missing"), client_id
        assert "client_id" in page.get_data(as_text=True)
        assert b"<script>alert" not in page.data


def test_an_unregistered_redirect_uri_gets_a_page_and_no_redirect(browser_of: Any) -> None:
    """Conformance 18, 19."""
    for redirect_uri in (
        None, "", CALLBACK + "/", CALLBACK + "?a=b", CALLBACK + "#f", "https://RP.example/callback",
        "https://rp.example/other", "https://evil.example/callback", "javascript:alert(1)", CALLBACK + " ", *HOSTILE,
    ):  # fmt: skip
        page = browser_of().ask(redirect_uri=redirect_uri)
        assert reason_of(page) in ("redirect_uri_unknown", "redirect_uri_missing"), redirect_uri
        assert "redirect_uri" in page.get_data(as_text=True)


def test_a_disabled_client_is_an_unknown_one(app: Any, browser_of: Any, person: Any) -> None:
    from idp.kernel.database import unit_of_work
    from idp.oidc.clients import disable_client

    browser = browser_of().signed_in(person)
    answer_of(browser.ask())
    with app.app_context(), unit_of_work():
        disable_client("tag-web")
    assert reason_of(browser.ask()) == "client_unknown"
    assert reason_of(browser_of().ask()) == "client_unknown"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_or_redirect_uri_gets_a_page(browser_of: Any, name: str) -> None:
    browser = browser_of()
    parameters = browser.parameters()
    page = browser.http.get(f"/oauth2/authorize?{urlencode(parameters)}&{name}={quote(parameters[name])}")
    assert reason_of(page) == "repeated"


@one_database  # judged by the text alone
@pytest.mark.parametrize("name", ["response_type", "scope", "state", "nonce", "prompt", "code_challenge", "max_age"])
def test_other_repeated_parameters_are_refused(browser_of: Any, name: str) -> None:
    browser = browser_of()
    query = urlencode({**browser.parameters(nonce="n", prompt="login", max_age="5")}) + f"&{name}=x"
    answer = answer_of(browser.http.get(f"/oauth2/authorize?{query}"))
    assert answer["error"] == "invalid_request"


@one_database  # judged by the text alone
@pytest.mark.parametrize(
    ("response_type", "error"),
    [
        (None, "invalid_request"), ("", "invalid_request"), ("token", "unsupported_response_type"),
        ("id_token", "unsupported_response_type"), ("code token", "unsupported_response_type"),
        ("code id_token", "unsupported_response_type"), ('co"de', "unsupported_response_type"),
        ("ødelagt", "unsupported_response_type"), ("none", "unsupported_response_type"),
    ],
)  # fmt: skip
def test_response_types(browser_of: Any, response_type: str | None, error: str, statements: Any) -> None:
    with statements() as seen:
        answer = answer_of(browser_of().ask(response_type=response_type, state="s"))
    assert (answer["error"], answer["state"]) == (error, "s")
    assert seen.commits == 0


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ],
)
def test_request_objects_and_registration_are_refused_with_their_registered_errors(
    browser_of: Any, person: Any, name: str, error: str
) -> None:
    assert answer_of(browser_of().signed_in(person).ask(**{name: "eyJhbGciOiJub25lIn0.e30."}))["error"] == error


@pytest.mark.parametrize("name", ["state", "nonce", "login_hint", "scope", "ui_locales", "display", "acr_values",
                                  "claims_locales", "organization", "prompt", "max_age", "claims", "resource",
                                  "response_mode", "response_type", "code_challenge", "code_challenge_method",
                                  "id_token_hint", "made_up"])  # fmt: skip
def test_no_input_makes_a_server_error(browser_of: Any, person: Any, name: str) -> None:
    for value in HOSTILE:
        browser = browser_of()
        response = browser.follow(browser.ask(**{name: value}))
        assert response.status_code < 500, value
        location = response.headers.get("Location", "")
        assert location.isascii() and "\n" not in location
        if location:
            answer = answer_of(response)
            assert all(" " <= c <= "~" and c not in '"\\' for c in answer.get("error_description", ""))


@pytest.mark.parametrize("state", ["x" * 2000, 'a b"<ü&=+%20', "¿", "{}\\", "a\r\nb", "😀"])
def test_state_comes_back_unchanged(browser_of: Any, person: Any, state: str) -> None:
    browser = browser_of().signed_in(person)
    assert answer_of(browser.ask(state=state))["state"] == state
    assert answer_of(browser.ask(state=state, response_type="token"))["state"] == state


@pytest.mark.parametrize("name", ["state", "nonce"])
def test_what_is_no_text_is_refused_and_never_comes_back_changed(browser_of: Any, person: Any, name: str) -> None:
    """23, 33: bytes that are not UTF-8 have no characters to give back."""
    browser = browser_of().signed_in(person)
    query = urlencode(browser.parameters(state=None))
    form = "application/x-www-form-urlencoded"
    for value in ("%FF", "a%ED%A0%80b", "%C3", "\xff"):
        asked = f"{query}&{name}={value}"
        posted = browser.http.post("/oauth2/authorize", data=asked.encode("latin-1"), content_type=form)
        read = browser.http.get("/oauth2/authorize?" + asked) if value.isascii() else posted
        for page in (posted, read):
            assert page.status_code == 400 and "Location" not in page.headers, value
    for kind in ("multipart/form-data; boundary=x", "text/plain", "application/json"):
        values = browser.parameters(**{name: "x"})
        parts = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in values.items()
        )
        page = browser.http.post("/oauth2/authorize", data=f"{parts}--x--\r\n", content_type=kind)
        assert page.status_code == 400 and "Location" not in page.headers, "Core §3.1.2.1, §13.2: urlencoded alone"
        assert "application/x-www-form-urlencoded" in page.text
    text = f"{query}&{name}=%C3%A6%25FF"
    posted = browser.http.post("/oauth2/authorize", data=text, content_type=form)
    for answer in (answer_of(browser.http.get("/oauth2/authorize?" + text)), answer_of(browser.follow(posted))):
        assert answer["code"] and answer.get("state", "æ%FF") == "æ%FF"


def test_without_state_there_is_none(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    assert set(answer_of(browser.ask(state=None))) == {"code", "iss"}
    assert set(answer_of(browser.ask(state=None, response_type="token"))) == {"error", "error_description", "iss"}


def test_unknown_parameters_and_scopes_and_their_order_make_no_difference(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    assert answer_of(browser.ask(scope="made-up profile openid openid", vendor_thing="1", display="wap"))["code"]
    query = urlencode(list(reversed(browser.parameters().items())))
    assert answer_of(browser.http.get("/oauth2/authorize?" + query))["code"]


def test_the_redirect_uri_keeps_its_own_query(browser_of: Any, person: Any, world: Any) -> None:
    uri = "https://rp.example/cb?tenant=a%20b&x="
    world.client("Query", app_id="tag", redirect_uris=[uri], client_id="query")
    response = browser_of("query", redirect_uri=uri).signed_in(person).ask()
    assert response.headers["Location"].startswith(uri + "&code=")


def test_the_code_leaves_no_trace(browser_of: Any, person: Any) -> None:
    """Security R09, P24."""
    response = browser_of().signed_in(person).ask()
    assert response.status_code == 303
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"


def test_other_methods_are_refused(browser_of: Any) -> None:
    assert browser_of().http.put("/oauth2/authorize").status_code == 405


@pytest.mark.parametrize("port", ["", ":1", ":49152", ":65535"])
def test_a_native_client_returns_to_any_loopback_port(browser_of: Any, person: Any, world: Any, port: str) -> None:
    """RFC 8252 §7.3."""
    world.client("Desktop", kind="native", app_id="tag", redirect_uris=["http://127.0.0.1/callback"], client_id="desk")
    uri = f"http://127.0.0.1{port}/callback"
    browser = browser_of("desk", redirect_uri=uri)
    assert answer_of(browser.sign_in(browser.follow(browser.ask()), person), uri)["code"], "it was signed in for"
    for no_port in ("65536", "99999", "٨٠", "80\n"):
        refused = browser.ask(redirect_uri=f"http://127.0.0.1:{no_port}/callback", response_type="token")
        assert reason_of(refused) == "redirect_uri_unknown"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5/callback", "com.example.desk:/callback"])
def test_whoever_listens_on_the_device_gets_nothing_without_the_person(
    app: Any, browser_of: Any, person: Any, world: Any, uri: str
) -> None:
    """RFC 8252 §8.6: any program, and any other user of the machine, may claim to be a native client and send a browser
    here; a live session answers no such request by itself, today or tomorrow."""
    redirect_uris = ["http://127.0.0.1/callback", "com.example.desk:/callback", "https://desk.example/callback"]
    world.client("Desktop", kind="native", app_id="tag", redirect_uris=redirect_uris, client_id="desk")
    browser = browser_of("desk", redirect_uri=uri).signed_in(person)
    assert answer_of(browser.ask(prompt="none"), uri)["error"] == "interaction_required"
    for _again in range(2):
        page = browser.follow(browser.ask())
        assert page.status_code == 200 and "A program on this device is asking" in page.text and "Desktop" in page.text
        assert answer_of(browser.follow(browser.press(page, "/consent", answer="allow")), uri)["code"]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Consent)) == 0
    page = browser.follow(browser.ask())
    assert answer_of(browser.follow(browser.press(page, "/consent", answer="deny")), uri)["error"] == "access_denied"
    claimed = browser_of("desk", redirect_uri="https://desk.example/callback").signed_in(person)
    assert answer_of(claimed.ask(), "https://desk.example/")["code"], "an https address is somebody's"


@one_database  # judged by the text alone
@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:80/other", "http://localhost:5000/callback", "http://127.0.0.2:5/callback",
        "http://127.0.0.1:5@evil.example/callback", "http://127.0.0.1:5/callback?x=1",
    ],
)  # fmt: skip
def test_a_native_client_returns_nowhere_else(browser_of: Any, world: Any, uri: str) -> None:
    world.client("Desktop", kind="native", app_id="tag", redirect_uris=["http://127.0.0.1/callback"], client_id="desk")
    assert reason_of(browser_of("desk", redirect_uri=uri).ask()) == "redirect_uri_unknown"


def test_a_web_client_has_no_free_port(browser_of: Any, world: Any) -> None:
    world.client("Web", app_id="tag", redirect_uris=["http://127.0.0.1/callback"], client_id="web")
    assert reason_of(browser_of("web", redirect_uri="http://127.0.0.1:5/callback").ask()) == "redirect_uri_unknown"


def test_a_machine_has_no_way_in(browser_of: Any, world: Any) -> None:
    world.client("Machine", kind="machine", client_id="machine")
    assert reason_of(browser_of("machine").ask()) == "redirect_uri_unknown"


def test_head_issues_nothing(browser_of: Any, person: Any, statements: Any) -> None:
    """A scanner or a prefetching proxy asks with HEAD; only a GET is a person on the way."""
    browser = browser_of().signed_in(person)
    query = urlencode(browser.parameters())
    with statements() as seen:
        answer = browser.http.head(f"/oauth2/authorize?{query}")
    assert answer.status_code == 200 and not answer.data and "Location" not in answer.headers
    assert seen.commits == 0 and "INSERT" not in str(seen)
    assert browser.http.head("/oauth2/logout").status_code == 200
    assert answer_of(browser.http.get(f"/oauth2/authorize?{query}"))["code"]
