"""What a command is told, found: an account by address or id, an organization by slug or id, a member by id or address,
a role by name or id, a license by id.

Each raises `Missing` where there is none.
"""

from __future__ import annotations

from sqlalchemy import or_, select

from idp.accounts import addresses
from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.kernel.database import db
from idp.organizations import service
from idp.organizations.models import License, Member, Organization, Role

from .base import Missing


def find_account(text: str) -> Account:
    """The account of an address or an id."""
    account = accounts.find_by_address(text) if "@" in text else db.session.get(Account, text)
    if account is None:
        raise Missing(f"There is no account of {text}.")
    return account


def find_organization(text: str) -> Organization:
    found = service.find_organization(text)
    if found is None:
        raise Missing(f"There is no organization {text}.")
    return found


def find_member(organization: Organization, text: str) -> Member:
    """By id, by the address that the organization typed, or by one of the person's own."""
    wanted = [Member.id == text]
    if "@" in text:
        account = accounts.find_by_address(text)
        wanted = [Member.email_normalized == (addresses.normalized_or_none(text) or "")]
        if account is not None:
            wanted.append(Member.account_id == account.id)
    found = db.session.scalars(select(Member).where(Member.organization_id == organization.id, or_(*wanted))).all()
    if not found:
        raise Missing(f"{organization.slug} has no member {text}.")
    if len(found) > 1:
        raise Missing(f"{organization.slug} has several members of this address; name one by its id.")
    return found[0]


def find_role(organization: Organization, text: str) -> Role:
    found = db.session.get(Role, text)
    if found is not None and found.organization_id not in (None, organization.id):
        found = None
    found = found or service.find_role(text, organization.id)
    if found is None:
        raise Missing(f"{organization.slug} has no role {text}.")
    return found


def find_license(text: str) -> License:
    found = db.session.get(License, text)
    if found is None:
        raise Missing(f"There is no license {text}.")
    return found
