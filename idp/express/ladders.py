"""The ladders at work: reminders of invitations, warnings of inactivity, and the end after them.

What is due is read from the rows each time (`policy.py`). A step is decided again behind the supplier's lock, and its
row is written in the transaction that owes the mail: any number of workers, stopped anywhere, send each mail once. The
ladders of a supplier rest while nobody could sign in: without a license of Onix Express, or suspended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from idp.accounts.models import Account
from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.organizations import service as organizations
from idp.organizations.models import Invitation, License, Member, Organization
from idp.settings import Express, current_settings

from . import policy
from .events import InactivityWarned, InvitationReminded
from .models import LadderMail

INVITATION, INACTIVITY = "invitation", "inactivity"
PORTION = 200


def settings() -> Express:
    """Days and limits of Onix Express."""
    found = current_settings().express
    return found


# Reminders of invitations --------------------------------------------------------------------------------------------


def invitations_to_remind(after: str = "") -> list[str]:
    """Ids of open invitations for which a reminder may be due, in their order behind `after`: a portion."""
    now, reminders = clock.now(), settings().invitation_reminders
    if not reminders:
        return []
    found = []
    for shorter, days in zip((0, *sorted(reminders)), sorted(reminders), strict=False):
        near = and_(
            Invitation.expires_at > now + shorter * policy.DAY, Invitation.expires_at <= now + days * policy.DAY
        )
        told = exists().where(
            LadderMail.kind == INVITATION,
            LadderMail.member_id == Invitation.member_id,
            LadderMail.period == Invitation.id,
            LadderMail.days <= days,
        )
        found.append(and_(near, ~told))
    statement = (
        select(Invitation.id)
        .join(Member, Member.id == Invitation.member_id)
        .where(
            Member.type == "express",
            Member.status == "contact",
            Invitation.unanswered(),
            Invitation.id > after,
            or_(*found),
        )
    )
    return list(db.session.scalars(_at_work(statement).order_by(Invitation.id).limit(PORTION)))


def remind(invitation_id: str) -> bool:
    """Owe the reminder that is due of this invitation; whether one was."""
    seen = db.session.get(Invitation, invitation_id, populate_existing=True)
    if seen is None:
        return False
    member = _behind_lock(seen.member_id)
    invitation = db.session.get(Invitation, invitation_id, populate_existing=True)
    if member is None or invitation is None or invitation.accepted_at or invitation.revoked_at:
        return False
    if member.status != "contact" or not member.email:
        return False
    now = clock.now()
    told = [one.days for one in _told(INVITATION, [member.id])[member.id] if one.period == invitation.id]
    days = policy.reminder_due(invitation.created_at, invitation.expires_at, told, settings().invitation_reminders, now)
    if days is None:
        return False
    mail = _write(member, INVITATION, invitation.id, days, invitation.expires_at)
    emit(
        InvitationReminded(
            at=now,
            organization_id=member.organization_id,
            member_id=member.id,
            account_id=member.account_id,
            mail_id=mail.id,
            address=member.email,
            language=_language(member),
            days=days,
            ends_at=invitation.expires_at,
            invitation_id=invitation.id,
        )
    )
    return True


# The year without a sign-in ------------------------------------------------------------------------------------------


def _quiet(now: int) -> list[ColumnElement[bool]]:
    """Guests whose year is so far gone that a warning or the end may be due."""
    since = now - (settings().inactivity - max(settings().inactivity_warnings)) * policy.DAY
    return [
        Member.type == "express",
        Member.status == "active",
        Member.created_at <= since,
        or_(Member.last_used_at.is_(None), Member.last_used_at <= since),
        or_(Member.active_since.is_(None), Member.active_since <= since),
    ]


def guests_to_look_at(after: str = "") -> tuple[list[str], str | None]:
    """Ids of guests for whom something is due now, among a portion behind `after`; and behind which id it goes on.

    What is due is decided again by `look_after`.
    """
    statement = select(Member).where(*_quiet(clock.now()), Member.id > after)
    members = list(
        db.session.scalars(
            _at_work(statement).order_by(Member.id).limit(PORTION).execution_options(populate_existing=True)
        )
    )
    told = _told(INACTIVITY, [member.id for member in members])
    due = [member.id for member in members if _standing(member, told[member.id]).due]
    return due, members[-1].id if len(members) == PORTION else None


def look_after(member_id: str) -> bool:
    """Take the step that is due for a guest: owe the warning, or end the membership; whether there was one."""
    member = _behind_lock(member_id)
    if member is None or member.type != "express" or member.status != "active":
        return False
    now, since = clock.now(), organizations.counts_from(member)
    standing = _standing(member, _told(INACTIVITY, [member.id])[member.id])
    if standing.due == "end":
        try:
            organizations.end_member(member.id, reason="inactive")
        except Refusal:  # the last administrator stays, whatever else it is
            return False
        return True
    if standing.due != "warning" or standing.days is None:
        return False
    mail = _write(member, INACTIVITY, str(since), standing.days, standing.ends_at)
    if standing.days == min(settings().inactivity_warnings):
        organizations.announce_end(member.id, standing.ends_at)
    if address := _address(member):
        emit(
            InactivityWarned(
                at=now,
                organization_id=member.organization_id,
                member_id=member.id,
                account_id=member.account_id,
                mail_id=mail.id,
                address=address,
                language=_language(member),
                days=standing.days,
                ends_at=standing.ends_at,
            )
        )
    return True


def leaves_late(mail_id: str) -> None:
    """A warning that leaves a day or more after it was owed gives the full notice all the same: its end moves with it.

    Call in a unit of work, before the mail is made. An end that has come stays.
    """
    seen, now = db.session.get(LadderMail, mail_id, populate_existing=True), clock.now()
    if seen is None or seen.kind != INACTIVITY or now - seen.sent_at < policy.DAY:
        return
    member = _behind_lock(seen.member_id)
    mail = db.session.get(LadderMail, mail_id, populate_existing=True)
    if member is None or mail is None or member.status != "active":
        return
    if mail.period != str(organizations.counts_from(member)) or mail.ends_at <= now:
        return
    mail.sent_at, mail.ends_at = now, max(mail.ends_at, now + mail.days * policy.DAY)
    db.session.flush()
    if member.terminates_at is not None:
        organizations.announce_end(member.id, max(member.terminates_at, mail.ends_at))


def _standing(member: Member, mails: Iterable[LadderMail]) -> policy.Inactivity:
    days, since = settings(), organizations.counts_from(member)
    told = [policy.Warned(mail.days, mail.sent_at) for mail in mails if mail.period == str(since)]
    return policy.inactivity(since, days.inactivity, days.inactivity_warnings, told, clock.now())


# What both share -----------------------------------------------------------------------------------------------------


def _at_work(statement: Select[Any]) -> Select[Any]:
    """Only members of suppliers whose guests can sign in."""
    now = clock.now()
    licensed = exists().where(
        License.organization_id == Organization.id,
        License.app_id == "express",
        License.starts_at <= now,
        or_(License.ends_at.is_(None), License.ends_at > now),
    )
    return statement.join(Organization, Organization.id == Member.organization_id).where(
        Organization.status == "active", licensed
    )


def _behind_lock(member_id: str) -> Member | None:
    """The member as it is behind its organization's lock, or None when it is gone."""
    member = db.session.get(Member, member_id, populate_existing=True)
    if member is None:
        return None
    organizations.lock(member.organization_id)
    return db.session.get(Member, member_id, populate_existing=True)


