"""Roles, who holds them, and the rule that an organization never loses its last administrator of people or roles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, update

from idp.accounts.models import Account
from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from ..catalog import Catalog, current_catalog
from ..events import RoleAssigned, RoleChanged, RoleCreated, RoleDeleted, RoleUnassigned, SystemRoleReduced
from ..facts import ADMINISTRATION
from ..models import Member, MemberRole, Organization, Role, RolePrivilege
from .locking import expect, fresh, lock, lock_of
from .rights import within_rights
from .telling import about_role, changes_of, named, privileges_of, tell
from .typed import one_line

PLATFORM_ADMINISTRATION = "account:platform.admin"
"""Whoever holds it as an active member of the platform's own organization administers the platform."""

MOST_NAMED = 100
"""So many people are looked through for those who hold all of some privileges."""

OF_ROLES = "account:roles.manage"
"""Whoever holds it changes and assigns roles."""


def find_role(name: str, organization_id: str | None = None) -> Role | None:
    """The organization's role of this name, or else the system's."""
    return db.session.scalar(
        select(Role)
        .where(Role.name == name, or_(Role.organization_id == organization_id, Role.organization_id.is_(None)))
        .order_by(Role.organization_id.is_(None))
        .limit(1)
    )


def _holding(privilege: str, organization_id: str, giving: ColumnElement[bool] | None = None) -> Select[Any]:
    """The ids of members whose roles contain the privilege. `giving`: which roles do, by default as they are.

    The few roles are found first, so that the many who hold others are not looked at.
    """
    if giving is None:
        giving = _gives(privilege)
    roles = (
        select(Role.id)
        .where(or_(Role.organization_id == organization_id, Role.organization_id.is_(None)), giving)
        .cte()
        .prefix_with("MATERIALIZED")
    )
    return (
        select(MemberRole.member_id)
        .join(roles, roles.c.id == MemberRole.role_id)
        .where(MemberRole.organization_id == organization_id)
    )


def _gives(privilege: str) -> ColumnElement[bool]:
    """Of a role: it contains the privilege."""
    contained = select(RolePrivilege.role_id).where(
        RolePrivilege.role_id == Role.id, RolePrivilege.privilege == privilege
    )
    return contained.exists()


def _active(holding: Select[Any]) -> Select[Account]:
    """The accounts of these members, as far as both are active."""
    return (
        select(Account)
        .join(Member, Member.account_id == Account.id)
        .where(Account.status == "active", Member.status == "active", Member.id.in_(holding))
    )


def administrators_of(organization_id: str) -> list[Account]:
    """Active members with an account whose role lets them manage people, by name."""
    return list(
        db.session.scalars(
            _active(_holding(ADMINISTRATION, organization_id)).order_by(
                Account.family_name, Account.given_name, Account.id
            )
        ).unique()
    )


def _platform_administrators() -> Select[Any]:
    return (
        select(Account.id)
        .join(Member, Member.account_id == Account.id)
        .join(Organization, Organization.id == Member.organization_id)
        .join(MemberRole, MemberRole.member_id == Member.id)
        .join(RolePrivilege, RolePrivilege.role_id == MemberRole.role_id)
        .where(
            Account.status == "active",
            Member.status == "active",
            Organization.kind == "self",
            RolePrivilege.privilege == PLATFORM_ADMINISTRATION,
        )
    )


def platform_administrators() -> set[str]:
    """The accounts of those who administer the platform: active, as active members of `self` with the privilege."""
    return set(db.session.scalars(_platform_administrators()))


