"""Rows of the accounts room: the account, its e-mail addresses, and what was mailed to prove one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idp.kernel.database import Base, id_column
from idp.kernel.listing import fold


class Account(Base):
    """The sign-in identity of one person. `id` is the `sub` of every token: never reassigned, never an e-mail (R12).

    Claims columns are named as OpenID Connect Core §5.1 names them. `address` is its object, `birthdate` its text.
    `rev` rises with every change to the person's own data; `updated_at` is what the claim of that name says.
    `search_text`: the folded name, family name first; it follows the name by itself.
    `closes_at`: the person closed the account, and from this moment on it is erased (`policy.closing`); also a disabled
    one.
    """

    __tablename__ = "account"
    id: Mapped[str] = id_column()
    status: Mapped[str] = mapped_column(String(16), default="active")  # active | disabled | closing
    given_name: Mapped[str] = mapped_column(String(100), default="")
    family_name: Mapped[str] = mapped_column(String(100), default="")
    middle_name: Mapped[str | None] = mapped_column(String(100))
    nickname: Mapped[str | None] = mapped_column(String(100))
    preferred_username: Mapped[str | None] = mapped_column(String(100))
    profile: Mapped[str | None] = mapped_column(String(500))
    picture: Mapped[str | None] = mapped_column(String(500))
    website: Mapped[str | None] = mapped_column(String(500))
    gender: Mapped[str | None] = mapped_column(String(40))
    birthdate: Mapped[str | None] = mapped_column(String(10))
    zoneinfo: Mapped[str | None] = mapped_column(String(60))
    locale: Mapped[str | None] = mapped_column(String(10))  # "en" | "nb" | None: none stored
    phone_number: Mapped[str | None] = mapped_column(String(20))  # E.164
    phone_number_verified: Mapped[bool] = mapped_column(default=False)
    address: Mapped[dict[str, Any] | None]
    password_hash: Mapped[str | None] = mapped_column(String(200))
    password_changed_at: Mapped[int | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[int | None]
    closes_at: Mapped[int | None]
    rev: Mapped[int] = mapped_column(default=1)
    search_text: Mapped[str] = mapped_column(String(310), default="", server_default="")
    created_at: Mapped[int]
    updated_at: Mapped[int]
    emails: Mapped[list[EmailAddress]] = relationship(
        back_populates="account", cascade="all, delete-orphan", order_by="EmailAddress.created_at", lazy="selectin"
    )

    @property
    def name(self) -> str:
        """Full name as it is shown, built from the parts that are there."""
        return " ".join(part for part in (self.given_name, self.middle_name, self.family_name) if part)

    @property
    def email(self) -> EmailAddress | None:
        """The primary address."""
        return next((email for email in self.emails if email.is_primary), None)


Index("ix_account_search", Account.search_text, Account.id)
Index(
    "ix_account_closes_at",
    Account.closes_at,
    sqlite_where=text("closes_at IS NOT NULL"),
    postgresql_where=text("closes_at IS NOT NULL"),
)


@event.listens_for(Account, "before_insert")
@event.listens_for(Account, "before_update")
def _make_findable(_mapper: Any, _connection: Any, account: Account) -> None:
    account.search_text = fold(account.family_name, account.given_name, account.middle_name)[:310]


class EmailAddress(Base):
    """One address of an account, as typed and as compared (`normalized`, unique across all accounts)."""

    __tablename__ = "email_address"
    __table_args__ = (
        Index(
            "uq_email_address_primary",
            "account_id",
            unique=True,
            sqlite_where=text("is_primary"),
            postgresql_where=text("is_primary"),
        ),
    )
    id: Mapped[str] = id_column()
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    address: Mapped[str] = mapped_column(String(254))
    normalized: Mapped[str] = mapped_column(String(254), unique=True)
    is_primary: Mapped[bool] = mapped_column(default=False)
    verified_at: Mapped[int | None]
    created_at: Mapped[int]
    account: Mapped[Account] = relationship(back_populates="emails")


class MailboxProof(Base):
    """A link that was mailed to an address and is spent once (R28).

    purpose: `activation` (a new account), `reset` (a new password), `mailbox` (prove an address of `account_id`);
    `known` and `nobody` carry no link, see `service`.
    The link is signed over id and `generation`; sending again raises the generation, so the older link dies.
    `app_id` is the application that the person came from first, `continuation_path` is not kept: activation happens in
    whichever browser.
    """

    __tablename__ = "mailbox_proof"
    id: Mapped[str] = id_column()
    purpose: Mapped[str] = mapped_column(String(16))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    address: Mapped[str] = mapped_column(String(254))
    normalized: Mapped[str] = mapped_column(String(254), index=True)
    language: Mapped[str] = mapped_column(String(10))
    app_id: Mapped[str | None] = mapped_column(String(40))
    generation: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    spent_at: Mapped[int | None]
