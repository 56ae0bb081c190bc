"""An organization, and administrators of it who are signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.support.forms import log_in


@pytest.fixture
def place(world: Any) -> str:
    return str(world.organization("nordic-lift", name="Nordic Lift AS"))


@pytest.fixture
def administrator(app: Any, world: Any, place: str) -> Callable[..., Any]:
    """`administrator("account:roles.manage")` gives the browser of a member who holds these (`person`)."""

    def make(*privileges: str, organization_id: str = "", language: str = "en") -> Any:
        person = world.account(given_name="Ada", family_name="Berg", locale=language)
        where = organization_id or place
        member_id = world.member(where, person.account_id)
        world.role(where, {"account:access", *privileges}, members=[member_id])
        browser = app.test_client()
        log_in(browser, person.address, world.password)
        browser.person, browser.member_id = person, member_id
        return browser

    return make


@pytest.fixture
def members(world: Any, place: str) -> Callable[[Iterable[str]], list[str]]:
    """`members(["Dahl", "Lie"])`: users of the organization by family name, as they are searched; gives their ids."""

    def make(names: Iterable[str]) -> list[str]:
        return [
            world.member(
                place, world.account().account_id, given_name="Nils", family_name=name,
                search_text=f"{name} nils".casefold(),
            )
            for name in names
        ]  # fmt: skip

    return make
