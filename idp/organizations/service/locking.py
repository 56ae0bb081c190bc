"""The locks of the room: the organization's row; and before it, where a record meets a proof, the address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from flask_babel import lazy_gettext as _l
from sqlalchemy import update

from idp.kernel.database import Base, change, db, lock_name
from idp.kernel.refusal import Refusal

from ..models import Company, License, Member, Organization, Role

Found = TypeVar("Found", bound=Base)


def lock(organization_id: str) -> Organization:
    """Lock the organization until the unit ends and raise its `rev`; returns it as it is now.

    Others who change what its people may do wait here. Raises `Refusal` (404) when there is none of this id.
    """
    locked = change(
        update(Organization)
        .where(Organization.id == organization_id)
        .values(rev=Organization.rev + 1)
        .execution_options(synchronize_session=False)
    )
    if not locked:
        raise Refusal("organization_unknown", _l("There is no such organization."), status=404)
    return fresh(Organization, organization_id)


def lock_address(normalized: str) -> None:
    """Hold an e-mail address until the unit ends: who types it on a member and who proves it take turns.

    Each then sees what the other wrote, so the member is linked whoever was first. Taken before any organization;
    several addresses in sorted order (docs/decisions/0009).
    """
    lock_name("address", normalized)


def lock_addresses(normalized: Iterable[str]) -> None:
    """Hold several addresses, always in the same order: for an act on many members, before the first of them."""
    for one in sorted(set(normalized)):
        lock_address(one)


def fresh(model: type[Found], row_id: str) -> Found:
    """The row as the database has it now, whatever was read of it before. Raises `Refusal` (404)."""
    row = db.session.get(model, row_id, populate_existing=True)
    if row is None:
        raise Refusal(f"{model.__name__.lower()}_unknown", _l("It is not there any more."), status=404)
    return row


def expect(row: Member | License | Role | Organization | Company, version: int | None) -> None:
    """Refuse (409) what somebody decided looking at an older state of the row; None: whatever its state.

    Call it behind the lock. The page keeps what was typed and shows what the other one changed.
    """
    if version is not None and row.version != version:
        raise Refusal(
            "changed_meanwhile",
            _l("Someone else changed this while you were editing. What you typed is still here: look again and save."),
            status=409,
        )


Locked = TypeVar("Locked", Member, License, Company, Role)


def lock_of(model: type[Locked], row_id: str) -> Locked:
    """Lock the organization that a row belongs to and give the row as it is behind the lock. Raises `Refusal` (404)."""
    organization_id = fresh(model, row_id).organization_id
    if organization_id is None:
        raise Refusal("system_role", _l("The system's roles can't be changed."), status=409)
    lock(organization_id)
    return fresh(model, row_id)
