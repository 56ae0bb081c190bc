"""Rows of the sessions room: signed-in browsers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, String, and_
from sqlalchemy.orm import Mapped, mapped_column

from idp.kernel.database import Base, id_column


class Session(Base):
    """One signed-in browser. `id` is the `sid` of tokens (public); the cookie carries a handle, stored as its digest.

    `acr` and `amr` are RFC 9068 / Core values of the sign-in.
    ended_reason: signed_out, replaced, password_changed, account_disabled, account_closing, factor_added, by_admin,
    by_owner, too_many.
    """

    __tablename__ = "session"
    id: Mapped[str] = id_column()
    handle_digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    auth_time: Mapped[int]
    acr: Mapped[str] = mapped_column(String(60))
    amr: Mapped[list[str]]
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    address: Mapped[str] = mapped_column(String(45), default="")
    created_at: Mapped[int]
    last_seen_at: Mapped[int]
    expires_at: Mapped[int]  # absolute end; idle end is last_seen_at + the idle lifetime
    ended_at: Mapped[int | None]
    ended_reason: Mapped[str | None] = mapped_column(String(20))

    @classmethod
    def alive_at(cls, now: Any, seen_after: Any) -> ColumnElement[bool]:
        """As `policy.alive` judges one; `seen_after` is `now` less the idle lifetime."""
        return and_(cls.ended_at.is_(None), cls.expires_at > now, cls.last_seen_at > seen_after)