def who_holds(organization_id: str, privileges: Collection[str]) -> list[tuple[str, frozenset[str]]]:
    """The names of active people of the organization, with what they hold of these privileges; by name, and bounded."""
    giving = (
        select(Role.id, RolePrivilege.privilege)
        .join(RolePrivilege, RolePrivilege.role_id == Role.id)
        .where(
            or_(Role.organization_id == organization_id, Role.organization_id.is_(None)),
            RolePrivilege.privilege.in_(privileges),
        )
        .cte()
        .prefix_with("MATERIALIZED")
    )
    rows = db.session.execute(
        select(Account.id, Account.given_name, Account.family_name, giving.c.privilege)
        .join(Member, Member.account_id == Account.id)
        .join(MemberRole, MemberRole.member_id == Member.id)
        .join(giving, giving.c.id == MemberRole.role_id)
        .where(
            MemberRole.organization_id == organization_id, Member.status == "active", Account.status == "active",
            or_(Account.given_name != "", Account.family_name != ""),
        )
        .order_by(Account.family_name, Account.given_name, Account.id)
        .limit(MOST_NAMED * len(privileges))
    )  # fmt: skip
    names: dict[str, str] = {}
    held: dict[str, set[str]] = defaultdict(set)
    for account_id, given_name, family_name, privilege in rows:
        names[account_id] = " ".join(part for part in (given_name, family_name) if part)
        held[account_id].add(privilege)
    return [(name, frozenset(held[account_id])) for account_id, name in names.items()]


def awaited_administrators_of(organization_id: str) -> list[Member]:
    """Members who administer as soon as they have activated an account, by name."""
    found = select(Member).where(
        Member.account_id.is_(None),
        Member.status == "active",
        Member.id.in_(_holding(ADMINISTRATION, organization_id)),
    )
    return list(db.session.scalars(found.order_by(Member.family_name, Member.given_name, Member.id)))


@contextmanager
def keeping_an_administrator(organization_id: str) -> Iterator[None]:
    """Refuse what the block does when nobody is left to manage the organization's people, or its roles (R38).

    In the platform's own organization also when it takes away the last one of the platform. Nobody could give these
    rights again, for what one gives is bounded by what one holds (docs/decisions/0010).
    """
    before = _guarded(organization_id)
    yield
    db.session.flush()
    if no := _last_of(before, _guarded(organization_id)):
        raise no


def left_without(role: Role, privileges: Iterable[str] | None) -> Refusal | None:
    """Why this role can't get exactly these privileges, or (None) be deleted: the last of those who administer would
    go. None: it can. Reads what `keeping_an_administrator` refuses, without changing anything."""
    assert role.organization_id is not None
    return _last_of(
        _guarded(role.organization_id), _guarded(role.organization_id, role.id, frozenset(privileges or ()))
    )


def _guarded(
    organization_id: str, role_id: str | None = None, privileges: frozenset[str] = frozenset()
) -> tuple[bool, ...]:
    """For each right that has to stay with somebody, in the order of `_last_of`, whether somebody has it.

    With `role_id` as if that role had these privileges.
    """

    def somebody(privilege: str) -> ColumnElement[bool]:
        gives = _gives(privilege)
        if role_id is not None:
            gives = or_(gives, Role.id == role_id) if privilege in privileges else and_(gives, Role.id != role_id)
        return _active(_holding(privilege, organization_id, gives)).with_only_columns(Account.id).exists()

    platform = select(Organization.id).where(Organization.id == organization_id, Organization.kind == "self").exists()
    row = db.session.execute(
        select(and_(platform, somebody(PLATFORM_ADMINISTRATION)), somebody(ADMINISTRATION), somebody(OF_ROLES))
    ).one()
    return tuple(map(bool, row))


def _last_of(before: tuple[bool, ...], after: tuple[bool, ...]) -> Refusal | None:
    """The *no* to a change that takes one of the guarded rights from the last who has it."""
    noes = (last_platform_administrator, _last_administrator, _last_of_roles)
    return next((no() for no, had, has in zip(noes, before, after, strict=True) if had and not has), None)


def _last_administrator() -> Refusal:
    return Refusal(
        "last_administrator",
        _l("The organization needs at least one administrator. Make someone else administrator first."),
        status=409,
    )


def _last_of_roles() -> Refusal:
    return Refusal(
        "last_administrator_of_roles",
        _l("The organization needs at least one person who can assign roles. Give someone else a role for it first."),
        status=409,
    )


def last_platform_administrator() -> Refusal:
    """The *no* to whatever would leave the platform to nobody."""
    return Refusal(
        "last_platform_administrator",
        _l("The platform needs at least one administrator. Make someone else administrator first."),
        status=409,
    )


def _known(privileges: Iterable[str], organization: Organization) -> list[str]:
    catalog, names = current_catalog(), sorted(set(privileges))
    for name in names:
        privilege = catalog.privilege(name)
        if privilege is None:
            raise Refusal("privilege_unknown", _l("There is no such privilege."), field="privileges")
        if privilege.reach == "platform" and organization.kind != "self":
            raise Refusal(
                "privilege_of_platform",
                _l("Only the platform's own organization can give this privilege."),
                status=403,
                field="privileges",
            )
    return names


