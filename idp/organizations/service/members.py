"""Members: from contact to user and back, and whose record each one is.

Nobody changes the standing of a member who administers with privileges that the actor lacks (`rights.not_above`).
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, delete, or_, select, update

from idp.accounts import addresses
from idp.accounts.models import Account, EmailAddress
from idp.accounts.service import request_activation
from idp.kernel import clock, counters
from idp.kernel.database import change, db
from idp.kernel.listing import fold
from idp.kernel.refusal import Refusal
from idp.settings import current_settings

from ..catalog import MEMBER_TYPES
from ..events import (
    MemberActivated,
    MemberAdded,
    MemberDisabled,
    MemberEnabled,
    MemberEnded,
    MemberLinked,
    MemberSetContactOnly,
)
from ..models import Company, Invitation, Member, MemberRole, Organization, Seat
from ..people import shown_as
from .companies import check_place
from .locking import expect, fresh, lock, lock_address, lock_of
from .rights import not_above
from .roles import keeping_an_administrator
from .telling import tell, tell_edited
from .typed import one_line

LANGUAGES = ("en", "nb")
TOGETHER = 4
"""All organizations together may mail somebody so many times as often as one may, so that one uses up no other's."""

NOTED_EVERY = 86400  # seconds: how exactly it is known when a person last used an organization


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
        account_id = _unless_there(organization_id, company_id, _proven_by(found.normalized))
    elif account_id is not None:
        fresh(Account, account_id)
        if _member_of(organization_id, company_id, account_id):
            raise _already_there()
    if found and source == "local" and same_address(organization_id, company_id, found.normalized):
        raise _already_there()
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
        _welcome(member, actor_id, told=not given)
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
            raise _already_there()
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
        owner = _proven_by(found.normalized)
        if owner and not _member_of(member.organization_id, member.company_id, owner):
            _link(member, owner, actor_id)
    make_findable(member)
    db.session.flush()
    return member


def _written(member: Member) -> dict[str, str | None]:
    """What the organization typed about a person."""
    return {name: getattr(member, name) for name in ("given_name", "family_name", "email", "phone_number", "language")}


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
    _welcome(member, actor_id)
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
    _welcome(member, actor_id)
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
            if not _member_of(organization_id, member.company_id, account_id):
                _link(member, account_id, actor_id)
                linked.append(member)
    return linked


def find_member(organization_id: str, email: str) -> Member | None:
    """The member there that this address is written on, or whose account has proven it; ended ones are not found."""
    normalized = addresses.normalized_or_none(email)
    if normalized is None:
        return None
    mine = Member.email_normalized == normalized
    if owner := _proven_by(normalized):
        mine = mine | (Member.account_id == owner)
    return db.session.scalar(
        select(Member)
        .where(Member.organization_id == organization_id, Member.status != "ended", mine)
        .order_by(Member.account_id.is_(None), Member.created_at, Member.id)
        .limit(1)
    )


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


def _link(member: Member, account_id: str, actor_id: str | None) -> None:
    member.account_id = account_id
    member.updated_at = clock.now()
    db.session.flush()
    tell(MemberLinked, member, actor_id)


def _proven_by(normalized: str) -> str | None:
    return db.session.scalar(
        select(EmailAddress.account_id).where(
            EmailAddress.normalized == normalized, EmailAddress.verified_at.is_not(None)
        )
    )


def _member_of(organization_id: str, company_id: str | None, account_id: str) -> bool:
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


def _unless_there(organization_id: str, company_id: str | None, account_id: str | None) -> str | None:
    """The account, where it has no record there yet: one more record of it stays what was typed, linked to nobody."""
    return None if account_id is None or _member_of(organization_id, company_id, account_id) else account_id


def same_address(
    organization_id: str, company_id: str | None, normalized: str, *, but: str | None = None
) -> str | None:
    """The member there, `but` this one, whose address this is: as the organization typed it, or as one that its
    account has proven.

    The second only once the person has shared its own data there: that two addresses are one person's is the person's
    to tell.
    """
    same_company = Member.company_id.is_(None) if company_id is None else Member.company_id == company_id
    owner = _proven_by(normalized)
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


def _already_there() -> Refusal:
    return Refusal("already_member", _l("This person is there already."), status=409, field="email")


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
    """No open invitation of this member can be accepted any more."""
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


def _welcome(member: Member, actor_id: str | None, *, told: bool = True) -> None:
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
