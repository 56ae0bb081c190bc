"""The outbox's row: one mail or one logout token that has to arrive."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from idp.kernel.database import Base, id_column


class Delivery(Base):
    """Written in the transaction of what caused it, sent by a worker that holds a lease, retried, given up visibly.

    lane: `mail` or `logout`.  destination: mail domain or client id; a slow one holds up nobody else.
    `payload` holds ids and plain words only: links and logout tokens are made while sending (idea 8).
    """

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_due", "lane", "settled_at", "due_at"),)
    id: Mapped[str] = id_column()
    lane: Mapped[str] = mapped_column(String(8))
    destination: Mapped[str] = mapped_column(String(254))
    kind: Mapped[str] = mapped_column(String(40))  # the template's folder, or "logout"
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[int]
    due_at: Mapped[int]
    leased_until: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None] = mapped_column(String(36))
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    settled_at: Mapped[int | None]
    outcome: Mapped[str | None] = mapped_column(String(12))  # delivered | given_up | dropped
