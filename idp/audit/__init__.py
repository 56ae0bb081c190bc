"""The audit trail: one row per event, written in the event's own transaction (R46).

Owns: `audit_entry`, and how an organization reads its own. Does not own: what an event means. Entries are only ever
added. Start reading: `listener.py`, then `trail.py`.
"""

from __future__ import annotations

from idp.kernel.events import Bus


def subscribe(bus: Bus) -> None:
    from . import listener

    listener.subscribe(bus)
