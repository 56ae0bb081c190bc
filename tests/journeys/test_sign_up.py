"""The help pages "Create an Onix Tag user" and "Create an Onix Pick and Pack user", screen by screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.support.demo import Demo
from tests.support.people import Person
from tests.support.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
APPS = [("tag", "Onix Tag"), ("pickandpack", "Onix Pick and Pack")]
PASSWORD = "seven yellow cranes by the fjord"


def _asks_for_a_user(visitor: Person, demo: Demo, app: str, address: str) -> str:
    """From the app's page to the mail; gives the link."""
    visitor.goes_to(demo.apps[app])
    visitor.clicks("Create an account")
    assert visitor.page.url.startswith(demo.base)
    assert visitor.headline() == "Create an account"
    visitor.page.get_by_label("Work e-mail").fill(address)
    visitor.clicks("Continue")
    assert "Check your mailbox" in visitor.headline()
    letter = demo.letter(address)
    assert letter["subject"] == "Welcome to Onix Work"
    assert str(letter["from"]).startswith("Onix Work")
    assert "Click here to activate your user" in letter["html"]
    return demo.link(letter)


def _fills_in(visitor: Person, link: str) -> None:
    visitor.goes_to(link)
    visitor.page.get_by_label("First name").fill("Ingrid")
    visitor.page.get_by_label("Last name").fill("Solbakken")
    visitor.page.locator("#password").fill(PASSWORD)
    visitor.clicks("Continue")
    assert visitor.headline() == "Your user is ready"


@pytest.mark.parametrize(("app", "name"), APPS)
def test_a_user_whom_the_organization_expects(
    app: str, name: str, demo: Demo, demo_world: World, someone: Callable[..., Person]
) -> None:
    """Someone stored and set Active with license and role: sign up, activate elsewhere, sign in, click the icon."""
    address = f"ingrid-{uuid4().hex[:8]}@works.example"
    organization = demo_world.organization(name=f"Solbakken {app} AS")
    member = demo_world.member(organization, email=address, email_normalized=address)
    demo_world.role(organization, [f"{app}:access"], name="User", members=[member])
    demo_world.license(organization, f"{app}:standard", holders=[member])

    at_work = someone()
    link = _asks_for_a_user(at_work, demo, app, address)

    at_home = someone()  # the link opens in whichever browser
    _fills_in(at_home, link)
    at_home.clicks("Back to login")
    assert at_home.headline() == "Sign in"
    at_home.signs_in(address, PASSWORD)
    at_home.page.wait_for_url(f"{demo.base}/")
    first = at_home.page.locator("main a", has=at_home.page.locator("img")).first
    assert name in first.inner_text()
    at_home.presses(first)
    at_home.page.wait_for_url(f"{demo.apps[app]}/**")
    assert "password" not in at_home.page.content().lower() or at_home.page.locator("#password").count() == 0
    assert f"Solbakken {app} AS" in at_home.reads()
    for visitor in (at_work, at_home):
        visitor.is_content()


@pytest.mark.parametrize(("app", "name"), APPS)
def test_a_user_whom_nobody_expects(app: str, name: str, demo: Demo, someone: Callable[..., Person]) -> None:
    """The message that the help page explains: no access to any organization, and whom to ask."""
    address = f"solo-{uuid4().hex[:8]}@works.example"
    visitor = someone()
    _fills_in(visitor, _asks_for_a_user(visitor, demo, app, address))
    visitor.clicks("Back to login")
    visitor.signs_in(address, PASSWORD)
    visitor.page.wait_for_url(f"{demo.base}/")
    text = visitor.reads()
    assert "You don't have access to any organization" in text
    assert name in text
    visitor.goes_to(demo.apps[app])
    visitor.clicks("Sign in")
    visitor.page.wait_for_url(f"{demo.apps[app]}/**")  # no second sign-in
    assert visitor.headline() == "You don't have access to any organization"
    assert "ask for a user" in visitor.reads()
    visitor.is_content()


