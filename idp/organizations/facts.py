"""Reading what the decision needs, in one statement: the account, its members, and what these hold.

One round trip however many organizations, roles and licenses there are, on PostgreSQL and SQLite alike, on a session's
connection or on an autocommit one. Every branch of the union is a kind of row; `_members` puts them together. Whom to
ask is read by a second statement, and only when the answer is going to be no: finding the administrators costs in
proportion to the organization, and a token that allows names nobody. For the same reason the seats held of a license
are counted only of a license that is current, for a user who holds none of that app: nobody else's answer asks how
many are left.
`load_members_facts` reads the same for a page of an organization's members.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Row, Text, TextualSelect, bindparam, column, text
from sqlalchemy.orm import Session

from idp.kernel import clock

from .catalog import App, current_catalog
from .policy import (
    MOST_ASKED,
    AccountFacts,
    Decision,
    Invitation,
    LicenseFacts,
    MemberFacts,
    OrganizationFacts,
    RoleFacts,
    entitlement,
)

ADMINISTRATION = "account:people.manage"
"""Whoever holds it as an active member is an administrator of that organization: one of those to ask."""

MOST_LOOKED_AT = 200
"""Of so many who hold the administration at most those to ask are chosen, over all organizations of a person.

Each organization has its turn before another has one more, and there are turns for `MOST_ASKED` in each.
"""

_COLUMNS: list[Any] = [
    *(column(name, Text) for name in ("tag", *"abcdefghijk")),
    *(column(name, BigInteger) for name in ("n1", "n2", "n3", "n4", "n5")),
]
"""Told beforehand, so that SQLAlchemy does not work them out anew from each answer: a tenth of what UserInfo takes."""


_HELD = "(SELECT count(*) FROM seat s WHERE s.license_id = l.id)"
_HELD_IF_ASKED = f"""
    CASE WHEN l.starts_at <= :now AND (l.ends_at IS NULL OR l.ends_at > :now) AND EXISTS (
        SELECT 1 FROM mine w
        WHERE w.organization_id = l.organization_id AND w.status = 'active' AND NOT EXISTS (
            SELECT 1 FROM seat s JOIN license h ON h.id = s.license_id
            WHERE s.member_id = w.id AND h.organization_id = l.organization_id AND h.app_id = l.app_id)
    ) THEN {_HELD} ELSE 0 END"""  # noqa: S608
"""How many seats of a license are held; counted only where a decision of somebody of `mine` turns on it."""


@cache
def _statement(one_member: bool, apps: str) -> TextualSelect:
    """The statement for all members or one, and for one app, all apps or none (`apps`: `one`, `all`, `none`)."""
    of_app = {"one": "AND l.app_id = :app_id", "all": "", "none": "AND 1 = 0"}[apps]
    of_role = {"one": "AND p.privilege LIKE :privileges", "all": "", "none": "AND 1 = 0"}[apps]
    return text(  # every part put in is a constant of this file
        f"""
        WITH mine AS (
            SELECT m.* FROM member m WHERE m.account_id = :account_id {"AND m.id = :member_id" if one_member else ""}
        ), place AS (
            SELECT DISTINCT organization_id AS id FROM mine
        )
        SELECT 'member' AS tag, m.id AS a, m.type AS b, m.status AS c, m.ended_reason AS d, m.company_id AS e,
               c.name AS f, o.id AS g, o.slug AS h, o.name AS i, o.kind AS j, o.status AS k, o.rev AS n1,
               (SELECT max(v.expires_at) FROM invitation v
                WHERE v.member_id = m.id AND v.accepted_at IS NULL AND v.revoked_at IS NULL) AS n2,
               m.last_used_at AS n3, m.terminates_at AS n4,
               CAST(CASE WHEN o.second_factor_required THEN 1 ELSE 0 END AS BIGINT) AS n5
        FROM mine m JOIN organization o ON o.id = m.organization_id LEFT JOIN company c ON c.id = m.company_id
        UNION ALL
        SELECT 'account', a.id, a.status, NULL, NULL,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM account a WHERE a.id = :account_id
        UNION ALL
        SELECT 'role', m.id, r.id, r.name, r.organization_id, p.privilege,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM mine m JOIN member_role mr ON mr.member_id = m.id JOIN role r ON r.id = mr.role_id
             LEFT JOIN role_privilege p ON p.role_id = r.id {of_role}
        UNION ALL
        SELECT 'license', l.id, l.organization_id, l.app_id, l.edition,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               l.seats,
               {_HELD_IF_ASKED}, l.starts_at, l.ends_at, NULL
        FROM license l WHERE l.organization_id IN (SELECT id FROM place) {of_app}
        UNION ALL
        SELECT 'seat', s.member_id, s.license_id,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM seat s WHERE s.member_id IN (SELECT id FROM mine)
    """  # noqa: S608
    ).columns(*_COLUMNS)


@cache
def _members_statement(apps: str, counted: bool) -> TextualSelect:
    """The same for members of one organization, by their ids; a role's privileges come once, not once per holder.

    counted: the seats held are counted of every license.
    """
    of_app = {"one": "AND l.app_id = :app_id", "all": ""}[apps]
    of_role = {"one": "AND p.privilege LIKE :privileges", "all": ""}[apps]
    return (
        text(  # every part put in is a constant of this file
            f"""
        WITH mine AS (
            SELECT m.* FROM member m WHERE m.organization_id = :organization_id AND m.id IN :member_ids
        ), holds AS (
            SELECT mr.member_id, mr.role_id FROM mine m JOIN member_role mr ON mr.member_id = m.id
        )
        SELECT 'member' AS tag, m.id AS a, m.type AS b, m.status AS c, m.ended_reason AS d, m.company_id AS e,
               c.name AS f, o.id AS g, o.slug AS h, o.name AS i, o.kind AS j, o.status AS k, o.rev AS n1,
               (SELECT max(v.expires_at) FROM invitation v
                WHERE v.member_id = m.id AND v.accepted_at IS NULL AND v.revoked_at IS NULL) AS n2,
               m.last_used_at AS n3, m.terminates_at AS n4,
               CAST(CASE WHEN o.second_factor_required THEN 1 ELSE 0 END AS BIGINT) AS n5
        FROM mine m JOIN organization o ON o.id = m.organization_id LEFT JOIN company c ON c.id = m.company_id
        UNION ALL
        SELECT 'account', a.id, a.status, m.id, NULL,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM mine m JOIN account a ON a.id = m.account_id
        UNION ALL
        SELECT 'holds', member_id, role_id,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM holds
        UNION ALL
        SELECT 'role', NULL, r.id, r.name, r.organization_id, p.privilege,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM role r LEFT JOIN role_privilege p ON p.role_id = r.id {of_role}
        WHERE r.id IN (SELECT role_id FROM holds)
        UNION ALL
        SELECT 'license', l.id, l.organization_id, l.app_id, l.edition,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               l.seats, {_HELD if counted else _HELD_IF_ASKED}, l.starts_at, l.ends_at, NULL
        FROM license l WHERE l.organization_id = :organization_id {of_app}
        UNION ALL
        SELECT 'seat', s.member_id, s.license_id,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM seat s WHERE s.member_id IN (SELECT id FROM mine)
    """  # noqa: S608
        )
        .bindparams(bindparam("member_ids", expanding=True))
        .columns(*_COLUMNS)
    )


_ADMINISTRATORS = text(
    f"""
    WITH opening AS MATERIALIZED (
        SELECT r.id FROM role r
        WHERE (r.organization_id IN :places OR r.organization_id IS NULL)
              AND EXISTS (SELECT 1 FROM role_privilege p WHERE p.role_id = r.id AND p.privilege = '{ADMINISTRATION}')
    ), found AS MATERIALIZED (
        SELECT DISTINCT h.organization_id, h.member_id FROM opening o JOIN member_role h ON h.role_id = o.id
        WHERE h.organization_id IN :places
    ), held AS MATERIALIZED (
        SELECT t.member_id
        FROM (SELECT member_id, row_number() OVER (PARTITION BY organization_id ORDER BY member_id) AS turn
              FROM found) t
        ORDER BY t.turn, t.member_id LIMIT :looked_at
    )
    SELECT w.organization_id, w.account_id, w.given_name, w.family_name
    FROM (SELECT m.organization_id, a.id AS account_id, a.given_name, a.family_name,
                 row_number() OVER (PARTITION BY m.organization_id
                                    ORDER BY CASE WHEN a.id = :account_id THEN 1 ELSE 0 END,
                                             a.family_name, a.given_name, a.id) AS turn
          FROM held
               JOIN member m ON m.id = held.member_id AND m.status = 'active'
               JOIN account a ON a.id = m.account_id AND a.status = 'active'
          WHERE a.given_name <> '' OR a.family_name <> '') w
    WHERE w.turn <= :most
    ORDER BY w.organization_id, w.turn
