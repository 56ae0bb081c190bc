"""Users of the platform's own organization, as *Records* keeps them: the account and the member in one act.

Everywhere else an organization keeps members and a person keeps the account; only here one verb touches both (DESIGN §3
*Administration*). `within`: who acts may do so for this organization only (None: for everyone).
"""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import aliased

from idp.accounts import addresses, policy
from idp.accounts import service as accounts
from idp.accounts.events import AccountClosing, AccountDeleted, AccountDisabled
from idp.accounts.models import Account
from idp.accounts.naming import name_unproven
from idp.kernel.database import db
from idp.kernel.refusal import Refusal

from ..events import UserAdded
from ..facts import ADMINISTRATION
from ..models import Member, MemberRole, Organization, RolePrivilege
from .linking import make_findable
from .locking import fresh, lock
from .members import LANGUAGES, add_member, edit_member, find_member
from .rights import not_above
from .roles import (
    OF_ROLES,
    PLATFORM_ADMINISTRATION,
    assign_role,
    find_role,
    last_platform_administrator,
    platform_administrators,
    unassign_role,
)
from .standing import end_member, set_active
from .telling import tell

IN_ONE_ACT = 60
"""Seconds that may lie between the account and the member of one act."""

ADMINISTRATOR = "Administrator"
"""The system's role for those who administer an organization."""


def add_administrator(
    organization_id: str,
    *,
    email: str,
    given_name: str = "",
    family_name: str = "",
    actor_id: str | None = None,
) -> Member:
    """Give an organization an administrator, its first one say: an active member with the system's role.

    Whoever has no account is mailed the welcome and administers after activation; a person who is there already gets
    the role. Raises `Refusal`.
    """
    role = find_role(ADMINISTRATOR)
    if role is None:
        raise Refusal("role_unknown", _l("There is no such role."), status=409)
    addresses.parse(email)
    member = find_member(organization_id, email)
    if member is None:
        member = add_member(
            organization_id,
            email=email,
            given_name=given_name,
            family_name=family_name,
            status="active",
            actor_id=actor_id,
        )
    else:
        set_active(member.id, actor_id=actor_id)
    assign_role(member.id, role.id, actor_id=actor_id)
    return member


def add_user(
    organization_id: str,
    *,
    email: str,
    given_name: str,
    family_name: str,
    type: str = "employee",
    role_ids: Iterable[str] = (),
    language: str | None = None,
    password_hash: str | None = None,
    actor_id: str | None = None,
) -> Member:
    """Add an employee: the account, if the address has none, the active member and its roles. Raises `Refusal`.

    `password_hash` is a first password: it can be given to the account that is made here and to no other (R29), the
    mailbox has to be proven and the password changed before anything is given, and it is never mailed. The person is
    mailed that the user is there.
    """
    _check_employee(fresh(Organization, organization_id), type)
    found = addresses.parse(email)
    names = [policy.clean_name(given_name), policy.clean_name(family_name)]
    for field, name in zip(("given_name", "family_name"), names, strict=True):
        if problem := policy.name_problem(name):
            raise Refusal("name_invalid", problem, field=field)
    account = accounts.find_by_address(found.normalized)
    made = account is None
    if account is None:
        account = accounts.create_account(
            address=found.address,
            given_name=names[0],
            family_name=names[1],
            password_hash=password_hash,
            must_change_password=password_hash is not None,
            locale=language if language in LANGUAGES else None,
            actor_id=actor_id,
        )
    else:
        _check_known(account, found.normalized, with_password=password_hash is not None)
    member = add_member(
        organization_id,
        email=found.address,
        given_name=names[0],
        family_name=names[1],
        status="active",
        account_id=account.id,
        language=language,
        actor_id=actor_id,
    )
    for role_id in role_ids:
        assign_role(member.id, role_id, actor_id=actor_id)
    tell(
        UserAdded,
        member,
        actor_id,
        made=made,
        first_password=password_hash is not None,
        address=found.address,
        language=account.locale or member.language,
    )
    return member


