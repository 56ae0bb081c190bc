"""OpenID Connect Core §3.1.2.1: `prompt`, `max_age`, `id_token_hint`, and who sits in front of the screen."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.specs.person import answer_of, form_ending, reason_of
from tests.support.databases import one_database
from tests.support.flow import claims_of

pytestmark = pytest.mark.usefixtures("family", "person")


def tokens_of(browser: Any, answer: dict[str, str]) -> dict[str, Any]:
    """Redeem a code as the confidential client that asked for it."""
    response = browser.http.post(
        "/oauth2/token",
        auth=(browser.client_id, browser.secret),
        data={
            "grant_type": "authorization_code", "code": answer["code"], "redirect_uri": browser.redirect_uri,
            "code_verifier": browser.verifier,
        },
    )  # fmt: skip
    assert response.status_code == 200, response.text
    return response.get_json()  # type: ignore[no-any-return]


def id_token_of(browser: Any, answer: dict[str, str]) -> dict[str, Any]:
    return claims_of(tokens_of(browser, answer)["id_token"])


def test_the_way_without_a_session_leads_over_the_sign_in_page_to_a_code(browser_of: Any, person: Any) -> None:
    browser = browser_of()
    page = browser.follow(browser.ask(state="s"))
    assert page.request.path == "/login"
    answer = answer_of(browser.sign_in(page, person))
    assert answer["code"] and answer["state"] == "s"


def test_a_live_session_is_answered_at_once_and_nothing_is_stored(
    browser_of: Any, person: Any, statements: Any, database_url: str
) -> None:
    browser = browser_of().signed_in(person)
    answer_of(browser.ask())
    with statements() as seen:
        assert answer_of(browser.ask())["code"]
    # who acts; what stands between; the facts; the authorization with its code; and the audit row of the event.
    assert len(seen) == (5 if database_url.startswith("postgresql") else 6), str(seen)
    assert seen.commits == 1
    assert "authorization_request" not in str(seen)


def test_prompt_none_without_a_session_is_login_required_and_shows_no_page(browser_of: Any, statements: Any) -> None:
    browser = browser_of()
    with statements() as seen:
        answer = answer_of(browser.ask(prompt="none", state="x"))
    assert answer["error"] == "login_required" and answer["state"] == "x" and "code" not in answer
    assert seen.commits == 0


def test_prompt_none_with_a_session_succeeds_with_the_same_sub_and_auth_time(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    first = id_token_of(browser, answer_of(browser.ask()))
    second = id_token_of(browser, answer_of(browser.ask(prompt="none")))
    assert (first["sub"], first["auth_time"]) == (second["sub"], second["auth_time"]) == (
        person.account_id, first["auth_time"],
    )  # fmt: skip


def test_prompt_login_signs_in_again_and_auth_time_is_later(browser_of: Any, person: Any, clock: Any) -> None:
    browser = browser_of().signed_in(person)
    before = id_token_of(browser, answer_of(browser.ask()))["auth_time"]
    clock.advance(5)
    page = browser.follow(browser.ask(prompt="login"))
    assert page.request.path == "/login"
    after = id_token_of(browser, answer_of(browser.sign_in(page, person)))["auth_time"]
    assert after >= before + 5


def test_prompt_login_is_not_answered_by_a_sign_in_in_another_tab(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    page = browser.follow(browser.ask(prompt="login"))
    path = form_ending(page, "/cancel").action.removesuffix("/cancel")
    answer_of(browser.sign_in(browser.follow(browser.ask(prompt="login")), person))
    assert browser.follow(browser.http.get(path)).request.path == "/login"


def test_prompt_login_that_waited_before_anybody_was_there_is_not_answered_either(browser_of: Any, person: Any) -> None:
    """40: the page that is loaded again asks all the same, also after this round."""
    browser = browser_of()
    waiting = browser.follow(browser.ask(prompt="login")).request.full_path
    answer_of(browser.sign_in(browser.follow(browser.ask()), person))
    page = browser.follow(browser.http.get(waiting))
    assert page.request.path == "/login"
    assert browser.http.get(page.request.full_path).status_code == 200
    assert answer_of(browser.sign_in(page, person))["code"]


def test_max_age(browser_of: Any, person: Any, clock: Any) -> None:
    browser = browser_of().signed_in(person)
    clock.advance(2)
    assert "auth_time" in id_token_of(browser, answer_of(browser.ask(max_age="10000")))
    page = browser.follow(browser.ask(max_age="1"))
    assert page.request.path == "/login"
    clock.advance(3)
    assert answer_of(browser.sign_in(page, person))["code"]
    assert answer_of(browser.ask(max_age="1", prompt="none"))["code"]
    clock.advance(2)
    assert answer_of(browser.ask(max_age="1", prompt="none"))["error"] == "login_required"


def test_max_age_zero_always_asks(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    assert browser.follow(browser.ask(max_age="0")).request.path == "/login"
    assert answer_of(browser.ask(max_age="0", prompt="none"))["error"] == "login_required"


def test_a_registered_default_max_age_counts(browser_of: Any, person: Any, world: Any, clock: Any) -> None:
    world.client("Strict", app_id="tag", redirect_uris=["https://rp.example/callback"], client_id="strict",
                 default_max_age=10)  # fmt: skip
    browser = browser_of("strict").signed_in(person)
    assert answer_of(browser.ask(prompt="none"))["code"]
    clock.advance(11)
    assert answer_of(browser.ask(prompt="none"))["error"] == "login_required"
    assert answer_of(browser.ask(prompt="none", max_age="100"))["code"]


@one_database  # judged by the text alone
@pytest.mark.parametrize("prompt", ["none login", "consent none", "sing", "login never"])
def test_prompts_that_make_no_sense_are_refused(browser_of: Any, person: Any, prompt: str) -> None:
    answer = answer_of(browser_of().signed_in(person).ask(prompt=prompt))
    assert answer["error"] == "invalid_request"


def test_prompt_select_account_offers_to_go_on(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    page = browser.follow(browser.ask(prompt="select_account"))
    assert page.request.path == "/login/choose"
    answer = answer_of(browser.follow(browser.press(page, "/login/choose", **{"as": "same"})))
    assert answer["code"]


def test_prompt_select_account_of_several_organizations_is_one_page(browser_of: Any, person: Any, world: Any) -> None:
    """Another supplier, another customer, another account: asked once."""
    elsewhere = world.organization(name="Elsewhere AS")
    member = world.member(elsewhere, person.account_id)
    world.role(elsewhere, {"tag:access"}, members=[member])
    world.license(elsewhere, "tag:standard", holders=[member])
    browser = browser_of().signed_in(person)
    page = browser.follow(browser.ask(prompt="select_account"))
    assert page.request.path.startswith("/oauth2/authorize") and "Elsewhere AS" in page.text
    assert "Use another account" in page.text
    answer = answer_of(browser.follow(browser.press(page, "/organization", member=member)))
    assert id_token_of(browser, answer)["org_id"] == elsewhere
    page = browser.follow(browser.ask(prompt="select_account"))
    assert "Use another account" in page.text, "asked each time, whatever was chosen last"
    other = world.user(app="tag")
    page = browser.follow(browser.press(page, "/another"))
    assert id_token_of(browser, answer_of(browser.sign_in(page, other)))["sub"] == other.account_id


def test_prompt_select_account_as_another(browser_of: Any, person: Any, world: Any) -> None:
    other = world.user(app="tag")
    browser = browser_of().signed_in(person)
    page = browser.follow(browser.ask(prompt="select_account"))
    page = browser.follow(browser.press(page, "/login/choose", **{"as": "another"}))
    assert id_token_of(browser, answer_of(browser.sign_in(page, other)))["sub"] == other.account_id


def test_prompt_create_shows_the_sign_up_page_then_goes_on(browser_of: Any, person: Any) -> None:
    browser = browser_of()
    first = browser.ask(prompt="create")
    page = browser.follow(first)
    assert page.request.path == "/signup" and page.status_code == 200


def test_the_person_can_cancel_on_the_sign_in_page(browser_of: Any) -> None:
    browser = browser_of()
    page = browser.follow(browser.ask(state="abc"))
    answer = answer_of(browser.follow(browser.press(page, "/cancel")))
    assert (answer["error"], answer["state"]) == ("access_denied", "abc") and "code" not in answer


def test_an_essential_acr_out_of_reach_fails(browser_of: Any, person: Any) -> None:
    claims = json.dumps({"id_token": {"acr": {"essential": True, "values": ["urn:mace:gold"]}}})
    answer = answer_of(browser_of().signed_in(person).ask(claims=claims))
    assert answer["error"] == "unmet_authentication_requirements"


def test_acr_values_are_a_wish(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    token = id_token_of(browser, answer_of(browser.ask(acr_values="urn:mace:gold urn:onix:acr:1")))
    assert token["acr"] == "urn:onix:acr:1"


def test_id_token_hint(browser_of: Any, person: Any, world: Any, clock: Any) -> None:
    browser = browser_of().signed_in(person)
    hint = tokens_of(browser, answer_of(browser.ask()))["id_token"]
    clock.advance(3600)  # an expired ID Token is still good as a hint
    assert answer_of(browser.ask(prompt="none", id_token_hint=hint))["code"]
    other = browser_of().signed_in(world.user(app="tag"))
    assert answer_of(other.ask(prompt="none", id_token_hint=hint))["error"] == "login_required"
    assert other.follow(other.ask(id_token_hint=hint)).request.path == "/login"
    assert answer_of(browser_of().ask(prompt="none", id_token_hint=hint))["error"] == "login_required"


def test_hints_that_are_not_our_id_tokens_are_refused(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    tokens = tokens_of(browser, answer_of(browser.ask()))
    header, body, signature = tokens["id_token"].split(".")
    none = "eyJhbGciOiJub25lIn0"
    for hint in (
        f"{header}.{body}.{signature[::-1]}", f"{none}.{body}.", f"{none}.{body}.{signature}", "x", "a.b.c", "æ.ø.å",
        tokens["access_token"], "." * 3000,
    ):  # fmt: skip
        assert answer_of(browser.ask(prompt="none", id_token_hint=hint))["error"] == "invalid_request", hint


def test_two_requests_in_one_browser_do_not_disturb_each_other(browser_of: Any, person: Any) -> None:
    browser = browser_of()
    first, second = browser.follow(browser.ask(state="1")), browser.follow(browser.ask(state="2"))
    assert answer_of(browser.sign_in(first, person))["state"] == "1"
    # 50: the other tab's sign-in page, loaded again, goes on with whoever has signed in meanwhile.
    assert answer_of(browser.follow(browser.http.get(second.request.full_path)))["state"] == "2"


def test_the_back_button_after_the_end_says_so(browser_of: Any, person: Any) -> None:
    browser = browser_of()
    page = browser.follow(browser.ask())
    gone = browser.press(page, "/login", identifier=person.address, password="correct-horse-onix-test")
    answer_of(browser.follow(gone))
    again = browser.http.get(gone.headers["Location"])
    assert reason_of(again) == "answered"
    assert reason_of(browser.follow(browser.http.get(page.request.full_path))) == "answered", "50: no second sign-in"


def test_of_two_parallel_answers_to_one_stored_request_one_gets_the_code(
    app: Any, browser_of: Any, person: Any
) -> None:
    browser = browser_of().signed_in(person)
    target = browser.http.post("/oauth2/authorize", data=browser.parameters()).headers["Location"]
    browsers = [app.test_client() for _ in range(4)]
    for copy in browsers:
        copy._cookies = dict(browser.http._cookies)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda copy: copy.get(target), browsers))
    assert sorted(answer.status_code for answer in answers) == [303, 400, 400, 400]


def test_a_stored_request_is_bound_to_its_browser(browser_of: Any, person: Any) -> None:
    browser, thief = browser_of(), browser_of().signed_in(person)
    page = browser.follow(browser.ask())
    path = form_ending(page, "/cancel").action.removesuffix("/cancel")
    assert reason_of(thief.http.get(path)) == "request_expired"


def test_a_stored_request_ends_after_its_lifetime(browser_of: Any, person: Any, clock: Any) -> None:
    browser = browser_of()
    page = browser.follow(browser.ask())
    path = form_ending(page, "/cancel").action.removesuffix("/cancel")
    clock.advance(3601)
    assert reason_of(browser.http.get(path)) == "request_expired"


def test_a_required_action_stands_before_the_code(browser_of: Any, world: Any) -> None:
    newcomer = world.user(app="tag", verified=False)
    browser = browser_of()
    page = browser.sign_in(browser.follow(browser.ask()), newcomer)
    assert page.request.path == "/login/required"
    assert answer_of(browser.ask(prompt="none"))["error"] == "interaction_required"
    assert browser.follow(browser.ask()).request.path == "/login/required"