"""  # noqa: S608 (constants of this file)
).bindparams(bindparam("places", expanding=True), bindparam("looked_at", type_=Integer, literal_execute=True))
"""The few roles come first: in an organization of a hundred thousand the many who hold others are not looked at.

What PostgreSQL expects of a role is what the average role has, which may be everybody: it would then read all accounts.
So it is told by a number written out how many there are at most, after they are found: before, it would look for the
first of them in a list of everybody.
"""


def load_facts(
    connection: Connection | Session,
    account_id: str,
    app_id: str | None,
    member_id: str | None = None,
    *,
    whom_to_ask: bool = True,
) -> AccountFacts | None:
    """Everything `policy.entitlement` needs for one app, or for a client of no app (`app_id` None).

    One statement; one more when some member is denied, for whom to ask, unless nobody is told. With `member_id` only
    that member is read. None when there is no such account.
    """
    return _read(connection, account_id, "one" if app_id else "none", app_id, member_id, whom_to_ask)


def judge(
    connection: Connection | Session, account_id: str, app: App | None, member_id: str, now: int,
    *, whom_to_ask: bool = True,
) -> Decision | None:  # fmt: skip
    """The decision about one member, as `load_facts` and `policy.entitlement` have it, but judged once where it allows.

    None when there is no such account.
    """
    facts = load_facts(connection, account_id, app.id if app else None, member_id, whom_to_ask=False)
    if facts is None:
        return None
    decision = entitlement(facts, next(iter(facts.members), None), app, now)
    if decision.allowed or not whom_to_ask or not facts.members:
        return decision
    asked = _with_administrators(connection, facts)
    return entitlement(asked, asked.members[0], app, now)


def load_facts_of_all_apps(connection: Connection | Session, account_id: str) -> AccountFacts | None:
    """The same for every app at once (the launcher); at most two statements. None when there is no such account."""
    return _read(connection, account_id, "all", None, None)


def _read(
    connection: Connection | Session,
    account_id: str,
    apps: str,
    app_id: str | None,
    member_id: str | None,
    whom_to_ask: bool = True,
) -> AccountFacts | None:
    now = clock.now()
    values: dict[str, Any] = {"account_id": account_id, "now": now}
    if app_id:
        values |= {"app_id": app_id, "privileges": f"{app_id}:%"}
    if member_id:
        values["member_id"] = member_id
    facts = _assemble(connection.execute(_statement(member_id is not None, apps), values).all(), now)
    if facts is None or not whom_to_ask:
        return facts
    known = current_catalog().apps
    judged = list(known.values()) if apps == "all" else [known.get(app_id) if app_id else None]
    if _all_allow(facts, judged, now):
        return facts
    return _with_administrators(connection, facts)


def load_members_facts(
    connection: Connection | Session,
    organization_id: str,
    member_ids: Sequence[str],
    app_id: str | None = None,
    *,
    ask: bool = True,
    counted: bool = False,
) -> dict[str, AccountFacts]:
    """What `policy.entitlement` needs for each of these members of one organization, for one app or (None) for all.

    By member, in the order of `member_ids`: the account that stands behind it, with this one member
    (`entitlement(facts, facts.members[0], app, now)`). A member without an account has facts too: an account without
    an id, and `account_linked` false. Ids of no member, or of another organization's, are left out.

    One statement whatever the number of members; give at most a page of some hundred. With `ask` one more reads whom
    to ask, when some member is denied. `counted`: for who wants to know what is left of the licenses (`held`), and not
    only what is decided.
    """
    if not member_ids:
        return {}
    values: dict[str, Any] = {"organization_id": organization_id, "member_ids": list(member_ids)}
    if app_id:
        values |= {"app_id": app_id, "privileges": f"{app_id}:%"}
    now = clock.now()
    if not counted:
        values["now"] = now
    rows = connection.execute(_members_statement("one" if app_id else "all", counted), values).all()
    owners = {row.c: _account(row) for row in rows if row.tag == "account"}
    members = {member.id: member for member in _members(rows, now)}
    found: dict[str, AccountFacts] = {}
    for member_id in member_ids:
        if member := members.get(member_id):
            owner = owners.get(member_id)
            member = replace(member, account_linked=owner is not None)
            found[member_id] = replace(owner or AccountFacts(id=""), members=(member,))
    known = current_catalog().apps
    apps = list(known.values()) if app_id is None else [known[app_id]]
    if not ask or all(_all_allow(facts, apps, now) for facts in found.values()):
        return found
    return _each_with_administrators(connection, organization_id, found)


def _all_allow(facts: AccountFacts, apps: Collection[App | None], now: int) -> bool:
    return all(entitlement(facts, member, app, now).allowed for member in facts.members for app in apps)


def _with_administrators(connection: Connection | Session, facts: AccountFacts) -> AccountFacts:
    """The same facts with the display names of whom to ask; the person's own name comes last."""
    places = sorted({member.organization.id for member in facts.members})
    asked: dict[str, list[str]] = defaultdict(list)
    for row in _administrators(connection, places, MOST_ASKED, facts.id):
        asked[row.organization_id].append(_name(row))
    return replace(
        facts,
        members=tuple(replace(member, administrators=tuple(asked[member.organization.id])) for member in facts.members),
    )


