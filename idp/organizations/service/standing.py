"""A member's standing: from contact to user and back.

Nobody changes the standing of a member who administers with privileges that the actor lacks (`rights.not_above`).
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, update

from idp.accounts import addresses
from idp.accounts.models import Account
from idp.accounts.service import request_activation
from idp.kernel import clock, counters
from idp.kernel.database import db
from idp.kernel.refusal import Refusal
from idp.settings import current_settings

from ..events import MemberActivated, MemberDisabled, MemberEnabled, MemberEnded, MemberSetContactOnly
from ..models import Invitation, Member, MemberRole, Seat
from ..people import shown_as
from .companies import check_place
from .linking import make_findable
from .locking import fresh, lock_of
from .rights import not_above
from .roles import keeping_an_administrator
from .telling import tell

TOGETHER = 4
"""All organizations together may mail somebody so many times as often as one may, so that one uses up no other's."""


def set_active(member_id: str, *, actor_id: str | None = None) -> Member:
    """Make a contact Active; one without an account is mailed the welcome, and is a user after activation.

    An open invitation has become pointless and is withdrawn. Raises `Refusal`.
    """
    member = lock_of(Member, member_id)
    if member.status == "active":
        return member
    if member.status != "contact":
        raise Refusal("not_a_contact", _l("Only a contact can be set as Active."), status=409)
    if not (member.email or member.account_id):
        raise Refusal("email_required", _l("An Active member needs an e-mail address."), field="email")
    not_above(member, actor_id)
    check_place(member)
    withdraw_invitations(member)
    _become(member, "active", actor_id)
    welcome(member, actor_id)
    return member


def set_contact_only(member_id: str, *, actor_id: str | None = None) -> Member:
    """Make a user Contact only: its roles and seats are taken back. Raises `Refusal` for the last administrator."""
    member = lock_of(Member, member_id)
    if member.status == "contact":
        return member
    if member.status != "active":
        raise Refusal("not_active", _l("Only an Active member can be set as Contact only."), status=409)
    not_above(member, actor_id)
    with keeping_an_administrator(member.organization_id):
        _become(member, "contact", actor_id)
        _strip(member)
    tell(MemberSetContactOnly, member, actor_id)
    return member


def disable_member(member_id: str, *, actor_id: str | None = None) -> Member:
    """Disable an active member; roles and seats stay its own. Raises `Refusal` for the last administrator."""
    member = lock_of(Member, member_id)
    if member.status == "disabled":
        return member
    if member.status != "active":
        raise Refusal("not_active", _l("Only an Active member can be disabled."), status=409)
    not_above(member, actor_id)
    with keeping_an_administrator(member.organization_id):
        _become(member, "disabled", actor_id)
    tell(MemberDisabled, member, actor_id)
    return member


def enable_member(member_id: str, *, actor_id: str | None = None) -> Member:
    """Make a disabled member active again. Raises `Refusal`."""
    member = lock_of(Member, member_id)
    if member.status == "active":
        return member
    if member.status != "disabled":
        raise Refusal("not_disabled", _l("Only a disabled member can be enabled."), status=409)
    not_above(member, actor_id)
    check_place(member, invites=False)
    _become(member, "active", actor_id)
    tell(MemberEnabled, member, actor_id)
    return member


def bring_back(member_id: str, *, actor_id: str | None = None) -> Member:
    """Make an ended member Active again, without the roles and seats that it had. Raises `Refusal`.

    One without an account is mailed the welcome, as when a contact is set Active.
    """
    member = end_when_over(lock_of(Member, member_id))
    if member.status == "active":
        return member
    if member.status != "ended":
        raise Refusal("not_ended", _l("Only somebody whose membership has ended can be brought back."), status=409)
    if not (member.email or member.account_id):
        raise Refusal("email_required", _l("An Active member needs an e-mail address."), field="email")
    check_place(member)
    _begin_anew(member)
    _become(member, "active", actor_id)
    welcome(member, actor_id)
    return member


def end_member(
    member_id: str, *, reason: str = "ended", actor_id: str | None = None, write_down: bool = True
) -> Member:
    """End a membership: roles, seats and open invitations are gone. `reason`: `ended`, or `inactive` by the ladder.

    `write_down`: the organization keeps what it knew of the person at this moment; of a deleted account only what it
    typed itself. Raises `Refusal` for the last administrator.
    """
    if reason not in ("ended", "inactive"):
        raise ValueError(f"not a reason to end a membership: {reason}")
    member = lock_of(Member, member_id)
    if member.status == "ended":
        return member
    not_above(member, actor_id)
    if write_down:
        _write_down(member)
    with keeping_an_administrator(member.organization_id):
        _become(member, "ended", actor_id, reason)
        _strip(member)
    withdraw_invitations(member)
    tell(MemberEnded, member, actor_id, reason=reason)
    return member


