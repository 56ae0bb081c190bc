"""A person looks after the account on a telephone: name, reading, address, sessions, apps, organization (issue 4)."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support.browsers import axe_everywhere
from tests.support.demo import Demo
from tests.support.needs import wait_until
from tests.support.people import Person
from tests.support.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
WORDS = {
    "en": {
        "given": "First name", "save": "Save", "saved": "Saved.", "zone": "Time zone",
        "mail": "E-mail", "send": "Send the link", "add": "Add this address", "primary": "Make", "this": "This one",
        "others": "Sign out everywhere else", "opened": "Opened: Onix Tag", "out": "Sign out there",
        "left": "You have left", "nothing": "No app has access",
    },
    "nb": {
        "given": "Fornavn", "save": "Lagre", "saved": "Lagret.", "zone": "Tidssone",
        "mail": "E-post", "send": "Send lenken", "add": "Legg til denne adressen", "primary": "Gjør", "this": "Denne",
        "others": "Logg ut alle andre steder", "opened": "Åpnet: Onix Tag", "out": "Logg ut der",
        "left": "Du har forlatt", "nothing": "Ingen app har tilgang",
    },
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "nb"])
def test_an_account_on_a_telephone(
    language: str, demo: Demo, demo_world: World, someone: Callable[..., Person]
) -> None:
    words, name = WORDS[language], f"ingrid-{uuid4().hex[:8]}"
    place = f"Heis {name} AS"
    user = demo_world.user(
        demo_world.organization(name=place), address=f"{name}@works.example", given_name="Ing", family_name="Vik"
    )
    ingrid, elsewhere = someone(language, **PHONE), someone(language)
    page, account = ingrid.page, f"{demo.base}/account"
    for person in (ingrid, elsewhere):
        person.goes_to(f"{demo.base}/login")
        person.signs_in(user.address, PASSWORD)

    ingrid.goes_to(f"{account}/profile")
    found = axe_everywhere(page)
    page.locator("#name summary").click()
    page.get_by_label(words["given"], exact=True).fill("Ingrid")
    found += axe_everywhere(page)
    ingrid.presses(page.locator("#name").get_by_role("button", name=words["save"]))
    assert words["saved"] in ingrid.reads() and "Ingrid" in page.locator("#name dl").inner_text()
    page.locator("#preferences summary").click()
    page.get_by_label(words["zone"], exact=True).select_option("Europe/Oslo")
    page.locator("#theme").select_option("dark")
    ingrid.presses(page.locator("#preferences").get_by_role("button", name=words["save"]))
    assert page.locator("html").get_attribute("data-theme") == "dark"
    ground = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == "rgb(14, 20, 19)", "what was chosen stands above the system's"
    found += axe_everywhere(page)

    ingrid.goes_to(f"{account}/emails")
    page.get_by_label(words["mail"], exact=True).fill(f"{name}@private.example")
    ingrid.clicks(words["send"])
    found += axe_everywhere(page)
    ingrid.goes_to(demo.link(demo.letter(f"{name}@private.example")))
    found += axe_everywhere(page)
    ingrid.clicks(words["add"])
    ingrid.presses(page.get_by_role("button", name=words["primary"]))
    assert f"{name}@private.example" in page.locator(".items > li").first.inner_text()
    demo.letter(user.address)

    ingrid.opens("tag", user.address)
    assert "Ingrid Vik" in page.content()
    ingrid.goes_to(f"{account}/sessions")
    read = ingrid.reads()
    assert words["opened"] in read and words["this"] in read and ("CET" in read or "CEST" in read)
    found += axe_everywhere(page)
    ingrid.clicks(words["others"])
    elsewhere.goes_to(f"{account}/")
    assert elsewhere.page.locator("#password").count() == 1

    ingrid.goes_to(f"{account}/apps")
    found += axe_everywhere(page)
    ingrid.presses(page.get_by_role("button", name="Onix Tag"))
    assert words["nothing"] in ingrid.reads()
    wait_until(lambda: page.request.get(f"{demo.apps['tag']}/me.json").status == 401, what="Tag's end of the session")

    ingrid.goes_to(f"{account}/organizations")
    found += axe_everywhere(page)
    ingrid.presses(page.locator("a[href$='/leave']"))
    found += axe_everywhere(page)
    ingrid.presses(page.locator(".button--danger"))
    assert f"{words['left']} {place}" in ingrid.reads()
    assert found == []
    for person in (ingrid, elsewhere):
        person.is_content()
