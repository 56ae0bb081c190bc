"""Organizations and their people: `onix-account org …`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy import func, select

from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.models import Member, Organization

from .base import after, as_json, confirm, limited, show, show_one, with_app, yes
from .finding import find_account, find_member, find_organization, find_role


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
@click.option(
    "--kind",
    type=click.Choice(["customer", "self"]),
    default="customer",
    show_default=True,
    help="`self` is the platform owner's own.",
)
@click.option("--directory", help="The outside directory that owns it.")
@click.option("--organization-number", help="As the public register has it.")
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
@click.option("--given-name", default="", help="The person's first name.")
@click.option("--family-name", default="", help="The person's last name.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(["employee", "express", "bidder", "consultant"]),
    default="employee",
    help="What the person is there.",
)
@click.option(
    "--status",
    type=click.Choice(["contact", "active"]),
    default="contact",
    show_default=True,
    help="Whether the person is a user at once.",
)
@click.option("--company", help="Id of the supplier's company that the person belongs to.")
@click.option("--account", help="Link this account (address or id) at once.")
@click.option("--language", type=click.Choice(["en", "nb"]), help="The language of mail to the person.")
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
    found = find_organization(organization)
    given = [find_role(found, name) for name in roles]
    account_id = find_account(account).id if account else None
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
@click.option("--organization-number", help="As the public register has it.")
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


COMMANDS = (org,)
