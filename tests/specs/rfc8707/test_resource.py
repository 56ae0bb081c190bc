"""RFC 8707 at the authorization endpoint: one resource, and one that the client may ask for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.specs.core_authorize.test_prompt import tokens_of
from tests.specs.person import answer_of
from tests.support.databases import one_database
from tests.support.flow import claims_of

pytestmark = pytest.mark.usefixtures("family", "person")


@one_database  # judged by the text alone
@pytest.mark.parametrize("resource", ["urn:onix:pickandpack", "urn:made:up", "/relative", "urn:onix:tag#f", "http://[",
                                      "https://evil.example", "\u00e6"])  # fmt: skip
def test_other_resources_are_an_invalid_target(browser_of: Any, person: Any, resource: str) -> None:
    assert answer_of(browser_of().signed_in(person).ask(resource=resource))["error"] == "invalid_target"


def test_the_apps_own_resource_is_the_audience(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    for changes in ({}, {"resource": "urn:onix:tag"}):
        token = claims_of(tokens_of(browser, answer_of(browser.ask(**changes)))["access_token"])
        assert token["aud"] == "urn:onix:tag"


def test_the_same_resource_twice_is_one_and_two_are_too_many(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    query = urlencode(browser.parameters(resource="urn:onix:tag"))
    assert answer_of(browser.http.get(f"/oauth2/authorize?{query}&resource=urn:onix:tag"))["code"]
    answer = answer_of(browser.http.get(f"/oauth2/authorize?{query}&resource=http://localhost/api/v1"))
    assert answer["error"] == "invalid_target"
