"""The tables of the zone Core, for *Records* (`idp.kernel.records`): User, Organization, Role, License, Seat.

Holders of OneOffice's privileges find only what belongs to the platform's own organization (DESIGN §3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import joinedload, raiseload, selectinload

from idp.accounts import passwords
from idp.accounts import records as accounts
from idp.accounts.forms import LANGUAGES
from idp.accounts.models import Account
from idp.kernel import clock, language
from idp.kernel.database import db
from idp.kernel.listing import contains, fold
from idp.kernel.records import (
    Acting,
    Action,
    Belonging,
    Column,
    Field,
    Filter,
    Pairs,
    Right,
    Scope,
    Table,
    Values,
)
from idp.kernel.refusal import Refusal

from . import service
from .catalog import current_catalog
from .holdings import LICENSE_STATES, LicenseInUse, in_use
from .models import License, Member, MemberRole, Organization, Role, Seat
from .people import Shown, shown_as
from .titles import edition_name, role_title

ADMIN, LICENSES = "account:platform.admin", "account:platform.licenses"
READS, WRITES = "oneoffice:admin.read", "oneoffice:admin.write"

SEES = Right(frozenset({ADMIN}), own=frozenset({READS, WRITES}))
CHANGES = Right(frozenset({ADMIN}), own=frozenset({WRITES}))
SEES_LICENSES = Right(frozenset({ADMIN, LICENSES}), own=frozenset({READS, WRITES}))
SELLS = Right(frozenset({LICENSES}))
PLATFORM = Right(frozenset({ADMIN}))

EVERYTHING = Scope()
OWN = "client/self"
"""How *Records* calls the platform owner's own organization (the seed's word)."""

ADDED = frozenset({"add"})
EDITED = frozenset({"edit"})


def called(organization: Organization) -> str:
    """The organization's name, or the seed's word for the platform's own."""
    return OWN if organization.kind == "self" else organization.name


def _organizations(ids: set[str]) -> dict[str, Organization]:
    return {one.id: one for one in db.session.scalars(select(Organization).where(Organization.id.in_(ids)))}


def names_of(ids: set[str]) -> dict[str, str]:
    """What these organizations are called; one statement."""
    rows = db.session.execute(select(Organization.id, Organization.name).where(Organization.id.in_(ids)))
    return {str(one): str(name) for one, name in rows}


def found_in(text: str, column: Any) -> tuple[ColumnElement[bool], bool]:
    """Whether a column, the id of an organization, is of one that `text` means; and whether they are few.

    Rows of a few organizations are found by the column's index. One statement.
    """
    meant = select(Organization.id).where(contains(Organization.search_text, text))
    ids = db.session.scalars(meant.limit(accounts.FEW + 1)).all()
    if len(ids) <= accounts.FEW:
        return column.in_(ids), True
    return meant.where(Organization.id == column).exists(), False


def _counted(column: Any, ids: Sequence[str], *where: Any) -> dict[str, int]:
    """How many rows there are for each id of the page; one statement."""
    rows = db.session.execute(select(column, func.count()).where(column.in_(ids), *where).group_by(column))
    return {str(one): int(count) for one, count in rows}


def _place_of(typed: str, scope: Scope) -> str:
    """The id of an organization as it is typed: its short name, or client/self. Raises `Refusal` on the field."""
    text = typed.strip()
    found = service.own_organization() if text == OWN else service.find_organization(text)
    if found is None or scope.within not in (None, found.id):
        raise Refusal("organization_unknown", _l("There is no such organization."), status=404, field="organization")
    return found.id


PLACE = Field(
    "organization",
    _l("Organization"),
    required=True,
    hint=_l("The short name, as in its address; client/self is the platform's own."),
    initial=lambda _scope: OWN,
    kept=True,
    on=ADDED,
    longest=60,
)

# User ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class User(accounts.Person):
    """An account with its members. `own`: the member in the platform's own organization.

    `held`: by member what it holds a seat of. `shown`: the person as somebody who may look into one organization only
    sees it, while the person has not shared its own data there; None: as the account has it.
    """

    members: tuple[Member, ...] = ()
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shown: Shown | None = None

    @property
    def seats(self) -> int:
        """How many licenses it holds in the platform's own organization."""
        return len(self.held.get(self.own.id, ())) if self.own else 0

    @property
    def address(self) -> str:
        if self.shown is None:
            return accounts.Person.address.__get__(self)  # type: ignore[no-any-return]
        return self.shown.email or ""

    @property
    def name(self) -> str:
        return accounts.Person.name.__get__(self) if self.shown is None else self.shown.name

    @property
    def own(self) -> Member | None:
        return next((member for member in self.members if member.organization.kind == "self"), None)

    @property
    def places(self) -> str:
        """The organizations that the person is in, the platform's own first."""
        names = dict.fromkeys(
            called(member.organization)
            for member in sorted(self.members, key=lambda one: (one.organization.kind != "self", one.created_at))
        )
        shown = list(names)[:3]
        return ", ".join(shown) + (f" +{len(names) - 3}" if len(names) > 3 else "")


