"""A new person protects the account on a phone-sized screen, with a passkey or an authenticator app, and comes back.

The browser's virtual authenticator stands for the phone's fingerprint reader.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyotp
import pytest

from tests.support.browsers import axe_everywhere
from tests.support.demo import PASSPHRASE, Demo
from tests.support.people import Person
from tests.support.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WORDS = {
    "en": {"add": "Add a passkey", "create": "Create a passkey", "saved": "I have saved them", "one": "1 passkey",
           "security": "Security", "remove": "Remove", "step": "One more step",
           "use": "Use a passkey", "codes": "Save your recovery codes", "recovery": "Use a recovery code",
           "gone": "Passkey is removed", "key": "Can't scan it?", "on": "Turn on", "again": "Confirm that it is you",
           "needed": "A second factor is needed", "nine": "9 of 10 left"},
    "nb": {"add": "Legg til en passnøkkel", "create": "Lag en passnøkkel", "saved": "Jeg har lagret dem",
           "one": "1 passnøkkel", "security": "Sikkerhet", "remove": "Fjern",
           "step": "Ett steg til", "use": "Bruk en passnøkkel", "codes": "Lagre gjenopprettingskodene",
           "recovery": "Bruk en gjenopprettingskode", "gone": "Passnøkkel er fjernet",
           "key": "Får du ikke skannet den?",
           "on": "Slå på", "again": "Bekreft at det er deg", "needed": "Du trenger en ekstra faktor",
           "nine": "9 av 10 igjen"},
}  # fmt: skip


class Phone:
    """A fingerprint reader that says yes, or is not touched at all (`here` False)."""

    def __init__(self, page: Any) -> None:
        self._cdp = page.context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True,
        }  # fmt: skip
        self._id = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def is_here(self, here: bool) -> None:
        values = {"authenticatorId": self._id, "enabled": here}
        self._cdp.send("WebAuthn.setAutomaticPresenceSimulation", values)

    @property
    def passkeys(self) -> list[Any]:
        found = self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(found["credentials"])


def _signs_out(person: Person) -> None:
    person.goes_to(f"{person.demo.base}/logout")
    person.presses(person.page.locator("main button[type=submit]"))


def _clean(person: Person, clean: bool) -> None:
    if clean:
        assert axe_everywhere(person.page) == []


@pytest.mark.parametrize("language", ["en", "nb"])
def test_a_passkey_from_making_to_removing(
    language: str, demo: Demo, someone: Callable[..., Person], demo_world: World
) -> None:
    words, base = WORDS[language], demo.base
    account = demo_world.account(f"keys-{language}@demo.example", locale=language, password=PASSPHRASE)
    person = someone(language, viewport={"width": 360, "height": 740})
    phone, look = Phone(person.page), language == "en"
    person.goes_to(f"{base}/login")
    _clean(person, look)
    person.signs_in(account.address)

    person.clicks(words["add"])  # offered on the launcher
    _clean(person, look)
    person.clicks(words["create"])
    assert person.headline() == words["codes"], person.reads()
    _clean(person, look)
    assert len(phone.passkeys) == 1 and phone.passkeys[0]["rpId"] == "localhost"
    codes = person.page.locator("#codes code").all_inner_texts()
    assert len(set(codes)) == 10
    person.clicks(words["saved"])
    assert words["one"] in person.reads()
    _clean(person, look)

    # The e-mail field offers it at once: nothing is typed.
    _signs_out(person)
    person.goes_to(f"{base}/login")
    person.page.wait_for_url(f"{base}/")
    _signs_out(person)

    # The password alone leads to the second step; the phone that is not touched answers nothing.
    phone.is_here(False)
    person.goes_to(f"{base}/login")
    person.signs_in(account.address)
    assert person.headline() == words["step"]
    _clean(person, look)
    phone.is_here(True)
    with person.page.expect_navigation(url=f"{base}/"):
        person.page.get_by_role("button", name=words["use"]).click()

    # A recovery code in a browser that has no passkey.
    elsewhere = someone(language)
    elsewhere.goes_to(f"{base}/login")
    elsewhere.signs_in(account.address)
    elsewhere.clicks(words["recovery"])
    _clean(elsewhere, look)
    elsewhere.page.locator("#code").fill(codes[3])
    elsewhere.presses(elsewhere.page.locator("main form button[type=submit]").first)
    elsewhere.goes_to(f"{base}/account/security")
    assert words["nine"] in elsewhere.reads()

    person.goes_to(f"{base}/account/security")
    person.page.locator("details.for-good summary").click()  # the password could go: what that means is read first
    assert person.page.locator("form[action$='/password/remove'] button").is_visible()
    _clean(person, look)
    person.presses(person.page.locator(".keys a"))
    _clean(person, look)
    person.presses(person.page.get_by_role("button", name=words["remove"], exact=True))
    assert words["gone"] in person.reads()
    person.page.wait_for_timeout(500)
    assert phone.passkeys == [], "the browser was told that it is gone"
    person.is_content()


def test_an_app_from_the_pages_key_and_an_organization_that_asks(
    demo: Demo, someone: Callable[..., Person], demo_world: World
) -> None:
    words, base = WORDS["en"], demo.base
    organization = demo_world.organization("strict", name="Strict Lift AS", second_factor_required=True)
    account = demo_world.user(organization, privileges=["tag:access"])
    person = someone()
    person.goes_to(demo.apps["tag"])
    person.presses(person.page.locator("main a[href='/login']"))
    person.signs_in(account.address, PASSWORD)
    assert person.headline() == words["needed"]
    _clean(person, True)
    person.presses(person.page.locator("a[href^='/account/security/authenticator']"))
    person.page.locator("summary", has_text=words["key"]).click()
    _clean(person, True)
    key = person.page.locator("#key").inner_text().replace(" ", "").upper()
    now = int(person.page.evaluate("Date.now() / 1000"))
    person.page.locator("#code").fill(pyotp.TOTP(key).at(now))
    person.presses(person.page.get_by_role("button", name=words["on"], exact=True))
    assert person.headline() == words["codes"]
    person.clicks(words["saved"])
    person.page.wait_for_url(f"{demo.apps['tag']}/**")
    assert person.page.locator("main").inner_text()

    # Another browser: the password, then the code, sent by itself once it is whole.
    other = someone()
    other.goes_to(f"{base}/login")
    other.signs_in(account.address, PASSWORD)
    assert other.headline() == words["step"]
    _clean(other, True)
    with other.page.expect_navigation(url=f"{base}/"):
        other.page.locator("#code").press_sequentially(pyotp.TOTP(key).at(now + 30))
    other.is_content()
    person.is_content()
