"""News goes up: services emit past-tense frozen values, rooms above listen.

A subscriber runs at once, in the emitter's transaction, and changes only its own room's rows, a bounded number of
them; what fans out is expanded later by the worker. The list of subscribers stands in `idp/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import current_app


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened. `at` is UTC seconds; `actor_id` the account that did it, None for the system."""

    at: int
    actor_id: str | None = None


def kinds(base: type[Event] = Event) -> Iterator[type[Event]]:
    """All that can happen, as the rooms that are there declare it."""
    for one in base.__subclasses__():
        yield one
        yield from kinds(one)


Handler = Callable[[Any], None]


class Bus:
    """Who listens to what. A handler for a base class hears every subclass; order is the order of subscription."""

    def __init__(self) -> None:
        self._handlers: list[tuple[type[Event], Handler]] = []
        self._listening: dict[type[Event], tuple[Handler, ...]] = {}

    def subscribe(self, kinds: type[Event] | Iterable[type[Event]], handler: Handler) -> None:
        for kind in [kinds] if isinstance(kinds, type) else kinds:
            self._handlers.append((kind, handler))
        self._listening.clear()

    def emit(self, event: Event) -> None:
        for handler in self._who_listens_to(type(event)):
            handler(event)

    def _who_listens_to(self, kind: type[Event]) -> tuple[Handler, ...]:
        found = self._listening.get(kind)
        if found is None:
            found = tuple(handler for base, handler in self._handlers if issubclass(kind, base))
            self._listening[kind] = found
        return found


def emit(event: Event) -> None:
    """Tell everyone who listens, now, in the current transaction. A handler that raises undoes the whole unit."""
    bus: Bus = current_app.extensions["onix_events"]
    bus.emit(event)
