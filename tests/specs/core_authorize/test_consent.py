"""Consent outside the family: asked, remembered per account, client, organization and scopes, and taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from tests.specs.core_authorize.test_prompt import tokens_of
from tests.specs.person import CALLBACK, answer_of, form_ending

pytestmark = pytest.mark.usefixtures("partner", "person")


def on_consent(page: Any) -> list[str]:
    html = page.get_data(as_text=True)
    assert page.status_code == 200 and 'id="consent-form"' in html, page.request.path
    return [part.split('"', 1)[0] for part in html.split('data-scope="')[1:]]


def allow(browser: Any, page: Any) -> Any:
    return browser.follow(browser.press(page, "/consent", answer="allow"))


@pytest.fixture
def browser(browser_of: Any, person: Any) -> Any:
    return browser_of("partner").signed_in(person)


def test_it_is_asked_once_and_then_remembered(browser: Any) -> None:
    page = browser.follow(browser.ask(scope="openid email"))
    assert on_consent(page) == ["openid", "email"]
    assert "form-action 'self' https://rp.example;" in page.headers["Content-Security-Policy"]
    assert answer_of(allow(browser, page))["code"]
    assert answer_of(browser.ask(scope="openid email"))["code"]
    assert answer_of(browser.ask(scope="email openid", prompt="none"))["code"]


def test_silently_it_is_consent_required(browser: Any, statements: Any) -> None:
    with statements() as seen:
        assert answer_of(browser.ask(prompt="none"))["error"] == "consent_required"
    assert seen.commits == 0


def test_more_scopes_are_asked_for_again_and_earlier_ones_stay(browser: Any) -> None:
    allow(browser, browser.follow(browser.ask(scope="openid email")))
    page = browser.follow(browser.ask(scope="openid profile"))
    assert on_consent(page) == ["openid", "profile"]
    allow(browser, page)
    assert answer_of(browser.ask(scope="openid profile email", prompt="none"))["code"]


def test_claims_asked_one_by_one_need_the_consent_of_their_scope(browser: Any) -> None:
    claims = json.dumps({"userinfo": {"phone_number": None, "made_up": {"essential": True}}})
    assert on_consent(browser.follow(browser.ask(claims=claims))) == ["openid", "phone"]


def test_prompt_consent_asks_again(browser: Any) -> None:
    allow(browser, browser.follow(browser.ask()))
    page = browser.follow(browser.ask(prompt="consent"))
    on_consent(page)
    assert answer_of(allow(browser, page))["code"]


def test_deny_gives_access_denied_and_remembers_nothing(browser: Any) -> None:
    page = browser.follow(browser.ask(state="s"))
    answer = answer_of(browser.follow(browser.press(page, "/consent", answer="deny")))
    assert (answer["error"], answer["state"]) == ("access_denied", "s") and "code" not in answer
    assert answer_of(browser.ask(prompt="none"))["error"] == "consent_required"


def test_use_another_account_from_the_consent_page(browser: Any, world: Any) -> None:
    other = world.account()
    page = browser.follow(browser.ask(state="s"))
    page = browser.follow(browser.press(page, "/another"))
    assert page.request.path == "/login/another"
    page = browser.sign_in(page, other)
    on_consent(page)
    tokens = tokens_of(browser, answer_of(allow(browser, page)))
    from tests.support.flow import claims_of

    assert claims_of(tokens["id_token"])["sub"] == other.account_id


def test_a_consent_is_not_given_for_somebody_else(browser: Any, world: Any) -> None:
    """The page was shown to one person; another signs in in the same browser before the button is pressed."""
    page = browser.follow(browser.ask())
    form = form_ending(page, "/consent")
    other = world.account()
    again = browser.http.get("/login/another")
    browser.press(again, "/login", identifier=other.address, password="correct-horse-onix-test")
    response = browser.http.post(form.action, data=form.filled(answer="allow"))
    assert response.status_code == 400  # the form token went with the sign-in
    assert answer_of(browser.ask(prompt="none"))["error"] == "consent_required"


def test_without_the_form_token_nothing_is_agreed_to(browser: Any) -> None:
    page = browser.follow(browser.ask())
    path = form_ending(page, "/consent").action
    assert browser.http.post(path, data={"answer": "allow"}).status_code == 400
    assert answer_of(browser.ask(prompt="none"))["error"] == "consent_required"


def test_a_button_of_a_request_that_was_answered_does_nothing(browser: Any) -> None:
    page = browser.follow(browser.ask())
    form = form_ending(page, "/consent")
    answer_of(browser.follow(browser.press(page, "/consent", answer="deny")))
    assert browser.http.post(form.action, data=form.filled(answer="allow")).status_code == 400
    assert answer_of(browser.ask(prompt="none"))["error"] == "consent_required"


def test_offline_access_needs_prompt_consent(browser: Any) -> None:
    """Core §11; DESIGN §3 *Lifetimes*."""
    page = browser.follow(browser.ask(scope="openid offline_access"))
    assert on_consent(page) == ["openid"]
    allow(browser, page)
    page = browser.follow(browser.ask(scope="openid offline_access", prompt="consent"))
    assert on_consent(page) == ["openid", "offline_access"]
    assert "offline_access" in tokens_of(browser, answer_of(allow(browser, page)))["scope"]


def test_the_family_gets_offline_access_without_a_page(browser_of: Any, person: Any, family: Any) -> None:
    browser = browser_of().signed_in(person)
    assert "offline_access" in tokens_of(browser, answer_of(browser.ask(scope="openid offline_access")))["scope"]


def test_the_page_shows_who_asks(browser_of: Any, person: Any, world: Any) -> None:
    """Conformance 48; security R17."""
    world.client("Plain", redirect_uris=[CALLBACK], client_id="shown", logo_uri="https://cdn.example/logo.png",
                 policy_uri="https://rp.example/policy", tos_uri="https://rp.example/tos", status="unverified",
                 **{"client_name#nb": "Enkel"})  # fmt: skip
    browser = browser_of("shown").signed_in(person)
    page = browser.follow(browser.ask())
    html = page.get_data(as_text=True)
    for part in ("Plain", "https://cdn.example/logo.png", "https://rp.example/policy", "https://rp.example/tos",
                 "https://rp.example", 'id="unverified"'):  # fmt: skip
        assert part in html, part
    assert "https://cdn.example" in page.headers["Content-Security-Policy"]
    nb = browser.follow(browser.ask(ui_locales="fr nb")).get_data(as_text=True)
    assert "Enkel" in nb and 'lang="nb"' in nb


def test_withdrawn_it_is_asked_again_and_the_tokens_are_dead(app: Any, browser: Any, person: Any) -> None:
    from idp.kernel.database import db, unit_of_work
    from idp.oidc import consents
    from idp.oidc.models import Consent

    tokens = tokens_of(browser, answer_of(allow(browser, browser.follow(browser.ask()))))
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert browser.http.get("/oauth2/userinfo", headers=headers).status_code == 200
    with app.app_context():
        agreed = db.session.scalars(select(Consent.client_id).where(Consent.account_id == person.account_id))
        assert agreed.all() == ["partner"]
        with unit_of_work():
            assert consents.withdraw(person.account_id, "partner")
    assert browser.http.get("/oauth2/userinfo", headers=headers).status_code == 401
    assert answer_of(browser.ask(prompt="none"))["error"] == "consent_required"
    with app.app_context(), unit_of_work():
        assert not consents.withdraw(person.account_id, "partner")
