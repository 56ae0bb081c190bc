"""Rows of the accounts room: the account, its e-mail addresses, and what was mailed to prove one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, ForeignKey, Index, LargeBinary, String, event, inspect, select, text, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idp.kernel.database import Base, id_column
from idp.kernel.listing import fold


class Account(Base):
    """The sign-in identity of one person. `id` is the `sub` of every token: never reassigned, never an e-mail (R12).

    Claims columns are named as OpenID Connect Core §5.1 names them. `address` is its object, `birthdate` its text.
    `title` (what the person does at work) and `theme` (`light`, `dark`, None: the system's) are no claims.
    `rev` rises with every change to the person's own data; `updated_at` is what the claim of that name says.
    `picture`: where it is, a path of ours (`Picture.path`), or an address elsewhere that came with the account.
    `search_text`: the folded name, family name first, and the addresses; it follows these by itself.
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
    title: Mapped[str | None] = mapped_column(String(100))
    theme: Mapped[str | None] = mapped_column(String(8))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    password_changed_at: Mapped[int | None]
    must_change_password: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[int | None]
    passkey_offered_at: Mapped[int | None]  # when the person said "not now", or made one
    closes_at: Mapped[int | None]
    closing_reminded_at: Mapped[int | None]  # when the mail shortly before the end was owed
    rev: Mapped[int] = mapped_column(default=1)
    search_text: Mapped[str] = mapped_column(String(600), default="", server_default="")
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

    @property
    def identifier(self) -> str:
        """What the person signs in with, as it is compared: the primary address; the id where there is none."""
        return self.email.normalized if self.email else self.id

    @property
    def known_as(self) -> str:
        """What the person tells this account from another by: the primary address, else the name, else the id."""
        return self.email.address if self.email else self.name or self.id


Index("ix_account_search", Account.search_text, Account.id)
Index(
    "ix_account_closes_at",
    Account.closes_at,
    sqlite_where=text("closes_at IS NOT NULL"),
    postgresql_where=text("closes_at IS NOT NULL"),
)


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


_NAMES = ("family_name", "given_name", "middle_name")


def _folded(names: Iterable[str | None], addresses: Iterable[str]) -> str:
    return fold(*names, *addresses)[:600]


def _addresses(connection: Connection, account_id: str) -> Sequence[str]:
    mine = select(EmailAddress.normalized).where(EmailAddress.account_id == account_id)
    return connection.execute(mine.order_by(EmailAddress.created_at, EmailAddress.normalized)).scalars().all()


@event.listens_for(Account, "before_insert")
@event.listens_for(Account, "before_update")
def _name_makes_findable(_mapper: Any, connection: Connection, account: Account) -> None:
    state = inspect(account)
    if any(state.attrs[name].history.has_changes() for name in _NAMES):
        known = _addresses(connection, account.id) if state.persistent else ()
        account.search_text = _folded((getattr(account, name) for name in _NAMES), known)


@event.listens_for(EmailAddress, "after_insert")
@event.listens_for(EmailAddress, "after_update")
@event.listens_for(EmailAddress, "after_delete")
def _address_makes_findable(_mapper: Any, connection: Connection, email: EmailAddress) -> None:
    names = connection.execute(
        select(*(getattr(Account, name) for name in _NAMES)).where(Account.id == email.account_id)
    ).first()
    if names is not None:
        connection.execute(
            update(Account)
            .where(Account.id == email.account_id)
            .values(search_text=_folded(names, _addresses(connection, email.account_id)))
        )


class MailboxProof(Base):
    """A link that was mailed to an address and is spent once (R28).

    purpose: `activation` (a new account), `reset` (a new password), `mailbox` (prove an address of `account_id`),
    `address` (add one to it); `known`, `nobody` and `claimed` carry no link, see `service`.
    The link is signed over id and `generation`; sending again raises the generation, so the older link dies.
    `app_id` is the application that the person came from first. What else waited for the person is not kept: activation
    happens in whichever browser.
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


class Picture(Base):
    """An account's picture in the sizes it is shown in, each a JPEG made here. The account's one is not put aside.

    `handle`: 128 random bits, where it is found by whoever was told; the next picture takes over the handle, so that
    the address stays, and whoever removes the picture takes it out of the world. `digest`: SHA-256 of the largest.
    Put aside, it is kept a while to be brought back.
    """

    __tablename__ = "picture"
    __table_args__ = (
        Index(
            "uq_picture_current",
            "account_id",
            unique=True,
            sqlite_where=text("put_aside_at IS NULL"),
            postgresql_where=text("put_aside_at IS NULL"),
        ),
    )
    id: Mapped[str] = id_column()
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    handle: Mapped[str] = mapped_column(String(43), index=True)
    small: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    medium: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    large: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int]
    put_aside_at: Mapped[int | None] = mapped_column(index=True)

    @property
    def path(self) -> str:
        """Where it is served, below the issuer."""
        return f"/pictures/{self.handle}"


class Signature(Base):
    """An account's signature as a trimmed transparent PNG made here. The account's one is not put aside.

    `made`: `drawn`, `typed` or `uploaded`.  `digest`: SHA-256 of the file, which applications are told.
    """

    __tablename__ = "signature"
    __table_args__ = (
        Index(
            "uq_signature_current",
            "account_id",
            unique=True,
            sqlite_where=text("put_aside_at IS NULL"),
            postgresql_where=text("put_aside_at IS NULL"),
        ),
    )
    id: Mapped[str] = id_column()
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    made: Mapped[str] = mapped_column(String(16))
    image: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    width: Mapped[int]
    height: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int]
    put_aside_at: Mapped[int | None]
