"""OpenID Connect RP-Initiated Logout 1.0 (conformance 87 to 95, security P12)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from idp.kernel.secrets import sign_link
from idp.oidc.endpoints import end_session
from tests.specs.core_authorize.test_prompt import tokens_of
from tests.specs.person import CALLBACK, SECRET, answer_of, reason_of
from tests.support.forms import text_of

AFTER = "https://rp.example/after"


@pytest.fixture(autouse=True)
def clients(world: Any) -> None:
    world.client("Tag", app_id="tag", redirect_uris=[CALLBACK], client_id="tag-web", secret=SECRET,
                 post_logout_redirect_uris=[AFTER, AFTER + "?a=b"])  # fmt: skip


@pytest.fixture
def browser(browser_of: Any, person: Any) -> Any:
    return browser_of().signed_in(person)


@pytest.fixture
def hint(browser: Any) -> str:
    return tokens_of(browser, answer_of(browser.ask()))["id_token"]  # type: ignore[no-any-return]


def leave(browser: Any, **values: str) -> Any:
    return browser.http.get("/oauth2/logout?" + urlencode(values))


def signed_out(browser: Any) -> bool:
    return answer_of(browser.ask(prompt="none")).get("error") == "login_required"


def asked(page: Any) -> bool:
    return page.status_code == 200 and 'id="logout-form"' in page.get_data(as_text=True)


def test_a_genuine_hint_of_this_session_ends_it_and_goes_where_it_was_asked(browser: Any, hint: str) -> None:
    response = leave(browser, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="a b&c")
    assert response.status_code == 303
    assert response.headers["Location"] == AFTER + "?state=a+b%26c"
    assert signed_out(browser)


def test_without_state_none_is_added_and_a_query_stays(browser: Any, hint: str) -> None:
    response = leave(browser, id_token_hint=hint, post_logout_redirect_uri=AFTER + "?a=b")
    assert response.headers["Location"] == AFTER + "?a=b"


def test_an_expired_hint_is_fine(browser: Any, hint: str, clock: Any) -> None:
    clock.advance(3600)
    assert leave(browser, id_token_hint=hint, post_logout_redirect_uri=AFTER).headers["Location"] == AFTER
    assert signed_out(browser)


def test_by_post_the_browsers_own_get_does_it_and_no_token_stands_in_our_addresses(
    app: Any, browser: Any, hint: str
) -> None:
    response = app.test_client().post(
        "/oauth2/logout", data={"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "s"},
        headers={"Origin": "https://rp.example", "Sec-Fetch-Site": "cross-site"},
    )  # fmt: skip
    assert response.status_code == 303 and "Set-Cookie" not in response.headers
    assert hint not in response.headers["Location"]
    assert browser.http.get(response.headers["Location"]).headers["Location"] == AFTER + "?state=s"
    assert signed_out(browser)


@pytest.mark.parametrize("target", ["https://rp.example/other", AFTER + "?x=1", AFTER + "/", "https://evil.example/",
                                    "javascript:alert(1)"])  # fmt: skip
def test_an_unregistered_address_is_an_error_page_and_nothing_ends(browser: Any, hint: str, target: str) -> None:
    assert reason_of(leave(browser, id_token_hint=hint, post_logout_redirect_uri=target)) == "redirect_uri"
    assert reason_of(leave(browser, client_id="tag-web", post_logout_redirect_uri=target)) == "redirect_uri"
    assert not signed_out(browser)


def test_hints_that_are_not_ours_are_an_error_page_and_nothing_ends(browser: Any, hint: str) -> None:
    header, body, signature = hint.split(".")
    for bad in (f"{header}.{body}.{signature[::-1]}", f"eyJhbGciOiJub25lIn0.{body}.", "x", "æ", "a.b.c", "x" * 9000):
        page = leave(browser, id_token_hint=bad, post_logout_redirect_uri=AFTER)
        assert reason_of(page) == "hint"
    assert not signed_out(browser)


def test_an_access_token_is_no_hint(browser: Any) -> None:
    token = tokens_of(browser, answer_of(browser.ask()))["access_token"]
    assert reason_of(leave(browser, id_token_hint=token)) == "hint"


def test_a_hint_of_another_persons_session_is_asked_about(browser: Any, hint: str, browser_of: Any, world: Any) -> None:
    other = browser_of().signed_in(world.user(app="tag"))
    page = leave(other, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert asked(page) and not signed_out(other)
    response = other.press(page, "/logout/confirm")
    assert response.headers["Location"] == AFTER and signed_out(other)


def test_a_hint_of_an_earlier_session_of_the_same_person_is_asked_about(
    browser: Any, hint: str, browser_of: Any, person: Any
) -> None:
    other = browser_of().signed_in(person)
    assert asked(leave(other, id_token_hint=hint)) and not signed_out(other) and not signed_out(browser)


def test_without_a_hint_the_person_is_asked_and_ends_on_the_signed_out_page(browser: Any) -> None:
    for values in ({}, {"state": "s"}, {"post_logout_redirect_uri": AFTER, "state": "s"}, {"logout_hint": "x"},
                   {"ui_locales": "nb xx"}):  # fmt: skip
        assert asked(leave(browser, **values)) and not signed_out(browser)
    response = browser.press(leave(browser, post_logout_redirect_uri=AFTER, state="s"), "/logout/confirm")
    assert response.headers["Location"] == "/oauth2/logged-out"
    page = browser.http.get(response.headers["Location"])
    assert page.status_code == 200 and 'id="logged-out"' in page.get_data(as_text=True)
    assert signed_out(browser)


def test_a_client_that_was_disabled_signs_out_and_leads_nowhere(app: Any, browser: Any, hint: str) -> None:
    from idp.kernel.database import unit_of_work
    from idp.oidc.clients import disable_client

    with app.app_context(), unit_of_work():
        disable_client("tag-web")
    response = leave(browser, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="s")
    assert (response.status_code, response.headers["Location"]) == (303, "/oauth2/logged-out")
    assert browser.http.get("/", follow_redirects=False).headers["Location"].startswith("/login")


def test_ui_locales_choose_the_language_up_to_the_signed_out_page(browser: Any, hint: str) -> None:
    """94; §2."""
    pages = [browser.follow(leave(browser, ui_locales="tlh nb"))]
    pages += [browser.follow(browser.http.post("/oauth2/logout", data={"ui_locales": "nb"}))]
    pages += [browser.follow(leave(browser, id_token_hint=hint, ui_locales="nb"))]
    assert [page.request.path.rpartition("/")[2] for page in pages] == ["logout", "confirm", "logged-out"]
    assert all('<html lang="nb"' in page.get_data(as_text=True) for page in pages)
    assert '<html lang="en"' in browser.http.get("/oauth2/logged-out").get_data(as_text=True)


def test_with_a_client_id_the_person_is_asked_and_then_sent_on(browser: Any) -> None:
    page = leave(browser, client_id="tag-web", post_logout_redirect_uri=AFTER, state="s")
    assert asked(page) and "Tag" in text_of(page)
    assert "form-action 'self' https://rp.example;" in page.headers["Content-Security-Policy"]
    assert browser.press(page, "/logout/confirm").headers["Location"] == AFTER + "?state=s"
    assert signed_out(browser)


def test_a_client_id_that_does_not_fit_the_hint_is_an_error_page(browser: Any, hint: str, partner: Any) -> None:
    assert reason_of(leave(browser, id_token_hint=hint, client_id="partner")) == "client"
    assert reason_of(leave(browser, client_id="nobody")) == "client"
    assert not signed_out(browser)


def test_nobody_signed_in_goes_on_only_with_a_genuine_hint(browser_of: Any, hint: str) -> None:
    nobody = browser_of()
    assert leave(nobody, id_token_hint=hint, post_logout_redirect_uri=AFTER).headers["Location"] == AFTER
    for values in ({}, {"client_id": "tag-web", "post_logout_redirect_uri": AFTER}):
        assert leave(nobody, **values).headers["Location"] == "/oauth2/logged-out"


def test_repeated_parameters_are_refused(browser: Any, hint: str) -> None:
    query = urlencode([("id_token_hint", hint), ("state", "a"), ("state", "b")])
    assert reason_of(browser.http.get("/oauth2/logout?" + query)) == "repeated"


def test_a_wish_cannot_be_made_up(browser: Any) -> None:
    for request in ("", "x", "e30.x.y", "é"):
        assert reason_of(browser.http.get("/oauth2/logout/confirm?" + urlencode({"request": request}))) == "expired"
    form = {"request": "x"}
    assert browser.http.post("/oauth2/logout/confirm", data=form).status_code == 400
    assert not signed_out(browser)


def test_a_wish_that_another_release_has_signed_is_understood(app: Any, browser: Any) -> None:
    with app.app_context():
        wish = sign_link(end_session.PURPOSE, {"client_id": "tag-web", "target": AFTER, "theme": "dark"})
    page = browser.http.get("/oauth2/logout/confirm?" + urlencode({"request": wish}))
    assert browser.press(page, "/logout/confirm").headers["Location"] == AFTER
    assert signed_out(browser)


def test_the_end_of_the_session_ends_its_online_grants(browser: Any, hint: str) -> None:
    """Conformance 95."""
    online = tokens_of(browser, answer_of(browser.ask()))
    offline = tokens_of(browser, answer_of(browser.ask(scope="openid offline_access")))
    leave(browser, id_token_hint=hint)
    assert signed_out(browser)

    def refreshed(tokens: Any) -> int:
        data = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        return browser.http.post("/oauth2/token", auth=("tag-web", SECRET), data=data).status_code  # type: ignore[no-any-return]

    assert refreshed(online) == 400
    assert refreshed(offline) == 200


def test_a_native_client_comes_back_on_any_port_of_the_loopback_address(
    browser_of: Any, person: Any, world: Any
) -> None:
    """RFC 8252 §7.3 holds for where a sign-out leads as for redirect URIs."""
    world.client("Desktop", kind="native", app_id="tag", redirect_uris=["http://127.0.0.1/callback"],
                 client_id="desktop", post_logout_redirect_uris=["http://127.0.0.1/after"])  # fmt: skip
    browser = browser_of("desktop").signed_in(person)
    for target in ("http://127.0.0.1:49152/after", "http://127.0.0.1/after"):
        assert asked(leave(browser, client_id="desktop", post_logout_redirect_uri=target))
    for target in ("http://127.0.0.1:49152/other", "http://localhost:49152/after", "http://127.0.0.2:1/after"):
        page = leave(browser, client_id="desktop", post_logout_redirect_uri=target)
        assert reason_of(page) == "redirect_uri", target
    page = leave(browser, client_id="tag-web", post_logout_redirect_uri="https://rp.example:1/after")
    assert reason_of(page) == "redirect_uri"


def test_head_ends_nothing(browser: Any, hint: str) -> None:
    assert browser.http.head("/oauth2/logout?" + urlencode({"id_token_hint": hint})).status_code == 200
    assert not signed_out(browser)
