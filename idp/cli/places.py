"""Organizations, their people, licenses and roles: `onix-account org|license|role …`.

An organization is named by slug or id, a member by id, or by an e-mail address within its organization, a role by
name or id, a license by id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy import func, or_, select

from idp.accounts import addresses
from idp.accounts import service as accounts
from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.models import License, Member, MemberRole, Organization, Role, Seat

from .base import Instant, Missing, after, as_json, confirm, limited, show, show_one, with_app, yes


def find_organization(text: str) -> Organization:
    found = service.find_organization(text)
    if found is None:
        raise Missing(f"There is no organization {text}.")
    return found


def find_member(organization: Organization, text: str) -> Member:
    """By id, by the address that the organization typed, or by one of the person's own."""
    wanted = [Member.id == text]
    if "@" in text:
        account = accounts.find_by_address(text)
        wanted = [Member.email_normalized == (addresses.normalized_or_none(text) or "")]
        if account is not None:
            wanted.append(Member.account_id == account.id)
    found = db.session.scalars(select(Member).where(Member.organization_id == organization.id, or_(*wanted))).all()
    if not found:
        raise Missing(f"{organization.slug} has no member {text}.")
    if len(found) > 1:
        raise Missing(f"{organization.slug} has several members of this address; name one by its id.")
    return found[0]


def _find_role(organization: Organization, text: str) -> Role:
    found = db.session.get(Role, text)
    if found is not None and found.organization_id not in (None, organization.id):
        found = None
    found = found or service.find_role(text, organization.id)
    if found is None:
        raise Missing(f"{organization.slug} has no role {text}.")
    return found


def _find_license(text: str) -> License:
    found = db.session.get(License, text)
    if found is None:
        raise Missing(f"There is no license {text}.")
    return found


# ---- organizations


@click.group()
def org() -> None:
    """Organizations and their members."""


def _organization_row(row: Organization) -> dict[str, Any]:
    return {
        "id": row.id,
        "slug": row.slug,
        "name": row.name,
        "kind": row.kind,
        "status": row.status,
        "organization_number": row.organization_number,
        "created_at": row.created_at,
    }


@org.command()
@click.argument("slug")
@click.argument("name")
@click.option("--kind", type=click.Choice(["customer", "self"]), default="customer", show_default=True)
@click.option("--directory", help="The outside directory that owns it.")
@click.option("--organization-number")
@as_json
@with_app
def create(
    slug: str, name: str, kind: str, directory: str | None, organization_number: str | None, as_json: bool
) -> None:
    """Make an organization."""
    with unit_of_work():
        made = service.create_organization(
            slug, name, kind=kind, directory=directory, organization_number=organization_number
        )
    show_one(_organization_row(made), as_json)


@org.command("list")
@after
@limited
@as_json
@with_app
def list_organizations(after: str, limit: int, as_json: bool) -> None:
    """Organizations in the order of their making."""
    statement = select(Organization).where(Organization.id > after).order_by(Organization.id).limit(limit)
    show((_organization_row(row) for row in db.session.scalars(statement)), as_json)


@org.command("show")
@click.argument("organization")
@as_json
@with_app
def show_organization(organization: str, as_json: bool) -> None:
    """One organization with its numbers and administrators."""
    found = find_organization(organization)
    members = db.session.execute(
        select(Member.status, func.count()).where(Member.organization_id == found.id).group_by(Member.status)
    )
    show_one(
        {
            **_organization_row(found),
            "rev": found.rev,
            "members": {str(status): count for status, count in members},
            "administrators": [account.name for account in service.administrators_of(found.id)],
        },
        as_json,
    )


@org.command()
@click.argument("organization")
@yes
@with_app
def suspend(organization: str, yes: bool) -> None:
    """Let nobody use an organization until it is resumed."""
    found = find_organization(organization)
    confirm(f"Suspend {found.name}?", yes)
    with unit_of_work():
        service.suspend_organization(found.id)
    click.echo("suspended")


@org.command()
@click.argument("organization")
@with_app
def resume(organization: str) -> None:
    """Lift a suspension."""
    found = find_organization(organization)
    with unit_of_work():
        service.resume_organization(found.id)
    click.echo("active")


