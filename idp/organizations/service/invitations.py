"""Invitations: an offer to become a user, good for `lifetimes.invitation` and accepted once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select, update
from sqlalchemy.orm import joinedload

from idp.accounts.models import Account, EmailAddress
from idp.kernel import clock, counters
from idp.kernel.database import change, db
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import read_link, sign_link
from idp.settings import current_settings

from ..events import InvitationAccepted, InvitationWithdrawn, MemberInvited, MemberLinked
from ..models import Invitation, Member, MemberRole
from .companies import check_place
from .linking import has_record, proven_by
from .locking import fresh, lock, lock_of
from .rights import not_above
from .roles import find_role
from .standing import admit, admit_mail, end_when_over, reopen, withdraw_invitations
from .telling import tell

PURPOSE = "invitation"
GUEST_ROLE = "Express guest"
MOST_OWN = 50


@dataclass(frozen=True, slots=True)
class InvitationState:
    """What a mailed link is worth: `invitation` is None for `unknown`; `member` is whom it invites.

    `replaced`: it was sent or made again, and only the newest link counts.
    """

    state: Literal["open", "expired", "accepted", "withdrawn", "replaced", "unknown"]
    invitation: Invitation | None = None
    member: Member | None = None


def invite(member_id: str, *, actor_id: str | None = None) -> Invitation:
    """Invite a contact, or an ended member again; earlier invitations of it die. Raises `Refusal`.

    An Express guest needs a free place of its customer.
    """
    member = end_when_over(lock_of(Member, member_id))
    if member.status not in ("contact", "ended"):
        raise Refusal("already_user", _l("This person is a user already."), status=409)
    if not member.email:
        raise Refusal("email_required", _l("An invitation needs an e-mail address."), field="email")
    not_above(member, actor_id)
    check_place(member)
    admit_mail(member, actor_id)
    _admit_supplier(member)
    withdraw_invitations(member)
    reopen(member, actor_id)
    now = clock.now()
    invitation = Invitation(
        member_id=member.id,
        invited_by=actor_id,
        created_at=now,
        expires_at=now + current_settings().lifetimes.invitation,
    )
    db.session.add(invitation)
    db.session.flush()
    _tell_invited(member, invitation, actor_id)
    return invitation


def resend_invitation(member_id: str, *, actor_id: str | None = None) -> Invitation:
    """Mail the open invitation again; links mailed earlier die, its end stays. Raises `Refusal` when none is open."""
    member = lock_of(Member, member_id)
    invitation = db.session.scalar(
        select(Invitation)
        .where(
            Invitation.member_id == member_id,
            Invitation.open_at(clock.now()),
        )
        .order_by(Invitation.expires_at.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    if invitation is None:
        raise Refusal("invitation_not_open", _l("There is no open invitation."), status=409)
    check_place(member)
    admit_mail(member, actor_id)
    _admit_supplier(member)
    invitation.generation += 1
    db.session.flush()
    _tell_invited(member, invitation, actor_id)
    return invitation


def resend_own_invitations(account_id: str) -> list[Invitation]:
    """The person asks for the open invitations of its own records again."""
    waiting = db.session.execute(
        select(Member.organization_id, Member.id)
        .join(Invitation, Invitation.member_id == Member.id)
        .where(
            Member.account_id == account_id,
            Member.status == "contact",
            Invitation.open_at(clock.now()),
        )
        .distinct()
        .order_by(Member.organization_id, Member.id)  # locks are taken in one order everywhere
    )
    return [resend_invitation(member_id, actor_id=account_id) for _organization_id, member_id in waiting.all()]


def own_invitations(account_id: str) -> list[Invitation]:
    """The open invitations that were mailed to an address which this account has proven: these it may be told of.

    One that was mailed to another address of the same record is its reader's to find. The newest first, a bounded
    number.
    """
    return list(
        db.session.scalars(
            select(Invitation)
            .join(Member, Member.id == Invitation.member_id)
            .join(EmailAddress, EmailAddress.normalized == Member.email_normalized)
            .where(
                EmailAddress.account_id == account_id,
                EmailAddress.verified_at.is_not(None),
                or_(Member.account_id.is_(None), Member.account_id == account_id),
                Member.status == "contact",
                Invitation.open_at(clock.now()),
            )
            .options(
                joinedload(Invitation.member).joinedload(Member.organization),
                joinedload(Invitation.member).joinedload(Member.company),
            )
            .order_by(Invitation.created_at.desc(), Invitation.id)
            .limit(MOST_OWN)
        )
    )


def own_invitation(account_id: str, invitation_id: str) -> Invitation:
    """One of them. Raises `Refusal` (404) for every other id alike."""
    found = next((one for one in own_invitations(account_id) if one.id == invitation_id), None)
    if found is None:
        raise Refusal("invitation_unknown", _l("This invitation is not known."), status=404)
    return found


def accept_own_invitation(account_id: str, invitation_id: str) -> Member:
    """Accept an invitation without its mail: the account has proven the mailbox that it went to. Raises `Refusal`."""
    invitation = own_invitation(account_id, invitation_id)
    return accept_invitation(invitation_link(invitation).rpartition("/")[2], account_id)


def _admit_supplier(member: Member) -> None:
    """Count one more invitation of a supplier. Raises `Refusal` (429) above the limit of an hour."""
    if member.type != "express":
        return
    counters.admit(
        "express_invitation",
        member.organization_id,
        window=3600,
        limit=current_settings().express.invitations_per_hour,
        code="too_many_invitations",
        message=_l("Your organization has sent very many invitations lately. Go on in an hour."),
        within=db.session.connection(),
    )


def _tell_invited(member: Member, invitation: Invitation, actor_id: str | None) -> None:
    tell(
        MemberInvited,
        member,
        actor_id,
        invitation_id=invitation.id,
        generation=invitation.generation,
        address=member.email,
        language=_language_of(member),
        expires_at=invitation.expires_at,
    )


def _language_of(member: Member) -> str | None:
    """What the person chose stands above what the organization wrote down."""
    account_id = member.account_id or proven_by(member.email_normalized or "")
    account = db.session.get(Account, account_id) if account_id else None
    return (account.locale if account else None) or member.language


def revoke_invitation(member_id: str, *, invitation_id: str | None = None, actor_id: str | None = None) -> None:
    """Withdraw what is open, or of it this one invitation; the member is a contact as before. Nothing open is no error.

    An invitation that has run out stays as it is, and so does a newer one of the same member.
    """
    member = lock_of(Member, member_id)
    found = select(Invitation).where(Invitation.member_id == member.id, Invitation.open_at(clock.now()))
    if invitation_id is not None:
        found = found.where(Invitation.id == invitation_id)
    for invitation in db.session.scalars(found.execution_options(populate_existing=True)).all():
        invitation.revoked_at = clock.now()
        db.session.flush()
        tell(InvitationWithdrawn, member, actor_id, invitation_id=invitation.id)


def invitation_link(invitation: Invitation) -> str:
    """The path that is mailed, signed now over id and generation."""
    return f"/invitation/{sign_link(PURPOSE, [invitation.id, invitation.generation])}"


def read_invitation(token: str) -> InvitationState:
    """What the link's token is worth today. Changes nothing: mail scanners follow links."""
    value = read_link(PURPOSE, token, max_age=366 * 86400)
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)):
        return InvitationState("unknown")
    invitation = db.session.get(Invitation, value[0], populate_existing=True)
    if invitation is None:
        return InvitationState("unknown")
    member = fresh(Member, invitation.member_id)
    state: Literal["open", "expired", "accepted", "withdrawn", "replaced"] = "open"
    if invitation.accepted_at is not None:
        state = "accepted"
    elif invitation.generation != value[1] or (invitation.revoked_at is not None and _made_again(invitation)):
        state = "replaced"
    elif invitation.revoked_at is not None:
        state = "withdrawn"
    elif invitation.expires_at <= clock.now():
        state = "expired"
    return InvitationState(state, invitation, member)


