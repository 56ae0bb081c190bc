"""A person takes a copy of their data, closes the account, keeps it, closes it again, and time erases it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from idp import jobs
from tests.support.browsers import axe_everywhere
from tests.support.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORDS = {
    "en": {
        "take": "Download your data", "inside": "What is in it", "readme": "README.txt", "close": "Close my account",
        "see": "See what goes and what stays", "keep": "Keep my account", "until": "Your account closes on",
        "stays": "Your account stays open.", "unknown": "Wrong e-mail or password.",
        "wrong": "Type the e-mail address of your account.",
    },
    "nb": {
        "take": "Last ned dataene dine", "inside": "Hva som er med", "readme": "LESMEG.txt",
        "close": "Avslutt kontoen min", "see": "Se hva som slettes og hva som blir", "keep": "Behold kontoen",
        "until": "Kontoen din avsluttes", "stays": "Kontoen din blir stående.", "unknown": "Feil e-post eller passord.",
        "wrong": "Skriv e-postadressen til kontoen din.",
    },
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "nb"])
def test_from_a_copy_to_the_end(
    language: str, server: Callable[..., Any], make_app: Any, visitors: Any, clock: Any, tmp_path: Path
) -> None:
    words, ahead = WORDS[language], tmp_path / "clock"
    provider = server("sqlite", ONIX_CLOCK_FILE=str(ahead))
    app = make_app(provider.database_url, issuer=provider.issuer)
    with app.app_context():
        world = World()
        place = world.organization(name="Nordic Lift AS")
        person = world.user(place, given_name="Kari", family_name="Nordmann")
        world.role(place, ["account:people.manage"], members=[world.member(place, world.account().account_id)])
    page = visitors(locale={"en": "en-GB", "nb": "nb-NO"}[language])
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)

    def signs_in() -> None:
        page.goto(f"{provider.issuer}/login")
        page.locator("#identifier").fill(person.address)
        page.locator("#password").fill(World.password)
        with page.expect_navigation():
            page.locator("#password").press("Enter")

    def presses(name: str) -> None:
        with page.expect_navigation():
            page.get_by_role("button", name=name).click()

    def closes() -> None:
        page.goto(f"{provider.issuer}/account/data/close")
        page.locator("#address").fill(person.address)
        presses(words["close"])
        assert page.url == f"{provider.issuer}/logout"
        assert words["until"] in page.locator(".notice").inner_text()

    signs_in()
    page.goto(f"{provider.issuer}/account/data")
    page.get_by_text(words["inside"]).click()
    assert axe_everywhere(page) == []
    with page.expect_download() as download:
        page.get_by_role("button", name=words["take"]).click()
    assert download.value.suggested_filename.startswith("onix-account-")
    with ZipFile(download.value.path()) as taken:
        (account,) = json.loads(taken.read("account.json"))
        assert (account["given_name"], account["id"]) == ("Kari", person.account_id)
        assert "Onix Account" in taken.read(words["readme"]).decode()

    with page.expect_navigation():
        page.get_by_role("link", name=words["see"]).click()
    page.locator("#address").fill("somebody@else.example")
    presses(words["close"])
    assert words["wrong"] in page.locator("#form-errors").inner_text()
    assert page.locator("#address").input_value() == "somebody@else.example"
    assert axe_everywhere(page) == []
    closes()
    assert axe_everywhere(page) == []
    page.goto(f"{provider.issuer}/account/")
    assert "/login" in page.url

    signs_in()
    assert words["until"] in page.locator("h1").inner_text()
    assert axe_everywhere(page) == []
    presses(words["keep"])
    assert page.url == f"{provider.issuer}/" and words["stays"] in page.locator(".notice").inner_text()

    closes()
    ahead.write_text(str(14 * 86400 + 60))
    clock.advance(14 * 86400 + 60)
    with app.app_context():
        assert jobs.closed_accounts() == 1
    signs_in()
    assert words["unknown"] in page.locator("main").inner_text()
    assert complaints == []
