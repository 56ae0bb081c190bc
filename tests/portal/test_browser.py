"""The small helps of the pages, in a real browser: they add to what works without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.browsers import axe_everywhere
from tests.support.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_sign_in_and_launcher(server: Callable[..., Any], make_app: Any, page: Any, visitors: Any) -> None:
    provider = server("sqlite")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    with make_app(provider.database_url).app_context():
        world = World()
        person = world.account(given_name="Kari")
        place = world.organization(name="Nordic Lift AS")
        member = world.member(place, person.account_id)
        world.role(place, ["tag:access", "pickandpack:access"], members=[member])
        for app_id in ("tag", "pickandpack"):
            world.license(place, f"{app_id}:standard", holders=[member])
            world.client(
                app_id,
                app_id=app_id,
                initiate_login_uri=f"http://localhost:9/{app_id}",
                redirect_uris=["http://localhost:9/callback"],
            )

    page.goto(f"{provider.issuer}/login")
    show = page.get_by_role("button", name="Show password")
    page.locator("#password").fill(World.password)
    show.click()
    assert page.locator("#password").get_attribute("type") == "text"
    assert show.get_attribute("aria-pressed") == "true"
    show.click()
    assert page.locator("#password").get_attribute("type") == "password"
    page.locator("#identifier").fill(person.address)
    page.locator("#password").press("Enter")
    page.wait_for_url(f"{provider.issuer}/")

    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("pack")
    assert page.locator(".app:visible strong").all_inner_texts() == ["Onix Pick and Pack"]
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert "Onix Pick and Pack" in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("one")
    assert page.locator("[data-name]:visible h4").all_inner_texts() == ["OneOffice\nLocked"]
    page.keyboard.press("Escape")
    with page.expect_navigation():
        page.get_by_role("button", name="Pin Onix Pick and Pack").click()
    assert page.locator(".app strong").all_inner_texts() == ["Onix Pick and Pack", "Onix Tag"]
    box = page.get_by_role("button", name="Unpin Onix Pick and Pack").bounding_box()
    assert min(box["width"], box["height"]) >= 44
    assert axe_everywhere(page) == []
    assert complaints == []

    refused = visitors()
    refused.goto(f"{provider.issuer}/login")
    with refused.expect_navigation():
        refused.get_by_role("button", name="Sign in", exact=True).click()
    assert refused.evaluate("document.activeElement.id") == "form-errors"
    assert refused.title().startswith("Error:")
    refused.locator("#form-errors a").first.click()
    assert refused.evaluate("document.activeElement.id") == "identifier"

    plain = visitors(java_script_enabled=False, locale="nb-NO")
    plain.goto(f"{provider.issuer}/login")
    plain.locator("#identifier").fill(person.address)
    plain.locator("#password").fill(World.password)
    plain.locator("#password").press("Enter")
    plain.wait_for_url(f"{provider.issuer}/")
    assert plain.locator(".app a").count() == 2
    plain.locator("#find").fill("tag")
    with plain.expect_navigation():
        plain.locator("#find").press("Enter")
    assert plain.locator(".app strong").all_inner_texts() == ["Onix Tag"]
    with plain.expect_navigation():
        plain.get_by_role("button", name="Fest Onix Tag").click()
    assert plain.locator(".app strong").all_inner_texts() == ["Onix Tag", "Onix Pick and Pack"]
    plain.locator("details.menu summary").click()
    with plain.expect_navigation():
        plain.get_by_role("button", name="Logg ut").click()
    plain.goto(f"{provider.issuer}/")
    assert plain.url == f"{provider.issuer}/login"
    _several(provider, visitors, person, make_app)


def _several(provider: Any, visitors: Any, person: Any, make_app: Any) -> None:
    """Arrows go from shelf to shelf as the eye does, and a search leaves the shelves where something is found."""
    with make_app(provider.database_url).app_context():
        world = World()
        for name in ("Breim Kran AS", "Fjord Inspection AS"):
            place = world.organization(name=name)
            member = world.member(place, person.account_id)
            world.role(place, ["tag:access"], members=[member])
            world.license(place, "tag:standard", holders=[member])
    page = visitors()
    page.goto(f"{provider.issuer}/login")
    page.locator("#identifier").fill(person.address)
    page.locator("#password").fill(World.password)
    page.locator("#password").press("Enter")
    page.wait_for_url(f"{provider.issuer}/")
    assert page.locator("[data-front] .app strong").all_inner_texts() == ["Onix Pick and Pack", "Onix Tag"]

    def focused() -> str:
        return str(page.evaluate("document.activeElement.closest('section')?.querySelector('h2')?.innerText ?? ''"))

    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    assert focused() == "Pinned and opened lately"
    page.keyboard.press("ArrowDown")
    assert focused() == "Breim Kran AS"
    page.keyboard.press("End")
    assert focused() == "Nordic Lift AS"
    assert axe_everywhere(page) == []
    page.keyboard.press("/")
    page.keyboard.type("fjord")
    assert page.locator(".shelf:visible h2").all_inner_texts() == ["Fjord Inspection AS"]
    with page.expect_request(lambda request: "localhost:9/tag" in request.url) as opened:
        page.keyboard.press("Enter")
    assert "organization=" in opened.value.url
