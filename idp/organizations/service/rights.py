"""What an administrator gives and takes is bounded by what it holds itself (security R38, decision 10).

The rule is `policy.Rights`; here it meets the rows, behind the organization's lock and before anything is changed: what
the actor holds is what it holds now, not what the change would make of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.refusal import Refusal

from ..catalog import current_catalog
from ..facts import load_facts
from ..models import Member, MemberRole, RolePrivilege
from ..policy import THE_SYSTEM, Rights, administers, rights_of
from ..titles import privilege_title


class Unconfirmed(Exception):
    """Who acts has to show once more that it is they, before rights of administration are given or taken, or what
    everybody must show (docs/decisions/0038). Raised before anything is changed."""


_is_confirmed: ContextVar[Callable[[], bool] | None] = ContextVar("is_confirmed", default=None)


@contextmanager
def confirmed_by(shown: Callable[[], bool]) -> Iterator[None]:
    """Within: where rights of administration that change something are given or taken, `shown` has to say that the
    person at the browser has just signed in. It is asked nothing else."""
    before = _is_confirmed.set(shown)
    try:
        yield
    finally:
        _is_confirmed.reset(before)


def rights_in(organization_id: str, actor_id: str | None) -> Rights:
    """What the actor, an account, may give and take in this organization now; None is the system."""
    if actor_id is None:
        return THE_SYSTEM
    app = current_catalog().apps["account"]
    return rights_of(load_facts(db.session(), actor_id, app.id), organization_id, app, clock.now())


def within_rights(organization_id: str, privileges: Iterable[str], actor_id: str | None) -> None:
    """Refuse (403) to give or take administration privileges that the actor lacks. Call it before the change."""
    if lacking := _lacking(organization_id, privileges, actor_id):
        raise _beyond(
            _l("You can't give or take away rights that you don't have yourself: %(rights)s.", rights=lacking)
        )


def not_above(member: Member, actor_id: str | None, *, of: str | None = None) -> None:
    """Refuse (403) to change the standing of a member who administers with privileges that the actor lacks.

    `of`: the app whose privileges alone count.
    """
    names = _administration_of(member.id)
    names = names if of is None else [name for name in names if name.startswith(f"{of}:")]
    if lacking := _lacking(member.organization_id, names, actor_id):
        raise _beyond(
            _l(
                "This person has rights that you don't have yourself. Ask someone who has them: %(rights)s.",
                rights=lacking,
            )
        )


def _lacking(organization_id: str, privileges: Iterable[str], actor_id: str | None) -> str:
    """The titles of what the actor lacks, empty when nothing. Nothing is read where no administration is at stake."""
    catalog = current_catalog()
    touched = [name for name in privileges if administers(name, catalog.apps)]
    if not touched or actor_id is None:
        return ""
    lacking = rights_in(organization_id, actor_id).lack(touched, catalog.apps)
    if not lacking and not all(_only_reads(name) for name in touched):
        shown = _is_confirmed.get()
        if shown is not None and not shown():
            raise Unconfirmed
    return ", ".join(privilege_title(name) for name in lacking)


def _only_reads(privilege: str) -> bool:
    known = current_catalog().privilege(privilege)
    return known is not None and known.read_only


def _administration_of(member_id: str) -> list[str]:
    """Every privilege of the member's roles, whatever its status: enabling gives back what disabling kept."""
    return list(
        db.session.scalars(
            select(RolePrivilege.privilege)
            .join(MemberRole, MemberRole.role_id == RolePrivilege.role_id)
            .where(MemberRole.member_id == member_id)
            .distinct()
        )
    )


def _beyond(message: Any) -> Refusal:
    return Refusal("beyond_own_rights", message, status=403)
