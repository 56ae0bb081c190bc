"""Seat: a license held by one member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from idp.kernel import language
from idp.kernel.database import db
from idp.kernel.listing import contains
from idp.kernel.records import (
    Acting,
    Action,
    Column,
    Field,
    Filter,
    Right,
    Scope,
    Table,
    Values,
)
from idp.kernel.refusal import Refusal

from .. import service
from ..models import License, Member, Seat
from ..titles import edition_name
from .licenses import editions
from .places import PLACE, called, place_of
from .rights import ADDED, ADMIN, EVERYTHING, LICENSES, SEES_LICENSES, WRITES


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
    place = place_of(values["organization"], acting.scope)
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
