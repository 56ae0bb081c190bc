"""Licenses, and the seats of them that members hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select

from idp.kernel import clock
from idp.kernel.database import change, db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal

from ..catalog import current_catalog
from ..events import LicenseChanged, LicenseDeleted, LicenseSold, SeatAssigned, SeatUnassigned
from ..models import License, Member, Seat
from .locking import expect, lock, lock_of
from .roles import needs_user
from .telling import about_license, changes_of, named, tell

MOST_SEATS = 1_000_000
LAST_INSTANT = 253_402_300_799  # the end of the year 9999


def _check_term(seats: int, starts_at: int, ends_at: int | None) -> None:
    if not 0 <= seats <= MOST_SEATS:
        raise Refusal("seats_invalid", _l("The number of licenses must be between 0 and 1,000,000."), field="seats")
    if not 0 <= starts_at <= LAST_INSTANT or (ends_at is not None and not 0 <= ends_at <= LAST_INSTANT):
        raise Refusal("date_invalid", _l("This is not a date."), field="ends_at")
    if ends_at is not None and ends_at <= starts_at:
        raise Refusal("ends_before_start", _l("A license has to end after it starts."), field="ends_at")


def _term(license_: License) -> dict[str, Any]:
    return {"seats": license_.seats, "starts_at": license_.starts_at, "ends_at": license_.ends_at}


def _held(license_id: str) -> int:
    return db.session.scalar(select(func.count()).select_from(Seat).where(Seat.license_id == license_id)) or 0


def sell_license(
    organization_id: str,
    edition: str,
    seats: int,
    starts_at: int | None = None,
    ends_at: int | None = None,
    *,
    actor_id: str | None = None,
) -> License:
    """An organization buys `seats` of an edition (`tag:standard`), now or from `starts_at` until `ends_at`.

    Instants are UTC seconds. Raises `Refusal`. Nobody loses anything, so the event names no member.
    """
    lock(organization_id)
    known = current_catalog().edition(edition)
    if known is None:
        raise Refusal("edition_unknown", _l("There is no such edition."), field="edition")
    now = clock.now()
    starts_at = now if starts_at is None else starts_at
    _check_term(seats, starts_at, ends_at)
    license_ = License(
        organization_id=organization_id,
        app_id=known[0].id,
        edition=edition,
        seats=seats,
        starts_at=starts_at,
        ends_at=ends_at,
        created_at=now,
    )
    db.session.add(license_)
    db.session.flush()
    emit(
        LicenseSold(
            at=now,
            actor_id=actor_id,
            organization_id=organization_id,
            member_ids=(),
            **about_license(license_),
            changes=changes_of({}, _term(license_)),
        )
    )
    return license_


def change_license(
    license_id: str,
    *,
    seats: int | None = None,
    starts_at: int | None = None,
    ends_at: int | None = None,
    without_end: bool = False,
    version: int | None = None,
    actor_id: str | None = None,
) -> License:
    """Change seats or dates; what is None stays, `without_end` removes the end. Raises `Refusal`.

    Fewer seats than are held is refused: seats have to be taken from people by hand first. `version`: of the row that
    the editor saw.
    """
    license_ = lock_of(License, license_id)
    expect(license_, version)
    seats = license_.seats if seats is None else seats
    starts_at = license_.starts_at if starts_at is None else starts_at
    ends_at = None if without_end else license_.ends_at if ends_at is None else ends_at
    _check_term(seats, starts_at, ends_at)
    held = _held(license_id)
    if seats < held:
        raise Refusal(
            "seats_below_held",
            _l("%(held)s licenses are assigned. Take them back from people before you buy fewer.", held=held),
            status=409,
            field="seats",
        )
    before = _term(license_)
    license_.seats, license_.starts_at, license_.ends_at = seats, starts_at, ends_at
    changes = changes_of(before, _term(license_))
    if not changes:
        return license_
    db.session.flush()
    app = current_catalog().apps.get(license_.app_id)
    everybody = app is None or "organization" in app.license_step.values()
    holders = None if everybody else db.session.scalars(select(Seat.member_id).where(Seat.license_id == license_id))
    emit(
        LicenseChanged(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=license_.organization_id,
            member_ids=None if holders is None else named(holders),
            **about_license(license_),
            changes=changes,
        )
    )
    return license_


def delete_license(license_id: str, *, actor_id: str | None = None) -> None:
    """Delete a license of which nobody holds a seat: one sold by mistake. Raises `Refusal`."""
    license_ = lock_of(License, license_id)
    held = _held(license_id)
    if held:
        raise Refusal(
            "license_in_use",
            _l("%(held)s licenses are assigned. Take them back from people first.", held=held),
            status=409,
        )
    db.session.delete(license_)
    db.session.flush()
    emit(
        LicenseDeleted(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=license_.organization_id,
            member_ids=None,
            **about_license(license_),
        )
    )


def why_no_seat(license_: License, member: Member, now: int) -> Refusal | None:
    """Why this member of the license's organization can't be given a seat of it, whatever the number left; or None."""
    try:
        needs_user(member)
    except Refusal as refusal:
        return refusal
    app = current_catalog().apps.get(license_.app_id)
    if app is None or app.license_step[member.type] != "seat":
        return Refusal("no_seat_needed", _l("This member needs no license of its own for this app."), status=409)
    if license_.ends_at is not None and license_.ends_at <= now:
        return Refusal("license_expired", _l("This license has expired."), status=409, field="license")
    return None


def assign_seat(license_id: str, member_id: str, *, actor_id: str | None = None) -> Seat:
    """Give a member a seat; one that it holds already is no error. Raises `Refusal`, also when none is left."""
    return _assign(lock_of(License, license_id), member_id, actor_id)


def assign_seats(license_id: str, member_ids: Iterable[str], *, actor_id: str | None = None) -> dict[str, Refusal]:
    """Give each of these members a seat; whoever can't be given one is in the answer, with the reason.

    The others get theirs all the same. Raises `Refusal` when there is no such license.
    """
    license_ = lock_of(License, license_id)
    refused: dict[str, Refusal] = {}
    for member_id in dict.fromkeys(member_ids):
        try:
            _assign(license_, member_id, actor_id)
        except Refusal as refusal:  # of the checks, which come before anything is written
            refused[member_id] = refusal
    return refused


def _assign(license_: License, member_id: str, actor_id: str | None) -> Seat:
    member = _member_of(license_, member_id)
    now = clock.now()
    held = db.session.scalar(select(Seat).where(Seat.license_id == license_.id, Seat.member_id == member_id))
    if held:
        return held
    if refusal := why_no_seat(license_, member, now):
        raise refusal
    if _held(license_.id) >= license_.seats:
        raise Refusal("seat_limit_reached", _l("All licenses are in use."), status=409, field="license")
    seat = Seat(license_id=license_.id, member_id=member_id, assigned_at=now)
    db.session.add(seat)
    db.session.flush()
    tell(SeatAssigned, member, actor_id, **about_license(license_))
    return seat


def _member_of(license_: License, member_id: str) -> Member:
    """A member of the license's organization; another's is answered as one that does not exist."""
    member = db.session.get(Member, member_id, populate_existing=True)
    if member is None or member.organization_id != license_.organization_id:
        raise Refusal("member_unknown", _l("There is no such member."), status=404, field="member")
    return member


def assign_edition(organization_id: str, edition: str, member_id: str, *, actor_id: str | None = None) -> Seat:
    """Give a member a seat of whichever license of this edition has one left, a current one first.

    Raises `Refusal`: there is no such license, or none left.
    """
    lock(organization_id)
    now = clock.now()
    sold = db.session.scalars(
        select(License).where(
            License.organization_id == organization_id,
            License.edition == edition,
            License.ends_at.is_(None) | (License.ends_at > now),
        )
    ).all()
    if not sold:
        raise Refusal("license_missing", _l("The organization has no such license."), status=409, field="edition")
    best = min(sold, key=lambda one: (_held(one.id) >= one.seats, one.starts_at > now, one.id))
    return assign_seat(best.id, member_id, actor_id=actor_id)


def unassign_seat(license_id: str, member_id: str, *, actor_id: str | None = None) -> None:
    """Take a member's seat back; one that it does not hold is no error. Raises `Refusal` (404)."""
    license_ = lock_of(License, license_id)
    member = _member_of(license_, member_id)
    if change(delete(Seat).where(Seat.license_id == license_id, Seat.member_id == member_id)):
        tell(SeatUnassigned, member, actor_id, **about_license(license_))