def _made_again(invitation: Invitation) -> bool:
    """Whether the member has been invited anew since."""
    newer = select(Invitation.id).where(Invitation.member_id == invitation.member_id, Invitation.id > invitation.id)
    return db.session.scalar(newer.limit(1)) is not None


def accept_invitation(token: str, account_id: str) -> Member:
    """The signed-in person accepts: its account becomes the member's, and the member active. Raises `Refusal`.

    The link was mailed to the member's address, so whoever opens it reads that mailbox. A member of another account is
    refused; an Express guest gets the guest's role.
    """
    found = read_invitation(token)
    if found.invitation is None or found.member is None:
        raise Refusal("invitation_unknown", _l("This invitation is not known."), status=404)
    member = found.member
    lock(member.organization_id)
    now = clock.now()
    taken = change(
        update(Invitation)
        .where(
            Invitation.id == found.invitation.id,
            Invitation.generation == found.invitation.generation,
            Invitation.open_at(now),
        )
        .values(accepted_at=now)
        .execution_options(synchronize_session=False)
    )
    if found.state != "open" or not taken:
        if found.state == "expired":
            raise Refusal("invitation_expired", _l("Your invitation has expired. Ask for a new one."), status=410)
        raise Refusal("invitation_spent", _l("This invitation can't be used any more."), status=410)
    member = fresh(Member, member.id)
    account = fresh(Account, account_id)
    if member.account_id not in (None, account.id):
        raise Refusal("invitation_of_another", _l("This invitation is for another person."), status=403)
    if member.account_id is None:
        if has_record(member.organization_id, member.company_id, account.id):
            raise Refusal("already_member", _l("This person is there already."), status=409)
        member.account_id = account.id
        db.session.flush()
        tell(MemberLinked, member, account.id)
    check_place(member, invites=False)
    admit(member, account.id)
    if member.type == "express" and (role := find_role(GUEST_ROLE)):
        if not db.session.get(MemberRole, (member.id, role.id)):
            db.session.add(MemberRole(member_id=member.id, role_id=role.id, organization_id=member.organization_id))
            db.session.flush()
        db.session.expire(member, ["roles"])
    tell(InvitationAccepted, member, account.id, invitation_id=found.invitation.id)
    return member
