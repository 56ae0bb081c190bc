"""OpenID Connect Core §3.1.2.1, §5.2, §5.5: `nonce`, `claims`, `login_hint`, `ui_locales` and their like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.specs.core_authorize.test_prompt import id_token_of, tokens_of
from tests.specs.person import answer_of
from tests.support.databases import one_database

pytestmark = pytest.mark.usefixtures("family", "person")


@pytest.mark.parametrize("length", [1, 384, 2000])
def test_a_nonce_is_kept_whole(browser_of: Any, person: Any, length: int) -> None:
    browser = browser_of().signed_in(person)
    nonce = "ab-_~ \u00e6"[: length % 7 + 1] + "x" * (length - length % 7 - 1)
    answer = answer_of(browser.ask(nonce=nonce))
    assert id_token_of(browser, answer)["nonce"] == nonce


def test_a_nonce_beyond_measure_is_refused_never_cut(browser_of: Any, person: Any) -> None:
    assert answer_of(browser_of().signed_in(person).ask(nonce="x" * 8193))["error"] == "invalid_request"


def test_without_a_nonce_there_is_none(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    assert "nonce" not in id_token_of(browser, answer_of(browser.ask()))


@one_database  # judged by the text alone
@pytest.mark.parametrize(
    "claims",
    [
        "x", "[]", "1", '"a"', '{"userinfo": []}', '{"id_token": {"name": 1}}', '{"id_token": {"name": [NaN]}}',
        '{"userinfo": {"name": {"value": NaN}}}', '{"userinfo": {"name": {"value": 1e999}}}', "{" * 4000, "[" * 8000,
        '{"userinfo": {"\\u0000": null}}', '{"userinfo": {"name": {"value": "\\ud800"}}}', "1" * 5000,
        json.dumps({"userinfo": {f"c{number}": None for number in range(60)}}),
    ],
)  # fmt: skip
def test_broken_claims_are_refused(browser_of: Any, person: Any, claims: str) -> None:
    assert answer_of(browser_of().signed_in(person).ask(claims=claims))["error"] == "invalid_request"


def test_claims_asked_one_by_one_come_where_they_were_asked(browser_of: Any, person: Any) -> None:
    """Conformance 34: unknown claims, null, value and values forms are no error."""
    claims = {
        "userinfo": {"name": {"essential": True}, "made_up": {"values": ["x"]}, "nickname": {"essential": True}},
        "id_token": {"email": None, "auth_time": {"essential": True}, "acr": {"values": ["urn:other"]}},
        "else": {"x": 1},
    }
    browser = browser_of().signed_in(person)
    tokens = tokens_of(browser, answer_of(browser.ask(claims=json.dumps(claims))))
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    info = browser.http.get("/oauth2/userinfo", headers=headers).get_json()
    assert info["name"].startswith("Kari") and "email" not in info and "nickname" not in info
    from tests.support.flow import claims_of

    assert claims_of(tokens["id_token"])["email"] == person.address
    assert "name" not in claims_of(tokens["id_token"])


def test_a_login_hint_fills_the_form_whatever_it_is(browser_of: Any) -> None:
    browser = browser_of()
    assert 'value="kari@test.example"' in browser.follow(browser.ask(login_hint="kari@test.example")).get_data(True)
    page = browser.follow(browser.ask(login_hint='"><script>alert(1)</script>')).get_data(True)
    assert "<script>alert" not in page


@pytest.mark.parametrize(("ui_locales", "language"), [("nb", "nb"), ("fr-CA no-NO en", "nb"), ("en-GB nb", "en"),
                                                      ("xx yy", "en"), ("/../ %", "en")])  # fmt: skip
def test_ui_locales_choose_the_language_of_pages_and_of_sentences(
    browser_of: Any, ui_locales: str, language: str
) -> None:
    browser = browser_of()
    page = browser.follow(browser.ask(ui_locales=ui_locales, claims_locales="nb fr"))
    assert f'<html lang="{language}"' in page.get_data(True)


def test_display_is_accepted(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    for display in ("page", "popup", "touch", "wap", "made-up"):
        assert answer_of(browser.ask(display=display))["code"], display


def test_without_openid_it_is_plain_oauth(browser_of: Any, person: Any) -> None:
    """Conformance 126."""
    browser = browser_of().signed_in(person)
    for scope in (None, "profile", "profile made-up"):
        assert "id_token" not in tokens_of(browser, answer_of(browser.ask(scope=scope)))


def test_a_scope_of_which_nothing_is_left_is_refused(browser_of: Any, person: Any) -> None:
    """RFC 6749 §5.1: an answer tells the scope where it is not what was asked, and no scope is empty."""
    browser = browser_of().signed_in(person)
    for scope in ("made-up", "made-up companies.read"):
        answer = answer_of(browser.ask(scope=scope, state="s"))
        assert (answer["error"], answer["state"]) == ("invalid_scope", "s") and "code" not in answer


def test_a_subject_asked_for_is_answered_for_and_nobody_else(browser_of: Any, person: Any, world: Any) -> None:
    """Core §3.1.2.2, §5.5.1: `sub` with a value in `claims` is as good as an `id_token_hint`, session or not."""
    other, browser = world.user(app="tag"), browser_of().signed_in(person)
    mine, theirs = ({"id_token": {"sub": {"value": who.account_id}}} for who in (person, other))
    either = {"id_token": {"sub": {"values": [other.account_id, person.account_id], "essential": True}}}
    for claims in (mine, either, {"id_token": {"sub": None}}, {"id_token": {"sub": {"essential": True}}}):
        assert answer_of(browser.ask(prompt="none", claims=json.dumps(claims)))["code"]
    for claims in (theirs, *({"id_token": {"sub": wish}} for wish in ({"value": 1}, {"values": []}, {"value": None}))):
        answer = answer_of(browser.ask(prompt="none", claims=json.dumps(claims)))
        assert answer["error"] == "login_required" and "code" not in answer
    page = browser.follow(browser.ask(claims=json.dumps(theirs)))
    answer = answer_of(browser.sign_in(page, person))
    assert answer["error"] == "login_required", "who signed in is not the one who was asked for"
    page = browser.follow(browser.ask(claims=json.dumps(theirs)))
    assert id_token_of(browser, answer_of(browser.sign_in(page, other)))["sub"] == other.account_id