def _users(scope: Scope) -> Select[Any]:
    statement = select(Account)
    if scope.within is not None:
        statement = statement.where(
            Account.id.in_(select(Member.account_id).where(Member.organization_id == scope.within))
        )
    return statement


def _user_rows(found: Sequence[Account], scope: Scope) -> list[User]:
    members: dict[str, list[Member]] = {}
    for member in db.session.scalars(
        select(Member)
        .where(
            Member.account_id.in_([one.id for one in found]),
            Member.organization_id == scope.within if scope.within else true(),
        )
        .options(joinedload(Member.organization), selectinload(Member.roles), joinedload(Member.company))
        .order_by(Member.created_at, Member.id)
        .execution_options(populate_existing=True)
    ):
        members.setdefault(member.account_id or "", []).append(member)
    held = _editions_held([one.id for mine in members.values() for one in mine])
    return [
        User(one, tuple(mine), held, _seen(one, mine, scope)) for one in found for mine in (members.get(one.id, []),)
    ]


def _seen(account: Account, members: Sequence[Member], scope: Scope) -> Shown | None:
    """What an organization sees of a person who has shared nothing with it: what it typed itself."""
    if scope.within is None or not members or any(shown_as(member, account).own for member in members):
        return None
    return shown_as(members[0], account)


def _found_by(text: str, scope: Scope) -> ColumnElement[bool]:
    """By whatever the account says; within one organization only by what that organization may see."""
    if scope.within is None:
        return accounts.found_by(text)
    return Account.id.in_(
        select(Member.account_id).where(
            Member.organization_id == scope.within,
            Member.account_id.is_not(None),
            contains(Member.search_text, text),
        )
    )


def _places_of_employees(_scope: Scope) -> Pairs:
    """client/self, and the organizations of outside directories, which are refused with the reason."""
    rows = db.session.scalars(
        select(Organization)
        .where(or_(Organization.kind == "self", Organization.directory.is_not(None)))
        .order_by(Organization.kind.desc(), Organization.name)
        .limit(50)
    )
    return [(one.id, called(one)) for one in rows]


def _own_id(_scope: Scope) -> str:
    own = service.own_organization()
    return own.id if own else ""


def _roles_of_own(_scope: Scope) -> Pairs:
    own = select(Organization.id).where(Organization.kind == "self").scalar_subquery()
    rows = db.session.scalars(
        select(Role)
        .where(or_(Role.organization_id.is_(None), Role.organization_id == own))
        .options(raiseload(Role.privileges))
    )
    return sorted(((role.id, role_title(role)) for role in rows), key=lambda one: (one[1].casefold(), one[0]))


def _prepare_user(values: Values) -> Values:
    """Judge and hash a first password, outside of the transaction."""
    typed = values.get("password")
    if not typed:
        return {**values, "password": None}
    problem = passwords.problem(typed, (values["email"], values["given_name"], values["family_name"]))
    if problem is not None:
        raise Refusal("password_weak", problem, field="password")
    return {**values, "password": passwords.hash_password(typed)}


def _add_user(values: Values, acting: Acting) -> str:
    member = service.add_user(
        values["organization"],
        email=values["email"],
        given_name=values["given_name"],
        family_name=values["family_name"],
        type=values["type"],
        role_ids=values["roles"],
        language=values["language"] or None,
        password_hash=values["password"],
        actor_id=acting.actor_id,
    )
    return str(member.account_id)


def own_member(account_id: str, scope: Scope) -> Member:
    """The account's member in the platform's own organization. Raises `Refusal` (404) where there is none."""
    member = db.session.scalar(
        select(Member)
        .join(Organization)
        .where(Member.account_id == account_id, Organization.kind == "self")
        .order_by(Member.created_at, Member.id)
        .limit(1)
    )
    if member is None or scope.within not in (None, member.organization_id):
        raise Refusal("member_unknown", _l("There is no such member."), status=404)
    return member


