"""What the tests of specifications share: a client of the family, one outside it, a person whom Tag lets in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.specs.person import CALLBACK, SECRET, Browser


@pytest.fixture
def family(world: Any) -> Any:
    """A confidential client of Tag that is told denials as errors."""
    return world.client("Onix Tag", app_id="tag", redirect_uris=[CALLBACK], client_id="tag-web", secret=SECRET).client


@pytest.fixture
def partner(world: Any) -> Any:
    """A confidential client of no app: its people are asked for consent."""
    return world.client("Partner", redirect_uris=[CALLBACK], client_id="partner", secret=SECRET).client


@pytest.fixture
def person(world: Any) -> Any:
    """Somebody whom Tag lets in."""
    return world.user(app="tag")


@pytest.fixture
def browser_of(app: Any) -> Callable[..., Browser]:
    """`browser_of(client_id)`: a fresh browser on the way from that client."""

    def make(client_id: str = "tag-web", **values: Any) -> Browser:
        return Browser(app.test_client(), client_id, **values)

    return make
