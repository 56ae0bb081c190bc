"""What the room's events say: whom they touch, what they are about, and what was before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from idp.kernel import clock
from idp.kernel.events import emit

from ..events import Changes, MemberEdited, MemberEvent
from ..models import License, Member, Role

MOST_NAMED = 100
"""A change that touches more members than this is told as one of the whole organization."""


def named(member_ids: Iterable[str]) -> tuple[str, ...] | None:
    """Whom an event touches: their ids, or None (all) when they are many."""
    ids = tuple(sorted(member_ids))
    return ids if len(ids) <= MOST_NAMED else None


def tell(kind: type[MemberEvent], member: Member, actor_id: str | None, **values: Any) -> None:
    """Emit one of the events that are about one member."""
    emit(
        kind(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=member.organization_id,
            member_ids=(member.id,),
            member_id=member.id,
            account_id=member.account_id,
            **values,
        )
    )


def tell_edited(member: Member, actor_id: str | None, fields: Iterable[str]) -> None:
    """Something else is recorded about the person: which fields, never what they say."""
    emit(
        MemberEdited(
            at=clock.now(),
            actor_id=actor_id,
            organization_id=member.organization_id,
            member_id=member.id,
            account_id=member.account_id,
            changes=dict.fromkeys(fields, ()),
        )
    )


def about_role(role: Role, *, before: Iterable[str] = ()) -> dict[str, Any]:
    """Which role an event is about; `before`: privileges that it had and may have no longer."""
    privileges = {*before, *privileges_of(role)}
    return {
        "role_id": role.id,
        "name": role.name,
        "app_ids": tuple(sorted({privilege.partition(":")[0] for privilege in privileges})),
    }


def about_license(license_: License) -> dict[str, Any]:
    """Which license an event is about."""
    return {"license_id": license_.id, "edition": license_.edition, "app_ids": (license_.app_id,)}


def privileges_of(role: Role) -> tuple[str, ...]:
    """The names of a role's privileges, in one order."""
    return tuple(sorted(entry.privilege for entry in role.privileges))


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """What differs between two states of a row."""
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}
