"""The small helps of the pages, in a real browser: they add to what works without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.browsers import axe_everywhere
from tests.support.world import World


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
    assert axe_everywhere(page) == []
    assert complaints == []

    refused = visitors()
    refused.goto(f"{provider.issuer}/login")
    with refused.expect_navigation():
        refused.locator("main form button[type=submit]").last.click()
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
    assert plain.locator(".app a").count() == 2 and plain.locator("#find").is_hidden()
    plain.locator("details.menu summary").click()
    with plain.expect_navigation():
        plain.get_by_role("button", name="Logg ut").click()
    plain.goto(f"{provider.issuer}/")
    assert plain.url == f"{provider.issuer}/login"