def _member_row(row: Member) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "type": row.type,
        "status": row.status,
        "account_id": row.account_id,
        "company": row.company.name if row.company else None,
        "roles": [role.name for role in row.roles],
    }


@org.command("members")
@click.argument("organization")
@after
@limited
@as_json
@with_app
def list_members(organization: str, after: str, limit: int, as_json: bool) -> None:
    """The members of an organization."""
    found = find_organization(organization)
    statement = (
        select(Member)
        .where(Member.organization_id == found.id, Member.id > after)
        .order_by(Member.id)
        .limit(limit)
    )  # fmt: skip
    show((_member_row(row) for row in db.session.scalars(statement)), as_json)


@org.command("add-member")
@click.argument("organization")
@click.option("--email", help="The person's address; an account that has proven it is linked.")
@click.option("--given-name", default="")
@click.option("--family-name", default="")
@click.option("--type", "kind", type=click.Choice(["employee", "express", "bidder", "consultant"]), default="employee")
@click.option("--status", type=click.Choice(["contact", "active"]), default="contact", show_default=True)
@click.option("--company", help="Id of the supplier's company that the person belongs to.")
@click.option("--account", help="Link this account (address or id) at once.")
@click.option("--language", type=click.Choice(["en", "nb"]))
@click.option("--role", "roles", multiple=True, help="Give this role; may be repeated.")
@as_json
@with_app
def add_member(
    organization: str,
    email: str | None,
    given_name: str,
    family_name: str,
    kind: str,
    status: str,
    company: str | None,
    account: str | None,
    language: str | None,
    roles: tuple[str, ...],
    as_json: bool,
) -> None:
    """Record a person, as Contact only or as Active."""
    from .people import find

    found = find_organization(organization)
    given = [_find_role(found, name) for name in roles]
    account_id = find(account).id if account else None
    with unit_of_work():
        member = service.add_member(
            found.id,
            email=email,
            given_name=given_name,
            family_name=family_name,
            type=kind,
            status=status,
            company_id=company,
            account_id=account_id,
            language=language,
        )
        for role in given:
            service.assign_role(member.id, role.id)
    show_one(_member_row(_again(member)), as_json)


def _again(member: Member) -> Member:
    db.session.refresh(member)
    return member


def _verb(name: str, act: Callable[[str], Any], says: str, help_text: str, *, asks: bool) -> click.Command:
    """A command `org NAME ORGANIZATION MEMBER` that calls one service."""

    @click.argument("organization")
    @click.argument("member")
    @with_app
    def command(organization: str, member: str, yes: bool = True) -> None:
        found = find_member(find_organization(organization), member)
        if asks:
            confirm(f"{help_text.rstrip('.')} {found.name}?", yes)
        with unit_of_work():
            act(found.id)
        click.echo(says)

    command.__doc__ = help_text
    return click.command(name)(yes_option(command) if asks else command)


yes_option = yes
for _name, _act, _says, _help, _asks in (
    ("set-active", service.set_active, "active", "Make a contact a user.", False),
    ("set-contact-only", service.set_contact_only, "contact", "Take roles and seats back from a user.", True),
    ("disable-member", service.disable_member, "disabled", "Disable a member.", True),
    ("enable-member", service.enable_member, "active", "Enable a disabled member.", False),
    ("end-member", service.end_member, "ended", "End a membership.", True),
    ("invite", service.invite, "invited", "Send an invitation.", False),
    ("resend-invitation", service.resend_invitation, "invited", "Send an open invitation again.", False),
    ("revoke-invitation", service.revoke_invitation, "withdrawn", "Withdraw an open invitation.", True),
):
    org.add_command(_verb(_name, _act, _says, _help, asks=_asks))


@org.command("add-company")
@click.argument("organization")
@click.argument("name")
@click.option("--organization-number")
@click.option("--linked-organization", help="The organization that this company is.")
@as_json
@with_app
def add_company(
    organization: str, name: str, organization_number: str | None, linked_organization: str | None, as_json: bool
) -> None:
    """Record a customer of a supplier."""
    found = find_organization(organization)
    linked = find_organization(linked_organization).id if linked_organization else None
    with unit_of_work():
        made = service.add_company(
            found.id, name, organization_number=organization_number, linked_organization_id=linked
        )
    show_one({"id": made.id, "name": made.name, "organization_number": made.organization_number}, as_json)


