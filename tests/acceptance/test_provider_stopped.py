"""What passes between the applications and the provider, and what happens when the provider is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.acceptance.house import BROWSER, Guest, Shop
from tests.support.forms import text_of
from tests.support.live import Live
from tests.support.needs import listens, wait_until

pytestmark = pytest.mark.slow


def _advance(file: Path, seconds: int) -> None:
    file.write_text(str(seconds))


def test_with_the_provider_stopped_an_open_app_answers_until_exp_and_never_after(
    live: Callable[..., Live], tmp_path: Path
) -> None:
    """Real processes: provider and worker are stopped for good, Tag goes on; the clock file moves time."""
    clock_file = tmp_path / "clock"
    here = live(database="sqlite", worker=True, ONIX_CLOCK_FILE=str(clock_file))
    organization = here.world.organization(name="Lofoten Kran AS")
    person = here.world.user(organization, privileges=["tag:access", "tag:equipment.read", "tag:equipment.write"])
    shop = Shop(here, "tag", tmp_path, clock_file=clock_file)
    try:
        guest = Guest.of(person.address, here.world.password, here.issuer)
        page = guest.open(shop.base)
        assert page.status_code == 200
        me = guest.me(shop.base).json()
        expires = me["claims"]["exp"]
        assert expires - me["claims"]["iat"] == 300

        here.provider.stop()
        wait_until(lambda: not listens(here.provider.port), what="the end of the provider")
        with pytest.raises(requests.ConnectionError):
            requests.get(here.issuer, timeout=5)

        # Acts and answers, from the token alone, up to the last minute.
        page = guest.look(shop.base)
        assert page.status_code == 200 and "Lofoten Kran AS" in page.text
        values = {"number": "X-1", "name": "Chain hoist", "location": "Quay"}
        assert "X-1" in text_of(guest.post_form(page, "/equipment", **values))
        _advance(clock_file, int(expires - time.time()) - 60)
        assert guest.look(shop.base).status_code == 200
        assert guest.me(shop.base).json()["verdict"]["decision"] == "allow"

        # At exp and ever after: nothing, not even the data it holds itself.
        for ahead in (0, 3600, 30 * 86400):
            _advance(clock_file, int(expires - time.time()) + 1 + ahead)
            page = guest.look(shop.base)
            assert page.status_code == 503 and "X-1" not in text_of(page) and "Chain hoist" not in page.text
            assert guest.me(shop.base).status_code == 503
            answer = guest.visitor.http.post(f"{shop.base}/equipment", data={**values, "number": "X-2"}, timeout=30)
            assert answer.status_code in (400, 503)

        # A restart of the application keeps nothing open either.
        shop.stop()
        shop.process = shop._start()
        assert guest.me(shop.base).status_code == 503
    finally:
        shop.stop()


def test_recorded_traffic_is_discovery_keys_token_and_end_session(live: Callable[..., Live], tmp_path: Path) -> None:
    """Everything goes through a proxy that writes it down; what the browser asks is told apart by its User-Agent.

    A whole day at the applications: both opened, acted in, refreshed, denied, re-checked, switched, signed out. Never
    userinfo, introspection, or any directory: the applications decide from the token alone.
    """
    here = live(database="sqlite", worker=True, balanced=True)
    proxy = here.provider.proxy
    seen: list[tuple[str, str, str]] = []
    forward = proxy._forward

    def recording(handler: Any, body: bytes | None) -> None:
        seen.append((handler.headers.get("User-Agent", ""), handler.command, urlsplit(handler.path).path))
        forward(handler, body)

    proxy._forward = recording
    organization = here.world.organization(name="Senja Løft AS")
    person = here.world.user(organization, privileges=["tag:access", "tag:equipment.read", "tag:equipment.write"])
    second = here.world.organization(name="Vega Løft AS")
    member = here.world.member(second, person.account_id)
    here.world.role(second, ["tag:access"], members=[member])
    here.world.license(second, "tag:standard", holders=[member])
    shops = [Shop(here, "tag", tmp_path), Shop(here, "pickandpack", tmp_path)]
    tag, pick = shops
    try:
        guest = Guest.of(person.address, here.world.password, here.issuer, organization=person.member_id)
        page = guest.open(tag.base)
        assert page.status_code == 200 and "Senja Løft AS" in page.text
        assert "N-1" in text_of(guest.post_form(page, "/equipment", number="N-1", name="Shackle", location="Hall 3"))
        assert guest.open(pick.base).status_code == 403
        time.sleep(2.1)
        assert guest.look(pick.base).status_code == 403  # a re-check: a refresh
        held = guest.me(pick.base).json()["claims"]
        guest.visitor.organization = member
        switched = guest.open(tag.base, "/login?prompt=select_account")
        assert "Vega Løft AS" in switched.text

        # A loss reaches the application by a logout token, and it asks again.
        from idp.kernel.database import unit_of_work
        from idp.organizations import service

        with here.app.app_context(), unit_of_work():
            service.disable_member(member)
        wait_until(lambda: guest.me(tag.base).status_code == 401, what="the logout token")
        assert guest.look(tag.base).status_code in (200, 403)
        page = guest.look(pick.base)
        assert guest.post_form(page, "/logout").status_code == 200
        assert guest.me(pick.base).status_code == 401
    finally:
        for shop in shops:
            shop.stop()

    own = {(method, path) for agent, method, path in seen if agent != BROWSER and not path.startswith("/healthz")}
    assert own == {
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/oauth2/jwks"),
        ("POST", "/oauth2/token"),
    }, own
    asked = {path for agent, _, path in seen if agent == BROWSER}
    assert "/oauth2/logout" in asked and "/oauth2/authorize" in asked
    assert not asked & {"/oauth2/userinfo", "/oauth2/introspect", "/oauth2/token", "/oauth2/revoke"}
    assert held["onix_access"]["decision"] == "deny"
