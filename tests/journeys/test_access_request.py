"""From a closed Tag to an open one: the person asks, an administrator applies in two clicks, the waiting page opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.browsers import axe_everywhere
from tests.support.demo import Demo
from tests.support.people import Person
from tests.support.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORDS = {
    "en": {"ask": "Ask for access", "send": "Send", "waiting": "Waiting for an answer", "apply": "Apply",
           "back": "Back to Onix Tag", "requests": "Requests", "mail": "asks for access to Onix Tag"},
    "nb": {"ask": "Be om tilgang", "send": "Send", "waiting": "Venter på svar", "apply": "Utfør",
           "back": "Tilbake til Onix Tag", "requests": "Forespørsler", "mail": "ber om tilgang til Onix Tag"},
}  # fmt: skip


def _clean(person: Person) -> None:
    assert axe_everywhere(person.page) == []


@pytest.fixture
def denied(demo: Demo, demo_world: World) -> Any:
    """Somebody of Nordic Lift like license-missing@: everything but a license."""
    from idp.organizations.service import find_organization, find_role

    organization = find_organization("nordic-lift")
    role = find_role("Tag reader")
    assert organization is not None and role is not None

    def make(language: str) -> Any:
        from idp.kernel.database import unit_of_work
        from idp.organizations.models import MemberRole

        person = demo_world.account(
            f"waiting-{language}@demo.example", given_name="Jon", family_name=f"Viken {language}", locale=language
        )
        member = demo_world.member(
            organization.id, person.account_id, given_name="Jon", family_name=f"Viken {language}"
        )
        with unit_of_work() as session:
            session.add(MemberRole(member_id=member, role_id=role.id))
        return person

    return make


@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_waiting_page_opens_without_another_sign_in(
    language: str, demo: Demo, someone: Callable[..., Person], denied: Callable[[str], Any]
) -> None:
    words = WORDS[language]
    asking = denied(language)
    person, administrator = someone(language), someone(language)
    person.goes_to(demo.apps["tag"])
    person.presses(person.page.locator("main a[href='/login']"))
    person.signs_in(asking.address, World.password)
    person.page.wait_for_url(f"{demo.apps['tag']}/**")
    assert person.page.locator("[data-code=license_missing]").count() == 1
    _clean(person)
    person.clicks(words["ask"])
    _clean(person)
    person.page.locator("textarea").fill("Mongstad")
    person.clicks(words["send"])
    assert person.headline() == words["waiting"]
    _clean(person)
    provider = person.page.context.new_page()  # a second tab waits at the provider, the first one at Tag
    provider.goto(person.page.url)
    person.clicks(words["back"])
    person.page.wait_for_url(f"{demo.apps['tag']}/**")
    assert person.page.locator("[data-code=license_missing]").count() == 1

    administrator.goes_to(f"{demo.base}/login")
    administrator.signs_in("admin@demo.example")
    letter = demo.letter("admin@demo.example", f"Jon Viken {language} {WORDS['en']['mail']}")
    administrator.goes_to(f"{demo.base}/org/nordic-lift/")
    _clean(administrator)
    administrator.presses(administrator.page.locator(".sections__nav a", has_text=words["requests"]))
    _clean(administrator)
    card = administrator.page.locator("article", has_text=f"Viken {language}")
    administrator.presses(card.get_by_role("button", name=words["apply"], exact=True))
    assert "Onix Tag" in administrator.page.locator(".notice--success").inner_text()
    assert demo.link(letter).startswith(f"{demo.base}/org/nordic-lift/requests/")
    administrator.goes_to(demo.link(letter))
    _clean(administrator)

    person.page.locator("#equipment").wait_for(timeout=60_000)
    assert "/login" not in person.page.url and person.page.locator("#password").count() == 0
    provider.locator("#equipment").wait_for(timeout=60_000)
    assert provider.url.startswith(demo.apps["tag"])
    person.is_content()
    administrator.is_content()


@pytest.mark.parametrize("language", ["en", "nb"])
def test_the_pages_of_access(language: str, demo: Demo, someone: Callable[..., Person]) -> None:
    """Search, one person, one verdict, and who can use an app."""
    administrator = someone(language)
    administrator.goes_to(f"{demo.base}/login")
    administrator.signs_in("admin@demo.example")
    administrator.goes_to(f"{demo.base}/org/nordic-lift/access?q=engen")
    _clean(administrator)
    administrator.clicks("Sverre Engen", exact=False)
    _clean(administrator)
    administrator.presses(administrator.page.locator("tbody a", has_text="Onix Tag"))
    assert "contact_only" in administrator.reads()
    _clean(administrator)
    administrator.goes_to(f"{demo.base}/org/nordic-lift/access/apps/tag?people=all")
    _clean(administrator)
    administrator.goes_to(f"{demo.base}/org/nordic-lift/requests?state=decided")
    _clean(administrator)
    administrator.is_content()
