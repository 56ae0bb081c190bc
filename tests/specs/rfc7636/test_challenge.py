"""RFC 7636 at the authorization endpoint, S256 only (security R03, P02)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.specs.person import CALLBACK, SECRET, answer_of
from tests.support.databases import one_database

pytestmark = pytest.mark.usefixtures("family", "person")
GOOD = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@one_database  # judged by the text alone
@pytest.mark.parametrize(
    ("challenge", "method"),
    [
        (None, None), (GOOD, None), (GOOD, "plain"), (GOOD, "s256"), (None, "S256"), (GOOD[:-1], "S256"),
        (GOOD + "A", "S256"), (GOOD[:-1] + "=", "S256"), (GOOD[:-1] + "é", "S256"), (GOOD, "S512"),
        (GOOD + "\n", "S256"),
    ],
)  # fmt: skip
def test_anything_but_a_whole_s256_challenge_is_refused(
    browser_of: Any, person: Any, challenge: str | None, method: str | None
) -> None:
    browser = browser_of().signed_in(person)
    answer = answer_of(browser.ask(code_challenge=challenge, code_challenge_method=method))
    assert answer["error"] == "invalid_request"


def test_a_client_that_is_excused_may_leave_it_out_but_then_no_verifier_counts(
    browser_of: Any, person: Any, world: Any
) -> None:
    world.client("Old", app_id="tag", redirect_uris=[CALLBACK], client_id="old", secret=SECRET, require_pkce=False)
    browser = browser_of("old").signed_in(person)
    assert answer_of(browser.ask(code_challenge=None, code_challenge_method="plain"))["error"] == "invalid_request"
    code = answer_of(browser.ask(code_challenge=None, code_challenge_method=None))["code"]
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    with_verifier = browser.http.post("/oauth2/token", auth=("old", SECRET), data={**data, "code_verifier": "a" * 43})
    assert with_verifier.status_code == 400 and with_verifier.get_json()["error"] == "invalid_request"
    assert browser.http.post("/oauth2/token", auth=("old", SECRET), data=data).status_code == 200


def test_a_challenge_that_is_sent_binds_also_the_excused_client(browser_of: Any, person: Any, world: Any) -> None:
    world.client("Old", app_id="tag", redirect_uris=[CALLBACK], client_id="old", secret=SECRET, require_pkce=False)
    browser = browser_of("old").signed_in(person)
    code = answer_of(browser.ask())["code"]
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    none = browser.http.post("/oauth2/token", auth=("old", SECRET), data=data)
    assert none.status_code == 400 and none.get_json()["error"] == "invalid_grant"
    wrong = browser.http.post("/oauth2/token", auth=("old", SECRET), data={**data, "code_verifier": "b" * 43})
    assert wrong.status_code == 400 and wrong.get_json()["error"] == "invalid_grant"