def user_row(account_id: str, scope: Scope) -> User | None:
    """One row of the table User."""
    account = db.session.get(Account, account_id)
    return _user_rows([account], scope)[0] if account else None


def editions_held(member_id: str) -> list[str]:
    """What the member holds a seat of, by the name it is sold under."""
    return list(_editions_held([member_id]).get(member_id, ()))


def _editions_held(member_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The same for several members; one statement."""
    found: dict[str, list[str]] = {}
    for member_id, edition in db.session.execute(
        select(Seat.member_id, License.edition)
        .join(License, License.id == Seat.license_id)
        .where(Seat.member_id.in_(member_ids))
    ):
        found.setdefault(member_id, []).append(edition_name(edition))
    return {member_id: tuple(sorted(names)) for member_id, names in found.items()}


def _edit_user(account_id: str, values: Values, acting: Acting) -> None:
    service.edit_user(
        own_member(account_id, acting.scope).id,
        given_name=values["given_name"],
        family_name=values["family_name"],
        email=values["email"],
        phone_number=values["phone_number"],
        language=values["language"] or None,
        role_ids=values["roles"],
        version=values["version"],
        actor_id=acting.actor_id,
    )


def _user_values(row: User) -> Values:
    member = row.own
    if member is None:
        return {}
    return {
        "given_name": member.given_name,
        "family_name": member.family_name,
        "email": member.email or "",
        "phone_number": member.phone_number or "",
        "language": member.language or "",
        "roles": [role.id for role in member.roles],
        "version": member.version,
    }


def _user_fixed(row: User) -> Any | None:
    if row.own is None:
        return _l("This person is no employee: what the organizations know of it is kept in their own People.")
    return None


def _user_facts(row: User) -> Pairs:
    places = [
        (
            called(member.organization) + (f", {member.company.name}" if member.company else ""),
            "; ".join(
                (
                    ", ".join(role_title(role) for role in member.roles) or str(_l("no role")),
                    ", ".join(row.held.get(member.id, ())) or str(_l("no license")),
                )
            ),
        )
        for member in row.members
    ]
    if row.shown is not None:
        return ((_l("E-mail"), row.address), (_l("Id"), row.account.id), *places)
    return (*accounts.facts(row), *places)


def _check_reach(account_id: str, scope: Scope) -> None:
    service.check_reach(account_id, scope.within)


def _disable_user(account_id: str, values: Values, acting: Acting) -> None:
    del values
    service.disable_user(account_id, within=acting.scope.within, actor_id=acting.actor_id)


def _enable_user(account_id: str, values: Values, acting: Acting) -> None:
    del values
    service.enable_user(account_id, within=acting.scope.within, actor_id=acting.actor_id)


def _delete_user(account_id: str, values: Values, acting: Acting) -> None:
    del values
    service.delete_user(account_id, within=acting.scope.within, actor_id=acting.actor_id)


def _of_members(model: Any, account_id: str) -> int:
    mine = select(Member.id).where(Member.account_id == account_id)
    return db.session.scalar(select(func.count()).select_from(model).where(model.member_id.in_(mine))) or 0


MEMBERSHIPS = Belonging(
    lambda account_id: (
        db.session.scalar(
            select(func.count()).select_from(Member).where(Member.account_id == account_id, Member.status != "ended")
        )
        or 0
    ),
    _l("%(num)s membership, which ends"),
    _l("%(num)s memberships, which end"),
)
ROLES_HELD = Belonging(
    lambda account_id: _of_members(MemberRole, account_id), _l("%(num)s role held"), _l("%(num)s roles held")
)
SEATS_HELD = Belonging(
    lambda account_id: _of_members(Seat, account_id), _l("%(num)s license held"), _l("%(num)s licenses held")
)

USER = Table(
    zone="core",
    name="user",
    title=_l("User"),
    key=Account.id,
    read=SEES,
    write=CHANGES,
    select=_users,
    rows=_user_rows,
    columns=(
        *accounts.COLUMNS[:2],
        Column("organization", _l("Organization"), lambda row: row.places),
        *accounts.COLUMNS[2:],
    ),
    sort="name",
    search=_found_by,
    search_label=_l("Search by name or e-mail"),
    filters=(
        *accounts.FILTERS,
        Filter(
            "organization",
            _l("Organization"),
            lambda: (("self", OWN), ("others", _l("Others")), ("none", _l("None"))),
            lambda value: _in_place(value),
        ),
    ),
    facts=_user_facts,
    name_of=lambda row: row.name,
    fields=(
        Field("given_name", _l("First name"), required=True, longest=100),
        Field("family_name", _l("Last name"), required=True, longest=100),
        Field(
            "email",
            _l("E-mail"),
            kind="email",
            required=True,
            hint=_l("The person signs in with this address and is notified there."),
            longest=254,
            on=ADDED,
        ),
        Field(
            "email",
            _l("E-mail"),
            kind="email",
            hint=_l("Where the organization reaches the person. The address that the person signs in with stays."),
            longest=254,
            on=EDITED,
        ),
        Field("phone_number", _l("Phone"), longest=20, on=EDITED),
        Field(
            "organization",
            _l("Organization"),
            kind="select",
            required=True,
            hint=_l("Employees are always added to client/self."),
            choices=_places_of_employees,
            initial=_own_id,
            kept=True,
            on=ADDED,
        ),
        Field(
            "type",
            _l("Type"),
            kind="select",
            required=True,
            hint=_l("Bidders and consultants come from ConneX."),
            choices=lambda _scope: (
                ("employee", _l("Employee")),
                ("bidder", _l("Bidder")),
                ("consultant", _l("Consultant")),
            ),
            initial=lambda _scope: "employee",
            on=ADDED,
        ),
        Field(
            "roles",
            _l("Roles"),
            kind="many",
            hint=_l(
                "OneOffice and OneOffice-legacy each open their half of the site and together the full site; Admin "
                "opens Administration."
            ),
            choices=_roles_of_own,
            kept=True,
        ),
        Field(
            "language",
            _l("Language"),
            kind="select",
            choices=lambda _scope: (("", _l("Not set")), *((one.value, one.label) for one in LANGUAGES)),
        ),
        Field(
            "password",
            _l("First password"),
            kind="password",
            hint=_l(
                "Tell it to the person yourself: it is never mailed, and has to be changed at the first sign-in. Left "
                "empty, the person chooses one through “Forgot password”."
            ),
            longest=256,
            on=ADDED,
        ),
    ),
    prepare=_prepare_user,
    add=_add_user,
    edit=_edit_user,
    values=_user_values,
    fixed=_user_fixed,
    actions=(
        accounts.RESET,
        accounts.REMOVE_SECOND_FACTORS,
        Action(
            "disable",
            _l("Disable User"),
            _disable_user,
            _l("The user is disabled: all sessions have ended, and no token counts any more."),
            shown=lambda row: row.account.status == "active",
            allowed=_check_reach,
        ),
        Action(
            "enable",
            _l("Enable User"),
            _enable_user,
            _l("The user is enabled again."),
            shown=lambda row: row.account.status == "disabled",
            allowed=_check_reach,
        ),
        Action(
            "delete",
            _l("Delete"),
            _delete_user,
            _l("The user is deleted."),
            danger=True,
            asks=_l("This can't be undone. To keep the person out for a while, disable the user instead."),
            typed=lambda row: (_l("Type the e-mail address of the user"), row.address),
            gone=True,
            belongings=(accounts.ADDRESSES, MEMBERSHIPS, ROLES_HELD, SEATS_HELD),
            allowed=_check_reach,
        ),
    ),
    empty=_l("There is no user yet."),
)


def _in_place(value: str) -> ColumnElement[bool]:
    """Accounts with a member in the platform's own organization, in others, or in none."""
    if value == "none":
        return ~select(Member.id).where(Member.account_id == Account.id).exists()
    kind = Organization.kind == "self" if value == "self" else Organization.kind != "self"
    return Account.id.in_(select(Member.account_id).join(Organization).where(Member.account_id.is_not(None), kind))


# Organization --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """An organization with how many people and licenses it has."""

    organization: Organization
    people: int
    licenses: int


def place_rows(found: Sequence[Organization], _scope: Scope = EVERYTHING) -> list[Place]:
    """Organizations with their counts; two statements."""
    ids = [one.id for one in found]
    people = _counted(Member.organization_id, ids, Member.status != "ended")
    licenses = _counted(License.organization_id, ids)
    return [Place(one, people.get(one.id, 0), licenses.get(one.id, 0)) for one in found]


STATUSES = {"active": ("good", _l("Active")), "suspended": ("wrong", _l("Suspended"))}


def _add_organization(values: Values, acting: Acting) -> str:
    made = service.create_organization(
        values["slug"],
        values["name"],
        organization_number=values["organization_number"],
        actor_id=acting.actor_id,
    )
    return made.id


def _edit_organization(organization_id: str, values: Values, acting: Acting) -> None:
    service.change_organization(
        organization_id,
        name=values["name"],
        organization_number=values["organization_number"],
        version=values["version"],
        actor_id=acting.actor_id,
    )


def _suspend(organization_id: str, values: Values, acting: Acting) -> None:
    service.suspend_organization(organization_id, why=values["reason"], actor_id=acting.actor_id)


def _resume(organization_id: str, values: Values, acting: Acting) -> None:
    service.resume_organization(organization_id, why=values["reason"], actor_id=acting.actor_id)


def _delete_organization(organization_id: str, values: Values, acting: Acting) -> None:
    del values
    service.delete_organization(organization_id, actor_id=acting.actor_id)


SUSPEND = Action(
    "suspend",
    _l("Suspend"),
    _suspend,
    _l("The organization is suspended: its people have access to nothing there."),
    right=PLATFORM,
    shown=lambda row: row.organization.status == "active" and row.organization.kind != "self",
    danger=True,
    asks=_l("Nobody can use the organization until it is resumed. Its people, roles and licenses stay as they are."),
    reason=(_l("Reason"), _l("It stands in the audit trail.")),
)
RESUME = Action(
    "resume",
    _l("Resume"),
    _resume,
    _l("The organization is in use again."),
    right=PLATFORM,
    shown=lambda row: row.organization.status == "suspended",
    asks=_l("Everybody has the access again that roles and licenses give today."),
    reason=(_l("Reason"), _l("It stands in the audit trail.")),
)

ORGANIZATION = Table(
    zone="core",
    name="organization",
    title=_l("Organization"),
    key=Organization.id,
    read=SEES_LICENSES,
    write=PLATFORM,
    select=lambda scope: (
        select(Organization).where(Organization.id == scope.within) if scope.within else select(Organization)
    ),
    rows=place_rows,
    columns=(
        Column("name", _l("Name"), lambda row: row.organization.name, sort=Organization.search_text),
        Column("slug", _l("Short name"), lambda row: row.organization.slug, sort=Organization.slug),
        Column("number", _l("Organization number"), lambda row: row.organization.organization_number or ""),
        Column("people", _l("People"), lambda row: row.people, kind="number"),
        Column("licenses", _l("Licenses"), lambda row: row.licenses, kind="number"),
        Column(
            "status",
            _l("Status"),
            lambda row: STATUSES[row.organization.status],
            kind="state",
            sort=Organization.status,
        ),
        Column(
            "added", _l("Added"), lambda row: row.organization.created_at, kind="date", sort=Organization.created_at
        ),
    ),
    sort="name",
    search=lambda text, _scope: contains(Organization.search_text, text),
    search_label=_l("Search by name, short name or organization number"),
    filters=(
        Filter(
            "status",
            _l("Status"),
            lambda: tuple((name, label) for name, (_kind, label) in STATUSES.items()),
            lambda value: Organization.status == value,
        ),
        Filter(
            "kind",
            _l("Kind"),
            lambda: (("self", OWN), ("customer", _l("Customers")), ("directory", _l("Of an outside directory"))),
            lambda value: (
                Organization.directory.is_not(None)
                if value == "directory"
                else (Organization.kind == value) & Organization.directory.is_(None)
            ),
        ),
    ),
    facts=lambda row: (
        (_l("Short name"), row.organization.slug),
        (_l("Kind"), OWN if row.organization.kind == "self" else row.organization.directory or _l("customer")),
        (_l("Status"), STATUSES[row.organization.status][1]),
        (_l("People"), row.people),
        (_l("Licenses"), row.licenses),
        (_l("Added"), language.at_time(row.organization.created_at)),
        (_l("Id"), row.organization.id),
    ),
    name_of=lambda row: str(row.organization.name),
    fields=(
        Field("name", _l("Name"), required=True),
        Field(
            "slug",
            _l("Short name"),
            required=True,
            hint=_l("Small letters, digits and hyphens; addresses are made of it, so it stays."),
            on=ADDED,
            longest=60,
        ),
        Field("organization_number", _l("Organization number"), longest=20),
    ),
    add=_add_organization,
    edit=_edit_organization,
    values=lambda row: {
        "name": row.organization.name,
        "organization_number": row.organization.organization_number or "",
        "version": row.organization.version,
    },
    actions=(
        SUSPEND,
        RESUME,
        Action(
            "delete",
            _l("Delete"),
            _delete_organization,
            _l("The organization is deleted."),
            shown=lambda row: row.organization.kind != "self",
            danger=True,
            asks=_l("Only an organization without people and licenses can be deleted. This can't be undone."),
            typed=lambda row: (_l("Type the short name of the organization"), row.organization.slug),
            gone=True,
        ),
    ),
    empty=_l("There is no organization yet."),
)

# Role ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role with whose it is (None: the system's) and how many members hold it."""

    role: Role
    organization: Organization | None
    holders: int


def _role_rows(found: Sequence[Role], scope: Scope = EVERYTHING) -> list[RoleRow]:
    places = _organizations({one.organization_id for one in found if one.organization_id})
    within = (MemberRole.organization_id == scope.within,) if scope.within else ()
    holders = _counted(MemberRole.role_id, [one.id for one in found], *within)
    return [RoleRow(one, places.get(one.organization_id or ""), holders.get(one.id, 0)) for one in found]


def _privileges(scope: Scope) -> Pairs:
    del scope
    spoken = language.shown()
    return [
        (name, f"{app.name}: {privilege.title(spoken)} ({name})")
        for app in current_catalog().apps.values()
        for name, privilege in app.privileges.items()
    ]


def _add_role(values: Values, acting: Acting) -> str:
    place = _place_of(values["organization"], acting.scope)
    return service.create_role(place, values["name"], values["privileges"], actor_id=acting.actor_id).id


def _edit_role(role_id: str, values: Values, acting: Acting) -> None:
    service.set_role_privileges(role_id, values["privileges"], version=values["version"], actor_id=acting.actor_id)


def _delete_role(role_id: str, values: Values, acting: Acting) -> None:
    del values
    service.delete_role(role_id, actor_id=acting.actor_id)


def _roles_by(text: str, _scope: Scope) -> ColumnElement[bool]:
    """By name or organization; the system's by what they are called on this page too."""
    wanted = fold(text).split()
    titled = [
        role.name
        for role in current_catalog().roles.values()
        if all(word in fold(role.title(language.shown())) for word in wanted)
    ]
    return or_(
        contains(func.lower(Role.name), text),
        and_(Role.organization_id.is_(None), Role.name.in_(titled)),
        found_in(text, Role.organization_id)[0],
    )


ROLE = Table(
    zone="core",
    name="role",
    title=_l("Role"),
    key=Role.id,
    read=SEES,
    write=CHANGES,
    select=lambda scope: (
        select(Role).where(or_(Role.organization_id.is_(None), Role.organization_id == scope.within))
        if scope.within
        else select(Role)
    ),
    rows=_role_rows,
    columns=(
        Column("name", _l("Name"), lambda row: role_title(row.role), sort=func.lower(Role.name)),
        Column(
            "organization",
            _l("Organization"),
            lambda row: called(row.organization) if row.organization else _l("The system's"),
        ),
        Column("privileges", _l("Privileges"), lambda row: len(row.role.privileges), kind="number"),
        Column("holders", _l("Held by"), lambda row: row.holders, kind="number"),
    ),
    sort="name",
    search=_roles_by,
    search_label=_l("Search by role or organization"),
    filters=(
        Filter(
            "kind",
            _l("Kind"),
            lambda: (("system", _l("The system's")), ("own", _l("Of an organization"))),
            lambda value: Role.organization_id.is_(None) if value == "system" else Role.organization_id.is_not(None),
        ),
    ),
    facts=lambda row: (
        (_l("Organization"), called(row.organization) if row.organization else _l("The system's")),
        (_l("Held by"), row.holders),
        (_l("Privileges"), ", ".join(sorted(entry.privilege for entry in row.role.privileges)) or _l("none")),
        (_l("Id"), row.role.id),
    ),
    name_of=lambda row: role_title(row.role),
    fields=(
        PLACE,
        Field("name", _l("Name"), required=True, on=ADDED, longest=100),
        Field("privileges", _l("Privileges"), kind="many", choices=_privileges),
    ),
    add=_add_role,
    edit=_edit_role,
    values=lambda row: {
        "privileges": [entry.privilege for entry in row.role.privileges],
        "version": row.role.version,
    },
    fixed=lambda row: (
        None if row.role.organization_id else _l("The system's roles stand in the catalog and can't be changed here.")
    ),
    actions=(
        Action(
            "delete",
            _l("Delete"),
            _delete_role,
            _l("The role is deleted."),
            shown=lambda row: row.role.organization_id is not None,
            danger=True,
            asks=_l("Everybody who holds the role loses it. This can't be undone."),
            belongings=(
                Belonging(
                    lambda role_id: _counted(MemberRole.role_id, [role_id]).get(role_id, 0),
                    _l("%(num)s member holds it"),
                    _l("%(num)s members hold it"),
                ),
            ),
            gone=True,
        ),
    ),
    empty=_l("There is no role yet."),
)

# License -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LicenseRow(LicenseInUse):
    """A license with whose it is."""

    organization: Organization

    @property
    def label(self) -> tuple[str, Any]:
        """Its state as it is shown; that it is nearly all in use comes before when it ends."""
        state = self.state(clock.now())
        if state in ("current", "soon") and self.nearly_all:
            return "late", _l("Nearly all in use")
        words, kind = LICENSE_STATES[state]
        return kind, words


def _license_rows(found: Sequence[License], _scope: Scope = EVERYTHING) -> list[LicenseRow]:
    places = _organizations({one.organization_id for one in found})
    return [
        LicenseRow(one.license, one.held, one.app, one.edition, places[one.license.organization_id])
        for one in in_use(found)
    ]


def licenses_of(organization_id: str) -> list[LicenseRow]:
    """All licenses of one organization, the newest first."""
    return _license_rows(
        list(
            db.session.scalars(
                select(License)
                .where(License.organization_id == organization_id)
                .order_by(License.created_at.desc(), License.id.desc())
            )
        )
    )


def editions() -> Pairs:
    """Everything that is sold."""
    return [(one.id, one.name) for app in current_catalog().apps.values() for one in app.editions.values()]


def _add_license(values: Values, acting: Acting) -> str:
    sold = service.sell_license(
        _place_of(values["organization"], acting.scope),
        values["edition"],
        values["seats"],
        values["starts_at"],
        values["ends_at"],
        actor_id=acting.actor_id,
    )
    return sold.id


def _same_day(typed: int | None, kept: int | None) -> int | None:
    """A date as it is typed is a day; the instant that was there stays when the day is the same."""
    if typed is not None and kept is not None:
        day = datetime.fromtimestamp(kept, UTC).date()
        if datetime.fromtimestamp(typed, UTC).date() == day:
            return kept
    return typed


def _edit_license(license_id: str, values: Values, acting: Acting) -> None:
    sold = db.session.get_one(License, license_id)
    service.change_license(
        license_id,
        seats=values["seats"],
        starts_at=_same_day(values["starts_at"], sold.starts_at),
        ends_at=_same_day(values["ends_at"], sold.ends_at),
        without_end=values["ends_at"] is None,
        version=values["version"],
        actor_id=acting.actor_id,
    )


def _delete_license(license_id: str, values: Values, acting: Acting) -> None:
    del values
    service.delete_license(license_id, actor_id=acting.actor_id)


LICENSE = Table(
    zone="core",
    name="license",
    title=_l("License"),
    key=License.id,
    read=SEES_LICENSES,
    write=SELLS,
    select=lambda scope: (
        select(License).where(License.organization_id == scope.within) if scope.within else select(License)
    ),
    rows=_license_rows,
    columns=(
        Column("edition", _l("License"), lambda row: row.title, sort=License.edition),
        Column("organization", _l("Organization"), lambda row: called(row.organization)),
        Column("seats", _l("Bought"), lambda row: row.license.seats, kind="number", sort=License.seats),
        Column("held", _l("Held"), lambda row: row.held, kind="number"),
        Column("starts", _l("Starts"), lambda row: row.license.starts_at, kind="day", sort=License.starts_at),
        Column("ends", _l("Ends"), lambda row: row.license.ends_at, kind="day", sort=License.ends_at),
        Column("state", _l("Status"), lambda row: row.label, kind="state"),
    ),
    sort="edition",
    search=lambda text, _scope: or_(
        contains(func.lower(License.edition), text),
        found_in(text, License.organization_id)[0],
    ),
    search_label=_l("Search by organization or edition"),
    filters=(
        Filter("edition", _l("License"), editions, lambda value: License.edition == value),
        Filter(
            "state",
            _l("Status"),
            lambda: (("current", _l("Current")), ("ended", _l("Ended"))),
            lambda value: (
                License.ends_at <= clock.now()
                if value == "ended"
                else (License.starts_at <= clock.now()) & (License.ends_at.is_(None) | (License.ends_at > clock.now()))
            ),
        ),
    ),
    facts=lambda row: (
        (_l("Organization"), called(row.organization)),
        (_l("License"), f"{row.title} ({row.license.edition})"),
        (_l("Bought"), row.license.seats),
        (_l("Held"), row.held),
        (_l("Status"), row.label[1]),
        (_l("Id"), row.license.id),
    ),
    name_of=lambda row: f"{row.title}, {called(row.organization)}",
    fields=(
        PLACE,
        Field("edition", _l("License"), kind="select", required=True, choices=lambda _scope: editions(), on=ADDED),
        Field("seats", _l("Number bought"), kind="number", required=True),
        Field("starts_at", _l("Starts"), kind="date", hint=_l("Left empty, it starts now.")),
        Field(
            "ends_at",
            _l("Ends"),
            kind="date",
            hint=_l("From this day on it counts no longer. Left empty, it has no end."),
        ),
    ),
    add=_add_license,
    edit=_edit_license,
    values=lambda row: {
        "seats": row.license.seats,
        "starts_at": row.license.starts_at,
        "ends_at": row.license.ends_at,
        "version": row.license.version,
    },
    actions=(
        Action(
            "delete",
            _l("Delete"),
            _delete_license,
            _l("The license is deleted."),
            danger=True,
            asks=_l("Only a license that nobody holds can be deleted. This can't be undone."),
            gone=True,
        ),
    ),
    empty=_l("No license has been sold yet."),
)

# Seat ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeatRow:
    """A seat: of which license, and who holds it."""

    seat: Seat
    license: License
    member: Member

    @property
    def name(self) -> str:
        return edition_name(self.license.edition)


def _seat_rows(found: Sequence[Seat], _scope: Scope = EVERYTHING) -> list[SeatRow]:
    licenses = {
        one.id: one
        for one in db.session.scalars(select(License).where(License.id.in_({one.license_id for one in found})))
    }
    members = {
        one.id: one
        for one in db.session.scalars(
            select(Member)
            .where(Member.id.in_({one.member_id for one in found}))
            .options(joinedload(Member.organization))
        )
    }
    return [SeatRow(one, licenses[one.license_id], members[one.member_id]) for one in found]


def _add_seat(values: Values, acting: Acting) -> str:
    place = _place_of(values["organization"], acting.scope)
    member = service.find_member(place, values["email"])
    if member is None:
        raise Refusal("member_unknown", _l("There is no such user there."), status=404, field="email")
    return service.assign_edition(place, values["edition"], member.id, actor_id=acting.actor_id).id


def _take_back(seat_id: str, values: Values, acting: Acting) -> None:
    del values
    seat = db.session.get_one(Seat, seat_id)
    service.unassign_seat(seat.license_id, seat.member_id, actor_id=acting.actor_id)


SEAT = Table(
    zone="core",
    name="seat",
    title=_l("Seat"),
    key=Seat.id,
    read=SEES_LICENSES,
    write=Right(frozenset({ADMIN, LICENSES}), own=frozenset({WRITES})),
    select=lambda scope: (
        select(Seat).where(Seat.license_id.in_(select(License.id).where(License.organization_id == scope.within)))
        if scope.within
        else select(Seat)
    ),
    rows=_seat_rows,
    columns=(
        Column("holder", _l("Held by"), lambda row: row.member.name),
        Column("email", _l("E-mail"), lambda row: row.member.email or ""),
        Column("license", _l("License"), lambda row: row.name),
        Column("organization", _l("Organization"), lambda row: called(row.member.organization)),
        Column("since", _l("Since"), lambda row: row.seat.assigned_at, kind="date", sort=Seat.assigned_at),
    ),
    sort="-since",
    search=lambda text, _scope: Seat.member_id.in_(select(Member.id).where(contains(Member.search_text, text))),
    search_label=_l("Search by name or e-mail"),
    filters=(
        Filter(
            "edition",
            _l("License"),
            editions,
            lambda value: Seat.license_id.in_(select(License.id).where(License.edition == value)),
        ),
    ),
    facts=lambda row: (
        (_l("Held by"), row.member.name),
        (_l("License"), row.name),
        (_l("Organization"), called(row.member.organization)),
        (_l("Since"), language.at_time(row.seat.assigned_at)),
        (_l("Id"), row.seat.id),
    ),
    name_of=lambda row: f"{row.name}, {row.member.name}",
    fields=(
        PLACE,
        Field("email", _l("E-mail of the user"), kind="email", required=True, on=ADDED, longest=254),
        Field(
            "edition",
            _l("License"),
            kind="select",
            required=True,
            choices=lambda _scope: editions(),
            kept=True,
            on=ADDED,
        ),
    ),
    add=_add_seat,
    fixed=lambda _row: _l("A seat is given or taken back."),
    actions=(
        Action("take-back", _l("Take back"), _take_back, _l("The license is free for somebody else."), gone=True),
    ),
    empty=_l("Nobody holds a license yet."),
)

TABLES = (USER, ORGANIZATION, ROLE, LICENSE, SEAT)
