"""Licenses: `onix-account license …`."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import func, select

from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.models import License, Seat

from .base import Instant, after, as_json, confirm, limited, show, show_one, with_app, yes
from .finding import find_license, find_member, find_organization


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
@click.option("--seats", required=True, type=int, help="How many members may hold one.")
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
@click.option("--seats", type=int, help="How many members may hold one.")
@click.option("--starts", type=Instant(), help="From when it counts.")
@click.option("--ends", type=Instant(), help="From when it counts no longer.")
@click.option("--without-end", is_flag=True, help="Let it count on without an end.")
@as_json
@with_app
def change(
    license_id: str, seats: int | None, starts: int | None, ends: int | None, without_end: bool, as_json: bool
) -> None:
    """Change seats or dates; fewer seats than are held is refused."""
    find_license(license_id)
    with unit_of_work():
        changed = service.change_license(
            license_id, seats=seats, starts_at=starts, ends_at=ends, without_end=without_end
        )
    show_one(_license_row(changed, _held(license_id)), as_json)


def _held(license_id: str) -> int:
    return db.session.scalar(select(func.count()).select_from(Seat).where(Seat.license_id == license_id)) or 0


@license_.command("list")
@click.option("--organization", help="Only what this organization has bought.")
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
    found = find_license(license_id)
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
    found = find_license(license_id)
    holder = find_member(find_organization(found.organization_id), member)
    confirm(f"Take the seat from {holder.name}?", yes)
    with unit_of_work():
        service.unassign_seat(license_id, holder.id)
    click.echo("unassigned")


COMMANDS = (license_,)
