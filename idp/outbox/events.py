"""What an operator did to a delivery."""

from __future__ import annotations

from dataclasses import dataclass

from idp.kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class DeliveryRetried(Event):
    """A delivery that was given up, or that waits, is owed once more."""

    delivery_id: str
