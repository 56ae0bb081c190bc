"""An issuer, the applications, and a browser that signs in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from clients.express.app import create_app as express_app
from clients.oneoffice.app import create_app as oneoffice_app
from clients.pick_and_pack.app import create_app as pick_and_pack_app
from clients.relying_party import clock, provider
from clients.relying_party.settings import Settings
from clients.tag.app import create_app as tag_app
from clients.work.app import create_app as work_app
from tests.clients.issuer import Issuer

BASE = "http://localhost:8001"


class Browser:
    """A browser at one application, whose redirects to the issuer are followed by hand."""

    def __init__(self, app: Flask, issuer: Issuer) -> None:
        self.app, self.issuer = app, issuer
        self.client = app.test_client()

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, base_url=BASE, **more)

    def post(self, path: str, data: Any = None, **more: Any) -> Any:
        return self.client.post(path, data=data, base_url=BASE, **more)

    def follow(self, answer: Any) -> Any:
        """From a redirect to the authorize endpoint to the answer of the callback."""
        assert answer.status_code == 303, answer.status_code
        assert answer.location.startswith(self.issuer.issuer)
        return self.get(self.issuer.authorize(answer.location).removeprefix(BASE))

    def sign_in(self, path: str = "/login") -> Any:
        answer = self.follow(self.get(path))
        assert answer.status_code == 303, answer.text
        return answer

    def cookie(self, name: str) -> str | None:
        settings: Settings = self.app.extensions["onix_settings"]
        found = self.client.get_cookie(settings.cookie(name), domain="localhost")
        return found.value if found else None

    def csrf(self, path: str = "/") -> str:
        page = self.get(path).text
        return str(page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0])


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    running.now = clock.now  # one clock for both sides, until `later` moves the applications'
    running.start()
    yield running
    running.stop()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Move the applications' clock ahead by some seconds."""
    real = clock.now

    def move(seconds: int) -> None:
        monkeypatch.setattr(clock, "now", lambda: real() + seconds)

    return move


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "FAILURE_PAUSE", 0.05)


def settings(issuer: Issuer, folder: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "issuer": issuer.issuer, "client_id": "onix-tag", "client_secret": "onix-tag-secret", "base_url": BASE,
        "resource": "urn:onix:tag", "database": folder / "tag.sqlite3", "secret_key": "only for these tests, long",
        "desktop_client_id": "onix-tag-desktop", "port": 8001,
    }  # fmt: skip
    return Settings(**{**values, **changes})


@pytest.fixture
def tag(issuer: Issuer, tmp_path: Path) -> Browser:
    return Browser(tag_app(settings(issuer, tmp_path)), issuer)


@pytest.fixture
def pick_and_pack(issuer: Issuer, tmp_path: Path) -> Browser:
    issuer.organization = {
        **issuer.organization,
        "entitlements": ["pickandpack:standard"],
        "privileges": [
            "pickandpack:access", "pickandpack:orders.read", "pickandpack:pick.read", "pickandpack:pick.write",
            "pickandpack:pack.read", "pickandpack:pack.write", "pickandpack:ship.read",
        ],
    }  # fmt: skip
    return Browser(
        pick_and_pack_app(settings(issuer, tmp_path, client_id="onix-pick-and-pack", resource="urn:onix:pickandpack")),
        issuer,
    )


@pytest.fixture
def oneoffice(issuer: Issuer, tmp_path: Path) -> Browser:
    issuer.organization = {
        **issuer.organization,
        "entitlements": ["oneoffice:standard"],
        "privileges": [
            "oneoffice:access", "oneoffice:site.read", "oneoffice:site.write", "oneoffice:legacy.read",
            "oneoffice:legacy.write",
        ],
    }  # fmt: skip
    return Browser(
        oneoffice_app(
            settings(issuer, tmp_path, client_id="onix-oneoffice", resource="urn:onix:oneoffice", desktop_client_id="")
        ),
        issuer,
    )


@pytest.fixture
def express(issuer: Issuer, tmp_path: Path) -> Browser:
    """An employee of the supplier `org-1` opens Onix Express."""
    issuer.organization = {
        **issuer.organization,
        "roles": ["Express reader"],
        "entitlements": ["express:standard"],
        "privileges": ["express:access", "express:documents.read"],
    }
    return Browser(
        express_app(
            settings(issuer, tmp_path, client_id="onix-express", resource="urn:onix:express", desktop_client_id="")
        ),
        issuer,
    )


@pytest.fixture
def work(issuer: Issuer, tmp_path: Path) -> Browser:
    issuer.organization = {
        **issuer.organization,
        "roles": ["Order handler"],
        "entitlements": ["work:standard"],
        "privileges": [
            "work:access", "work:orders.read", "work:orders.write", "work:inspections.read", "work:inspections.write",
        ],
    }  # fmt: skip
    return Browser(
        work_app(settings(issuer, tmp_path, client_id="onix-work", resource="urn:onix:work", desktop_client_id="")),
        issuer,
    )