def _each_with_administrators(
    connection: Connection | Session, organization_id: str, found: dict[str, AccountFacts]
) -> dict[str, AccountFacts]:
    """The same for many accounts of one organization; one name more than is told, for the one whose own it is."""
    found_here = _administrators(connection, [organization_id], MOST_ASKED + 1)
    asked = [(row.account_id, _name(row)) for row in found_here]

    def names(account_id: str) -> tuple[str, ...]:
        ordered = sorted(asked, key=lambda one: one[0] == account_id)
        return tuple(name for _id, name in ordered[:MOST_ASKED])

    return {
        member_id: replace(facts, members=tuple(replace(one, administrators=names(facts.id)) for one in facts.members))
        for member_id, facts in found.items()
    }


def _administrators(
    connection: Connection | Session, places: Sequence[str], most: int, account_id: str = ""
) -> Sequence[Row[Any]]:
    """Of each of these organizations up to `most` to ask, by name; whoever `account_id` is comes last."""
    looked_at = max(MOST_LOOKED_AT, most * len(places))
    values = {"account_id": account_id, "places": places, "most": most, "looked_at": looked_at}
    return connection.execute(_ADMINISTRATORS, values).all()


def _name(row: Row[Any]) -> str:
    return " ".join(part for part in (row.given_name, row.family_name) if part)


