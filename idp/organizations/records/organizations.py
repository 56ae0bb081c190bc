"""Organization: the platform's own, customers, and those of outside directories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.kernel import language
from idp.kernel.listing import contains
from idp.kernel.records import Acting, Action, Column, Field, Filter, Scope, Table, Values, by_id

from .. import service
from ..models import License, Member, Organization
from .places import OWN, counted
from .rights import ADDED, EVERYTHING, PLATFORM, SEES_LICENSES


@dataclass(frozen=True, slots=True)
class Place:
    """An organization with how many people and licenses it has."""

    organization: Organization
    people: int
    licenses: int


def place_rows(found: Sequence[Organization], _scope: Scope = EVERYTHING) -> list[Place]:
    """Organizations with their counts; two statements."""
    ids = [one.id for one in found]
    people = counted(Member.organization_id, ids, Member.status != "ended")
    licenses = counted(License.organization_id, ids)
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
            by_id(service.delete_organization),
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