def create_role(
    organization_id: str, name: str, privileges: Iterable[str] = (), *, actor_id: str | None = None
) -> Role:
    """Make a role of an organization; names of roles, also the system's, are taken once. Raises `Refusal`."""
    organization = lock(organization_id)
    name = free_role_name(name, organization_id)
    names = _known(privileges, organization)
    within_rights(organization_id, names, actor_id)
    now = clock.now()
    role = Role(organization_id=organization_id, name=name, created_at=now)
    role.privileges = [RolePrivilege(privilege=privilege) for privilege in names]
    db.session.add(role)
    db.session.flush()
    emit(
        RoleCreated(
            at=now,
            actor_id=actor_id,
            organization_id=organization_id,
            **about_role(role),
            changes={"privileges": ((), tuple(names))} if names else {},
        )
    )
    return role


def free_role_name(name: str | None, organization_id: str) -> str:
    """The name as it is kept. Raises `Refusal` when the organization or the system has a role of it."""
    name = one_line(name, "name", 100)
    if find_role(name, organization_id):
        raise Refusal("role_exists", _l("There already is a role of this name."), status=409, field="name")
    return name


def _holders(role_id: str) -> list[str]:
    return list(db.session.scalars(select(MemberRole.member_id).where(MemberRole.role_id == role_id)))


def _own(role_id: str) -> tuple[Role, str]:
    """The role behind its organization's lock, and that organization's id. Raises `Refusal` for the system's roles."""
    role = lock_of(Role, role_id)
    assert role.organization_id is not None
    return role, role.organization_id


def _state(role: Role) -> dict[str, Any]:
    return {"name": role.name, "privileges": privileges_of(role)}


def _tell_changed(role: Role, before: dict[str, Any], actor_id: str | None) -> None:
    role.version += 1
    db.session.flush()
    assert role.organization_id is not None
    emit(
        RoleChanged(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=role.organization_id,
            member_ids=named(_holders(role.id)),
            **about_role(role, before=before["privileges"]),
            changes=changes_of(before, _state(role)),
        )
    )


def rename_role(role_id: str, name: str, *, version: int | None = None, actor_id: str | None = None) -> Role:
    """Give a role of an organization another name. Raises `Refusal` for the system's roles and names that are taken.

    `version`: of the row that the editor saw.
    """
    role, organization_id = _own(role_id)
    expect(role, version)
    if one_line(name, "name", 100) == role.name:
        return role
    before = _state(role)
    role.name = free_role_name(name, organization_id)
    _tell_changed(role, before, actor_id)
    return role


def change_role(
    role_id: str,
    *,
    name: str,
    privileges: Iterable[str],
    version: int | None = None,
    actor_id: str | None = None,
) -> Role:
    """Rename a role of an organization and give it exactly these privileges, or neither. Raises `Refusal`."""
    rename_role(role_id, name, version=version, actor_id=actor_id)
    return set_role_privileges(role_id, privileges, actor_id=actor_id)


def set_role_privileges(
    role_id: str, privileges: Iterable[str], *, version: int | None = None, actor_id: str | None = None
) -> Role:
    """Give a role of an organization exactly these privileges. Raises `Refusal` for the system's roles.

    Privileges of administration that come or go have to be the actor's own. `version`: of the row that the editor saw.
    """
    role, organization_id = _own(role_id)
    expect(role, version)
    names = _known(privileges, fresh(Organization, organization_id))
    held = {entry.privilege: entry for entry in role.privileges}
    if set(names) == set(held):
        return role
    within_rights(organization_id, set(names) ^ set(held), actor_id)
    before = _state(role)
    with keeping_an_administrator(organization_id):
        role.privileges = [held.get(name) or RolePrivilege(privilege=name) for name in names]
    _tell_changed(role, before, actor_id)
    return role


