"""Role: those of the system and of organizations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, func, or_, select

from idp.kernel import language
from idp.kernel.listing import contains, fold
from idp.kernel.records import Acting, Action, Belonging, Column, Field, Filter, Pairs, Scope, Table, Values, by_id

from .. import service
from ..catalog import current_catalog
from ..models import MemberRole, Organization, Role
from ..titles import role_title
from .places import PLACE, called, counted, found_in, organizations_by_id, place_of
from .rights import ADDED, CHANGES, EVERYTHING, SEES


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role with whose it is (None: the system's) and how many members hold it."""

    role: Role
    organization: Organization | None
    holders: int


def _role_rows(found: Sequence[Role], scope: Scope = EVERYTHING) -> list[RoleRow]:
    places = organizations_by_id({one.organization_id for one in found if one.organization_id})
    within = (MemberRole.organization_id == scope.within,) if scope.within else ()
    holders = counted(MemberRole.role_id, [one.id for one in found], *within)
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
    place = place_of(values["organization"], acting.scope)
    return service.create_role(place, values["name"], values["privileges"], actor_id=acting.actor_id).id


def _edit_role(role_id: str, values: Values, acting: Acting) -> None:
    service.set_role_privileges(role_id, values["privileges"], version=values["version"], actor_id=acting.actor_id)


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
            by_id(service.delete_role),
            _l("The role is deleted."),
            shown=lambda row: row.role.organization_id is not None,
            danger=True,
            asks=_l("Everybody who holds the role loses it. This can't be undone."),
            belongings=(
                Belonging(
                    lambda role_id: counted(MemberRole.role_id, [role_id]).get(role_id, 0),
                    _l("%(num)s member holds it"),
                    _l("%(num)s members hold it"),
                ),
            ),
            gone=True,
        ),
    ),
    empty=_l("There is no role yet."),
)
