"""Whose record a member is, and by which name and address the organization finds it."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, or_, select, update

from idp.accounts.models import Account, EmailAddress
from idp.kernel import clock
from idp.kernel.database import change, db
from idp.kernel.listing import fold
from idp.kernel.refusal import Refusal

from ..events import MemberLinked
from ..models import Member
from ..people import shown_as
from .locking import fresh, lock, lock_address
from .telling import tell

NOTED_EVERY = 86400  # seconds: how exactly it is known when a person last used an organization


def refold(account_id: str) -> None:
    """The person has another name or address: organizations that see the person's own find it by that."""
    for member in db.session.scalars(
        select(Member).where(Member.account_id == account_id, Member.last_used_at.is_not(None))
    ):
        folded = _search_text(member, used=True)
        # Beside the row's version: nobody who edits the member at this moment has to hear of it.
        change(
            update(Member)
            .where(Member.id == member.id)
            .values(search_text=folded)
            .execution_options(synchronize_session=False)
        )


def link_address(account_id: str, normalized: str, *, actor_id: str | None = None) -> list[Member]:
    """The account has proven this address: contacts and members that carry it are its own from now on.

    Contacts stay contacts. Ended members and those of another account stay what they are, and nobody becomes the same
    member twice.
    """
    lock_address(normalized)
    waiting = select(Member.organization_id).where(
        Member.email_normalized == normalized, Member.account_id.is_(None), Member.status != "ended"
    )
    linked = []
    for organization_id in sorted(set(db.session.scalars(waiting))):
        lock(organization_id)
        members = db.session.scalars(
            select(Member)
            .where(
                Member.organization_id == organization_id,
                Member.email_normalized == normalized,
                Member.account_id.is_(None),
                Member.status != "ended",
            )
            .order_by(Member.created_at, Member.id)
            .execution_options(populate_existing=True)
        )
        for member in list(members):
            if not has_record(organization_id, member.company_id, account_id):
                link(member, account_id, actor_id)
                linked.append(member)
    return linked


def note_use(member_id: str, last_used_at: int | None) -> None:
    """The person accepted or opened the organization, which from now on sees the person's own name and address.

    `last_used_at` is what the caller read of the member; within a day of it nothing is written. An end for inactivity
    that was announced is taken back.
    """
    now = clock.now()
    if last_used_at is not None and last_used_at > now - NOTED_EVERY:
        return
    values: dict[str, object] = {"last_used_at": now, "terminates_at": None}
    if last_used_at is None:
        values["search_text"] = _search_text(fresh(Member, member_id), used=True)
    # Beside the row's version: nobody who edits the member at this moment has to hear of it.
    change(update(Member).where(Member.id == member_id).values(**values).execution_options(synchronize_session=False))


def make_findable(member: Member) -> None:
    """Fold what the member is searched and sorted by."""
    member.search_text = _search_text(member, used=member.last_used_at is not None)


def _search_text(member: Member, used: bool) -> str:
    """Family name, given name and address as the organization may see them."""
    account = db.session.get(Account, member.account_id) if member.account_id else None
    person = shown_as(member, account, used=used)
    return fold(person.family_name, person.given_name, person.email)[:700]


def link(member: Member, account_id: str, actor_id: str | None) -> None:
    """The record is this account's from now on."""
    member.account_id = account_id
    member.updated_at = clock.now()
    db.session.flush()
    tell(MemberLinked, member, actor_id)


def proven_by(normalized: str) -> str | None:
    """The account that has proven this address, if any."""
    return db.session.scalar(
        select(EmailAddress.account_id).where(
            EmailAddress.normalized == normalized, EmailAddress.verified_at.is_not(None)
        )
    )


def has_record(organization_id: str, company_id: str | None, account_id: str) -> bool:
    """Whether the account has a record there already, ended ones too: one record per person and place."""
    same_company = Member.company_id.is_(None) if company_id is None else Member.company_id == company_id
    return (
        db.session.scalar(
            select(Member.id).where(
                Member.organization_id == organization_id, same_company, Member.account_id == account_id
            )
        )
        is not None
    )


def unless_there(organization_id: str, company_id: str | None, account_id: str | None) -> str | None:
    """The account, where it has no record there yet: one more record of it stays what was typed, linked to nobody."""
    return None if account_id is None or has_record(organization_id, company_id, account_id) else account_id


def same_address(
    organization_id: str, company_id: str | None, normalized: str, *, but: str | None = None
) -> str | None:
    """The member there, `but` this one, whose address this is: as the organization typed it, or as one that its
    account has proven.

    The second only once the person has shared its own data there: that two addresses are one person's is the person's
    to tell.
    """
    same_company = Member.company_id.is_(None) if company_id is None else Member.company_id == company_id
    owner = proven_by(normalized)
    carries = Member.email_normalized == normalized
    known = and_(Member.account_id == owner, Member.last_used_at.is_not(None))
    return db.session.scalar(
        select(Member.id)
        .where(
            Member.organization_id == organization_id,
            same_company,
            Member.id != (but or ""),
            or_(carries, known) if owner else carries,
        )
        .order_by(Member.status == "ended", Member.id)
        .limit(1)
    )


def already_there() -> Refusal:
    return Refusal("already_member", _l("This person is there already."), status=409, field="email")