def _write(member: Member, kind: str, period: str, days: int, ends_at: int) -> LadderMail:
    mail = LadderMail(
        organization_id=member.organization_id,
        member_id=member.id,
        kind=kind,
        period=period,
        days=days,
        sent_at=clock.now(),
        ends_at=ends_at,
    )
    db.session.add(mail)
    db.session.flush()
    return mail


def _told(kind: str, member_ids: Sequence[str]) -> Mapping[str, list[LadderMail]]:
    found: dict[str, list[LadderMail]] = defaultdict(list)
    rows = db.session.scalars(
        select(LadderMail)
        .where(LadderMail.kind == kind, LadderMail.member_id.in_(member_ids))
        .order_by(LadderMail.sent_at, LadderMail.id)
    )
    for mail in rows:
        found[mail.member_id].append(mail)
    return found


def _account(member: Member) -> Account | None:
    return db.session.get(Account, member.account_id) if member.account_id else None


def _address(member: Member) -> str | None:
    """Where a guest reads mail: its account's primary address, else what the supplier typed."""
    account = _account(member)
    return account.email.address if account and account.email else member.email


def _language(member: Member) -> str | None:
    account = _account(member)
    return (account.locale if account else None) or member.language


# What a supplier sees ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """One line of the screen: a guest or invitation that ends, when, what comes next, and the mails so far.

    `next_at`: when the next mail comes; None: no more before the end.
    """

    member_id: str
    ends_at: int
    next_at: int | None
    mails: tuple[LadderMail, ...]


def open_invitations(organization_id: str) -> Select[Any]:
    """The supplier's open invitations to Onix Express."""
    return (
        select(Invitation)
        .join(Member, Member.id == Invitation.member_id)
        .where(
            Member.organization_id == organization_id,
            Member.type == "express",
            Member.status == "contact",
            Invitation.open_at(clock.now()),
        )
    )


