"""What an operator did to a delivery."""

from __future__ import annotations

from dataclasses import dataclass

from idp.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class DeliveriesRetried(Event):
    """Deliveries that were given up are owed once more."""

    delivery_ids: tuple[str, ...]
