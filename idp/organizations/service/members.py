"""Members: who is recorded in an organization, and what the organization writes down about them."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.accounts import addresses
from idp.accounts.models import Account
from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.refusal import Refusal

from ..catalog import MEMBER_TYPES
from ..events import MemberAdded, MemberLinked
from ..models import Company, Member, Organization
from .companies import check_place
from .linking import already_there, has_record, link, make_findable, proven_by, same_address, unless_there
from .locking import expect, fresh, lock, lock_address, lock_of
from .rights import not_above
from .standing import welcome, withdraw_invitations
from .telling import tell, tell_edited
from .typed import one_line

LANGUAGES = ("en", "nb")


def add_member(
    organization_id: str,
    *,
    email: str | None = None,
    given_name: str = "",
    family_name: str = "",
    type: str = "employee",
    status: str = "contact",
    company_id: str | None = None,
    account_id: str | None = None,
    phone_number: str | None = None,
    language: str | None = None,
    source: str = "local",
    external_id: str | None = None,
    actor_id: str | None = None,
) -> Member:
    """Record a person, as a contact or at once as an active member. Raises `Refusal`.

    An address that an account has proven links the record to that account; an active member without an account is
    mailed the welcome. An Express guest belongs to a company of the supplier; an employee never to an organization that
    an outside directory owns.
    """
    found, given = addresses.parse(email) if email else None, account_id is not None
    if found and not given:
        lock_address(found.normalized)
    organization = lock(organization_id)
    _check_place(organization, type, status, company_id)
    if account_id is None and found:
        account_id = unless_there(organization_id, company_id, proven_by(found.normalized))
    elif account_id is not None:
        fresh(Account, account_id)
        if has_record(organization_id, company_id, account_id):
            raise already_there()
    if found and source == "local" and same_address(organization_id, company_id, found.normalized):
        raise already_there()
    if not (email or account_id) and status == "active":
        raise Refusal("email_required", _l("An Active member needs an e-mail address."), field="email")
    now = clock.now()
    member = Member(
        organization_id=organization_id,
        company_id=company_id,
        account_id=account_id,
        type=type,
        status=status,
        given_name=one_line(given_name, "given_name", 100, required=False) or "",
        family_name=one_line(family_name, "family_name", 100, required=False) or "",
        email=found.address if found else None,
        email_normalized=found.normalized if found else None,
        phone_number=one_line(phone_number, "phone_number", 20, required=False),
        language=language if language in LANGUAGES else None,
        source=source,
        external_id=external_id,
        created_at=now,
        updated_at=now,
    )
    if not (member.name or account_id):
        raise Refusal("required", _l("Fill in a name or the e-mail address."), field="given_name")
    make_findable(member)
    if status == "active":
        member.active_since = now
        check_place(member)
    db.session.add(member)
    db.session.flush()
    tell(MemberAdded, member, actor_id)
    if account_id is not None:
        tell(MemberLinked, member, actor_id)
    if status == "active":
        welcome(member, actor_id, told=not given)
    return member


def _check_place(organization: Organization, type: str, status: str, company_id: str | None) -> None:
    if type not in MEMBER_TYPES:
        raise Refusal("type_invalid", _l("There is no such type of member."), field="type")
    if status not in ("contact", "active"):
        raise Refusal("status_invalid", _l("A new member is Contact only or Active."), field="status")
    if type == "employee" and organization.directory is not None:
        raise Refusal(
            "directory_owned",
            _l("%(name)s belongs to an outside directory: employees can't be added to it.", name=organization.name),
            status=409,
            field="organization",
        )
    if company_id is not None:
        if fresh(Company, company_id).organization_id != organization.id:
            raise Refusal("company_unknown", _l("There is no such company."), status=404, field="company")
    elif type == "express":
        raise Refusal("company_required", _l("An Express user belongs to a company."), field="company")


def edit_member(
    member_id: str,
    *,
    given_name: str,
    family_name: str,
    email: str | None,
    phone_number: str | None = None,
    language: str | None = None,
    version: int | None = None,
    actor_id: str | None = None,
) -> Member:
    """Change what the organization typed; a linked member stays the same account's. Raises `Refusal`.

    An invitation that was mailed to the former address dies: whoever reads that mailbox has proven no other.
    `version`: of the row that the editor saw.
    """
    found = addresses.parse(email) if email else None
    if found:
        lock_address(found.normalized)
    member = lock_of(Member, member_id)
    expect(member, version)
    if found is None and member.account_id is None and member.status == "active":
        raise Refusal("email_required", _l("An Active member needs an e-mail address."), field="email")
    before = _written(member)
    if (found.normalized if found else None) != member.email_normalized:
        if member.account_id is None:  # whoever reads the new mailbox becomes this person
            not_above(member, actor_id)
        if found and same_address(member.organization_id, member.company_id, found.normalized, but=member_id):
            raise already_there()
        withdraw_invitations(member)
    member.given_name = one_line(given_name, "given_name", 100, required=False) or ""
    member.family_name = one_line(family_name, "family_name", 100, required=False) or ""
    member.email, member.email_normalized = (found.address, found.normalized) if found else (None, None)
    member.phone_number = one_line(phone_number, "phone_number", 20, required=False)
    member.language = language if language in LANGUAGES else None
    if not (member.name or member.account_id):
        raise Refusal("required", _l("Fill in this field."), field="given_name")
    member.updated_at = clock.now()
    if edited := [name for name, value in _written(member).items() if value != before[name]]:
        tell_edited(member, actor_id, edited)
    if found and member.account_id is None and member.status != "ended":
        owner = proven_by(found.normalized)
        if owner and not has_record(member.organization_id, member.company_id, owner):
            link(member, owner, actor_id)
    make_findable(member)
    db.session.flush()
    return member


def _written(member: Member) -> dict[str, str | None]:
    """What the organization typed about a person."""
    return {name: getattr(member, name) for name in ("given_name", "family_name", "email", "phone_number", "language")}


def find_member(organization_id: str, email: str) -> Member | None:
    """The member there that this address is written on, or whose account has proven it; ended ones are not found."""
    normalized = addresses.normalized_or_none(email)
    if normalized is None:
        return None
    mine = Member.email_normalized == normalized
    if owner := proven_by(normalized):
        mine = mine | (Member.account_id == owner)
    return db.session.scalar(
        select(Member)
        .where(Member.organization_id == organization_id, Member.status != "ended", mine)
        .order_by(Member.account_id.is_(None), Member.created_at, Member.id)
        .limit(1)
    )
