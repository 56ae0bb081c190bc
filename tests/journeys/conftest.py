"""The demo, once for each test process, and people who walk through it in a real browser."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support.demo import Demo
from tests.support.people import Person
from tests.support.world import World

_MORE_SEATS = """UPDATE license SET seats = seats + 50
WHERE organization_id = (SELECT id FROM organization WHERE slug = 'nordic-lift')"""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`make run` on ports of its own. Nordic Lift has bought more: journeys that share it take a seat and keep it."""
    demo = Demo(tmp_path_factory.mktemp("demo"))
    with closing(sqlite3.connect(demo.folder / "onix-account.sqlite3", timeout=60)) as database, database:
        database.execute(_MORE_SEATS)
    yield demo
    demo.stop()


@pytest.fixture
def demo_world(demo: Demo, make_app: Callable[..., Any]) -> Iterator[World]:
    """Makes more rows in the demo's database, as an administrator would."""
    app = make_app(demo.database_url, issuer=demo.base)
    with app.app_context():
        yield World()


@pytest.fixture
def someone(visitors: Callable[..., Any], demo: Demo) -> Callable[..., Person]:
    """`someone(language="nb")`: a person with a browser of their own."""

    def make(language: str = "en", **options: Any) -> Person:
        return Person(visitors(locale={"en": "en-GB", "nb": "nb-NO"}[language], **options), demo, language)

    return make
