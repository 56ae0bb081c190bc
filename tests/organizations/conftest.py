"""Names for what most tests of this room begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from idp.kernel.database import unit_of_work
from idp.kernel.events import Event
from idp.kernel.refusal import Refusal
from idp.organizations import service
from idp.organizations.catalog import current_catalog


@pytest.fixture
def roles(context: Any) -> dict[str, str]:
    """The system's roles by name."""
    with unit_of_work():
        service.sync_system_roles(current_catalog())
        return {name: service.find_role(name).id for name in current_catalog().roles}  # type: ignore[union-attr]


@pytest.fixture
def refused(do: Callable[..., Any]) -> Callable[..., str]:
    """`refused(service.verb, ...)` gives the code of the refusal that it must end in."""

    def call(verb: Callable[..., Any], *args: Any, **values: Any) -> str:
        with pytest.raises(Refusal) as found:
            do(verb, *args, **values)
        assert 400 <= found.value.status < 500 and str(found.value.message)
        return found.value.code

    return call


@pytest.fixture
def news(context: Any) -> Callable[..., Any]:
    """`with news() as heard:` collects what is emitted in the block."""
    bus = context.extensions["onix_events"]

    @contextmanager
    def listening() -> Iterator[list[Event]]:
        heard: list[Event] = []
        listening_now = True

        def hear(event: Event) -> None:
            if listening_now:
                heard.append(event)

        bus.subscribe(Event, hear)
        yield heard
        listening_now = False

    return listening
