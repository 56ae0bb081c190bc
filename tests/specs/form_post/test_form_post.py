"""OAuth 2.0 Form Post Response Mode (security P13: our own page, our own policy)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.specs.person import CALLBACK, ISSUER, answer_of
from tests.support.forms import form_with

pytestmark = pytest.mark.usefixtures("family", "person")
STATE = 'a b"<ü&=%20'
NO_ALG = {"alg": "none"}


def posted(page: Any, action: str = CALLBACK) -> dict[str, str]:
    assert page.status_code == 200
    form = form_with(page.get_data(as_text=True), "iss")
    assert form.action == action and form.method == "post"
    return form.fields


def test_the_answer_is_a_form_with_a_button_for_the_client_alone(browser_of: Any, person: Any) -> None:
    page = browser_of().signed_in(person).ask(response_mode="form_post", state=STATE)
    fields = posted(page)
    assert set(fields) == {"code", "state", "iss"}
    assert fields["state"] == STATE and fields["iss"] == ISSUER
    policy = page.headers["Content-Security-Policy"]
    assert "form-action https://rp.example;" in policy and "unsafe-inline" not in policy
    assert "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    html = page.get_data(as_text=True)
    assert "js/form_post.js" in html and "onload" not in html and "<button" in html
    assert page.headers["Cache-Control"] == "no-store"


def test_errors_are_posted_too(browser_of: Any, person: Any) -> None:
    browser = browser_of()
    fields = posted(browser.ask(response_mode="form_post", prompt="none", state=STATE))
    assert fields["error"] == "login_required" and fields["state"] == STATE and "code" not in fields
    assert posted(browser.ask(response_mode="form_post", response_type="token"))["error"] == "unsupported_response_type"


def request_object(claims: Any) -> str:
    """An unsigned one, whatever its claims are."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (NO_ALG, claims))
    return f"{'.'.join(parts)}."


def test_a_refused_request_object_tells_where_its_client_listens(browser_of: Any) -> None:
    """36, 23, Core §6.1: what is said only in the object is not done, but the error comes the way it asks, once."""
    browser = browser_of()
    asked = request_object({"response_mode": "form_post", "state": STATE, "nonce": "n"})
    fields = posted(browser.ask(request=asked, state=None))
    assert (fields["error"], fields["state"], fields["iss"]) == ("request_not_supported", STATE, ISSUER)
    assert posted(browser.ask(request=asked, state="outside"))["state"] == "outside"
    answer = answer_of(browser.ask(request=asked, response_mode="query", state=None))
    assert (answer["error"], answer["state"]) == ("request_not_supported", STATE)


@pytest.mark.parametrize(
    "asked",
    [
        "no.jwt", "a.b.c", "å.ø.", "e30.e30.", f"e30.{'W1' * 3000}.", "x" * 20000,
        *map(request_object, ([], None, {"state": 1, "response_mode": ["form_post"]}, {"state": "\0"},
                              {"state": "\ud800", "response_mode": "\ud800"}, {"response_mode": "fragment"})),
    ],
)  # fmt: skip
def test_a_broken_request_object_is_refused_like_any_other(browser_of: Any, asked: str) -> None:
    answer = answer_of(browser_of().ask(request=asked, state=None))
    assert answer["error"] == ("invalid_request" if len(asked) > 8192 else "request_not_supported")
    assert set(answer) == {"error", "error_description", "iss"}


def test_it_survives_the_sign_in_page(browser_of: Any, person: Any) -> None:
    browser = browser_of()
    page = browser.sign_in(browser.follow(browser.ask(response_mode="form_post")), person)
    assert posted(page)["code"]


def test_query_is_the_default_and_other_modes_are_refused_in_the_query(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    assert answer_of(browser.ask(response_mode="query"))["code"]
    for mode in ("fragment", "jwt", "query.jwt", "made-up"):
        assert answer_of(browser.ask(response_mode=mode))["error"] == "invalid_request"


def test_a_private_scheme_takes_no_form(browser_of: Any, person: Any, world: Any) -> None:
    uri = "com.example.app:/callback"
    world.client("Phone", kind="native", app_id="tag", redirect_uris=[uri], client_id="phone")
    browser = browser_of("phone", redirect_uri=uri)
    assert answer_of(browser.ask(response_mode="form_post"), uri)["error"] == "invalid_request"
    assert answer_of(browser.sign_in(browser.follow(browser.ask()), person), uri)["code"]
