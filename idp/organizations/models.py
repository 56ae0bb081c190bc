"""Rows of the organizations room: tenants, their members, and what these may do."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    event,
    false,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from idp.kernel.database import Base, id_column
from idp.kernel.listing import fold

from .numbers import key_of


class Organization(Base):
    """A tenant. Every change of who may do what locks this row and raises `rev`; addresses alone come before it.

    kind: `customer`, or `self` (the platform owner's own; exactly one). directory: which outside directory owns it.
    `second_factor_required`: its apps open only to who signed in with two factors (`urn:onix:acr:2`).
    `search_text`: folded name, short name and organization number; `number_key`: the number as it is compared
    (`numbers.key_of`). Both follow by themselves.
    """

    __tablename__ = "organization"
    __table_args__ = (
        Index(
            "uq_organization_self",
            "kind",
            unique=True,
            sqlite_where=text("kind = 'self'"),
            postgresql_where=text("kind = 'self'"),
        ),
        Index("ix_organization_search", "search_text", "id"),
        Index("ix_organization_number_key", "number_key"),
    )
    id: Mapped[str] = id_column()
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16), default="customer")
    status: Mapped[str] = mapped_column(String(16), default="active")  # active | suspended
    directory: Mapped[str | None] = mapped_column(String(40))
    organization_number: Mapped[str | None] = mapped_column(String(20))
    number_key: Mapped[str | None] = mapped_column(String(20))
    second_factor_required: Mapped[bool] = mapped_column(default=False, server_default=false())
    search_text: Mapped[str] = mapped_column(String(300), default="", server_default="")
    rev: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[int]
    __mapper_args__ = {"version_id_col": version}


class Company(Base):
    """A supplier's record of one of its customers. Several records may be one customer (`service.companies`).

    `linked_organization_id`: the customer's own organization. `search_text`: folded name and organization number;
    `number_key`: the number as it is compared (`numbers.key_of`). Both follow by themselves.
    """

    __tablename__ = "company"
    __table_args__ = (
        UniqueConstraint("organization_id", "organization_number"),
        Index("ix_company_search", "organization_id", "search_text", "id"),
        Index("ix_company_number_key", "organization_id", "number_key"),
        Index("ix_company_linked_organization_id", "linked_organization_id"),
    )
    id: Mapped[str] = id_column()
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    organization_number: Mapped[str | None] = mapped_column(String(20))
    linked_organization_id: Mapped[str | None] = mapped_column(ForeignKey("organization.id", ondelete="SET NULL"))
    number_key: Mapped[str | None] = mapped_column(String(20))
    search_text: Mapped[str] = mapped_column(String(300), default="", server_default="")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[int]
    __mapper_args__ = {"version_id_col": version}


@event.listens_for(Organization, "before_insert")
@event.listens_for(Organization, "before_update")
def _make_findable(_mapper: Any, _connection: Any, organization: Organization) -> None:
    organization.number_key = key_of(organization.organization_number)
    organization.search_text = fold(organization.name, organization.slug, organization.organization_number)[:300]


@event.listens_for(Company, "before_insert")
@event.listens_for(Company, "before_update")
def _make_company_findable(_mapper: Any, _connection: Any, company: Company) -> None:
    company.number_key = key_of(company.organization_number)
    company.search_text = fold(company.name, company.organization_number)[:300]


class Member(Base):
    """One person's record in one organization.

    status: `contact`, `active`, `disabled`, `ended`.  type: `employee`, `express`, `bidder`, `consultant`.
    `account_id` alone says whose it is; `email` is what the organization typed and never re-links (*Linking*).
    `last_used_at`: when the person last accepted or opened the organization, to a day; before that the organization
    sees only what it typed itself. `search_text`: folded names and address as they are shown, family name first.
    ended_reason: `ended` by an administrator, `inactive` (terminated for inactivity), `left` by the person.
    `picture`, `signature`: the digest of the `MemberImage` that the organization has of this person, where it has one.

    Of an Express guest: `active_since` is when it became Active last, or was kept by its supplier; its year without a
    sign-in counts from there or from the last use, whichever is later. `terminates_at`: when the last warning said that
    it ends; a use, and being kept, takes that back.
    """

    __tablename__ = "member"
    id: Mapped[str] = id_column()
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), index=True)
    company_id: Mapped[str | None] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"), index=True)
    type: Mapped[str] = mapped_column(String(16), default="employee")
    status: Mapped[str] = mapped_column(String(16), default="contact")
    given_name: Mapped[str] = mapped_column(String(100), default="")
    family_name: Mapped[str] = mapped_column(String(100), default="")
    email: Mapped[str | None] = mapped_column(String(254))
    email_normalized: Mapped[str | None] = mapped_column(String(254), index=True)
    phone_number: Mapped[str | None] = mapped_column(String(20))
    language: Mapped[str | None] = mapped_column(String(10))
    source: Mapped[str] = mapped_column(String(40), default="local")
    external_id: Mapped[str | None] = mapped_column(String(200))
    last_used_at: Mapped[int | None]
    picture: Mapped[str | None] = mapped_column(String(64))
    signature: Mapped[str | None] = mapped_column(String(64))
    search_text: Mapped[str] = mapped_column(String(700), default="", server_default="")
    disabled_at: Mapped[int | None]
    ended_at: Mapped[int | None]
    ended_reason: Mapped[str | None] = mapped_column(String(16))
    active_since: Mapped[int | None]
    terminates_at: Mapped[int | None]
    changed_by: Mapped[str | None] = mapped_column(String(36))  # account that disabled or ended it
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[int]
    updated_at: Mapped[int]
    organization: Mapped[Organization] = relationship()
    company: Mapped[Company | None] = relationship()
    roles: Mapped[list[Role]] = relationship(secondary="member_role", order_by="Role.name", viewonly=True)
    __mapper_args__ = {"version_id_col": version}

    @property
    def name(self) -> str:
        """Full name as the organization typed it; the address when it typed no name."""
        return " ".join(part for part in (self.given_name, self.family_name) if part) or (self.email or "")


# The list of people: searched and sorted by name, by state, by when they were added and by when they came last. What it
# is narrowed by stands behind the order, so that a hundred thousand are looked through without opening their rows.
Index("ix_member_search", Member.organization_id, Member.search_text, Member.id, Member.type)
Index(
    "ix_member_state",
    Member.organization_id,
    Member.status,
    Member.search_text,
    Member.id,
    Member.type,
    Member.account_id,
    Member.ended_reason,
)
Index("ix_member_added", Member.organization_id, Member.created_at, Member.id)
Index("ix_member_used", Member.organization_id, Member.last_used_at, Member.id)

# The guests whose year is nearly over.
Index(
    "ix_member_guests",
    Member.status,
    Member.created_at,
    Member.id,
    sqlite_where=text("type = 'express'"),
    postgresql_where=text("type = 'express'"),
)

# One member per person, company and organization; NULL company counts as one value.
Index(
    "uq_member_person",
    Member.organization_id,
    func.coalesce(Member.company_id, ""),
    Member.account_id,
    unique=True,
    sqlite_where=text("account_id IS NOT NULL"),
    postgresql_where=text("account_id IS NOT NULL"),
)
Index(
    "uq_member_external",
    Member.organization_id,
    Member.source,
    Member.external_id,
    unique=True,
    sqlite_where=text("external_id IS NOT NULL"),
    postgresql_where=text("external_id IS NOT NULL"),
)


class MemberImage(Base):
    """What an organization uploaded for one of its people, made anew: a picture (JPEG) or a signature (PNG).

    kind: `picture`, `signature`. It is the organization's own note: never given to an application, and never as the
    person's. `uploaded_by`: the account of the administrator.
    """

    __tablename__ = "member_image"
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    image: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    digest: Mapped[str] = mapped_column(String(64))
    uploaded_by: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[int]


class Invitation(Base):
    """An offer to become a user. Open while neither accepted nor revoked and `expires_at` is ahead."""

    __tablename__ = "invitation"
    id: Mapped[str] = id_column()
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    invited_by: Mapped[str | None] = mapped_column(String(36))
    generation: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[int]
    expires_at: Mapped[int]
    accepted_at: Mapped[int | None]
    revoked_at: Mapped[int | None]
    member: Mapped[Member] = relationship()

    @classmethod
    def unanswered(cls) -> ColumnElement[bool]:
        """Neither accepted nor revoked; it may have run out."""
        return cls.accepted_at.is_(None) & cls.revoked_at.is_(None)

    @classmethod
    def open_at(cls, now: int) -> ColumnElement[bool]:
        """Can be accepted at this moment."""
        return cls.unanswered() & (cls.expires_at > now)


class InvitationBatch(Base):
    """Several people invited in one act, under a key of the caller's, so that the act sent twice is done once.

    `asked` is the digest of what was asked; `results` what came of each row.
    """

    __tablename__ = "invitation_batch"
    __table_args__ = (UniqueConstraint("organization_id", "key"),)
    id: Mapped[str] = id_column()
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    asked: Mapped[str] = mapped_column(String(64))
    results: Mapped[dict[str, Any]]
    created_at: Mapped[int]


class Role(Base):
    """A named group of privileges: of an organization, or of the system (`organization_id` None, from the catalog)."""

    __tablename__ = "role"
    __table_args__ = (Index("uq_role_name", func.coalesce(text("organization_id"), ""), text("name"), unique=True),)
    id: Mapped[str] = id_column()
    organization_id: Mapped[str | None] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[int]
    privileges: Mapped[list[RolePrivilege]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class RolePrivilege(Base):
    """One privilege of one role, by its catalog name (`tag:equipment.read`)."""

    __tablename__ = "role_privilege"
    role_id: Mapped[str] = mapped_column(ForeignKey("role.id", ondelete="CASCADE"), primary_key=True)
    privilege: Mapped[str] = mapped_column(String(100), primary_key=True)


class MemberRole(Base):
    """A member holds a role.

    `organization_id` is the member's, for life, and fills itself in: the holders of a role that many organizations
    share are found in one of them without looking at those of the others.
    """

    __tablename__ = "member_role"
    __table_args__ = (Index("ix_member_role_organization", "organization_id", "role_id", "member_id"),)
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    role_id: Mapped[str] = mapped_column(ForeignKey("role.id", ondelete="CASCADE"), primary_key=True, index=True)
    organization_id: Mapped[str] = mapped_column(String(36))


@event.listens_for(MemberRole, "before_insert")
def _note_where(_mapper: Any, connection: Connection, held: MemberRole) -> None:
    if not held.organization_id:
        held.organization_id = connection.execute(
            select(Member.organization_id).where(Member.id == held.member_id)
        ).scalar_one()


class License(Base):
    """An edition of an app bought by an organization. Current while `starts_at <= now < ends_at` (no end: open)."""

    __tablename__ = "license"
    __table_args__ = (CheckConstraint("seats >= 0", name="seats"),)
    id: Mapped[str] = id_column()
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"), index=True)
    app_id: Mapped[str] = mapped_column(String(40))
    edition: Mapped[str] = mapped_column(String(80))  # "<app>:<edition>" as the catalog names it
    seats: Mapped[int]
    starts_at: Mapped[int]
    ends_at: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[int]
    __mapper_args__ = {"version_id_col": version}


class Seat(Base):
    """One member holds one seat of one license."""

    __tablename__ = "seat"
    __table_args__ = (UniqueConstraint("license_id", "member_id"), Index("ix_seat_assigned", "assigned_at", "id"))
    id: Mapped[str] = id_column()
    license_id: Mapped[str] = mapped_column(ForeignKey("license.id", ondelete="CASCADE"))
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), index=True)
    assigned_at: Mapped[int]


class AccessRequest(Base):
    """A request for access: a person asks the administrators of an organization to be let into an app.

    Open while `decided_at` is empty; one open request per member and app. `code` and `detail` are the denial that the
    person met. outcome: `granted`, `declined` (with `reason`, which the person reads), `opened` (the app opened to the
    person without anybody handling the request), `withdrawn`.
    """

    __tablename__ = "access_request"
    __table_args__ = (
        Index(
            "uq_access_request_open",
            "member_id",
            "app_id",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
        Index("ix_access_request_waiting", "organization_id", "decided_at", "created_at"),
    )
    id: Mapped[str] = id_column()
    organization_id: Mapped[str] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"))
    member_id: Mapped[str] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"))
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    app_id: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(String(20))
    message: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[int]
    decided_at: Mapped[int | None]
    decided_by: Mapped[str | None] = mapped_column(String(36))
    outcome: Mapped[str | None] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(500))
    member: Mapped[Member] = relationship()
