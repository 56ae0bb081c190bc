"""Races: several do something at the same moment, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

Result = TypeVar("Result")


def at_once(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """What each call gives, in their order. They begin together; what one raises is raised here when all have ended."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Result]) -> Result:
        gate.wait(120)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def outcome(app: Any, act: Callable[[], Any]) -> str:
    """`done`, or the code of the refusal, of one act in a unit of work of its own."""
    from idp.kernel.database import unit_of_work
    from idp.kernel.refusal import Refusal

    with app.app_context():
        try:
            with unit_of_work():
                act()
        except Refusal as refusal:
            return refusal.code
        return "done"


def outcomes_at_once(app: Any, acts: Sequence[Callable[[], Any]]) -> list[str]:
    """The outcome of each act, in their order."""
    return at_once([partial(outcome, app, act) for act in acts])