def _check_employee(organization: Organization, type: str) -> None:
    """Employees, and in the platform's own organization alone."""
    if type in ("bidder", "consultant"):
        raise Refusal(
            "from_connex",
            _l("Bidders and consultants are not added here: they come from ConneX, with the next ConneX Sync."),
            status=409,
            field="type",
        )
    if type != "employee":
        raise Refusal("type_invalid", _l("There is no such type of member."), field="type")
    if organization.directory is not None:
        raise Refusal(
            "directory_owned",
            _l("%(name)s belongs to an outside directory: employees can't be added to it.", name=organization.name),
            status=409,
            field="organization",
        )
    if organization.kind != "self":
        raise Refusal("employees_to_self", _l("Employees are always added to client/self."), field="organization")


def _check_known(account: Account, normalized: str, *, with_password: bool) -> None:
    """The address has an account already: may the member be added to it as it is?"""
    email = next(one for one in account.emails if one.normalized == normalized)
    if not (email.is_primary or email.verified_at):
        raise Refusal(
            "address_taken", _l("There is already an account with this e-mail address."), status=409, field="email"
        )
    if account.status == "closing":
        raise Refusal(
            "account_closing",
            _l("The person is closing the account with this e-mail address."),
            status=409,
            field="email",
        )
    if account.status != "active":
        raise Refusal(
            "account_disabled",
            _l("The account with this e-mail address is disabled. Enable it first."),
            status=409,
            field="email",
        )
    if with_password:
        raise Refusal(
            "password_of_existing",
            _l(
                "This person has an account already, so a first password can't be set. Leave it empty: the person "
                "signs in as before, or uses “Forgot password”."
            ),
            status=409,
            field="password",
        )


def edit_user(
    member_id: str,
    *,
    given_name: str,
    family_name: str,
    email: str | None,
    phone_number: str | None,
    language: str | None,
    role_ids: Iterable[str],
    version: int | None = None,
    actor_id: str | None = None,
) -> Member:
    """Change what the organization knows of a user, and which roles it holds: exactly these. Raises `Refusal`.

    An account that was made by adding the user, and that nobody has taken over yet, follows the name.
    """
    member = edit_member(
        member_id,
        given_name=given_name,
        family_name=family_name,
        email=email,
        phone_number=phone_number,
        language=language,
        version=version,
        actor_id=actor_id,
    )
    account = db.session.get(Account, member.account_id) if member.account_id else None
    if account is not None and account.created_at >= member.created_at - IN_ONE_ACT:
        name_unproven(account.id, member.given_name, member.family_name)
    wanted = set(role_ids)
    held = set(db.session.scalars(select(MemberRole.role_id).where(MemberRole.member_id == member_id)))
    for role_id in sorted(wanted - held):
        assign_role(member_id, role_id, actor_id=actor_id)
    for role_id in sorted(held - wanted):
        unassign_role(member_id, role_id, actor_id=actor_id)
    return member


def disable_user(account_id: str, *, within: str | None = None, actor_id: str | None = None) -> None:
    """Disable the account. Raises `Refusal`: oneself, the last platform administrator, what is not for who acts."""
    check_reach(account_id, within, actor_id)
    accounts.disable_account(account_id, actor_id)


def enable_user(account_id: str, *, within: str | None = None, actor_id: str | None = None) -> None:
    """Bring a disabled account back. Raises `Refusal`."""
    check_reach(account_id, within, actor_id)
    accounts.enable_account(account_id, actor_id)


def delete_user(account_id: str, *, within: str | None = None, actor_id: str | None = None) -> None:
    """Delete the account; its memberships end everywhere. Raises `Refusal` like `disable_user`."""
    check_reach(account_id, within, actor_id)
    accounts.delete_account(account_id, actor_id)


def check_reach(account_id: str, within: str | None, actor_id: str | None = None) -> None:
    """Whether somebody who may act `within` one organization may act on this account. Raises `Refusal`.

    It has to be nobody else's: of no other organization, and not a person's own from before, whom adding it here has
    made no user of this one yet. And its person neither administers the platform nor this organization with privileges
    that the actor lacks.
    """
    if within is None:
        return
    members = list(db.session.scalars(select(Member).where(Member.account_id == account_id)))
    here = [member for member in members if member.organization_id == within]
    if not here:
        raise Refusal("account_unknown", _l("There is no such account."), status=404)
    if len(here) != len(members):
        raise Refusal(
            "account_of_others",
            _l("This person belongs to other organizations too. Only a platform administrator can change the account."),
            status=403,
        )
    if not any(_shared(member, fresh(Account, account_id)) for member in here):
        raise Refusal(
            "account_of_others",
            _l(
                "This person had the account before and has not used it here yet. Only a platform administrator can "
                "change the account."
            ),
            status=403,
        )
    if account_id in platform_administrators():
        raise Refusal(
            "account_above",
            _l("This person administers the platform. Only a platform administrator can change the account."),
            status=403,
        )
    for member in here:
        not_above(member, actor_id, of="account")