# ---- licenses


@click.group("license")
def license_() -> None:
    """Editions bought by organizations, and who holds a seat."""


def _license_row(row: License, held: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "organization_id": row.organization_id,
        "edition": row.edition,
        "seats": row.seats,
        "held": held,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
    }


@license_.command()
@click.argument("organization")
@click.argument("edition")
@click.option("--seats", required=True, type=int)
@click.option("--starts", type=Instant(), help="Default: now.")
@click.option("--ends", type=Instant(), help="Default: no end.")
@as_json
@with_app
def sell(
    organization: str, edition: str, seats: int, starts: int | None, ends: int | None, as_json: bool
) -> None:  # fmt: skip
    """Sell an edition (`tag:standard`) to an organization."""
    found = find_organization(organization)
    with unit_of_work():
        sold = service.sell_license(found.id, edition, seats, starts, ends)
    show_one(_license_row(sold, 0), as_json)


@license_.command()
@click.argument("license_id")
@click.option("--seats", type=int)
@click.option("--starts", type=Instant())
@click.option("--ends", type=Instant())
@click.option("--without-end", is_flag=True)
@as_json
@with_app
def change(
    license_id: str, seats: int | None, starts: int | None, ends: int | None, without_end: bool, as_json: bool
) -> None:
    """Change seats or dates; fewer seats than are held is refused."""
    _find_license(license_id)
    with unit_of_work():
        changed = service.change_license(
            license_id, seats=seats, starts_at=starts, ends_at=ends, without_end=without_end
        )
    show_one(_license_row(changed, _held(license_id)), as_json)


def _held(license_id: str) -> int:
    return db.session.scalar(select(func.count()).select_from(Seat).where(Seat.license_id == license_id)) or 0


@license_.command("list")
@click.option("--organization")
@after
@limited
@as_json
@with_app
def list_licenses(organization: str | None, after: str, limit: int, as_json: bool) -> None:
    """Licenses with seats bought and held."""
    held = select(func.count()).where(Seat.license_id == License.id).scalar_subquery()
    statement = select(License, held).where(License.id > after).order_by(License.id).limit(limit)
    if organization:
        statement = statement.where(License.organization_id == find_organization(organization).id)
    show((_license_row(row, count) for row, count in db.session.execute(statement)), as_json)


@license_.command()
@click.argument("license_id")
@click.argument("member")
@with_app
def assign(license_id: str, member: str) -> None:
    """Give a member a seat."""
    found = _find_license(license_id)
    holder = find_member(find_organization(found.organization_id), member)
    with unit_of_work():
        service.assign_seat(license_id, holder.id)
    click.echo("assigned")


@license_.command()
@click.argument("license_id")
@click.argument("member")
@yes
@with_app
def unassign(license_id: str, member: str, yes: bool) -> None:
    """Take a member's seat back."""
    found = _find_license(license_id)
    holder = find_member(find_organization(found.organization_id), member)
    confirm(f"Take the seat from {holder.name}?", yes)
    with unit_of_work():
        service.unassign_seat(license_id, holder.id)
    click.echo("unassigned")


# ---- roles


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
@click.option("--privilege", "privileges", multiple=True)
@as_json
@with_app
def set_role(organization: str, role: str, privileges: tuple[str, ...], as_json: bool) -> None:
    """Give a role exactly these privileges."""
    found = _find_role(find_organization(organization), role)
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
    found = _find_role(find_organization(organization), role)
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
    with_role, holder = _find_role(found, role), find_member(found, member)
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
    with_role, holder = _find_role(found, role), find_member(found, member)
    confirm(f"Take {with_role.name} from {holder.name}?", yes)
    with unit_of_work():
        service.unassign_role(holder.id, with_role.id)
    click.echo("unassigned")


COMMANDS = (org, license_, role)
