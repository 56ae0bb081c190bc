"""People with a real browser, and the words for what they do in it."""

from __future__ import annotations

from typing import Any

from .demo import PASSPHRASE, Demo


class Person:
    """A page of a fresh browser, with words for what people do there. Notes what a browser complains about."""

    def __init__(self, page: Any, demo: Demo, language: str = "en") -> None:
        self.page, self.demo, self.language = page, demo, language
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)
        page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(("http://localhost:", "http://127.0.0.1:", "data:")):
            self.foreign.append(request.url)

    def goes_to(self, url: str) -> None:
        self.page.goto(url)

    def reads(self) -> str:
        """The text of the page's main part."""
        return " ".join(self.page.locator("main").inner_text().split())

    def headline(self) -> str:
        return " ".join(self.page.locator("main h1").first.inner_text().split())

    def clicks(self, name: str, *, exact: bool = True) -> None:
        """A link or button by what is written on it."""
        target = self.page.get_by_role("link", name=name, exact=exact).or_(
            self.page.get_by_role("button", name=name, exact=exact)
        )
        self.presses(target.first)

    def presses(self, target: Any) -> None:
        """Clicks what leads to another page, and waits until that page is there."""
        with self.page.expect_navigation():
            target.click()

    def signs_in(self, address: str, password: str = PASSPHRASE) -> None:
        """Fills in the sign-in page that is open."""
        self.page.locator("#identifier").fill(address)
        self.page.locator("#password").fill(password)
        self.presses(self.page.locator("form[action^='/login'] button[type=submit]").first)

    def opens(self, app: str, address: str) -> None:
        """To an app's signed-out page, *Sign in* there, and through the provider."""
        self.goes_to(self.demo.apps[app])
        self.presses(self.page.locator("main a[href='/login']"))
        if self.page.locator("#password").count():
            self.signs_in(address)
        self.page.wait_for_url(f"{self.demo.apps[app]}/**")

    def is_content(self) -> None:
        """The browser had nothing to complain about, and no other host was asked for anything."""
        assert self.complaints == []
        assert self.foreign == []
