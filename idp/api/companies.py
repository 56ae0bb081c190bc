"""Companies, how they stand with Onix Express, and the invitations of their people."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select

from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import service
from idp.organizations.models import Company, Invitation, Member
from idp.organizations.numbers import key_of
from idp.organizations.service.guests import MOST_ROWS

from .operations import Caller, Operation
from .problems import Problem

PAGE = 50
READS = ("account:companies.read", "account:companies.manage")
WRITES = ("account:companies.manage",)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

PlainText = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CompanySearch(_Model):
    """What to look for; together they narrow. Without any: all."""

    q: Annotated[PlainText, Field(max_length=100)] = Field("", description="Words of the name or number")
    organization_number: Annotated[PlainText, Field(max_length=40)] = Field(
        "", description="Exactly this organization number, with blanks or without"
    )
    page: int = Field(1, ge=1, le=20_000, description=f"Which page of {PAGE}, from 1")


class PageOnly(_Model):
    """Which page of a list."""

    page: int = Field(1, ge=1, le=20_000, description=f"Which page of {PAGE}, from 1")


class CompanyOut(_Model):
    """A supplier's record of one of its customers."""

    id: str
    name: str
    organization_number: str | None


class CompanyList(_Model):
    """One page of companies, by name. `more`: whether there is another page."""

    items: list[CompanyOut]
    page: int
    more: bool


class ExpressOut(_Model):
    """How a company stands with Onix Express. Places are those of the whole customer, however many records it has."""

    company_id: str
    work_customer: bool = Field(description="It uses Onix Work itself, so nobody there is invited")
    active_users: int
    open_invitations: int
    limit: int
    left: int = Field(description="How many more can be invited now")
    offer_invitations: bool = Field(
        description="No Onix Work customer and no active user: an order or inspection should offer to invite"
    )


class PersonIn(_Model):
    """Somebody to invite."""

    name: str = Field(max_length=200, description="Full name")
    email: str = Field(max_length=254)
    language: Literal["en", "nb"] | None = Field(None, description="Of the mail, while the person has chosen none")


class InvitationsIn(_Model):
    """One or several people."""

    people: list[PersonIn] = Field(min_length=1, max_length=MOST_ROWS)


class InvitedOut(_Model):
    """What came of one person, in the order asked.

    outcome: `invited`, `already_invited`, `already_user`, `duplicate` (of row `same_as`), or the code of a refusal.
    """

    row: int = Field(description="Which of the people, from 1")
    outcome: str
    done: bool = Field(description="Whether nothing is left to do about this person")
    message: str
    field: str | None = Field(None, pattern="^(name|email)$", description="What of the person is wrong")
    same_as: int | None = None


class InvitationsOut(_Model):
    """One result per person, and how the company stands now."""

    results: list[InvitedOut]
    express: ExpressOut


class InvitationOut(_Model):
    """An invitation that is open. Times are UTC seconds."""

    id: str
    company_id: str
    name: str
    email: str
    invited_at: int
    expires_at: int


class InvitationList(_Model):
    """One page of open invitations, the newest first."""

    items: list[InvitationOut]
    page: int
    more: bool


def _company(caller: Caller, company_id: str) -> Company:
    """The caller's own company; another tenant's, an unknown one and nonsense are all not there."""
    if not _ID.fullmatch(company_id):
        raise Problem("company_unknown", "There is no such company.", status=404)
    return service.find_company(caller.organization.id, company_id)


def _out(company: Company) -> CompanyOut:
    return CompanyOut(id=company.id, name=company.name, organization_number=company.organization_number)


def _standing(company: Company) -> ExpressOut:
    status = service.express_status(company)
    return ExpressOut(
        company_id=company.id,
        work_customer=status.work_customer,
        active_users=status.active,
        open_invitations=status.pending,
        limit=status.limit,
        left=0 if status.work_customer else status.left,
        offer_invitations=status.without_users,
    )


def search_companies(caller: Caller, *, query: CompanySearch) -> tuple[int, CompanyList]:
    """A page of the caller's companies."""
    statement = select(Company).where(Company.organization_id == caller.organization.id)
    if query.q.strip():
        statement = statement.where(service.searched(query.q))
    if query.organization_number.strip():
        statement = statement.where(Company.number_key == (key_of(query.organization_number) or ""))
    rows = db.session.scalars(
        statement.order_by(Company.search_text, Company.id).limit(PAGE + 1).offset((query.page - 1) * PAGE)
    ).all()
    return 200, CompanyList(items=[_out(row) for row in rows[:PAGE]], page=query.page, more=len(rows) > PAGE)


def read_company(caller: Caller, *, company_id: str) -> tuple[int, CompanyOut]:
    """One company."""
    return 200, _out(_company(caller, company_id))


def express_status(caller: Caller, *, company_id: str) -> tuple[int, ExpressOut]:
    """How it stands with Onix Express."""
    return 200, _standing(_company(caller, company_id))


