"""What a change of a role would do to the people who hold it, before it is saved.

The decision itself tells: each holder's facts are decided as they are and as they would be (`policy.consequences`), and
the difference is counted. Holders are read in pages, two statements each, and only the first are named; so a role of
twenty thousand takes seconds and no memory. Nothing is written and nothing locked: `Preview.mark` says what was shown,
and whoever saves compares it with a second look.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_

from idp.kernel import clock
from idp.kernel.database import db

from .catalog import App, current_catalog
from .facts import load_members_facts
from .models import Member, MemberRole, Role
from .people import Shown
from .policy import AccountFacts, Consequence, consequences, with_role
from .reports import shown

AT_ONCE = 1000
"""Holders that one page of the look-through reads."""

NAMED = 50
"""Of so many people the preview says the name."""


@dataclass(frozen=True, slots=True)
class AppTotal:
    """What happens with one app, over all holders: for how many it opens, closes, or stays open with other privileges.

    `gained` and `lost`: each privilege with the number of people; those of an app that opens or closes are among them.
    """

    app_id: str
    opens: int
    closes: int
    changes: int
    gained: tuple[tuple[str, int], ...]
    lost: tuple[tuple[str, int], ...]

    @property
    def people(self) -> int:
        """For how many something changes in this app."""
        return self.opens + self.closes + self.changes


@dataclass(frozen=True, slots=True)
class Affected:
    """One person for whom something changes."""

    member_id: str
    person: Shown
    changes: tuple[Consequence, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """`holders` of the role, for how many of them something changes (`affected`), what, and the first of them by name.

    `mark`: stands for all of it; the same mark means that nothing of it has changed since.
    """

    holders: int
    affected: int
    apps: tuple[AppTotal, ...]
    named: tuple[Affected, ...]
    mark: str


def preview_role(role: Role, privileges: Iterable[str] | None) -> Preview:
    """What happens when this role of an organization gets exactly these privileges; None: when it is deleted."""
    assert role.organization_id is not None
    old = {entry.privilege for entry in role.privileges}
    new = None if privileges is None else set(privileges)
    touched = {name.partition(":")[0] for name in old ^ (new or set())}
    apps = [app for app in current_catalog().apps.values() if app.id in touched]
    mark = hashlib.sha256(repr((role.id, sorted(old), None if new is None else sorted(new))).encode())
    holders, now = 0, clock.now()
    counted: Counter[tuple[Consequence, ...]] = Counter()
    first: list[tuple[str, tuple[Consequence, ...]]] = []
    decided: dict[Any, tuple[tuple[Consequence, ...], bytes]] = {}
    for member_ids in _holders(role):
        holders += len(member_ids)
        for member_id, facts in _read(role, member_ids, apps).items():
            alike = _alike(facts)
            if alike not in decided:
                found = consequences(facts, with_role(facts, role.id, new), apps, now).get(member_id, ())
                decided[alike] = (found, repr(found).encode())
            changes, written = decided[alike]
            if not changes:
                continue
            counted[changes] += 1
            mark.update(member_id.encode() + written)
            if len(first) < NAMED:
                first.append((member_id, changes))
    return Preview(
        holders=holders,
        affected=counted.total(),
        apps=tuple(total for app in apps if (total := _total(app.id, counted)).people),
        named=_named(role.organization_id, first),
        mark=mark.hexdigest()[:32],
    )


def _alike(facts: AccountFacts) -> Any:
    """What the decision reads of a holder beside its organization: people who are alike here fare alike."""
    member = facts.members[0]
    return (
        facts.disabled, member.account_linked, member.type, member.status, member.ended_reason, member.invitation,
        member.roles, member.seats,
    )  # fmt: skip


def _total(app_id: str, counted: Counter[tuple[Consequence, ...]]) -> AppTotal:
    """Over all holders: the changes of one app, each as often as it happens."""
    opens = closes = people = 0
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for changes, times in counted.items():
        for change in changes:
            if change.app_id == app_id:
                people += times
                opens += times * change.opens
                closes += times * change.closes
                gained.update(dict.fromkeys(change.gained, times))
                lost.update(dict.fromkeys(change.lost, times))
    return AppTotal(
        app_id, opens, closes, people - opens - closes, tuple(sorted(gained.items())), tuple(sorted(lost.items()))
    )


def _holders(role: Role) -> Iterator[list[str]]:
    """The ids of those who hold the role, by name, a page at a time."""
    after: tuple[str, str] | None = None
    while True:
        statement = (
            select(Member.search_text, Member.id)
            .join(MemberRole, MemberRole.member_id == Member.id)
            .where(MemberRole.role_id == role.id, Member.organization_id == role.organization_id)
            .order_by(Member.search_text, Member.id)
            .limit(AT_ONCE)
        )
        if after is not None:
            statement = statement.where(tuple_(Member.search_text, Member.id) > tuple_(*after))
        rows = db.session.execute(statement).all()
        if rows:
            yield [row.id for row in rows]
        if len(rows) < AT_ONCE:
            return
        after = (rows[-1].search_text, rows[-1].id)


def _read(role: Role, member_ids: list[str], apps: list[App]) -> dict[str, AccountFacts]:
    """The facts of a page of holders; nothing where the change touches no app."""
    assert role.organization_id is not None
    only = apps[0].id if len(apps) == 1 else None
    return load_members_facts(db.session(), role.organization_id, member_ids, only, ask=False) if apps else {}


def _named(organization_id: str, first: list[tuple[str, tuple[Consequence, ...]]]) -> tuple[Affected, ...]:
    """The same with the people's names as their organization sees them: two statements."""
    people = shown(organization_id, [member_id for member_id, _changes in first])
    return tuple(Affected(member_id, people[member_id][1], changes) for member_id, changes in first)
