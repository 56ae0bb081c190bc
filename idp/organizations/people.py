"""What an organization sees of a person: what it typed itself, and the person's own data once these are shared.

The person shares them by accepting an invitation or opening the organization in an app (DESIGN §3 *Linking*); until
then an address that happens to have an account tells nothing about whose it is. With the membership the sharing ends:
what was known then is written down on the member, and later changes are not the organization's to see.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from idp.accounts.models import Account
from idp.kernel.database import db

from .models import Member


@dataclass(frozen=True, slots=True)
class Shown:
    """A person as its organization sees it. `own`: these are the person's own data, not what was typed.

    `title`: what the person says to do at work. `picture`: where the person's own picture is, None for none or as long
    as it is not shared; `picture_version` changes with it. An uploaded one (`Member.picture`) is shown where there is
    no own.
    """

    given_name: str
    family_name: str
    email: str | None
    phone_number: str | None
    own: bool
    title: str | None = None
    picture: str | None = None
    picture_version: int = 0

    @property
    def name(self) -> str:
        """Full name; the address where there is no name."""
        return " ".join(part for part in (self.given_name, self.family_name) if part) or (self.email or "")


def activation_told(member: Member) -> bool | None:
    """Whether the person has an account, as far as the organization is told; None: it is told nothing.

    A user's activation is its business; whether somebody who is a contact, and has shared nothing, has an account is
    the person's own.
    """
    if member.status == "contact" and member.last_used_at is None:
        return None
    return member.account_id is not None


def kept_out(member: Member, account: Account | None) -> str | None:
    """Why no app opens whatever the member holds, as its organization is told: `disabled` by the platform, or
    `closing`: the person has closed the account. None: nothing of the kind, or nothing that is told."""
    if account is None or account.status == "active" or not activation_told(member):
        return None
    return account.status


def shown_as(member: Member, account: Account | None, *, used: bool | None = None) -> Shown:
    """The person of a member. Own data stand above what was typed; what the person has not told stays as typed.

    `account` is the one that the member is linked to. `used`: whether the person has shared its data, by default what
    the row says.
    """
    used = (member.last_used_at is not None if used is None else used) and member.status != "ended"
    if account is None or member.account_id != account.id or not used:
        return Shown(member.given_name, member.family_name, member.email, member.phone_number, own=False)
    named = account.given_name or account.family_name
    return Shown(
        account.given_name if named else member.given_name,
        account.family_name if named else member.family_name,
        account.email.address if account.email else member.email,
        account.phone_number or member.phone_number,
        own=True,
        title=account.title,
        picture=account.picture,
        picture_version=account.rev,
    )


def own_records(account_id: str, member_ids: Collection[str]) -> dict[str, Member]:
    """The person's own records by id, with organization and company; others' ids find nothing. One statement."""
    found = db.session.scalars(
        select(Member)
        .where(Member.account_id == account_id, Member.id.in_(member_ids))
        .options(joinedload(Member.organization), joinedload(Member.company))
    )
    return {member.id: member for member in found}
