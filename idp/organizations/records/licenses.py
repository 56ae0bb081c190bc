"""License: an edition of an app that an organization has bought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, or_, select

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.listing import contains
from idp.kernel.records import Acting, Action, Column, Field, Filter, Pairs, Scope, Table, Values, by_id

from .. import service
from ..catalog import current_catalog
from ..holdings import LICENSE_STATES, LicenseInUse, in_use
from ..models import License, Organization
from .places import PLACE, called, found_in, organizations_by_id, place_of
from .rights import ADDED, EVERYTHING, SEES_LICENSES, SELLS


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
    places = organizations_by_id({one.organization_id for one in found})
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
        place_of(values["organization"], acting.scope),
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
            lambda: (("current", _l("Current")), ("ended", _l("Expired"))),
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
            by_id(service.delete_license),
            _l("The license is deleted."),
            danger=True,
            asks=_l("Only a license that nobody holds can be deleted. This can't be undone."),
            gone=True,
        ),
    ),
    empty=_l("No license has been sold yet."),
)