def _shared(member: Member, account: Account) -> bool:
    """Whether the person uses the account here, or it was made by adding the member."""
    return member.last_used_at is not None or account.created_at >= member.created_at - IN_ONE_ACT


def on_account_disabled(event: AccountDisabled) -> None:
    """The platform's last administrator stays; raised here, the refusal undoes the disabling."""
    _keep_the_platform(event.account_id)


def _keep_the_platform(account_id: str) -> None:
    administers = (
        select(Member.organization_id)
        .join(Organization, Organization.id == Member.organization_id)
        .join(MemberRole, MemberRole.member_id == Member.id)
        .join(RolePrivilege, RolePrivilege.role_id == MemberRole.role_id)
        .where(
            Member.account_id == account_id,
            Member.status == "active",
            Organization.kind == "self",
            RolePrivilege.privilege == PLATFORM_ADMINISTRATION,
        )
    )
    own_id = db.session.scalar(administers.limit(1))
    if own_id is None:
        return
    lock(own_id)  # two who disable one another queue up
    if not platform_administrators():
        raise last_platform_administrator()


def administered_alone(account_id: str) -> list[Organization]:
    """The organizations whose people or roles nobody but this person administers, by name; the platform's own is no
    different."""
    alone = or_(_alone_with(ADMINISTRATION, account_id), _alone_with(OF_ROLES, account_id))
    return list(db.session.scalars(select(Organization).where(alone).order_by(Organization.name, Organization.id)))


def _alone_with(privilege: str, account_id: str) -> ColumnElement[bool]:
    """Whether of those who are in use this person alone holds the privilege in an organization."""
    mine, others = aliased(Member), aliased(Member)
    holding = select(MemberRole.member_id).join(RolePrivilege, RolePrivilege.role_id == MemberRole.role_id)
    holders = holding.where(RolePrivilege.privilege == privilege)
    other = (
        select(others.id)
        .join(Account, Account.id == others.account_id)
        .where(
            others.organization_id == Organization.id,
            others.status == "active",
            others.account_id != account_id,
            Account.status == "active",
            others.id.in_(holders),
        )
    )
    places = select(mine.organization_id).where(
        mine.account_id == account_id, mine.status == "active", mine.id.in_(holders)
    )
    return and_(Organization.id.in_(places), ~other.exists())


def on_account_closing(event: AccountClosing) -> None:
    """Nobody leaves an organization or the platform without an administrator; raised here, the refusal undoes it.

    Whoever is closing counts as an administrator no more, so those who stay can't go while the account waits either.
    """
    administers = (
        select(Member.organization_id)
        .join(MemberRole, MemberRole.member_id == Member.id)
        .join(RolePrivilege, RolePrivilege.role_id == MemberRole.role_id)
        .where(
            Member.account_id == event.account_id,
            Member.status == "active",
            RolePrivilege.privilege.in_((ADMINISTRATION, OF_ROLES, PLATFORM_ADMINISTRATION)),
        )
    )
    for organization_id in sorted(set(db.session.scalars(administers))):
        lock(organization_id)  # two who close at once queue up
    alone = administered_alone(event.account_id)
    if alone:
        raise Refusal(
            "last_administrator",
            _l(
                "You are the only administrator of %(names)s. Make someone else administrator there first.",
                names=", ".join(one.name for one in alone),
            ),
            status=409,
        )
    _keep_the_platform(event.account_id)


def on_account_deleted(event: AccountDeleted) -> None:
    """The person's memberships end and let go of the account: whoever proves the address next is somebody else."""
    members = db.session.execute(
        select(Member.organization_id, Member.id)
        .where(Member.account_id == event.account_id)
        .order_by(Member.organization_id, Member.id)  # locks are taken in one order everywhere
    ).all()
    for _organization_id, member_id in members:
        member = end_member(member_id, actor_id=event.actor_id, write_down=False)
        member.account_id = None
        make_findable(member)
    db.session.flush()
