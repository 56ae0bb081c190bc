"""Roles: `onix-account role …`."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import func, or_, select

from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.models import MemberRole, Role

from .base import as_json, confirm, show, show_one, with_app, yes
from .finding import find_member, find_organization, find_role


@click.group()
def role() -> None:
    """Named groups of privileges."""


def _role_row(row: Role) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "organization_id": row.organization_id,
        "privileges": sorted(entry.privilege for entry in row.privileges),
    }


@role.command("create")
@click.argument("organization")
@click.argument("name")
@click.option("--privilege", "privileges", multiple=True, help="`tag:equipment.read`; may be repeated.")
@as_json
@with_app
def create_role(organization: str, name: str, privileges: tuple[str, ...], as_json: bool) -> None:
    """Make a role of an organization."""
    found = find_organization(organization)
    with unit_of_work():
        made = service.create_role(found.id, name, privileges)
    show_one(_role_row(made), as_json)


@role.command("set")
@click.argument("organization")
@click.argument("role")
@click.option("--privilege", "privileges", multiple=True, help="`tag:equipment.read`; may be repeated.")
@as_json
@with_app
def set_role(organization: str, role: str, privileges: tuple[str, ...], as_json: bool) -> None:
    """Give a role exactly these privileges."""
    found = find_role(find_organization(organization), role)
    with unit_of_work():
        changed = service.set_role_privileges(found.id, privileges)
    show_one(_role_row(changed), as_json)


@role.command("list")
@click.option("--organization", help="Its own roles and the system's; without it only the system's.")
@as_json
@with_app
def list_roles(organization: str | None, as_json: bool) -> None:
    """Roles with their privileges."""
    statement = select(Role).where(Role.organization_id.is_(None)).order_by(Role.name)
    if organization:
        mine = find_organization(organization).id
        statement = (
            select(Role)
            .where(or_(Role.organization_id.is_(None), Role.organization_id == mine))
            .order_by(Role.organization_id.is_(None), Role.name)
        )
    show((_role_row(row) for row in db.session.scalars(statement)), as_json)


@role.command("delete")
@click.argument("organization")
@click.argument("role")
@yes
@with_app
def delete_role(organization: str, role: str, yes: bool) -> None:
    """Delete a role, also from its holders."""
    found = find_role(find_organization(organization), role)
    holders = db.session.scalar(select(func.count()).select_from(MemberRole).where(MemberRole.role_id == found.id))
    confirm(f"Delete {found.name}, which {holders} members hold?", yes)
    with unit_of_work():
        service.delete_role(found.id)
    click.echo("deleted")


@role.command("assign")
@click.argument("organization")
@click.argument("member")
@click.argument("role")
@with_app
def assign_role(organization: str, member: str, role: str) -> None:
    """Give a member a role."""
    found = find_organization(organization)
    with_role, holder = find_role(found, role), find_member(found, member)
    with unit_of_work():
        service.assign_role(holder.id, with_role.id)
    click.echo("assigned")


@role.command("unassign")
@click.argument("organization")
@click.argument("member")
@click.argument("role")
@yes
@with_app
def unassign_role(organization: str, member: str, role: str, yes: bool) -> None:
    """Take a role from a member."""
    found = find_organization(organization)
    with_role, holder = find_role(found, role), find_member(found, member)
    confirm(f"Take {with_role.name} from {holder.name}?", yes)
    with unit_of_work():
        service.unassign_role(holder.id, with_role.id)
    click.echo("unassigned")


COMMANDS = (role,)
