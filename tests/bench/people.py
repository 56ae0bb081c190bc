"""`python -m tests.bench.people [--people 100000]`: how long the people of a large organization take to be listed.

Makes an organization of that size on each database and prints, for every search, filter and sort, the median and the
95th percentile of the whole page in milliseconds, and the computing time of this process
(all of it with SQLite); exit code 1 when one takes `LIMIT` or more.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from tests.support.configuration import settings
from tests.support.databases import Databases
from tests.support.postgresql import Cluster

LIMIT = 200
TURNS = 20
ASKED = (
    "", "page=2", "page=200", "sort=-name", "sort=state", "sort=-state", "sort=used", "sort=-used",
    "sort=added", "sort=-added", "q=nord1234", "q=kari", "q=zzz", "q=kari+nord99", "state=contact", "state=invited",
    "state=invitation_expired", "state=active", "state=not_activated", "state=disabled", "state=ended",
    "state=inactive",
    "type=employee", "type=consultant", "role=ROLE", "role=none", "license=LICENSE", "license=none",
    "state=active&role=ROLE&sort=-used", "state=contact&q=kari&sort=-added", "type=consultant&q=nord7&sort=state",
)  # fmt: skip
STATES = ("contact", "active", "active", "active", "disabled", "ended")


def populate(people: int, others: int = 2) -> dict[str, str]:
    """An organization of that many people, and smaller ones beside it; gives ids by name."""
    from idp.kernel import clock
    from idp.kernel.database import db, new_id, unit_of_work
    from idp.kernel.listing import fold
    from idp.organizations.models import Invitation, License, Member, MemberRole, Organization, Role, Seat

    now, chance = clock.now(), random.Random(7)  # the same people each time
    ids: dict[str, str] = {}
    for number in range(others + 1):
        size = people if number == 0 else people // 5
        place, role, license_ = new_id(), new_id(), new_id()
        if number == 0:
            ids = {"organization": place, "role": role, "license": license_}
        with unit_of_work() as session:
            session.add(Organization(id=place, slug=f"large-{number}", name=f"Large {number} AS", created_at=now))
            session.flush()
            session.add(Role(id=role, organization_id=place, name="Inspector of lifts", created_at=now))
            session.add(
                License(
                    id=license_, organization_id=place, app_id="tag", edition="tag:standard", seats=people,
                    starts_at=now, created_at=now,
                )
            )  # fmt: skip
        for start in range(0, size, 5000):
            members, roles, seats, invitations = [], [], [], []
            for index in range(start, min(size, start + 5000)):
                given = chance.choice(["Kari", "Ola", "Ingrid", "Åse", "Per", "Anne", "Nils", "Marit"])
                family, email = f"Nord{chance.randrange(10_000)}", f"p{index}@firma{number}.example"
                state = chance.choice(STATES)
                member = {
                    "id": new_id(), "organization_id": place, "given_name": given, "family_name": family,
                    "email": email, "email_normalized": email, "search_text": fold(family, given, email),
                    "type": "employee" if chance.random() < 0.9 else "consultant", "status": state, "source": "local",
                    "ended_reason": chance.choice(["ended", "inactive"]) if state == "ended" else None,
                    "last_used_at": now - chance.randrange(10**7) if chance.random() < 0.5 else None,
                    "created_at": now - chance.randrange(10**8), "updated_at": now, "version": 1,
                }  # fmt: skip
                members.append(member)
                if state == "active" and chance.random() < 0.8:
                    roles.append({"member_id": member["id"], "role_id": role, "organization_id": place})
                    seats.append(
                        {"id": new_id(), "license_id": license_, "member_id": member["id"], "assigned_at": now}
                    )
                if state == "contact" and chance.random() < 0.5:
                    invitations.append(
                        {
                            "id": new_id(), "member_id": member["id"], "created_at": now, "generation": 1,
                            "expires_at": now + chance.choice([-86400, 86400 * 20]),
                        }
                    )  # fmt: skip
            with unit_of_work() as session:
                session.execute(insert(Member), members)
                for model, rows in ((MemberRole, roles), (Seat, seats), (Invitation, invitations)):
                    if rows:
                        session.execute(insert(model), rows)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return ids


def measure(ids: dict[str, str]) -> bool:
    """Prints a line for each; tells whether all were quick enough."""
    from idp.kernel import clock, listing
    from idp.kernel.database import db
    from idp.organizations import roster, service

    quick = True
    licenses = [license_ for license_, _held in roster.licenses_of(ids["organization"])]
    allowed = roster.filters(roster.roles_of(service.find_organization("large-0")), licenses)
    for asked in ASKED:
        values = dict(pair.split("=") for pair in asked.split("&") if pair)
        values = {
            name: value.replace("+", " ").replace("ROLE", ids["role"]).replace("LICENSE", ids["license"])
            for name, value in values.items()
        }
        wanted = listing.read("/", values, sorts=roster.SORTS, filters=allowed)
        times: list[float] = []
        own: list[float] = []
        for _turn in range(TURNS):
            db.session.remove()
            began, busy = time.perf_counter(), time.process_time()
            found: Any = roster.page(ids["organization"], wanted, clock.now())
            times.append((time.perf_counter() - began) * 1000)
            own.append((time.process_time() - busy) * 1000)
        times.sort()
        p95 = times[int(len(times) * 0.95) - 1]
        quick = quick and p95 < LIMIT
        print(
            f"{asked or 'everybody':40} {found.total:7} found {times[len(times) // 2]:7.1f} {p95:7.1f} ms, "
            f"{sorted(own)[len(own) // 2]:7.1f} of this process",
            flush=True,
        )
    return quick


def main() -> int:
    from idp import create_app

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    wanted = parser.parse_args()
    quick, cluster = True, None
    with tempfile.TemporaryDirectory() as folder:

        def start() -> Cluster:
            nonlocal cluster
            cluster = cluster or Cluster()
            return cluster

        for kind in wanted.database or ["sqlite", "postgresql"]:
            with Databases(Path(folder), start).fresh(kind) as url:
                app = create_app(settings(url))
                with app.app_context():
                    from idp.kernel.database import db

                    print(kind)
                    quick = measure(populate(wanted.people)) and quick
                    db.session.remove()
                    db.engine.dispose()
    if cluster:
        cluster.stop()
    return 0 if quick else 1


if __name__ == "__main__":
    sys.exit(main())
