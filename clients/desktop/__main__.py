"""`python -m clients.desktop tag --issuer https://…` signs in by the browser and shows what the person may do."""

from __future__ import annotations

import argparse
import json
import locale
import logging
import pkgutil
import secrets
import sys
import time
import webbrowser
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from clients.relying_party import clock, words
from clients.relying_party.access import Granted, app_id, decide, request_address
from clients.relying_party.address import ConfigurationError
from clients.relying_party.flow import Client, SignInFailed, Tokens
from clients.relying_party.provider import Provider, Unreachable
from clients.relying_party.store import SignIn

WAIT_SECONDS = 600
APPS = {"tag": "onix-tag-desktop", "pickandpack": "onix-pick-and-pack-desktop"}
NAMES = {"tag": "Onix Tag", "pickandpack": "Onix Pick and Pack"}

FUNCTIONS = {
    "tag": (("equipment", "Equipment", "Utstyr"), ("tag", "Tagging", "Merking"), ("print", "Labels", "Etiketter")),
    "pickandpack": (
        ("orders", "Orders", "Ordrer"),
        ("pick", "Picking", "Plukking"),
        ("pack", "Packing", "Pakking"),
        ("ship", "Shipping", "Sending"),
    ),
}

TEXTS = {
    "en": {
        "open": "Your browser opens for the sign-in. If it does not, open this address:",
        "who": "Signed in as {name}",
        "where": "Organization: {name}",
        "role": "Role: {name}",
        "license": "License: {name}",
        "act": "you can work with it",
        "read": "read only",
        "ask": "Whom to ask: {name}",
        "request": "Ask for access in your browser: {address}",
        "failed": "You were not signed in ({code}).",
        "unreachable": "The sign-in service can't be reached. Try again later.",
        "menu": "[Enter] check again   [s] sign in again or switch organization   [q] quit > ",
        "done": "You are signed in. You can close this window and go back to {app}.",
        "undone": "You were not signed in. You can close this window and try again in {app}.",
        "waited": "Nobody signed in within ten minutes.",
    },
    "nb": {
        "open": "Nettleseren din åpnes for innlogging. Hvis den ikke gjør det, åpne denne adressen:",
        "who": "Innlogget som {name}",
        "where": "Organisasjon: {name}",
        "role": "Rolle: {name}",
        "license": "Lisens: {name}",
        "act": "du kan arbeide med det",
        "read": "kun lesing",
        "ask": "Hvem du kan spørre: {name}",
        "request": "Be om tilgang i nettleseren: {address}",
        "failed": "Du ble ikke logget inn ({code}).",
        "unreachable": "Innloggingstjenesten svarer ikke. Prøv igjen senere.",
        "menu": "[Enter] sjekk på nytt   [s] logg inn på nytt eller bytt organisasjon   [q] avslutt > ",
        "done": "Du er logget inn. Du kan lukke dette vinduet og gå tilbake til {app}.",
        "undone": "Du ble ikke logget inn. Du kan lukke dette vinduet og prøve igjen i {app}.",
        "waited": "Ingen logget inn i løpet av ti minutter.",
    },
}


class TimedOut(Exception):
    """Nobody came back from the browser."""


