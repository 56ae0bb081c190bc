"""Rows of a person's second factors and passkeys, and of the ceremonies under way."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from idp.kernel.database import Base, id_column


class Authenticator(Base):
    """The account's authenticator app (RFC 6238). `seed` is encrypted; `last_step` the newest time step that counted,
    so that a code counts once and none before it does any more (security R30)."""

    __tablename__ = "authenticator"
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    seed: Mapped[str] = mapped_column(String(300))
    last_step: Mapped[int]
    created_at: Mapped[int]
    last_used_at: Mapped[int | None]


class RecoveryCode(Base):
    """One of the codes for the day when everything else is lost: a digest, spent once."""

    __tablename__ = "recovery_code"
    __table_args__ = (Index("ix_recovery_code_account", "account_id", "code_digest", unique=True),)
    id: Mapped[str] = id_column()
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    code_digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int]
    spent_at: Mapped[int | None]


class Passkey(Base):
    """A discoverable credential of Web Authentication, made with user verification.

    `credential_id` and `public_key` (COSE) are base64url. `synced`: the authenticator may copy it to other devices
    (backup eligible). `aaguid` says which product keeps it, `name` is what the person calls it.
    """

    __tablename__ = "passkey"
    id: Mapped[str] = id_column()
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[str] = mapped_column(String(1400))
    sign_count: Mapped[int] = mapped_column(default=0)
    aaguid: Mapped[str] = mapped_column(String(36), default="")
    transports: Mapped[list[str]]
    synced: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[int]
    last_used_at: Mapped[int | None]


class Ceremony(Base):
    """Something begun in one browser that ends once, minutes later at most.

    purpose: `passkey_new` and `passkey` (`secret` is the challenge), `authenticator` (the encrypted seed that waits to
    be confirmed), `second_step` (the password was right: `secret` is the digest of its hash). `account_id` is None
    where any account may answer.
    """

    __tablename__ = "ceremony"
    id: Mapped[str] = id_column()
    purpose: Mapped[str] = mapped_column(String(20))
    browser_digest: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    secret: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    spent_at: Mapped[int | None]
