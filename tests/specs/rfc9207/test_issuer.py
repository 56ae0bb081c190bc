"""RFC 9207: `iss` in every authorization response, success and error, and metadata says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.specs.person import ISSUER, answer_of

pytestmark = pytest.mark.usefixtures("family", "person")


def test_every_response_names_the_issuer_once(browser_of: Any, person: Any) -> None:
    browser = browser_of().signed_in(person)
    for changes in (
        {}, {"response_type": "token"}, {"prompt": "none login"}, {"code_challenge": None}, {"resource": "urn:other"},
        {"request": "x"}, {"response_mode": "fragment"}, {"state": None},
    ):  # fmt: skip
        assert answer_of(browser.ask(**changes))["iss"] == ISSUER  # answer_of also refuses a parameter that comes twice
    assert answer_of(browser_of().ask(prompt="none"))["iss"] == ISSUER


def test_metadata_says_so(client: Any) -> None:
    document = client.get("/.well-known/openid-configuration").get_json()
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["issuer"] == ISSUER