def delete_role(role_id: str, *, version: int | None = None, actor_id: str | None = None) -> None:
    """Delete a role of an organization, also from its holders. Raises `Refusal` for the system's roles.

    `version`: of the row that the editor saw.
    """
    role, organization_id = _own(role_id)
    expect(role, version)
    within_rights(organization_id, privileges_of(role), actor_id)
    holders, told = _holders(role_id), about_role(role)
    with keeping_an_administrator(organization_id):
        db.session.execute(delete(MemberRole).where(MemberRole.role_id == role_id))
        db.session.delete(role)
    emit(
        RoleDeleted(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=organization_id,
            member_ids=named(holders),
            **told,
        )
    )


def needs_user(member: Member) -> None:
    """Refuse to give a contact or an ended member what only users hold."""
    if member.status not in ("active", "disabled"):
        raise Refusal("not_active", _l("Only an Active member can have a role or a license."), status=409)


def assign_role(member_id: str, role_id: str, *, actor_id: str | None = None) -> None:
    """Give a member a role of its organization or of the system; again is no error. Raises `Refusal`.

    A contact holds no role: it has to be set Active first. What administers has to be the actor's own.
    """
    member = lock_of(Member, member_id)
    role = db.session.get(Role, role_id, populate_existing=True)
    if role is None or role.organization_id not in (None, member.organization_id):
        raise Refusal("role_unknown", _l("There is no such role."), status=404, field="role")
    needs_user(member)
    if db.session.get(MemberRole, (member_id, role_id), populate_existing=True):
        return
    within_rights(member.organization_id, privileges_of(role), actor_id)
    db.session.add(MemberRole(member_id=member_id, role_id=role_id, organization_id=member.organization_id))
    db.session.flush()
    db.session.expire(member, ["roles"])
    tell(RoleAssigned, member, actor_id, **about_role(role))


def unassign_role(member_id: str, role_id: str, *, actor_id: str | None = None) -> None:
    """Take a role from a member; one that it does not hold is no error. Raises `Refusal` for the last administrator.

    What administers can be taken only by whoever holds it too.
    """
    member = lock_of(Member, member_id)
    held = db.session.get(MemberRole, (member_id, role_id), populate_existing=True)
    if held is None:
        return
    role = fresh(Role, role_id)
    within_rights(member.organization_id, privileges_of(role), actor_id)
    with keeping_an_administrator(member.organization_id):
        db.session.delete(held)
    db.session.expire(member, ["roles"])
    tell(RoleUnassigned, member, actor_id, **about_role(role))


def sync_system_roles(catalog: Catalog) -> int:
    """Make the system's roles what the catalog says; returns how many were made, changed or deleted.

    Runs when the catalog may have changed (after migrations, before serving), not by anybody's hand. Organizations
    whose people hold a changed role get a new `rev`, and their tokens follow at the next look. A role that loses
    something is told as one event, however many organizations that concerns: what fans out is expanded above (idea 7).
    """
    roles = {
        role.name: role
        for role in db.session.scalars(
            select(Role).where(Role.organization_id.is_(None)).execution_options(populate_existing=True)
        )
    }
    changed = 0
    for name, wanted in catalog.roles.items():
        role = roles.pop(name, None)
        if role is None:
            role = Role(organization_id=None, name=name, created_at=clock.now())
            db.session.add(role)
        held = {entry.privilege: entry for entry in role.privileges}
        if role.id and set(held) == wanted.privileges:
            continue
        _raise_revisions(role.id)
        if not set(held) <= wanted.privileges:
            emit(SystemRoleReduced(at=clock.now(), role_id=role.id))
        role.privileges = [
            held.get(privilege) or RolePrivilege(privilege=privilege) for privilege in sorted(wanted.privileges)
        ]
        changed += 1
    for role in roles.values():
        _raise_revisions(role.id)
        emit(SystemRoleReduced(at=clock.now(), role_id=role.id))
        db.session.execute(delete(MemberRole).where(MemberRole.role_id == role.id))
        db.session.delete(role)
        changed += 1
    db.session.flush()
    return changed


def _raise_revisions(role_id: str | None) -> None:
    if role_id is None:
        return
    places = (
        select(Member.organization_id)
        .join(MemberRole, MemberRole.member_id == Member.id)
        .where(MemberRole.role_id == role_id)
    )
    db.session.execute(
        update(Organization)
        .where(Organization.id.in_(places))
        .values(rev=Organization.rev + 1)
        .execution_options(synchronize_session=False)
    )
