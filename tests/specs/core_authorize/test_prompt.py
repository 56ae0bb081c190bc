"""OpenID Connect Core §3.1.2.1: `prompt`, `max_age`, `id_token_hint` and the person in front of the screen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.specs.person import answer_of

pytestmark = pytest.mark.usefixtures("family", "person")


def test_the_way_without_a_session_leads_over_the_sign_in_page_to_a_code(browser_of: Any, person: Any) -> None:
    browser = browser_of()
    page = browser.follow(browser.ask(state="s"))
    assert page.request.path == "/login"
    answer = answer_of(browser.sign_in(page, person))
    assert answer["code"] and answer["state"] == "s"


def test_a_live_session_is_answered_at_once(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    assert answer_of(browser.ask())["code"]
