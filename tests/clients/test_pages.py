"""The applications' pages in a real Chromium: strict policy, both colour schemes, 320 px, without scripts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from clients.pick_and_pack.app import create_app as pick_and_pack_app
from clients.tag.app import create_app as tag_app
from tests.clients.conftest import settings
from tests.clients.issuer import Issuer, deny
from tests.support.browsers import axe_everywhere
from tests.support.needs import free_port

pytestmark = [pytest.mark.browser, pytest.mark.running_clock]


@pytest.fixture
def places(issuer: Issuer, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Both applications, reachable by a browser."""
    servers, found = [], {}
    for name, make, client_id in (
        ("tag", tag_app, "onix-tag"),
        ("pickandpack", pick_and_pack_app, "onix-pick-and-pack"),
    ):
        port = free_port()
        base = f"http://localhost:{port}"
        app = make(
            settings(
                issuer,
                tmp_path,
                base_url=base,
                port=port,
                client_id=client_id,
                resource=f"urn:onix:{name}",
                database=tmp_path / f"{name}.sqlite3",
            )
        )
        server = make_server("127.0.0.1", port, app, threaded=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        found[name] = base
    yield found
    for server in servers:
        server.shutdown()
        server.server_close()


def _follow(page: Any, target: Any) -> None:
    """Clicks what leads to another page, and waits until that page is there."""
    with page.expect_navigation():
        target.click()


def test_every_page_is_for_everybody(page: Any, places: dict[str, str], issuer: Issuer) -> None:
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    findings: list[str] = []
    allow = issuer.organization

    def look(url: str, text: str) -> None:
        page.goto(url)
        assert text in page.locator("main").inner_text()
        findings.extend(axe_everywhere(page))

    for name, base in places.items():
        issuer.organization = {
            **allow,
            "privileges": [
                *allow["privileges"],
                "pickandpack:access",
                "pickandpack:orders.read",
                "pickandpack:pick.write",
                "pickandpack:ship.read",
            ],
        }
        look(f"{base}/?lang=en", "Create an account")
        look(f"{base}/windows", "py -m pip")
        look(f"{base}/nowhere", "does not exist")
        look(f"{base}/login", "Your access")
        page.locator(".menu summary").click()
        findings.extend(axe_everywhere(page))
        look(f"{base}/logout", "Stay signed in")
        if name == "tag":
            page.goto(base)
            _follow(page, page.get_by_role("link", name="Label").first)
            findings.extend(axe_everywhere(page))
        issuer.organization = deny("license_missing")
        look(f"{base}/login?lang=nb", "Du har ikke tilgang til Nordic Lift AS fra denne appen.")
    assert findings == []
    assert complaints == []


def test_denial_page_opens_by_itself_and_by_the_button(page: Any, places: dict[str, str], issuer: Issuer) -> None:
    allow, base = issuer.organization, places["tag"]
    issuer.organization = deny("license_missing")
    page.goto(f"{base}/login?lang=en")
    page.get_by_role("link", name="Check again").click()
    page.get_by_text("Nothing has changed yet.").wait_for()
    issuer.organization = allow
    page.locator("#equipment").wait_for()


def test_without_scripts_everything_works(browser: Any, places: dict[str, str], issuer: Issuer) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    try:
        page, base, allow = context.new_page(), places["tag"], issuer.organization
        issuer.organization = deny("license_missing")
        page.goto(base)
        _follow(page, page.locator("main a[href='/login']"))
        assert page.locator("main h1").inner_text() == "You don't have access to Nordic Lift AS from this app."
        assert page.locator("noscript meta[http-equiv=refresh]").count() == 1 or "refresh" in page.content()
        issuer.organization = allow
        page.wait_for_timeout(2500)
        _follow(page, page.locator("#again"))
        page.locator("#register input[name=number]").fill("E-9")
        page.locator("#register input[name=name]").fill("Hook")
        page.locator("#register input[name=location]").fill("Quay")
        _follow(page, page.locator("#register button"))
        assert "The equipment is registered." in page.locator("main").inner_text()
        page.locator(".menu summary").click()
        _follow(page, page.locator(".sheet a[href='/logout']"))
        assert "Do you want to sign out" in page.locator("main h1").inner_text()
    finally:
        context.close()
