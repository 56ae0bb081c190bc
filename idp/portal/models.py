"""The row of the launcher: what a person wants to have at hand."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.kernel.database import Base


class Pin(Base):
    """An app of one organization that the person has pinned. It stays when the app is closed to the person, unseen."""

    __tablename__ = "pin"
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    organization_id: Mapped[str] = mapped_column(
        ForeignKey("organization.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    app_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    created_at: Mapped[int]
