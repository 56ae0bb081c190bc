"""Every denial, as the demo people meet it in both apps and both languages (R39)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.demo import Demo
from tests.support.people import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOWHERE = {
    "en": "You don't have access to any organization",
    "nb": "Du har ikke tilgang til noen organisasjon",
}
NOT_HERE = {
    "en": "You don't have access to {name} from this app.",
    "nb": "Du har ikke tilgang til {name} fra denne appen.",
}
# Code, and what the cause or the remedy must speak of in each language.
CODES = {
    "no_organization": (NOWHERE, "ask for a user", "få en bruker"),
    "invitation_pending": (NOWHERE, "accept", "godta"),
    "invitation_expired": (NOWHERE, "new invitation", "ny invitasjon"),
    "contact_only": (NOWHERE, "Active", "Aktiv"),
    "membership_ended": (NOWHERE, "ended", "avsluttet"),
    "terminated_inactive": (NOWHERE, "one year", "ett år"),
    "member_disabled": (NOWHERE, "disabled", "deaktivert"),
    "organization_suspended": (NOT_HERE, "suspended", "suspendert"),
    "license_expired": (NOT_HERE, "expired", "utløpt"),
    "seat_limit_reached": (NOT_HERE, "in use", "i bruk"),
    "license_missing": (NOT_HERE, "license", "lisens"),
    "privilege_missing": (NOT_HERE, "role", "rolle"),
}
APPS = ("tag", "pickandpack", "express", "work")
# Whom a code meets there, where it is not the one who is named by it. Onix Express has no seats that could run out: an
# organization has a license of it, or has none.
OTHERS = {
    ("express", "license_expired"): "express-expired",
    ("express", "privilege_missing"): "no-role",
    ("work", "privilege_missing"): "no-role",
}
NEVER = {("express", "seat_limit_reached")}


@pytest.mark.parametrize("language", ["en", "nb"])
@pytest.mark.parametrize("code", CODES)
def test_a_denial_is_explained(code: str, language: str, demo: Demo, someone: Callable[..., Person]) -> None:
    """Headline, cause, what to do and whom to ask, in Tag and then, without a second sign-in, in the others."""
    headline, english, norwegian = CODES[code]
    person = someone(language)
    for app in APPS if language == "en" else APPS[:2]:  # what is said in Norwegian comes from the same table
        if (app, code) in NEVER:
            continue
        named = code.replace("_", "-")
        address = f"{OTHERS.get((app, code), named)}@demo.example"
        visitor = someone(language) if (app, code) in OTHERS else person
        visitor.opens(app, address)
        page = visitor.page
        assert page.locator("html").get_attribute("lang") == language
        card = page.locator("[data-code]")
        assert card.get_attribute("data-code") == code
        before, _, after = headline[language].partition("{name}")
        shown = visitor.headline()
        assert shown.startswith(before) and shown.endswith(after), shown
        text = visitor.reads()
        assert "{" not in text and "None" not in text
        assert (english if language == "en" else norwegian) in text, text
        assert page.locator("p.cause").inner_text() != page.locator("p.remedy").inner_text()
        if headline is NOT_HERE:
            assert len(shown) > len(before + after) + 3, "the company's name stands in the headline"
    person.is_content()


@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_disabled_account_is_told_at_the_sign_in(language: str, demo: Demo, someone: Callable[..., Person]) -> None:
    """Only after the right password; the wrong one is answered like any other."""
    person = someone(language)
    person.goes_to(f"{demo.base}/login")
    person.signs_in("account-disabled@demo.example", "not the right passphrase")
    told = {"en": "This account is disabled", "nb": "Denne kontoen er deaktivert"}[language]
    assert told not in person.reads()
    person.signs_in("account-disabled@demo.example")
    assert told in person.reads()
    person.goes_to(demo.base)
    assert person.page.locator("#password").count() == 1


@pytest.mark.parametrize(
    ("app", "name", "organization"),
    [
        ("tag", "allow", "Nordic Lift AS"), ("pickandpack", "allow", "Nordic Lift AS"),
        ("express", "inspector", "Fjord Inspection AS"), ("work", "inspector", "Fjord Inspection AS"),
    ],
)  # fmt: skip
def test_the_one_who_may(app: str, name: str, organization: str, demo: Demo, someone: Callable[..., Person]) -> None:
    """Who is signed in, for which organization, with which license and role; and out again."""
    person = someone()
    person.opens(app, f"{name}@demo.example")
    text = person.reads()
    assert organization in text
    assert person.page.locator("[data-code]").count() == 0
    person.goes_to(f"{demo.apps[app]}/logout")
    person.presses(person.page.locator("main form button").first)
    person.page.wait_for_url(f"{demo.apps[app]}/**")
    assert person.page.locator("main a[href='/login']").count() == 1
    person.goes_to(demo.base)
    assert person.page.locator("#password").count() == 1, "the provider's session ended too"
    person.is_content()


def test_reading_only(demo: Demo, someone: Callable[..., Person]) -> None:
    """Privileges decide what is there at all: a reader sees the list and no form."""
    person = someone()
    person.opens("tag", "tag-read@demo.example")
    assert person.page.locator("#equipment").count() == 1
    assert person.page.locator("#register").count() == 0
    writer = someone()
    writer.opens("tag", "allow@demo.example")
    assert writer.page.locator("#register").count() == 1


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("employee", ["site", "site", "legacy", "legacy"]),
        ("oneoffice-site", ["site", "site"]),
        ("oneoffice-legacy", ["legacy", "legacy"]),
        ("oneoffice-admin", ["admin"]),
        ("bidder", ["bids"]),
    ],
)
def test_the_halves_of_oneoffice(name: str, parts: list[str], demo: Demo, someone: Callable[..., Person]) -> None:
    """Each opens its half, both together the full site, in one navigation; Administration leads to the provider."""
    person = someone()
    person.opens("oneoffice", f"{name}@demo.example")
    links = person.page.locator("nav.parts a[data-part]")
    assert [link.get_attribute("data-part") for link in links.all()] == parts
    person.presses(links.last)
    assert links.last.get_attribute("aria-current") == "page"
    if name == "oneoffice-admin":
        records = person.page.locator("ul.doors a").first.get_attribute("href")
        assert records == f"{demo.base}/admin/records/core/user"
    person.is_content()


def test_an_employee_without_a_license_of_oneoffice(demo: Demo, someone: Callable[..., Person]) -> None:
    person = someone()
    person.opens("oneoffice", "oneoffice-unlicensed@demo.example")
    assert person.page.locator("[data-code]").get_attribute("data-code") == "license_missing"
    assert person.headline() == "You don't have access to Onix Works AS from this app."
    assert person.page.locator("nav.parts").count() == 0


def test_many_organizations(demo: Demo, someone: Callable[..., Person]) -> None:
    """Someone of three organizations chooses, is remembered, and can switch from the app."""
    person = someone()
    person.goes_to(demo.apps["tag"])
    person.presses(person.page.locator("main a[href='/login']"))
    person.signs_in("many@demo.example")
    choices = person.page.locator("main form[action$='/organization'] button")
    assert choices.count() >= 3
    person.presses(choices.nth(0))
    person.page.wait_for_url(f"{demo.apps['tag']}/**")
    first = person.page.locator(".who small").inner_text()
    person.goes_to(f"{demo.apps['tag']}/login?prompt=select_account")
    assert person.page.locator("#use-another").is_visible(), "one page: another organization, or another account"
    person.presses(choices.nth(1))
    person.page.wait_for_url(f"{demo.apps['tag']}/**")
    assert person.page.locator(".who small").inner_text() not in ("", first)
    person.is_content()
