"""Rows of the express room: who asks for access, and which mail of the ladders said what."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idp.kernel.database import Base, id_column
from idp.organizations.models import Company, Organization


class GuestRequest(Base):
    """Somebody asks a supplier for Express access: what was typed, until the supplier's administrators have decided.

    It reaches nobody before `confirmed_at`: the mailbox has to be proven. One is open per mailbox and supplier.
    outcome: `approved`, `rejected` (with `reason`, which the person reads), `replaced` by a newer one of the same
    mailbox.
    """

    __tablename__ = "guest_request"
    __table_args__ = (
        Index(
            "uq_guest_request_open",
            "organization_id",
            "normalized",
            unique=True,
            sqlite_where=text("confirmed_at IS NOT NULL AND decided_at IS NULL"),
            postgresql_where=text("confirmed_at IS NOT NULL AND decided_at IS NULL"),
        ),
        Index("ix_guest_request_waiting", "organization_id", "decided_at", "confirmed_at"),
        Index("ix_guest_request_created_at", "created_at"),
    )
    id: Mapped[str] = id_column()
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"))
    given_name: Mapped[str] = mapped_column(String(100))
    family_name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(254))
    normalized: Mapped[str] = mapped_column(String(254))
    company_name: Mapped[str] = mapped_column(String(200))
    company_number: Mapped[str] = mapped_column(String(20), default="")
    language: Mapped[str | None] = mapped_column(String(10))
    created_at: Mapped[int]
    expires_at: Mapped[int]  # of the link that confirms
    confirmed_at: Mapped[int | None]
    decided_at: Mapped[int | None]
    decided_by: Mapped[str | None] = mapped_column(String(36))
    outcome: Mapped[str | None] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(500))
    company_id: Mapped[str | None] = mapped_column(ForeignKey("company.id", ondelete="SET NULL"))
    organization: Mapped[Organization] = relationship()
    company: Mapped[Company | None] = relationship()

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()


class LadderMail(Base):
    """One mail of a ladder: written in the transaction that owes the mail, so the two are there once or not at all.

    kind: `invitation` (a reminder to accept) or `inactivity` (a warning before termination). period: what the ladder
    counts from, as text: the invitation's id, or the instant of the last sign-in. days: how many days before the end
    the mail is for. ends_at: the end that it told.
    """

    __tablename__ = "ladder_mail"
    __table_args__ = (
        UniqueConstraint("kind", "member_id", "period", "days"),
        Index("ix_ladder_mail_organization_id", "organization_id", "sent_at"),
    )
    id: Mapped[str] = id_column()
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"))
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    period: Mapped[str] = mapped_column(String(36))
    days: Mapped[int]
    sent_at: Mapped[int]
    ends_at: Mapped[int]
