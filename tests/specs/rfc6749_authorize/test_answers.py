"""What an error redirect may hold, and what is handed out at all. Conformance 24, 58; security R04, R07."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.specs.person import CALLBACK, answer_of
from tests.support.flow import query_of

VSCHAR = re.compile(r"[\x20-\x7e]+")
TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@pytest.mark.usefixtures("family", "partner", "person")
def test_an_error_redirect_holds_only_registered_members(browser_of: Any, person: Any) -> None:
    """24: error, error_description, error_uri, state, iss; printable ASCII without quote and backslash; no code."""
    signed_in = browser_of("partner").signed_in(person)
    asked = [
        browser_of().ask(response_type="token"),
        browser_of().ask(response_type=None),
        browser_of().ask(prompt="none"),
        browser_of().ask(prompt="none login"),
        browser_of().ask(prompt='w"e\\ird\n<b>'),
        browser_of().ask(max_age="sø\r\nLocation: x"),
        browser_of().ask(code_challenge="short"),
        browser_of().ask(code_challenge_method="plain"),
        browser_of().ask(claims='{"userinfo": "\\"'),
        browser_of().ask(resource="urn:other:\\\"thing"),
        browser_of().ask(request="eyJhbGciOiJub25lIn0.e30."),
        browser_of().ask(request_uri="https://rp.example/r"),
        browser_of().ask(response_mode="fragment"),
        browser_of().ask(id_token_hint="no\"hint", prompt="none"),
        signed_in.ask(prompt="none"),
        signed_in.ask(prompt="none", organization="\\\"<script>"),
    ]  # fmt: skip
    for response in asked:
        answer = answer_of(response)
        assert answer.keys() <= {"error", "error_description", "error_uri", "state", "iss"}, answer
        for member in ("error", "error_description"):
            assert VSCHAR.fullmatch(answer[member]) and not set(answer[member]) & {'"', "\\"}, answer
        assert "#" not in response.headers["Location"]


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_everything_handed_out_is_random_enough_and_safe_to_write(protocol: Any, browser_of: Any, person: Any) -> None:
    """58: at least 128 bits, never twice, in the alphabets of RFC 6749 appendix A."""
    browser = browser_of().signed_in(person)
    codes = {query_of(browser.ask().headers["Location"].removeprefix(CALLBACK))["code"] for _ in range(5)}
    tokens = [protocol.tokens(scope="openid") for _ in range(5)]
    refresh = {token["refresh_token"] for token in tokens}
    access = {token["access_token"] for token in tokens}
    assert len(codes) == len(refresh) == len(access) == 5
    for text in codes | refresh:
        assert VSCHAR.fullmatch(text) and TOKEN68.fullmatch(text)
        assert len(text) >= 22 and len(set(text)) > 12, "128 bits are 22 characters of base64url"
    for text in access:
        assert TOKEN68.fullmatch(text) and len(text) <= 4096
    for one in codes:
        assert all(one[:8] != other[:8] for other in (codes | refresh) - {one})