def leave(member_id: str, account_id: str) -> Member:
    """The person ends their own membership: as `end_member`, with the reason `left`. Over already is no error.

    The organization keeps what it typed, and no longer sees the person's own data.

    Raises `Refusal` `member_unknown` (404) for another's record and for one that the person is not told of,
    `directory_owned` (409) where an outside directory says who is there, `last_administrator` (409).
    """
    member = lock_of(Member, member_id)
    if member.account_id != account_id or member.status == "contact":
        raise Refusal("member_unknown", _l("It is not there any more."), status=404)
    if member.status == "ended":
        return member
    if member.source != "local":
        raise Refusal(
            "directory_owned",
            _l("This membership comes from an outside directory, which would bring it back. It has to be ended there."),
            status=409,
        )
    with keeping_an_administrator(member.organization_id):
        _become(member, "ended", account_id, "left")
        member.last_used_at = None
        make_findable(member)
        _strip(member)
    withdraw_invitations(member)
    tell(MemberEnded, member, account_id, reason="left")
    return member


def _write_down(member: Member) -> None:
    """What the organization sees of the person becomes what it has written down: it learns nothing of it any more."""
    account = db.session.get(Account, member.account_id) if member.account_id else None
    known = shown_as(member, account)
    if not known.own:
        return
    found = addresses.parse(known.email) if known.email else None
    member.given_name, member.family_name, member.phone_number = known.given_name, known.family_name, known.phone_number
    if found:
        member.email, member.email_normalized = found.address, found.normalized
    make_findable(member)


def _begin_anew(member: Member) -> None:
    """Who comes back shares its data with the organization when it opens it, as everybody does."""
    member.last_used_at = None
    make_findable(member)


def end_when_over(member: Member) -> Member:
    """Write the end of an Express guest down whose announced end has come, where the job that does so is late.

    Behind the organization's lock.
    """
    if member.status == "active" and member.terminates_at is not None and member.terminates_at <= clock.now():
        return end_member(member.id, reason="inactive")
    return member


def _become(member: Member, status: str, actor_id: str | None, reason: str | None = None) -> None:
    now = clock.now()
    member.status = status
    member.disabled_at = now if status == "disabled" else None
    member.ended_at, member.ended_reason = (now, reason) if status == "ended" else (None, None)
    member.changed_by = actor_id if status in ("disabled", "ended") else None
    member.active_since, member.terminates_at = (now if status == "active" else None), None
    member.updated_at = now
    db.session.flush()


def reopen(member: Member, actor_id: str | None) -> None:
    """Make an ended member a contact again, so that it can be invited."""
    if member.status == "ended":
        _begin_anew(member)
        _become(member, "contact", actor_id)


def admit(member: Member, actor_id: str | None) -> None:
    """Make an invited contact, who accepted, an active member."""
    member.last_used_at = clock.now()
    make_findable(member)
    _become(member, "active", actor_id)


def withdraw_invitations(member: Member) -> None:
    """No open invitation of this member can be accepted any more. What the caller does is told, this by itself not."""
    db.session.execute(
        update(Invitation)
        .where(Invitation.member_id == member.id, Invitation.unanswered())
        .values(revoked_at=clock.now())
        .execution_options(synchronize_session="fetch")
    )


def _strip(member: Member) -> None:
    """Take roles and seats back: a contact holds neither."""
    db.session.execute(delete(MemberRole).where(MemberRole.member_id == member.id))
    db.session.execute(delete(Seat).where(Seat.member_id == member.id))
    db.session.expire(member, ["roles"])


def admit_mail(member: Member, actor_id: str | None) -> None:
    """Count one more mail that an administrator causes to the member's mailbox. Raises `Refusal` (429) above the limit.

    Whatever it is for: nobody is mailed without end, neither by one organization nor by `TOGETHER` times as many mails
    of all. What is refused or undone is not counted. The mails that people cause themselves are counted apart.
    """
    if actor_id is None or actor_id == member.account_id or not member.email_normalized:
        return
    most, mailbox = current_settings().throttle.mails_per_address, addresses.mailbox_of(member.email_normalized)
    for kind, subject, limit in (
        ("member_mail_of", f"{member.organization_id} {mailbox}", most),
        ("member_mail", mailbox, TOGETHER * most),
    ):
        counters.admit(
            kind,
            subject,
            window=3600,
            limit=limit,
            code="too_many_mails",
            message=_l("This person was mailed often lately. Try again later."),
            within=db.session.connection(),
        )


def welcome(member: Member, actor_id: str | None, *, told: bool = True) -> None:
    """Tell that the member is Active; nobody becomes a user without hearing of it.

    Without an account the person gets the mail that lets it make one; private addresses are fine here. Who has an
    account is mailed so too: what an administrator learns by it is not learned in silence (docs/decisions/0011).
    `told`: whether it is done here, or the caller tells a person who has an account.
    """
    mailed = told and member.account_id is not None and member.email is not None
    if member.account_id is None and member.email:
        admit_mail(member, actor_id)
        request_activation(member.email, member.language or "en", invited=True)
    elif mailed:
        admit_mail(member, actor_id)
    tell(
        MemberActivated,
        member,
        actor_id,
        address=member.email if mailed else None,
        language=(fresh(Account, str(member.account_id)).locale or member.language) if mailed else None,
    )
