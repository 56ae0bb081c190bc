"""The audit trail's row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.kernel.database import Base, id_column


class AuditEntry(Base):
    """Who did what to whom, from where, with which result (R46). Written once, never edited; no foreign keys.

    `app_ids`: the apps that it is about, each between blanks (` tag work `), so that one can be searched for.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_organization_at", "organization_id", "at", "id"),
        Index("ix_audit_entry_event_at", "event", "at"),
        Index("ix_audit_entry_at", "at", "id"),
    )
    id: Mapped[str] = id_column()
    at: Mapped[int]
    event: Mapped[str] = mapped_column(String(60))
    result: Mapped[str] = mapped_column(String(40), default="ok")
    actor_id: Mapped[str | None] = mapped_column(String(36), index=True)
    account_id: Mapped[str | None] = mapped_column(String(36), index=True)
    member_id: Mapped[str | None] = mapped_column(String(36), index=True)
    organization_id: Mapped[str | None] = mapped_column(String(36))
    client_id: Mapped[str | None] = mapped_column(String(120))
    authorization_id: Mapped[str | None] = mapped_column(String(36), index=True)
    request_id: Mapped[str | None] = mapped_column(String(36))
    address: Mapped[str | None] = mapped_column(String(45))
    app_ids: Mapped[str] = mapped_column(String(200), default="", server_default="")
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
