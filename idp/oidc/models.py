"""Rows of the protocol: clients, requests, authorizations and their shadows, consents, signing keys."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idp.kernel.database import Base, id_column


class Client(Base):
    """A registered client. `metadata_` keeps all RFC 7591 / OpenID Registration members verbatim, also unknown ones.

    kind: `web`, `spa`, `native`, `machine`.  status: `active`, `disabled`, `unverified`.
    deny_mode: `token` (denials are tokens: the family's) or `error` (DESIGN §4).
    `app_id` makes it a client of the family: no consent page, the app's privileges in its tokens.
    """

    __tablename__ = "client"
    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    organization_id: Mapped[str | None] = mapped_column(ForeignKey("organization.id", ondelete="SET NULL"), index=True)
    app_id: Mapped[str | None] = mapped_column(String(40), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16), default="active")
    deny_mode: Mapped[str] = mapped_column(String(8), default="error")
    require_pkce: Mapped[bool] = mapped_column(default=True)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    rev: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[int]
    updated_at: Mapped[int]
    secrets: Mapped[list[ClientSecret]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="ClientSecret.created_at"
    )
    owners: Mapped[list[ClientOwner]] = relationship(cascade="all, delete-orphan")


class ClientSecret(Base):
    """One of at most two live secrets of a client, as a digest; `hint` is its last four characters.

    `last_used_at` is right to a day (`clients.note_use`).
    """

    __tablename__ = "client_secret"
    id: Mapped[str] = id_column()
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), index=True)
    secret_digest: Mapped[str] = mapped_column(String(64))
    hint: Mapped[str] = mapped_column(String(4))
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    last_used_at: Mapped[int | None]


class ClientOwner(Base):
    """A developer who manages a client."""

    __tablename__ = "client_owner"
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)


class AuthorizationRequest(Base):
    """An authorization request at rest, bound to a browser, until it is answered (idea 2 of DESIGN §5).

    `id` is a random handle; `browser_digest` is empty while a cross-site POST waits for the browser's own GET.
    `parameters` are the validated request parameters, as they were sent. What the steps in between have established
    is written here, and only `next_step()` reads it: `signed_in_sid` (a sign-in done for this request),
    `account_confirmed_sid` (select_account answered), `chosen_member_id`, `consented_sid`, `denied` (the person said
    no). `answered_at`: spent, it gives no second code.
    """

    __tablename__ = "authorization_request"
    id: Mapped[str] = id_column()
    browser_digest: Mapped[str] = mapped_column(String(64))
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"))
    parameters: Mapped[dict[str, Any]]
    signed_in_sid: Mapped[str | None] = mapped_column(String(36))
    account_confirmed_sid: Mapped[str | None] = mapped_column(String(36))
    chosen_member_id: Mapped[str | None] = mapped_column(String(36))
    consented_sid: Mapped[str | None] = mapped_column(String(36))
    signup_offered: Mapped[bool] = mapped_column(default=False)
    denied: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    answered_at: Mapped[int | None]


class Authorization(Base):
    """One grant to one client for one account and one member, for life. Tokens are its shadows.

    `account_id` and `member_id` are None for machine grants; `member_id` is None too while no organization is to be
    had. `offline` ones outlive the session `sid` names. `told` is the verdict that the client was last given
    (`claims.told`), so that a loss notifies only those whose verdict or privileges shrank. Withdrawn
    for life: `withdrawn_at` is never unset.
    """

    __tablename__ = "authorization"
    __table_args__ = (
        Index(
            "ix_authorization_withdrawn_at",
            "withdrawn_at",
            sqlite_where=text("withdrawn_at IS NOT NULL"),
            postgresql_where=text("withdrawn_at IS NOT NULL"),
        ),
    )
    id: Mapped[str] = id_column()
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    member_id: Mapped[str | None] = mapped_column(ForeignKey("member.id", ondelete="SET NULL"), index=True)
    organization_id: Mapped[str | None] = mapped_column(String(36), index=True)
    sid: Mapped[str | None] = mapped_column(String(36), index=True)
    sub: Mapped[str] = mapped_column(String(255))
    scope: Mapped[str] = mapped_column(Text)
    resource: Mapped[str | None] = mapped_column(String(500))
    claims_request: Mapped[dict[str, Any]] = mapped_column(default=dict)
    nonce: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(10), default="en")
    offline: Mapped[bool] = mapped_column(default=False)
    auth_time: Mapped[int | None]
    acr: Mapped[str | None] = mapped_column(String(60))
    amr: Mapped[list[str]] = mapped_column(default=list)
    told: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[int]
    expires_at: Mapped[int | None] = mapped_column(index=True)
    withdrawn_at: Mapped[int | None]
    withdrawn_reason: Mapped[str | None] = mapped_column(String(30))


class AuthorizationCode(Base):
    """A code, as its digest; spent by one conditional update (idea 4). Spent rows stay so that reuse is seen."""

    __tablename__ = "authorization_code"
    code_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    authorization_id: Mapped[str] = mapped_column(ForeignKey("authorization.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[str] = mapped_column(String(120))
    redirect_uri: Mapped[str] = mapped_column(Text)
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    spent_at: Mapped[int | None]


class RefreshToken(Base):
    """A refresh token, as its digest. `successor_digest` is the token that replaced it at rotation."""

    __tablename__ = "refresh_token"
    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    authorization_id: Mapped[str] = mapped_column(ForeignKey("authorization.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[str] = mapped_column(String(120))
    scope: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int]
    expires_at: Mapped[int] = mapped_column(index=True)
    spent_at: Mapped[int | None]
    successor_digest: Mapped[str | None] = mapped_column(String(64))


class RevokedAccessToken(Base):
    """An access token revoked one by one (RFC 7009), by its `jti`, until it would have expired anyway."""

    __tablename__ = "revoked_access_token"
    jti: Mapped[str] = mapped_column(String(80), primary_key=True)
    expires_at: Mapped[int] = mapped_column(index=True)


class Consent(Base):
    """What is remembered: account, client, scopes, organization."""

    __tablename__ = "consent"
    __table_args__ = (Index("uq_consent", "account_id", "client_id", "organization_id", unique=True),)
    id: Mapped[str] = id_column()
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), index=True)
    organization_id: Mapped[str] = mapped_column(String(36), default="")  # "" when the client asks for none
    scope: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int]
    updated_at: Mapped[int]


class LastChoice(Base):
    """The member last used with a client: what the organization picker would otherwise ask."""

    __tablename__ = "last_choice"
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.id", ondelete="CASCADE"), primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    used_at: Mapped[int]


class SigningKey(Base):
    """A signing key. Published from `created_at`, used from `activates_at` to the next one's, gone at `expires_at`."""

    __tablename__ = "signing_key"
    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    alg: Mapped[str] = mapped_column(String(10))  # RS256 | ES256
    private_key: Mapped[str] = mapped_column(Text)  # PEM, encrypted with the key-encryption key
    public_jwk: Mapped[dict[str, Any]]
    created_at: Mapped[int]
    activates_at: Mapped[int]
    expires_at: Mapped[int | None]


class UsedAssertion(Base):
    """A client assertion's `jti`, kept until the assertion expires: it counts once (R10)."""

    __tablename__ = "used_assertion"
    client_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    jti_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[int] = mapped_column(index=True)


class LossCheck(Base):
    """Authorizations are to be compared with today's decision by the worker, in pages, once `due_at` has come.

    Those of `member_ids`, or with None of the whole organization. `cursor` is the last one compared. Gone when done.
    """

    __tablename__ = "loss_check"
    id: Mapped[str] = id_column()
    organization_id: Mapped[str] = mapped_column(String(36))
    member_ids: Mapped[list[str] | None] = mapped_column(
        JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    )
    cursor: Mapped[str] = mapped_column(String(36), default="")
    due_at: Mapped[int] = mapped_column(index=True, server_default="0")
    created_at: Mapped[int]