class Listener:
    """Waits on a free port of the loopback interface for the browser's one visit (RFC 8252 §7.3)."""

    def __init__(self, page: Callable[[bool], str]) -> None:
        self.answer: dict[str, list[str]] | None = None
        self.expected_state = ""
        listener = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 2  # seconds for one visit; others wait behind it

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                given = parse_qs(parts.query, keep_blank_values=True)
                state = given.get("state", [""])[0]
                # other programs on this machine can knock too: only the answer to our own request ends the wait
                known = parts.path == "/callback" and secrets.compare_digest(
                    state.encode("utf-8", "replace"), listener.expected_state.encode()
                )
                if known and listener.answer is None:
                    listener.answer = given
                body = page("error" not in given).encode() if known else b"Not here."
                self.send_response(200 if known else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8" if known else "text/plain")
                self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
                self.send_header("Referrer-Policy", "no-referrer")
                self.send_header("Cache-Control", "no-store")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the address holds the code."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.timeout = 1

    @property
    def redirect_uri(self) -> str:
        """The loopback redirect of this run; the port changes each time."""
        return f"http://127.0.0.1:{self._server.server_port}/callback"

    def wait(self, seconds: int) -> dict[str, list[str]]:
        """The authorization response. Raises `TimedOut`."""
        until = time.monotonic() + seconds  # whoever knocks here takes nothing of it
        while time.monotonic() < until:
            self._server.handle_request()
            if self.answer is not None:
                return self.answer
        raise TimedOut

    def close(self) -> None:
        """Free the port."""
        self._server.server_close()


class Desktop:
    """One run of the native client."""

    def __init__(
        self,
        app: str,
        issuer: str,
        client_id: str,
        resource: str,
        language: str,
        *,
        open_browser: Callable[[str], Any] | None = webbrowser.open,
        show: Callable[[str], Any] | None = None,
    ) -> None:
        self.app = app
        self.issuer = issuer
        self.language = language
        self.open_browser = open_browser
        self.show = show or _show
        self.client = Client(Provider(issuer), client_id, None, resource, "http://127.0.0.1/callback")
        self.tokens: Tokens | None = None
        self.nonce = ""

    def text(self, key: str, **values: str) -> str:
        """A line in the person's language."""
        return TEXTS[self.language][key].format(**values)

    def sign_in(self, *, prompt: str | None = None, organization: str | None = None, wait: int = WAIT_SECONDS) -> None:
        """Sign in by the browser. Raises `SignInFailed`, `Unreachable`, `TimedOut`."""
        listener = Listener(self._page)
        try:
            self.client.redirect_uri = listener.redirect_uri
            state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
            listener.expected_state = state
            url = self.client.authorization_url(
                state=state, nonce=nonce, verifier=verifier, language=self.language, prompt=prompt,
                organization=organization,
            )  # fmt: skip
            self.show(f"{self.text('open')}\n\n  {url}\n")
            if self.open_browser is not None:
                self.open_browser(url)
            sign_in = SignIn(nonce=nonce, verifier=verifier, target="", organization=organization, silent=False)
            code = self.client.read_answer(listener.wait(wait), sign_in)
            self.tokens, self.nonce = self.client.redeem(code, sign_in, clock.now()), nonce
        finally:
            listener.close()

    def check_again(self) -> None:
        """Today's truth: refresh if we can, else sign in again. Raises as `sign_in`."""
        held = self.tokens
        if held is None or held.refresh_token is None:
            self.sign_in()
            return
        try:
            self.tokens = self.client.renew(
                held.refresh_token, held.identity, self.nonce, clock.now(), id_token=held.id_token
            )
        except SignInFailed:
            self.tokens = None
            self.sign_in()

    def report(self) -> list[str]:
        """Who is signed in, the verdict, and the functions that it opens."""
        assert self.tokens is not None
        verdict = decide(self.tokens.access, self.client.resource, clock.now(), self.language)
        identity = self.tokens.identity
        lines = [self.text("who", name=str(identity.get("name") or identity.get("email") or identity["sub"]))]
        if not isinstance(verdict, Granted):
            lines += [verdict.headline, verdict.cause, verdict.remedy]
            if verdict.ask:
                lines.append(self.text("ask", name=", ".join(verdict.ask)))
            if where := request_address(verdict, self.issuer, self.client.resource):
                lines.append(self.text("request", address=where))
            return [*lines, f"({verdict.code})"]
        lines.append(self.text("where", name=verdict.organization_name))
        if verdict.roles:
            lines.append(self.text("role", name=", ".join(verdict.roles)))
        if verdict.edition:
            edition = verdict.edition.split(":")[-1].replace("_", " ").title()
            lines.append(self.text("license", name=f"{NAMES[self.app]} {edition}"))
        for thing, english, norwegian in FUNCTIONS[self.app]:
            name = norwegian if self.language == "nb" else english
            if verdict.may(f"{self.app}:{thing}.write"):
                lines.append(f"  - {name}: {self.text('act')}")
            elif verdict.may(f"{self.app}:{thing}.read"):
                lines.append(f"  - {name}: {self.text('read')}")
        return lines

    def _page(self, good: bool) -> str:
        said = self.text("done" if good else "undone", app=NAMES[self.app])
        return (
            f'<!doctype html><html lang="{self.language}"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{NAMES[self.app]}</title>'
            f"<main><h1>{NAMES[self.app]}</h1><p>{said}</p></main></html>"
        )


def _show(line: str) -> None:
    print(line, flush=True)  # noqa: T201 -- the screen is this program's face


def preset() -> dict[str, str]:
    """What a downloaded copy was told by the page it came from; empty for the source tree."""
    try:
        found = pkgutil.get_data("clients.desktop", "preset.json")
    except (OSError, ImportError):
        return {}
    return dict(json.loads(found)) if found else {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run once or interactively. Exit code 0: open, 1: denied, 2: not signed in."""
    given = preset()
    parser = argparse.ArgumentParser(prog="onix", description="Onix Tag and Onix Pick and Pack for Windows")
    parser.add_argument("app", nargs="?", default=given.get("app"), choices=[*APPS, "pick-and-pack"])
    parser.add_argument("--issuer", default=given.get("issuer"), help="the address of Onix Account")
    parser.add_argument("--client-id", default=given.get("client_id"))
    parser.add_argument("--resource", default=given.get("resource"))
    parser.add_argument("--language", choices=words.LANGUAGES)
    parser.add_argument("--organization", help="the organization to open, by its short name")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--once", action="store_true", help="show the verdict and end")
    options = parser.parse_args(arguments)
    if not options.app or not options.issuer:
        parser.error("the app and --issuer are needed")
    logging.basicConfig(level=logging.WARNING)
    app = app_id(options.app.replace("-", ""))
    language = options.language or words.best_language([locale.getlocale()[0] or "en"])
    try:
        desktop = Desktop(
            app,
            options.issuer,
            options.client_id or APPS[app],
            options.resource or f"urn:onix:{app}",
            language,
            open_browser=None if options.no_browser else webbrowser.open,
            show=_show,
        )
    except ConfigurationError as error:
        parser.error(str(error))
    return _run(desktop, options.organization, once=options.once or not sys.stdin.isatty())


def _run(desktop: Desktop, organization: str | None, *, once: bool) -> int:
    code = 2
    step: Callable[[], None] = lambda: desktop.sign_in(organization=organization)  # noqa: E731
    while True:
        try:
            step()
            desktop.show("\n".join(["", *desktop.report(), ""]))
            assert desktop.tokens is not None
            open_ = decide(desktop.tokens.access, desktop.client.resource, clock.now()).allowed
            code = 0 if open_ else 1
        except SignInFailed as error:
            desktop.show(desktop.text("failed", code=error.code))
            code = 2
        except Unreachable:
            desktop.show(desktop.text("unreachable"))
            code = 2
        except TimedOut:
            desktop.show(desktop.text("waited"))
            code = 2
        if once:
            return code
        try:
            wish = input(desktop.text("menu")).strip().lower()
        except (EOFError, KeyboardInterrupt):
            return code
        if wish == "q":
            return code
        step = (lambda: desktop.sign_in(prompt="select_account")) if wish == "s" else desktop.check_again


if __name__ == "__main__":
    raise SystemExit(main())
