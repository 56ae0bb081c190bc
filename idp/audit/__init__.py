"""The audit trail: one row per event, written in the event's own transaction (R46).

Owns: `audit_entry`, and how an organization reads its own. Does not own: what an event means. Entries are only ever
added. Start reading: `listener.py`, then `trail.py`.
"""

from __future__ import annotations

from flask import Flask

from idp.kernel.events import Bus
from idp.kernel.exports import declare


def init_app(app: Flask) -> None:
    """Declare what a person takes along of the trail."""
    from .exports import PARTS

    declare(app, *PARTS)


def subscribe(bus: Bus) -> None:
    from . import listener

    listener.subscribe(bus)
