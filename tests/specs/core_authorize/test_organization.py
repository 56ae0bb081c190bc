"""Which organization a token is about, and what happens to a *no* (DESIGN §3 *The decision*, §4)."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel import clock as kernel_clock
from tests.specs.core_authorize.test_prompt import tokens_of
from tests.specs.person import CALLBACK, SECRET, answer_of
from tests.support.flow import claims_of

pytestmark = pytest.mark.usefixtures("family")


def join(world: Any, person: Any, slug: str, *, seat: bool = True) -> str:
    organization_id = world.organization(slug, name=f"{slug.title()} AS")
    member_id = world.member(organization_id, person.account_id)
    world.role(organization_id, ["tag:access"], members=[member_id])
    if seat:
        world.license(organization_id, "tag:standard", holders=[member_id])
    return member_id  # type: ignore[no-any-return]


def organization_of(browser: Any, answer: dict[str, str]) -> str:
    return claims_of(tokens_of(browser, answer)["access_token"])["org_name"]  # type: ignore[no-any-return]


@pytest.fixture
def person(world: Any) -> Any:
    return world.account()


def test_the_picker_shows_each_organization_with_its_state_and_the_choice_is_remembered(
    browser_of: Any, world: Any, person: Any
) -> None:
    alfa, _beta = join(world, person, "alfa"), join(world, person, "beta")
    join(world, person, "gamma", seat=False)
    browser = browser_of().signed_in(person)
    assert answer_of(browser.ask(prompt="none"))["error"] == "interaction_required"
    page = browser.follow(browser.ask())
    html = page.get_data(as_text=True)
    assert "Alfa AS" in html and "Beta AS" in html and "Gamma AS" in html
    assert html.index('id="organizations-refused"') < html.index("Gamma AS")
    answer = answer_of(browser.follow(browser.press(page, "/organization", member=alfa)))
    assert organization_of(browser, answer) == "Alfa AS"
    assert organization_of(browser, answer_of(browser.ask(prompt="none"))) == "Alfa AS"


def test_a_member_that_was_not_offered_cannot_be_picked(browser_of: Any, world: Any, person: Any) -> None:
    join(world, person, "alfa"), join(world, person, "beta")
    refused = join(world, person, "gamma", seat=False)
    stranger = world.user(app="tag").member_id
    browser = browser_of().signed_in(person)
    for member in (refused, stranger, "", "x"):
        page = browser.follow(browser.ask())
        again = browser.follow(browser.press(page, "/organization", member=member))
        assert again.status_code == 200 and 'id="organizations"' in again.get_data(as_text=True)


def test_the_organization_parameter_takes_a_slug_or_an_id(browser_of: Any, world: Any, person: Any) -> None:
    join(world, person, "alfa"), join(world, person, "beta")
    browser = browser_of().signed_in(person)
    answer = answer_of(browser.ask(organization="beta", prompt="none"))
    token = claims_of(tokens_of(browser, answer)["access_token"])
    assert token["org_name"] == "Beta AS"
    assert organization_of(browser, answer_of(browser.ask(organization=token["org_id"]))) == "Beta AS"


def test_anothers_and_an_unknown_organization_answer_alike(browser_of: Any, world: Any, person: Any) -> None:
    join(world, person, "alfa")
    world.organization("secret")
    browser = browser_of().signed_in(person)
    for asked in ("secret", "made-up", "x" * 3000, "'; --"):
        answer = answer_of(browser.ask(organization=asked))
        assert (answer["error"], answer["error_description"]) == ("access_denied", "no_organization")


def test_a_denial_is_access_denied_with_the_code_and_writes_nothing(
    browser_of: Any, world: Any, person: Any, statements: Any
) -> None:
    join(world, person, "alfa", seat=False)
    browser = browser_of().signed_in(person)
    with statements() as seen:
        answer = answer_of(browser.ask(state="s"))
    assert answer == {"error": "access_denied", "error_description": "license_missing", "state": "s",
                      "iss": "http://localhost"}  # fmt: skip
    assert seen.commits == 0


def test_a_client_that_takes_denials_as_tokens_gets_its_code(browser_of: Any, world: Any, person: Any) -> None:
    world.client("Tag", app_id="tag", redirect_uris=[CALLBACK], client_id="tells", secret=SECRET, deny_mode="token")
    join(world, person, "alfa", seat=False)
    browser = browser_of("tells").signed_in(person)
    token = claims_of(tokens_of(browser, answer_of(browser.ask()))["access_token"])
    assert token["onix_access"]["reason"] == "license_missing" and token["privileges"] == []
    token = claims_of(tokens_of(browser, answer_of(browser.ask(organization="made-up")))["access_token"])
    assert token["onix_access"]["reason"] == "no_organization" and "org_id" not in token


def test_an_account_that_was_disabled_is_no_longer_there(browser_of: Any, world: Any, person: Any) -> None:
    from idp.accounts.models import Account

    join(world, person, "alfa")
    browser = browser_of().signed_in(person)
    answer_of(browser.ask())
    world.change(Account, person.account_id, status="disabled", disabled_at=kernel_clock.now())
    assert answer_of(browser.ask(prompt="none"))["error"] == "login_required"
    page = browser.sign_in(browser.follow(browser.ask()), person)
    assert page.request.path == "/login" and page.status_code == 403


def test_clients_outside_the_family_are_told_an_organization_only_with_its_scope(
    browser_of: Any, world: Any, person: Any, partner: Any
) -> None:
    join(world, person, "alfa"), join(world, person, "beta")
    browser = browser_of("partner").signed_in(person)
    page = browser.follow(browser.ask())
    answer = answer_of(browser.follow(browser.press(page, "/consent", answer="allow")))
    assert "org_id" not in claims_of(tokens_of(browser, answer)["access_token"])
    page = browser.follow(browser.ask(scope="openid organization"))
    assert 'id="organizations"' in page.get_data(as_text=True)
    page = browser.follow(browser.press(page, "/organization", member=_first(page)))
    assert 'id="consent-organization"' in page.get_data(as_text=True)
    answer = answer_of(browser.follow(browser.press(page, "/consent", answer="allow")))
    assert organization_of(browser, answer) == "Alfa AS"
    # Agreed for one organization is not agreed for another.
    assert answer_of(browser.ask(scope="openid organization", organization="beta", prompt="none"))["error"] == (
        "consent_required"
    )


def _first(page: Any) -> str:
    return page.get_data(as_text=True).split('name="member" value="', 1)[1].split('"', 1)[0]  # type: ignore[no-any-return]
