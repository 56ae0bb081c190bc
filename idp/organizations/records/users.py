"""User: an account with its members; for holders of OneOffice's privileges, the platform's own employees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import joinedload, raiseload, selectinload

from idp.accounts import passwords
from idp.accounts import records as accounts
from idp.accounts.forms import LANGUAGES
from idp.accounts.models import Account
from idp.kernel.database import db
from idp.kernel.listing import contains
from idp.kernel.records import (
    Acting,
    Action,
    Belonging,
    Column,
    Field,
    Filter,
    Pairs,
    Scope,
    Table,
    Values,
    by_id_within,
)
from idp.kernel.refusal import Refusal

from .. import service
from ..models import License, Member, MemberRole, Organization, Role, Seat
from ..people import Shown, shown_as
from ..titles import edition_name, role_title
from .places import OWN, called
from .rights import ADDED, CHANGES, EDITED, SEES


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


def _in_place(value: str) -> ColumnElement[bool]:
    """Accounts with a member in the platform's own organization, in others, or in none."""
    if value == "none":
        return ~select(Member.id).where(Member.account_id == Account.id).exists()
    kind = Organization.kind == "self" if value == "self" else Organization.kind != "self"
    return Account.id.in_(select(Member.account_id).join(Organization).where(Member.account_id.is_not(None), kind))


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
            by_id_within(service.disable_user),
            _l("The user is disabled: all sessions have ended, and no token counts any more."),
            shown=lambda row: row.account.status == "active",
            allowed=_check_reach,
        ),
        Action(
            "enable",
            _l("Enable User"),
            by_id_within(service.enable_user),
            _l("The user is enabled again."),
            shown=lambda row: row.account.status == "disabled",
            allowed=_check_reach,
        ),
        Action(
            "delete",
            _l("Delete"),
            by_id_within(service.delete_user),
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
