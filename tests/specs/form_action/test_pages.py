"""The protocol's own pages in a real browser: axe finds nothing, light and dark, also at 320 px (DESIGN §8)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.flow import pkce
from tests.support.world import PASSWORD

pytestmark = pytest.mark.browser
CALLBACK = "http://localhost:9/callback"


def test_the_protocols_own_pages(live: Any, visitors: Any, axe: Any) -> None:
    provider = live(database="sqlite", processes=1)
    world = provider.world
    world.client("Partner", client_id="partner", redirect_uris=[CALLBACK], status="unverified",
                 policy_uri="http://localhost:9/policy", tos_uri="http://localhost:9/tos")  # fmt: skip
    person = world.account()
    for name, seat in (("Alfa", True), ("Beta", True), ("Gamma", False)):
        organization = world.organization(name=f"{name} AS", **({} if seat else {"status": "suspended"}))
        world.member(organization, person.account_id)

    def address(**changes: str) -> str:
        values = {"response_type": "code", "client_id": "partner", "redirect_uri": CALLBACK, "scope": "openid email",
                  "code_challenge": pkce()[1], "code_challenge_method": "S256", **changes}  # fmt: skip
        return f"{provider.issuer}/oauth2/authorize?{urlencode(values)}"

    for scheme in ("light", "dark"):
        page = visitors(color_scheme=scheme, viewport={"width": 320, "height": 700})
        page.goto(f"{provider.issuer}/login")
        page.fill("[name=identifier]", person.address)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(f"{provider.issuer}/")
        for target, mark in (
            (address(), "#consent-form"),
            (address(scope="openid organization"), "#organizations"),
            (address(client_id="nobody"), "#problem"),
            (f"{provider.issuer}/oauth2/logout", "#logout-form"),
            (f"{provider.issuer}/oauth2/logout?id_token_hint=x", "#problem"),
            (f"{provider.issuer}/oauth2/logged-out", "#logged-out"),
        ):
            page.goto(target)
            assert page.locator(mark).count() == 1, page.url
            assert axe(page) == [], page.url
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