SOONEST_INVITATION = (Invitation.expires_at, Invitation.id)


def quiet_guests(organization_id: str) -> Select[Any]:
    """The supplier's guests who have not come for so long that the first warning is near or has been sent."""
    return select(Member).where(Member.organization_id == organization_id, *_quiet(clock.now()))


_since, _used = func.coalesce(Member.active_since, Member.created_at), func.coalesce(Member.last_used_at, 0)
LONGEST_AWAY = (case((_used > _since, _used), else_=_since), Member.id)
"""Who has been away longest comes first: who ends soonest too, unless a warning that left late has moved the end."""


def due_of_invitations(invitations: Sequence[Invitation]) -> list[Due]:
    """How these stand, in their order; one statement."""
    reminded, reminders = _told(INVITATION, [one.member_id for one in invitations]), settings().invitation_reminders
    found = []
    for invitation in invitations:
        mails = tuple(mail for mail in reminded.get(invitation.member_id, ()) if mail.period == invitation.id)
        ahead = [
            invitation.expires_at - days * policy.DAY
            for days in reminders
            if invitation.created_at < invitation.expires_at - days * policy.DAY
            and all(days < mail.days for mail in mails)
        ]
        found.append(Due(invitation.member_id, invitation.expires_at, min(ahead, default=None), mails))
    return found


def due_of_guests(guests: Sequence[Member]) -> list[Due]:
    """How these stand, in their order; one statement."""
    warned = _told(INACTIVITY, [member.id for member in guests])
    found = []
    for member in guests:
        mails = tuple(
            mail for mail in warned.get(member.id, ()) if mail.period == str(organizations.counts_from(member))
        )
        standing = _standing(member, mails)
        ahead_at = standing.next_at if standing.due == "warning" or standing.next_at < standing.ends_at else None
        found.append(Due(member.id, standing.ends_at, ahead_at, mails))
    return found


def mails_sent(organization_id: str) -> Select[Any]:
    """Every mail of the ladders, whatever became of its reader."""
    return select(LadderMail).where(LadderMail.organization_id == organization_id)


NEWEST_MAIL = (LadderMail.sent_at.desc(), LadderMail.id.desc())
