"""A relying party on 127.0.0.1 while the provider is on localhost: another site, so cookies must not be relied on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.demo import Demo
from tests.support.needs import ROOT, free_port, listens, wait_until
from tests.support.people import Person
from tests.support.processes import Process, clean_environment
from tests.support.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_tag_on_another_host(demo: Demo, demo_world: World, someone: Callable[..., Person], tmp_path: Path) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    demo_world.client(
        "Tag elsewhere",
        client_id=f"tag-at-{port}",
        secret="elsewhere-secret",
        app_id="tag",
        deny_mode="token",
        redirect_uris=[f"{base}/callback"],
        post_logout_redirect_uris=[f"{base}/"],
        backchannel_logout_uri=f"{base}/backchannel-logout",
        grant_types=["authorization_code", "refresh_token"],
        initiate_login_uri=f"{base}/login",
    )
    elsewhere = Process(
        [sys.executable, "-m", "clients.tag"],
        log=tmp_path / "tag.log",
        cwd=ROOT,
        env=clean_environment(
            RP_ISSUER=demo.base,
            RP_CLIENT_ID=f"tag-at-{port}",
            RP_CLIENT_SECRET="elsewhere-secret",
            RP_BASE_URL=base,
            RP_RESOURCE="urn:onix:tag",
            RP_DATABASE=str(tmp_path / "tag.sqlite3"),
            RP_SECRET_KEY="only-for-this-test-only-for-this-test",
            PORT=str(port),
        ),
    )
    try:
        wait_until(lambda: listens(port), what="Tag's start")
        person = someone()
        person.goes_to(base)
        person.presses(person.page.locator("main a[href='/login']"))
        person.signs_in("allow@demo.example")
        person.page.wait_for_url(f"{base}/**")
        assert "Nordic Lift AS" in person.reads()
        person.goes_to(f"{base}/logout")
        person.presses(person.page.locator("main form button").first)
        person.page.wait_for_url(f"{base}/**")
        assert person.page.locator("main a[href='/login']").count() == 1
        person.is_content()
    finally:
        elsewhere.stop()