def test_mail_scanners_spend_no_link(demo: Demo, someone: Callable[..., Person]) -> None:
    """GET and HEAD change nothing; two posts of one link give one success."""
    address = f"scanned-{uuid4().hex[:8]}@works.example"
    visitor = someone()
    link = _asks_for_a_user(visitor, demo, "tag", address)
    for _ in range(2):
        assert requests.head(link, timeout=30, allow_redirects=True).status_code == 200
        assert requests.get(link, timeout=30).status_code == 200
    twin = someone()
    twin.goes_to(link)
    _fills_in(visitor, link)
    twin.page.get_by_label("First name").fill("Twin")
    twin.page.get_by_label("Last name").fill("Solbakken")
    twin.page.locator("#password").fill(PASSWORD)
    twin.clicks("Continue")
    assert "already" in twin.reads()
    late = someone()
    late.goes_to(link)
    assert "already" in late.reads()


def test_the_answer_is_the_same_for_every_address(demo: Demo, someone: Callable[..., Person]) -> None:
    """An address with an account, one without: the page does not tell; the mails do (R20)."""
    pages = []
    for address in ("allow@demo.example", f"new-{uuid4().hex[:8]}@works.example"):
        visitor = someone()
        visitor.goes_to(f"{demo.base}/signup")
        visitor.page.locator("#address").fill(address)
        visitor.clicks("Continue")
        pages.append(visitor.reads().replace(address, "ADDRESS"))
    assert pages[0] == pages[1]
    known = demo.letter("allow@demo.example")
    assert known["subject"] != "Welcome to Onix Work"


@pytest.mark.parametrize("address", ["someone@gmail.com", "someone@mailinator.com"])
def test_private_and_throwaway_addresses_are_refused(address: str, demo: Demo, someone: Callable[..., Person]) -> None:
    visitor = someone()
    visitor.goes_to(f"{demo.base}/signup")
    visitor.page.locator("#address").fill(address)
    visitor.clicks("Continue")
    assert visitor.headline() == "Create an account" or visitor.page.locator("#address").count()
    assert visitor.page.locator("#address").input_value() == address  # what was typed stays
    assert demo.letters(address) == []


def test_sign_up_in_norwegian(demo: Demo, someone: Callable[..., Person]) -> None:
    """Pages and mail follow the browser's language."""
    address = f"norsk-{uuid4().hex[:8]}@works.example"
    visitor = someone("nb")
    visitor.goes_to(demo.apps["tag"])
    visitor.presses(visitor.page.locator("main a[href*='create']"))
    assert visitor.page.locator("html").get_attribute("lang") == "nb"
    visitor.page.locator("#address").fill(address)
    visitor.presses(visitor.page.locator("form[action^='/signup'] button[type=submit]").first)
    letter = demo.letter(address)
    assert letter["subject"] == "Velkommen til Onix Work"
    visitor.goes_to(demo.link(letter))
    assert visitor.page.locator("html").get_attribute("lang") == "nb"
    english = re.compile(r"\b(First name|Last name|Password|Continue|Activate your user)\b")
    assert not english.search(visitor.reads())


def test_forgotten_password(demo: Demo, demo_world: World, someone: Callable[..., Person]) -> None:
    """The link sets a new password once; the old one is over."""
    person = demo_world.account(f"forgets-{uuid4().hex[:8]}@works.example")
    visitor = someone()
    visitor.goes_to(f"{demo.base}/login")
    visitor.clicks("Forgot password?")
    visitor.page.locator("#address").fill(person.address)
    visitor.clicks("Continue")
    link = demo.link(demo.letter(person.address))
    elsewhere = someone()
    elsewhere.goes_to(link)
    elsewhere.page.locator("#password").fill(PASSWORD)
    elsewhere.clicks("Continue")
    fresh: Any = someone()
    fresh.goes_to(f"{demo.base}/login")
    fresh.signs_in(person.address, World.password)
    assert fresh.page.locator("#password").count() == 1
    fresh.signs_in(person.address, PASSWORD)
    fresh.page.wait_for_url(f"{demo.base}/")
    elsewhere.goes_to(link)
    assert elsewhere.page.locator("#password").count() == 0
