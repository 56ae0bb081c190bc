"""axe on each page, light and dark, wide and at 320 px; and what every page promises."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.support.browsers import axe_everywhere
from tests.support.demo import Demo
from tests.support.flow import Application
from tests.support.people import Person
from tests.support.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _clean(person: Person) -> None:
    assert axe_everywhere(person.page) == []
    person.is_content()


@pytest.mark.parametrize("path", ["/login", "/signup", "/password/forgot", "/activate/nothing", "/no-such-page"])
@pytest.mark.parametrize("language", ["en", "nb"])
def test_pages_for_everybody(path: str, language: str, demo: Demo, someone: Callable[..., Person]) -> None:
    person = someone(language)
    person.goes_to(demo.base + path)
    _clean(person)


@pytest.mark.parametrize("address", ["allow@demo.example", "many@demo.example", "no-organization@demo.example",
                                     "license-missing@demo.example"])  # fmt: skip
def test_the_launcher(address: str, demo: Demo, someone: Callable[..., Person]) -> None:
    person = someone()
    person.goes_to(f"{demo.base}/login")
    person.signs_in(address)
    person.page.wait_for_url(f"{demo.base}/")
    _clean(person)
    person.goes_to(f"{demo.base}/logout")
    _clean(person)


@pytest.mark.parametrize("app", ["tag", "pickandpack"])
def test_the_apps(app: str, demo: Demo, someone: Callable[..., Person]) -> None:
    person = someone()
    for path in ("/", "/windows"):
        person.goes_to(demo.apps[app] + path)
        _clean(person)
    person.opens(app, "allow@demo.example")
    _clean(person)
    person.goes_to(f"{demo.apps[app]}/logout")
    _clean(person)


@pytest.mark.parametrize("language", ["en", "nb"])
def test_oneoffice(language: str, demo: Demo, someone: Callable[..., Person]) -> None:
    """Every page of every part, with a form that is refused."""
    person = someone(language)
    person.goes_to(demo.apps["oneoffice"])
    _clean(person)
    person.opens("oneoffice", "root@demo.example")
    _clean(person)
    for path in ("/projects", "/documents", "/archive", "/forms", "/administration"):
        person.goes_to(demo.apps["oneoffice"] + path)
        _clean(person)
    person.goes_to(demo.apps["oneoffice"] + "/documents")
    person.page.get_by_role("textbox").nth(0).fill("P-none")
    person.page.get_by_role("textbox").nth(1).fill("Load plan")
    person.presses(person.page.locator("#add button"))
    _clean(person)
    bidder = someone(language)
    bidder.opens("oneoffice", "bidder@demo.example")
    bidder.goes_to(demo.apps["oneoffice"] + "/bids")
    _clean(bidder)
    bidder.presses(bidder.page.locator("tbody a").first)
    _clean(bidder)


@pytest.mark.parametrize(
    ("app", "name"),
    [
        ("tag", "seat-limit-reached"),
        ("pickandpack", "seat-limit-reached"),
        ("oneoffice", "oneoffice-unlicensed"),
        ("express", "express-expired"),
        ("work", "seat-limit-reached"),
    ],
)
def test_a_denial(app: str, name: str, demo: Demo, someone: Callable[..., Person]) -> None:
    person = someone()
    person.opens(app, f"{name}@demo.example")
    _clean(person)


def test_the_sign_up(demo: Demo, someone: Callable[..., Person]) -> None:
    address = f"axe-{uuid4().hex[:8]}@works.example"
    person = someone()
    person.goes_to(f"{demo.base}/signup")
    person.page.locator("#address").fill("not an address")
    person.clicks("Continue")
    _clean(person)
    person.page.locator("#address").fill(address)
    person.clicks("Continue")
    _clean(person)
    person.goes_to(demo.link(demo.letter(address)))
    _clean(person)
    person.clicks("Continue")  # with nothing filled in: the error summary
    _clean(person)
    person.page.get_by_label("First name").fill("Axe")
    person.page.get_by_label("Last name").fill("Nordmann")
    person.page.locator("#password").fill("seven yellow cranes by the fjord")
    person.clicks("Continue")
    _clean(person)


def test_a_refused_sign_in(demo: Demo, someone: Callable[..., Person]) -> None:
    person = someone()
    person.goes_to(f"{demo.base}/login")
    person.signs_in(f"nobody-{uuid4().hex[:8]}@works.example", "wrong")
    _clean(person)


def test_consent_and_choices(demo: Demo, demo_world: World, someone: Callable[..., Person]) -> None:
    """The pages between the sign-in and an application outside the family."""
    partner = Application(demo.base, "demo-partner", "demo-partner-secret", demo.callback, "openid profile email")
    person = someone()
    url, _ = partner.authorization_url(scope="openid profile email offline_access organization", prompt="consent")
    person.goes_to(url)
    _clean(person)
    person.signs_in("many@demo.example")
    _clean(person)
    url, _ = partner.authorization_url(prompt="select_account")
    person.goes_to(url)
    _clean(person)
    person.goes_to(f"{demo.base}/oauth2/authorize?client_id=unknown&response_type=code")
    assert person.page.url.startswith(demo.base), "an unknown client never gets a redirect"
    _clean(person)


def test_mail_viewer_and_demo_people(demo: Demo, someone: Callable[..., Person]) -> None:
    person = someone()
    person.goes_to(f"{demo.base}/demo/mail")
    _clean(person)


def test_the_sign_in_page_is_light(demo: Demo, someone: Callable[..., Person]) -> None:
    """Under 100 kB compressed, all of it from the provider's own host."""
    person = someone()
    bodies: list[int] = []

    def count(response: Any) -> None:
        bodies.append(len(gzip.compress(response.body())))

    person.page.on("requestfinished", lambda request: count(request.response()))
    person.page.goto(f"{demo.base}/login", wait_until="networkidle")
    assert 0 < sum(bodies) < 100_000
    person.is_content()


def test_without_javascript(demo: Demo, visitors: Callable[..., Any]) -> None:
    """Signing in and opening an app needs no script."""
    person = Person(visitors(java_script_enabled=False), demo)
    person.opens("tag", "allow@demo.example")
    assert "Nordic Lift AS" in person.reads()
