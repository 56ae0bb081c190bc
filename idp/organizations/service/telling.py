"""What the room's events say about whom they touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from idp.kernel import clock
from idp.kernel.events import emit

from ..events import Changes, MemberEvent
from ..models import Member

MOST_NAMED = 100
"""A change that touches more members than this is told as one of the whole organization."""


def named(member_ids: Iterable[str]) -> tuple[str, ...] | None:
    """Whom an event touches: their ids, or None (all) when they are many."""
    ids = tuple(sorted(member_ids))
    return ids if len(ids) <= MOST_NAMED else None


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """The fields that are something else after than before."""
    return {name: (old, after[name]) for name, old in before.items() if old != after[name]}


def values_of(row: Any, *names: str) -> dict[str, Any]:
    """These columns of a row as they are now."""
    return {name: getattr(row, name) for name in names}


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
