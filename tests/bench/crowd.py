"""Organizations and people by the ten thousand: rows that PostgreSQL makes from a series of numbers.

Everybody is a user of Tag: an account with a proven address, an active member, a role, a seat; one passphrase for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Text, cast, column, func, insert, literal, select, text

from idp.accounts.models import Account, EmailAddress
from idp.accounts.passwords import hash_password
from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.organizations.models import License, Member, MemberRole, Organization, Role, RolePrivilege, Seat

PASSWORD = "correct-horse-onix-test"
PRIVILEGES = ("tag:access", "tag:equipment.read", "tag:tag.read")


@dataclass(frozen=True)
class Crowd:
    """One organization of `people` who hold a role and a seat of one license; number n is `person(n)`."""

    organization_id: str
    role_id: str
    license_id: str
    people: int

    def person(self, number: int) -> tuple[str, str, str]:
        """(address, account id, member id) of one of them; numbers from 1."""
        return f"person-{number}@crowd.example", f"account-{number:012d}", f"member-{number:012d}"


def make(people: int, organizations: int = 1) -> Crowd:
    """Fill the database; the people are all in the first organization. Call in an application context on PostgreSQL."""
    hashed = hash_password(PASSWORD)
    with unit_of_work() as session:
        now = clock.now()
        run = session.connection().execute
        run(text("SET LOCAL statement_timeout = 0"))  # which no request of the provider may do
        number = func.generate_series(1, organizations).table_valued(column("n", Integer)).render_derived(name="series")
        run(
            insert(Organization.__table__).from_select(
                ["id", "slug", "name", "search_text", "created_at"],
                select(_id("organization", number), literal("crowd-") + cast(number.c.n, Text),
                       literal("Crowd ") + cast(number.c.n, Text) + literal(" AS"),
                       literal("crowd ") + cast(number.c.n, Text) + literal(" as crowd-") + cast(number.c.n, Text),
                       now),
            )
        )  # fmt: skip
        crowd = Crowd(f"organization-{1:012d}", "role-of-the-crowd", "license-of-the-crowd", people)
        role = Role(id=crowd.role_id, organization_id=crowd.organization_id, name="Crowd", created_at=now)
        role.privileges = [RolePrivilege(privilege=privilege) for privilege in PRIVILEGES]
        session.add(role)
        session.add(
            License(
                id=crowd.license_id, organization_id=crowd.organization_id, app_id="tag", edition="tag:standard",
                seats=people, starts_at=now - 60, created_at=now,
            )
        )  # fmt: skip
        session.flush()
        number = func.generate_series(1, people).table_valued(column("n", Integer)).render_derived(name="series")
        digits = cast(number.c.n, Text)
        address = literal("person-") + digits + literal("@crowd.example")
        given, family = _one_of(("Kari", "Ola", "Liv", "Nils", "Åse", "Per", "Eli"), number), literal("Nord") + digits
        rows: list[tuple[Any, dict[str, Any]]] = [
            (Account, {
                "id": _id("account", number), "given_name": given, "family_name": family,
                "search_text": func.lower(family + literal(" ") + given + literal(" ") + address),
                "password_hash": literal(hashed), "created_at": now, "updated_at": now,
            }),
            (EmailAddress, {
                "id": _id("address", number), "account_id": _id("account", number), "address": address,
                "normalized": address, "is_primary": literal(True), "verified_at": now, "created_at": now,
            }),
            (Member, {
                "id": _id("member", number), "organization_id": literal(crowd.organization_id),
                "account_id": _id("account", number), "status": literal("active"), "given_name": given,
                "family_name": family, "email": address, "email_normalized": address,
                "search_text": func.lower(family + literal(" ") + given + literal(" ") + address),
                "created_at": now, "updated_at": now,
            }),
            (MemberRole, {
                "member_id": _id("member", number), "role_id": literal(crowd.role_id),
                "organization_id": literal(crowd.organization_id),
            }),
            (Seat, {
                "id": _id("seat", number), "license_id": literal(crowd.license_id),
                "member_id": _id("member", number), "assigned_at": now,
            }),
        ]  # fmt: skip
        for model, values in rows:
            run(insert(model.__table__).from_select(list(values), select(*map(_plain, values.values()))))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")  # nothing else gathers statistics in a throw-away cluster
    return crowd


def _id(kind: str, number: Any) -> Any:
    return literal(f"{kind}-") + func.lpad(cast(number.c.n, Text), 12, "0")


def _one_of(words: tuple[str, ...], number: Any) -> Any:
    return func.split_part(literal(" ".join(words)), " ", number.c.n % len(words) + 1)


def _plain(value: Any) -> Any:
    return literal(value) if isinstance(value, int) else value