def list_invitations(caller: Caller, *, company_id: str, query: PageOnly) -> tuple[int, InvitationList]:
    """Its open invitations."""
    company = _company(caller, company_id)
    rows = db.session.scalars(
        select(Invitation)
        .join(Member, Member.id == Invitation.member_id)
        .where(
            Member.company_id == company.id,
            Member.type == "express",
            Member.status == "contact",
            Invitation.open_at(clock.now()),
        )
        .order_by(Invitation.created_at.desc(), Invitation.id.desc())
        .limit(PAGE + 1)
        .offset((query.page - 1) * PAGE)
    ).all()
    members = {
        member.id: member
        for member in db.session.scalars(select(Member).where(Member.id.in_([row.member_id for row in rows])))
    }
    return 200, InvitationList(
        items=[_invitation(row, members[row.member_id]) for row in rows[:PAGE]],
        page=query.page,
        more=len(rows) > PAGE,
    )


def _invitation(row: Invitation, member: Member) -> InvitationOut:
    return InvitationOut(
        id=row.id,
        company_id=member.company_id or "",
        name=member.name,
        email=member.email or "",
        invited_at=row.created_at,
        expires_at=row.expires_at,
    )


def invite_people(
    caller: Caller, *, company_id: str, body: InvitationsIn, key: str | None
) -> tuple[int, InvitationsOut]:
    """Invite them. The key is the caller's own: another client or person can't meet it by chance."""
    _company(caller, company_id)
    rows = [service.GuestRow(person.name, person.email, person.language) for person in body.people]
    with unit_of_work():
        results = service.invite_many(
            caller.organization.id,
            company_id,
            rows,
            key=f"{caller.client_id} {caller.account_id} {key}" if key else None,
            actor_id=caller.account_id,
        )
        standing = _standing(service.find_company(caller.organization.id, company_id))
    return 200, InvitationsOut(
        results=[
            InvitedOut(
                row=result.number,
                outcome=result.outcome,
                done=result.done,
                message=str(result.message),
                field=result.field if result.field in ("name", "email") else None,
                same_as=result.same_as,
            )
            for result in results
        ],
        express=standing,
    )


def withdraw_invitation(caller: Caller, *, invitation_id: str) -> tuple[int, None]:
    """Withdraw this one; what is withdrawn or expired already stays so, and so does a newer one of the same person."""
    unknown = Problem("invitation_unknown", "There is no such invitation.", status=404)
    if not _ID.fullmatch(invitation_id):
        raise unknown
    with unit_of_work():
        service.lock(caller.organization.id)
        row = db.session.get(Invitation, invitation_id, populate_existing=True)
        member = db.session.get(Member, row.member_id) if row else None
        ours = member is not None and member.organization_id == caller.organization.id and member.type == "express"
        if row is None or member is None or not ours:
            raise unknown
        if row.accepted_at is not None:
            raise Refusal("invitation_accepted", "The invitation was accepted.", status=409)
        service.revoke_invitation(member.id, invitation_id=row.id, actor_id=caller.account_id)
    return 204, None


_NO_COMPANY = {404: ("company_unknown",)}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="search_companies",
        method="GET",
        path="/companies",
        summary="Search companies",
        description="The companies of the person's organization, narrowed by words or by an organization number.",
        scope="companies.read",
        privileges=READS,
        run=search_companies,
        query=CompanySearch,
        answers={200: (CompanyList, "A page of companies")},
    ),
    Operation(
        id="read_company",
        method="GET",
        path="/companies/{company_id}",
        summary="Read a company",
        description="One company of the person's organization.",
        scope="companies.read",
        privileges=READS,
        run=read_company,
        answers={200: (CompanyOut, "The company")},
        refusals=_NO_COMPANY,
    ),
    Operation(
        id="express_status",
        method="GET",
        path="/companies/{company_id}/express",
        summary="How a company stands with Onix Express",
        description="Whether it uses Onix Work itself, how many users and invitations it has, and how many are left.",
        scope="companies.read",
        privileges=READS,
        run=express_status,
        answers={200: (ExpressOut, "How it stands")},
        refusals=_NO_COMPANY,
    ),
    Operation(
        id="list_invitations",
        method="GET",
        path="/companies/{company_id}/invitations",
        summary="List open invitations",
        description="Who is invited to read the company's documents and has not accepted yet.",
        scope="invitations.read",
        privileges=READS,
        run=list_invitations,
        query=PageOnly,
        answers={200: (InvitationList, "A page of invitations")},
        refusals=_NO_COMPANY,
    ),
    Operation(
        id="invite_people",
        method="POST",
        path="/companies/{company_id}/invitations",
        summary="Invite people to Onix Express",
        description="One or several. Each person has a result of its own: good ones are invited although others are "
        "refused. Sent again with the same Idempotency-Key, it is done once and answers alike.",
        scope="invitations.write",
        privileges=WRITES,
        run=invite_people,
        body=InvitationsIn,
        takes_key=True,
        answers={200: (InvitationsOut, "What came of each person")},
        refusals={403: ("not_a_supplier",), 404: ("company_unknown",), 409: ("work_customer", "key_reused")},
    ),
    Operation(
        id="withdraw_invitation",
        method="DELETE",
        path="/invitations/{invitation_id}",
        summary="Withdraw an invitation",
        description="The mailed link stops working and the place is free again. Asked twice, it is done once.",
        scope="invitations.write",
        privileges=WRITES,
        run=withdraw_invitation,
        answers={204: (None, "It is withdrawn")},
        refusals={404: ("invitation_unknown",), 409: ("invitation_accepted",)},
    ),
)