def _assemble(rows: Sequence[Row[Any]], now: int) -> AccountFacts | None:
    """The account with its members."""
    for row in rows:
        if row[0] == "account":
            return _account(row, _members(rows, now))
    return None


def _account(row: Row[Any], members: tuple[MemberFacts, ...] = ()) -> AccountFacts:
    status = row.b
    return AccountFacts(row.a, disabled=status != "active", members=members, closing=status == "closing")


def _members(rows: Iterable[Row[Any]], now: int) -> tuple[MemberFacts, ...]:
    """Put the kinds of rows together; their order in the answer means nothing."""
    members: list[Row[Any]] = []
    held: dict[str, set[str]] = defaultdict(set)
    names: dict[str, tuple[str, bool]] = {}
    privileges: dict[str, set[str]] = defaultdict(set)
    licenses: dict[str, list[LicenseFacts]] = defaultdict(list)
    seats: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        values: Sequence[Any] = row
        tag, a, b, c, d, e, *_, n1, n2, n3, n4, _n5 = values
        match tag:
            case "member":
                members.append(row)
            case "holds":
                held[a].add(b)
            case "role":
                names[b] = (c, d is None)
                if a:
                    held[a].add(b)
                if e:
                    privileges[b].add(e)
            case "license":
                licenses[b].append(LicenseFacts(a, c, d, n1, n2, n3, n4))
            case "seat":
                seats[a].add(b)
    roles = {
        role_id: RoleFacts(role_id, name, system, frozenset(privileges[role_id]))
        for role_id, (name, system) in sorted(names.items(), key=lambda item: item[1][0])
    }
    bought = {place: tuple(sorted(found, key=lambda license_: license_.id)) for place, found in licenses.items()}
    return tuple(
        MemberFacts(
            id=row.a,
            type=row.b,
            status="ended" if _over(row, now) else row.c,
            ended_reason="inactive" if _over(row, now) else row.d,
            invitation=_invitation(row.n2, now),
            organization=OrganizationFacts(row.g, row.h, row.i, row.j, row.k, row.n1, bool(row.n5)),
            company_id=row.e,
            company_name=row.f,
            roles=tuple(role for role_id, role in roles.items() if role_id in held[row.a]),
            seats=frozenset(seats[row.a]),
            last_used_at=row.n3,
            terminates_at=row.n4,
            licenses=bought.get(row.g, ()),
        )
        for row in sorted(members, key=lambda row: row.a)
    )


def _over(row: Any, now: int) -> bool:
    """Whether the announced end of a guest has come, and only the job that writes it down is late."""
    return bool(row.c == "active" and row.n4 is not None and row.n4 <= now)


def _invitation(expires_at: int | None, now: int) -> Invitation:
    """What the latest open invitation is worth today."""
    if expires_at is None:
        return "none"
    return "pending" if expires_at > now else "expired"
