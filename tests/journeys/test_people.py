"""An administrator takes a new contact to a user with a role and a license, in both languages (issue 3, *People*)."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support.browsers import axe_everywhere
from tests.support.demo import Demo
from tests.support.people import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "seven yellow cranes by the fjord"
WORDS = {
    "en": {
        "add": "Add a person", "given": "First name", "family": "Last name", "email": "E-mail", "save": "Save",
        "activate": "Set as Active", "role": "Inspector", "waiting": "Active, not activated yet", "import": "Import",
        "paste": "Or paste the table", "check": "Check", "contact": "Contact only", "search": "Search",
        "query": "Name or e-mail", "go": "Import 1 row", "done": "1 row was imported.",
    },
    "nb": {
        "add": "Legg til en person", "given": "Fornavn", "family": "Etternavn", "email": "E-post", "save": "Lagre",
        "activate": "Sett som Aktiv", "role": "Kontrollør", "waiting": "Aktiv, ikke aktivert ennå",
        "import": "Importer", "paste": "Eller lim inn tabellen", "check": "Kontroller", "contact": "Kun kontakt",
        "search": "Søk", "query": "Navn eller e-post", "go": "Importer 1 rad", "done": "1 rad er importert.",
    },
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_contact_becomes_a_user(language: str, demo: Demo, someone: Callable[..., Person]) -> None:
    words, name = WORDS[language], f"Solbakken{uuid4().hex[:8]}"
    address = f"{name.casefold()}@works.example"
    ada = someone(language)
    page = ada.page
    ada.goes_to(f"{demo.base}/login")
    ada.signs_in("admin@demo.example")
    ada.goes_to(f"{demo.base}/org/nordic-lift/people")
    found = axe_everywhere(page)
    began = time.monotonic()
    ada.clicks(words["add"])
    page.get_by_label(words["given"]).fill("Ingrid")
    page.get_by_label(words["family"]).fill(name)
    page.get_by_label(words["email"], exact=True).fill(address)
    ada.clicks(words["save"])
    assert words["contact"] in ada.reads()
    page.get_by_label(words["role"]).check()
    page.get_by_label("Onix Tag Standard").check()
    ada.clicks(words["activate"])
    assert words["waiting"] in ada.reads()
    assert time.monotonic() - began < 60
    assert page.get_by_label(words["role"]).is_checked() and page.get_by_label("Onix Tag Standard").is_checked()
    found += axe_everywhere(page)
    ada.goes_to(f"{demo.base}/org/nordic-lift/people/new")
    found += axe_everywhere(page)
    ada.goes_to(f"{demo.base}/org/nordic-lift/people/import")
    page.get_by_label(words["paste"]).fill(f"Fornavn;E-post\nPer;per-{address}\nNils;nowhere\n")
    ada.clicks(words["check"])
    found += axe_everywhere(page)
    ada.clicks(words["go"])
    assert words["done"] in ada.reads() and page.get_by_label(words["paste"]).input_value().count("\n") == 2
    ada.goes_to(f"{demo.base}/org/nordic-lift/people?q={name}")
    page.locator("[data-pick-all] input").check()
    assert page.locator("input[name=member]:checked").count() == 2
    page.locator("#what").select_option("end")
    ada.presses(page.locator("button[value=ticked]"))
    found += axe_everywhere(page)
    assert found == []
    ada.is_content()
    if language == "en":  # once is enough: the mail, the activation and the app are the same
        ingrid = someone()
        ingrid.goes_to(demo.link(demo.letter(address)))
        ingrid.page.get_by_label("First name").fill("Ingrid")
        ingrid.page.get_by_label("Last name").fill(name)
        ingrid.page.locator("#password").fill(PASSWORD)
        ingrid.clicks("Continue")
        ingrid.goes_to(demo.apps["tag"])
        ingrid.presses(ingrid.page.locator("main a[href='/login']"))
        ingrid.signs_in(address, PASSWORD)
        ingrid.page.wait_for_url(f"{demo.apps['tag']}/**")
        assert ingrid.page.locator("#register").count() == 1, "Tag is open, and an inspector writes"
