"""Security P23 in a real browser: Chromium checks `form-action` at every redirect that follows a form post.

So the pages whose forms end at the client name that one origin in their policy: sign-in, consent, form_post, logout.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.flow import pkce, query_of
from tests.support.world import PASSWORD

pytestmark = pytest.mark.browser


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, body: str) -> None:
        self.server.seen.append((self.command, self.path, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"arrived")

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def rp() -> Iterator[Any]:
    """A relying party's callback on another origin."""
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    server.seen = []  # type: ignore[attr-defined]
    server.origin = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_sign_in_consent_form_post_and_logout_reach_the_client(live: Any, page: Any, rp: Any) -> None:
    provider = live(database="sqlite", processes=1)
    callback, after = f"{rp.origin}/callback", f"{rp.origin}/after"
    provider.world.client("Partner", client_id="partner", redirect_uris=[callback], post_logout_redirect_uris=[after])
    person = provider.world.account()

    def address(**changes: str) -> str:
        values = {"response_type": "code", "client_id": "partner", "redirect_uri": callback, "scope": "openid",
                  "code_challenge": pkce()[1], "code_challenge_method": "S256", **changes}  # fmt: skip
        return f"{provider.issuer}/oauth2/authorize?{urlencode(values)}"

    page.goto(address(state="1"))
    page.fill("[name=identifier]", person.address)
    page.fill("[name=password]", PASSWORD)
    page.click("main form:has([name=password]) button[type=submit]:not([data-reveal] *)")
    page.click("#consent-form button[value=allow]")
    page.wait_for_url(f"{callback}**")
    assert query_of(page.url)["code"] and query_of(page.url)["state"] == "1"

    page.goto(address(prompt="login"))
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{callback}**")
    assert query_of(page.url)["code"]

    page.goto(address(response_mode="form_post", state="3"))
    page.wait_for_url(callback)
    (body,) = [body for method, path, body in rp.seen if (method, path) == ("POST", "/callback")]
    assert "code=" in body and "state=3" in body

    values = {"client_id": "partner", "post_logout_redirect_uri": after, "state": "4"}
    page.goto(f"{provider.issuer}/oauth2/logout?{urlencode(values)}")
    page.click("#logout-form button[type=submit]")
    page.wait_for_url(f"{after}**")
    assert query_of(page.url) == {"state": "4"}
