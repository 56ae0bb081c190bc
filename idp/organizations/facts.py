"""Reading what the decision needs, in one statement: the account, its members, and what these hold.

One round trip however many organizations, roles and licenses there are, on PostgreSQL and SQLite alike, on a session's
connection or on an autocommit one. Every branch of the union is a kind of row; `_assemble` puts them together. Whom to
ask is read by a second statement, and only when the answer is going to be no: finding the administrators costs in
proportion to the organization, and a token that allows names nobody. For the same reason the seats held of a license
are counted only for somebody who holds none of that app: everybody else's answer does not ask how many are left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, Text, TextualSelect, bindparam, column, text
from sqlalchemy.orm import Session

from idp.kernel import clock

from .catalog import current_catalog
from .policy import (
    MOST_ASKED,
    AccountFacts,
    Invitation,
    LicenseFacts,
    MemberFacts,
    OrganizationFacts,
    RoleFacts,
    entitlement,
)

ADMINISTRATION = "account:people.manage"
"""Whoever holds it as an active member is an administrator of that organization: one of those to ask."""


_COLUMNS: list[Any] = [
    *(column(name, Text) for name in ("tag", *"abcdefghijk")),
    *(column(name, BigInteger) for name in ("n1", "n2", "n3", "n4")),
]
"""Told beforehand, so that SQLAlchemy does not work them out anew from each answer: a tenth of what UserInfo takes."""


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
               m.last_used_at AS n3, CAST(NULL AS BIGINT) AS n4
        FROM mine m JOIN organization o ON o.id = m.organization_id LEFT JOIN company c ON c.id = m.company_id
        UNION ALL
        SELECT 'account', a.id, a.status, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM account a WHERE a.id = :account_id
        UNION ALL
        SELECT 'role', m.id, r.id, r.name, r.organization_id, p.privilege,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM mine m JOIN member_role mr ON mr.member_id = m.id JOIN role r ON r.id = mr.role_id
             LEFT JOIN role_privilege p ON p.role_id = r.id {of_role}
        UNION ALL
        SELECT 'license', l.id, l.organization_id, l.app_id, l.edition,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               l.seats,
               CASE WHEN EXISTS (
                   SELECT 1 FROM mine w WHERE w.organization_id = l.organization_id AND NOT EXISTS (
                       SELECT 1 FROM seat s JOIN license h ON h.id = s.license_id
                       WHERE s.member_id = w.id AND h.organization_id = l.organization_id AND h.app_id = l.app_id)
               ) THEN (SELECT count(*) FROM seat s WHERE s.license_id = l.id) ELSE 0 END,
               l.starts_at, l.ends_at
        FROM license l WHERE l.organization_id IN (SELECT id FROM place) {of_app}
        UNION ALL
        SELECT 'seat', s.member_id, s.license_id,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM seat s WHERE s.member_id IN (SELECT id FROM mine)
    """  # noqa: S608
    ).columns(*_COLUMNS)


_ADMINISTRATORS = text(
    f"""
    SELECT w.organization_id, w.given_name, w.family_name
    FROM (SELECT m.organization_id, a.given_name, a.family_name,
                 row_number() OVER (PARTITION BY m.organization_id
                                    ORDER BY CASE WHEN a.id = :account_id THEN 1 ELSE 0 END,
                                             a.family_name, a.given_name, a.id) AS turn
          FROM (SELECT DISTINCT r.member_id FROM role_privilege p JOIN member_role r ON r.role_id = p.role_id
                WHERE p.privilege = '{ADMINISTRATION}') held
               JOIN member m ON m.id = held.member_id AND m.status = 'active' AND m.organization_id IN :places
               JOIN account a ON a.id = m.account_id AND a.status = 'active'
          WHERE a.given_name <> '' OR a.family_name <> '') w
    WHERE w.turn <= {MOST_ASKED}
    ORDER BY w.organization_id, w.turn
"""  # noqa: S608 (constants of this file)
).bindparams(bindparam("places", expanding=True))


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
    values: dict[str, Any] = {"account_id": account_id}
    if app_id:
        values |= {"app_id": app_id, "privileges": f"{app_id}:%"}
    if member_id:
        values["member_id"] = member_id
    now = clock.now()
    facts = _assemble(connection.execute(_statement(member_id is not None, apps), values), now)
    if facts is None or not whom_to_ask:
        return facts
    known = current_catalog().apps
    judged = list(known.values()) if apps == "all" else [known.get(app_id) if app_id else None]
    if all(entitlement(facts, member, app, now).allowed for member in facts.members for app in judged):
        return facts
    return _with_administrators(connection, facts)


def _with_administrators(connection: Connection | Session, facts: AccountFacts) -> AccountFacts:
    """The same facts with the display names of whom to ask; the person's own name comes last."""
    places = sorted({member.organization.id for member in facts.members})
    asked: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(_ADMINISTRATORS, {"account_id": facts.id, "places": places}):
        asked[row.organization_id].append(" ".join(part for part in (row.given_name, row.family_name) if part))
    return replace(
        facts,
        members=tuple(replace(member, administrators=tuple(asked[member.organization.id])) for member in facts.members),
    )


def _assemble(rows: Iterable[Row[Any]], now: int) -> AccountFacts | None:
    """Put the kinds of rows together; their order in the answer means nothing."""
    account: AccountFacts | None = None
    members: list[Row[Any]] = []
    names: dict[str, dict[str, tuple[str, bool]]] = defaultdict(dict)
    privileges: dict[str, set[str]] = defaultdict(set)
    licenses: dict[str, list[LicenseFacts]] = defaultdict(list)
    seats: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        match row.tag:
            case "account":
                account = AccountFacts(id=row.a, disabled=row.b != "active")
            case "member":
                members.append(row)
            case "role":
                names[row.a][row.b] = (row.c, row.d is None)
                if row.e:
                    privileges[row.b].add(row.e)
            case "license":
                licenses[row.b].append(LicenseFacts(row.a, row.c, row.d, row.n1, row.n2, row.n3, row.n4))
            case "seat":
                seats[row.a].add(row.b)
    if account is None:
        return None
    return AccountFacts(
        id=account.id,
        disabled=account.disabled,
        members=tuple(
            MemberFacts(
                id=row.a,
                type=row.b,
                status=row.c,
                ended_reason=row.d,
                invitation=_invitation(row.n2, now),
                organization=OrganizationFacts(row.g, row.h, row.i, row.j, row.k, row.n1),
                company_id=row.e,
                company_name=row.f,
                roles=tuple(
                    RoleFacts(role_id, name, system, frozenset(privileges[role_id]))
                    for role_id, (name, system) in sorted(names[row.a].items(), key=lambda item: item[1][0])
                ),
                seats=frozenset(seats[row.a]),
                last_used_at=row.n3,
                licenses=tuple(sorted(licenses[row.g], key=lambda license_: license_.id)),
            )
            for row in sorted(members, key=lambda row: row.a)
        ),
    )


def _invitation(expires_at: int | None, now: int) -> Invitation:
    """What the latest open invitation is worth today."""
    if expires_at is None:
        return "none"
    return "pending" if expires_at > now else "expired"
