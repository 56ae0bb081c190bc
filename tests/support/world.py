"""Organizations, people, roles and licenses to test with, written as rows: the shortest way to a state.

Every maker runs in a unit of its own and gives the id; call them inside an application context.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from idp.accounts.models import Account, EmailAddress
from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.organizations.models import (
    Company,
    Invitation,
    License,
    Member,
    MemberRole,
    Organization,
    Role,
    RolePrivilege,
    Seat,
)

PASSWORD = "correct-horse-onix-test"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """A person who can sign in: `address` and `PASSWORD`; `member_id` in the organization, if any."""

    account_id: str
    address: str
    member_id: str | None = None


class World:
    """Makes things with names nobody else has; whatever is given is kept."""

    password = PASSWORD

    def __init__(self) -> None:
        self._hashes: dict[str, str] = {}

    def organization(self, slug: str | None = None, *, name: str | None = None, **values: Any) -> str:
        number = next(_numbers)
        with unit_of_work() as session:
            row = Organization(
                slug=slug or f"org-{number}", name=name or f"Organization {number} AS", created_at=clock.now(), **values
            )
            session.add(row)
            session.flush()
            return row.id

    def company(self, organization_id: str, *, name: str | None = None, **values: Any) -> str:
        with unit_of_work() as session:
            row = Company(
                organization_id=organization_id,
                name=name or f"Customer {next(_numbers)} AS",
                created_at=clock.now(),
                **values,
            )
            session.add(row)
            session.flush()
            return row.id

    def _hashed(self, password: str) -> str:
        from idp.accounts.passwords import hash_password

        if password not in self._hashes:
            self._hashes[password] = hash_password(password)
        return self._hashes[password]

    def account(
        self, address: str | None = None, *, password: str | None = PASSWORD, verified: bool = True, **values: Any
    ) -> Person:
        """An account with one primary address. `password=None`: none set."""
        hashed = self._hashed(password) if password else None
        number, now = next(_numbers), clock.now()
        address = address or f"person-{number}@test.example"
        with unit_of_work() as session:
            row = Account(
                **{
                    "given_name": "Kari",
                    "family_name": f"Nord{number}",
                    "password_hash": hashed,
                    "password_changed_at": now if hashed else None,
                    "created_at": now,
                    "updated_at": now,
                    **values,
                }
            )
            row.emails.append(
                EmailAddress(
                    address=address,
                    normalized=address.casefold(),
                    is_primary=True,
                    verified_at=now if verified else None,
                    created_at=now,
                )
            )
            session.add(row)
            session.flush()
            return Person(row.id, address)

    def member(self, organization_id: str, account_id: str | None = None, **values: Any) -> str:
        """A member; linked to `account_id` when given. Status `active` unless said otherwise."""
        now = clock.now()
        with unit_of_work() as session:
            row = Member(
                **{
                    "organization_id": organization_id,
                    "account_id": account_id,
                    "type": "employee",
                    "status": "active",
                    "given_name": "Kari",
                    "family_name": "Nord",
                    "created_at": now,
                    "updated_at": now,
                    **values,
                }
            )
            session.add(row)
            session.flush()
            return row.id

    def role(
        self,
        organization_id: str | None,
        privileges: Iterable[str],
        *,
        name: str | None = None,
        members: Iterable[str] = (),
    ) -> str:
        """A role with these privileges, held by these members."""
        with unit_of_work() as session:
            row = Role(organization_id=organization_id, name=name or f"Role {next(_numbers)}", created_at=clock.now())
            row.privileges = [RolePrivilege(privilege=privilege) for privilege in sorted(set(privileges))]
            session.add(row)
            session.flush()
            for member_id in members:
                session.add(MemberRole(member_id=member_id, role_id=row.id))
            return row.id

    def license(
        self,
        organization_id: str,
        edition: str = "tag:standard",
        *,
        seats: int = 10,
        holders: Iterable[str] = (),
        starts_at: int | None = None,
        ends_at: int | None = None,
    ) -> str:
        """A license of an edition; `holders` are members that hold a seat of it."""
        now = clock.now()
        with unit_of_work() as session:
            row = License(
                organization_id=organization_id,
                app_id=edition.partition(":")[0],
                edition=edition,
                seats=seats,
                starts_at=now - 60 if starts_at is None else starts_at,
                ends_at=ends_at,
                created_at=now,
            )
            session.add(row)
            session.flush()
            for member_id in holders:
                session.add(Seat(license_id=row.id, member_id=member_id, assigned_at=now))
            return row.id

    def invitation(self, member_id: str, *, expires_at: int | None = None, **values: Any) -> str:
        now = clock.now()
        with unit_of_work() as session:
            row = Invitation(member_id=member_id, created_at=now, expires_at=expires_at or now + 28 * 86400, **values)
            session.add(row)
            session.flush()
            return row.id

    def user(
        self,
        organization_id: str | None = None,
        *,
        address: str | None = None,
        app: str = "tag",
        privileges: Iterable[str] | None = None,
        seat: bool = True,
        **account: Any,
    ) -> Person:
        """Someone whom `app` lets in: an account, an active member, a role with `<app>:access`, a seat."""
        organization_id = organization_id or self.organization()
        person = self.account(address, **account)
        member_id = self.member(organization_id, person.account_id)
        self.role(organization_id, privileges or [f"{app}:access"], members=[member_id])
        if seat:
            self.license(organization_id, f"{app}:standard", holders=[member_id])
        return Person(person.account_id, person.address, member_id)

    def client(self, name: str = "A client", *, kind: str = "web", **values: Any) -> Any:
        """Register a client by the one way there is; gives what `register` gives."""
        from idp.oidc.clients import register

        if kind != "machine":
            values.setdefault("redirect_uris", ["http://localhost:9999/callback"])
        with unit_of_work():
            return register(kind=kind, name=name, **values)

    def change(self, model: Any, id_: str, **values: Any) -> None:
        """Set columns of a row, past every service: for states that only time or accident makes."""
        with unit_of_work() as session:
            row = session.get(model, id_)
            for name, value in values.items():
                setattr(row, name, value)

    def get(self, model: Any, id_: str) -> Any:
        """A row as it is now."""
        db.session.expire_all()
        row = db.session.get(model, id_)
        db.session.commit()
        return row
