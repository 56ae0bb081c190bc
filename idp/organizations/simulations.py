"""Reading what the simulator needs, for many members at once, and asking it.

A fixed number of statements whatever the number of members: the facts, whom to ask, the roles that could be assigned,
and, only where a license is full, who has not used its seat for longest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.orm import Session

from idp.kernel import clock

from .catalog import App, current_catalog
from .facts import load_members_facts
from .policy import AccountFacts, MemberFacts, RoleFacts
from .simulator import Path, Proposal, as_if_linked, changes_to_open, explain_path

MOST_HOLDERS = 3
"""So many members are named, for each full license, who could give a seat back."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """One member and one app: the verdict with its path, and what would open it.

    `linked`: whether the person has an account; without one everything is as if it had activated. `roles` are those
    that the proposal may name, `holders` of full licenses those who could give a seat back.
    """

    account: AccountFacts
    member: MemberFacts
    app: App
    linked: bool
    path: Path
    proposal: Proposal
    roles: Mapping[str, RoleFacts]


def simulate(
    connection: Connection | Session, organization_id: str, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Simulation]:
    """What each (member, app) of one organization is told today; unknown members and apps are left out.

    Give at most a page of some hundred pairs.
    """
    now, apps = clock.now(), current_catalog().apps
    pairs = [pair for pair in pairs if pair[1] in apps]
    facts = load_members_facts(
        connection, organization_id, sorted({member_id for member_id, _app in pairs}), counted=True
    )
    if not facts:
        return {}
    some = next(iter(facts.values())).members[0]
    roles = _assignable(
        connection,
        organization_id,
        some.organization.kind,
        [apps[app_id] for app_id in sorted({app_id for _id, app_id in pairs})],
    )
    full = {
        license_.id
        for license_ in some.licenses
        if license_.current(now)
        and license_.held >= license_.seats > 0
        and any(license_.app_id == app for _i, app in pairs)
    }
    holders = _longest_unused(connection, organization_id, full)
    found = {}
    for member_id, app_id in pairs:
        if member_id not in facts:
            continue
        account, member = facts[member_id], facts[member_id].members[0]
        linked = member.account_linked
        account, member = as_if_linked(account, member)
        app = apps[app_id]
        found[member_id, app_id] = Simulation(
            account,
            member,
            app,
            linked,
            explain_path(account, member, app, now),
            changes_to_open(account, member, app, now, tuple(roles.values()), holders),
            roles,
        )
    return found


def _assignable(
    connection: Connection | Session, organization_id: str, kind: str, apps: Collection[App]
) -> dict[str, RoleFacts]:
    """Own and system roles that open one of these apps, with all their privileges.

    Roles of the platform are offered in its own organization only.
    """
    rows = connection.execute(
        text(
            """
            SELECT r.id, r.name, r.organization_id, p.privilege
            FROM role r JOIN role_privilege p ON p.role_id = r.id
            WHERE (r.organization_id = :organization_id OR r.organization_id IS NULL)
              AND EXISTS (SELECT 1 FROM role_privilege o WHERE o.role_id = r.id AND o.privilege IN :opening)
            ORDER BY r.name, r.id
            """
        ).bindparams(bindparam("opening", expanding=True)),
        {"organization_id": organization_id, "opening": sorted(app.access for app in apps)},
    )
    names: dict[str, tuple[str, bool]] = {}
    privileges: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        names[row.id] = (row.name, row.organization_id is None)
        privileges[row.id].add(row.privilege)
    catalog = current_catalog()

    def of_platform(role_id: str) -> bool:
        known = (catalog.privilege(name) for name in privileges[role_id])
        return any(privilege is not None and privilege.reach == "platform" for privilege in known)

    return {
        role_id: RoleFacts(role_id, name, system, frozenset(privileges[role_id]))
        for role_id, (name, system) in names.items()
        if kind == "self" or not of_platform(role_id)
    }


def _longest_unused(
    connection: Connection | Session, organization_id: str, license_ids: Collection[str]
) -> dict[str, list[str]]:
    """By license the holders who have been away for longest; those who are disabled come before all others.

    One statement, which reads for each license the first few of three lists that indexes keep in order.
    """
    found: dict[str, list[str]] = defaultdict(list)
    if not license_ids:
        return found
    names = {f"license_{number}": license_id for number, license_id in enumerate(sorted(license_ids))}
    lists = (
        ("m.status IN ('contact', 'disabled', 'ended')", "m.last_used_at, m.id"),
        ("m.status = 'active' AND m.last_used_at IS NULL", "m.id"),
        ("m.status = 'active' AND m.last_used_at IS NOT NULL", "m.last_used_at, m.id"),
    )
    holders = " UNION ALL ".join(
        f"""
        SELECT * FROM (SELECT :{name} AS license_id, {turn} AS turn, m.id AS member_id,
                              coalesce(m.last_used_at, 0) AS used
                       FROM member m
                       WHERE m.organization_id = :organization_id AND {which}
                         AND EXISTS (SELECT 1 FROM seat s WHERE s.license_id = :{name} AND s.member_id = m.id)
                       ORDER BY {order} LIMIT :most) AS w
        """  # noqa: S608 (constants of this function)
        for name in names
        for turn, (which, order) in enumerate(lists)
    )
    rows = connection.execute(
        text(f"SELECT license_id, member_id FROM ({holders}) AS v ORDER BY license_id, turn, used, member_id"),  # noqa: S608
        {"organization_id": organization_id, "most": MOST_HOLDERS, **names},
    )
    for row in rows:
        if len(found[row.license_id]) < MOST_HOLDERS:
            found[row.license_id].append(row.member_id)
    return found
