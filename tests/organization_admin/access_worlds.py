"""Random organizations with people in every state, as rows."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from idp.kernel import clock
from idp.kernel.database import unit_of_work
from idp.organizations import service
from idp.organizations.catalog import current_catalog
from idp.organizations.models import MemberRole, Seat

APPS = ("tag", "pickandpack", "express", "work", "oneoffice")
DAY = 86400
ADMINISTRATION = (
    "account:people.read", "account:people.manage", "account:companies.manage", "account:licenses.read",
    "account:licenses.manage", "account:roles.manage", "account:requests.manage", "account:audit.read",
    "account:clients.manage",
)  # fmt: skip


@dataclass
class RandomWorld:
    """`people`: (person, organization's slug, its id); a person without an account has an empty `account_id`."""

    people: list[tuple[Any, str, str]] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)


def make(world: Any, chance: random.Random, *, places: int = 3, people: int = 8) -> RandomWorld:
    """Organizations (one of them the platform's own, one suspended), licenses in every state, and their people."""
    from tests.support.world import Person

    made, now = RandomWorld(), clock.now()
    with unit_of_work():
        service.sync_system_roles(current_catalog())
        everywhere = [name for name, role in current_catalog().roles.items() if not role.privileges & _of_platform()]
        system = [service.find_role(name).id for name in everywhere]  # type: ignore[union-attr]
    editions = [name for app in current_catalog().apps.values() for name in app.editions]
    for number in range(places):
        values = [{}, {"kind": "self"}, {"status": "suspended"}][number % 3]
        slug = f"place-{number}"
        place = world.organization(slug, name=f"Place {number} AS", **values)
        made.places.append((slug, place))
        company = world.company(place)
        own = [
            world.role(place, chance.sample(["tag:access", "work:access", "tag:tag.write", "express:access"], 2))
            for _ in range(2)
        ]
        licenses = []
        for edition in editions:
            if chance.random() < 0.8:
                starts_at, ends_at = chance.choice(
                    [(now - DAY, None), (now - DAY, now + DAY), (now - 2 * DAY, now - DAY), (now + DAY, None)]
                )
                seats = chance.choice([0, 1, 2, people])
                licenses.append(
                    (world.license(place, edition, seats=seats, starts_at=starts_at, ends_at=ends_at), seats)
                )
        for _ in range(people):
            linked = chance.random() < 0.85
            person = world.account(status=chance.choice(["active"] * 9 + ["disabled"])) if linked else Person("", "")
            kind = chance.choice(["employee"] * 5 + ["express", "consultant"])
            status = chance.choice(["active"] * 5 + ["contact", "contact", "disabled", "ended"])
            member = world.member(
                place,
                person.account_id or None,
                type=kind,
                status=status,
                ended_reason=chance.choice(["ended", "inactive"]) if status == "ended" else None,
                company_id=company if kind == "express" else None,
                email=f"m{len(made.people)}@place.example",
                email_normalized=f"m{len(made.people)}@place.example",
                search_text=f"nord kari {len(made.people):03}",
            )
            if status == "contact" and chance.random() < 0.6:
                world.invitation(member, expires_at=now + chance.choice([-DAY, DAY]))
            if status in ("active", "disabled"):
                with unit_of_work() as session:
                    for role in chance.sample([*own, *system], chance.choice([0, 1, 1, 2])):
                        session.add(MemberRole(member_id=member, role_id=role))
                    for place_number, (license_id, left) in enumerate(licenses):
                        if left and chance.random() < 0.4:
                            session.add(Seat(license_id=license_id, member_id=member, assigned_at=now))
                            licenses[place_number] = (license_id, left - 1)
            made.people.append((Person(person.account_id, person.address, member), slug, place))
    return made


def _of_platform() -> set[str]:
    apps = current_catalog().apps.values()
    return {name for app in apps for name, privilege in app.privileges.items() if privilege.reach == "platform"}


def administrator(world: Any, place: str, *privileges: str, **values: Any) -> Any:
    """Somebody with these privileges of app `account` there; with none given, all that an administrator has."""
    held = privileges or ADMINISTRATION
    person = world.account(**values)
    member = world.member(place, person.account_id)
    world.role(place, {"account:access", *held}, members=[member])
    return type(person)(person.account_id, person.address, member)
