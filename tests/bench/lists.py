"""How long the lists of both administrations take over HTTP, with a large organization among ten thousand.

`python -m tests.bench.lists [--people 100000] [--organizations 10000]`: every list with its searches, filters, sorts
and last page, as a browser asks for it, one request after the other; median, 95th percentile and the size of the page.
A list is right when its p95 is under `GOAL`. `--only audit` measures the addresses that hold this text, and `--slow 50`
prints what PostgreSQL did for statements that took so many milliseconds. Exit code 1 when a list misses the goal.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urljoin

from sqlalchemy import Integer, Text, case, cast, column, func, insert, literal, select, text

from idp.audit.models import AuditEntry
from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.oidc.models import Authorization
from idp.organizations import service
from idp.organizations.catalog import current_catalog
from idp.organizations.models import AccessRequest, License, Member, MemberRole, Role, RolePrivilege
from idp.outbox.models import Delivery
from idp.sessions.models import Session
from tests.bench import crowd
from tests.support.configuration import settings
from tests.support.databases import build_schema
from tests.support.flow import Visitor
from tests.support.forms import form_with
from tests.support.postgresql import Cluster
from tests.support.server import Provider
from tests.support.world import Person, World

GOAL = 200  # milliseconds, p95
ENTRIES = 5  # of the audit trail, for each person
OF_ORGANIZATION = (
    "", "people", "people?page=2", "people?page=200", "people?sort=-name", "people?sort=state", "people?sort=used",
    "people?sort=-added", "people?q=nord1234", "people?q=kari", "people?q=zzz", "people?q=kari+nord99",
    "people?state=active", "people?state=contact", "people?state=ended", "people?type=employee", "people?role=ROLE",
    "people?role=none", "people?license=LICENSE", "people?license=none", "people?q=kari&role=ROLE&sort=-used",
    "people/MEMBER", "licenses", "licenses/LICENSE", "licenses/LICENSE?page=200", "licenses/LICENSE?q=kari",
    "licenses/LICENSE?q=zzz", "licenses/LICENSE/assign", "licenses/LICENSE/assign?q=kari", "roles", "roles/ROLE",
    "roles/ROLE?page=200", "access?q=kari", "access?q=nord1234", "access/people/MEMBER", "access/people/MEMBER/tag",
    "access/apps/tag", "access/apps/tag?q=kari", "access/apps/tag?q=zzz", "access/apps/tag?after=MEMBER",
    "access/apps/tag?people=all", "access/apps/tag?people=all&q=nord1234", "access/apps/tag.json", "access/apps/work",
    "requests", "requests?state=decided", "audit", "audit?page=2", "audit?page=10000", "audit?q=kari",
    "audit?q=nord1234", "audit?q=zzz", "audit?app=tag", "audit?app=work", "audit?member=MEMBER",
    "audit?from=2020-01-01", "audit?q=kari&app=tag", "audit/token?jti=GRANT.x",
)  # fmt: skip
OF_PLATFORM = (
    "organizations", "organizations?q=crowd+99", "organizations?q=zzz", "organizations?page=200", "organizations/PLACE",
    "records/core/user", "records/core/user?page=200", "records/core/user?q=kari", "records/core/user?q=nord1234",
    "records/core/user?q=person-1234%40", "records/core/user?q=zzz", "records/core/user?q=kari+nord99",
    "records/core/user?sort=email", "records/core/user?sort=-added", "records/core/user?sort=-status",
    "records/core/user?status=disabled", "records/core/user?organization=self",
    "records/core/user?organization=others", "records/core/user?organization=none",
    "records/core/user?organization=others&q=kari", "records/core/user/ACCOUNT",
    "records/core/organization", "records/core/organization?page=200", "records/core/organization?q=crowd+99",
    "records/core/organization?q=zzz", "records/core/organization?sort=-people",
    "records/core/role", "records/core/role?q=crowd", "records/core/role/ROLE",
    "records/core/license", "records/core/license?page=200", "records/core/license?q=crowd+99",
    "records/core/license?state=current", "records/core/license?edition=tag:standard", "records/core/license/LICENSE",
    "records/core/seat", "records/core/seat?page=200", "records/core/seat?q=kari", "records/core/seat?q=zzz",
    "records/core/seat?q=nord1234", "records/core/seat?edition=tag:standard",
    "records/protocol/client", "records/protocol/authorization", "records/protocol/authorization?page=200",
    "records/protocol/authorization?q=kari", "records/protocol/authorization?q=nord1234",
    "records/protocol/authorization?q=zzz", "records/protocol/session", "records/protocol/session?page=200",
    "records/protocol/session?q=kari", "records/protocol/session?q=zzz", "records/protocol/session?state=open",
    "records/protocol/session?state=ended", "records/protocol/signing-key", "records/delivery/outbox",
    "records/delivery/outbox?page=200", "records/delivery/outbox?q=example", "records/delivery/outbox?q=zzz",
    "records/delivery/outbox?state=waiting", "records/delivery/outbox?state=delivered",
    "records/delivery/outbox?lane=mail", "records/delivery/outbox?sort=kind", "records/delivery/outbox?sort=state",
    "records/audit/audit", "records/audit/audit?page=10000", "records/audit/audit?q=kari",
    "records/audit/audit?q=nord1234", "records/audit/audit?q=zzz", "records/audit/audit?q=seatassigned",
    "records/audit/audit?q=crowd+99", "records/audit/audit?sort=event", "records/audit/audit?result=ok",
    "records/audit/audit?result=other", "records/audit/audit?result=other&q=kari",
)  # fmt: skip


@dataclass(frozen=True)
class Filled:
    """A database full of people, and the administrators who look at it."""

    crowd: crowd.Crowd
    administrator: Person
    operator: Person


def fill(app: Any, people: int, organizations: int) -> Filled:
    """The crowd, what happened to it, who is signed in and what was sent. Call in an application context."""
    world = World()
    with unit_of_work():
        service.sync_system_roles(current_catalog())
    made = crowd.make(people, organizations)
    own = world.organization("own", name="Onix Works AS", kind="self")
    roles = {}

    def holder(place: str, name: str) -> Person:
        person, role = world.account(f"{name.split()[0].casefold()}@crowd.example"), service.find_role(name)
        assert role is not None
        roles[name] = role.id
        member_id = world.member(place, person.account_id, email=person.address, search_text=person.address)
        with unit_of_work():
            service.assign_role(member_id, role.id)
        return person

    found = Filled(made, holder(made.organization_id, "Administrator"), holder(own, "Platform administrator"))
    world.client("a-client", client_id="a-client", app_id="tag", kind="web")
    with unit_of_work() as session:
        run, now = session.connection().execute, clock.now()
        run(text("SET LOCAL statement_timeout = 0"))
        for model, values, count in _rows(made, organizations, roles["Administrator"], now):
            columns, rows = values(_numbers(count))
            run(insert(model.__table__).from_select(columns, select(*rows)))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")  # what autovacuum does elsewhere
    return found


def _numbers(count: int) -> Any:
    return func.generate_series(1, count).table_valued(column("n", Integer)).render_derived(name="series")


def _rows(made: crowd.Crowd, organizations: int, administrators: str, now: int) -> Iterator[tuple[Any, Any, int]]:
    """(model, what makes its columns from a number, how many): deterministic, spread over the people."""

    def of(kind: str, number: Any) -> Any:
        return literal(f"{kind}-") + func.lpad(cast(number, Text), 12, "0")

    def value(one: Any) -> Any:
        return literal(one) if isinstance(one, (int, str, bool)) else one

    def make(**columns: Any) -> Any:
        def rows(series: Any) -> tuple[list[str], list[Any]]:
            n = series.c.n
            given = {name: value(one(n) if callable(one) else one) for name, one in columns.items()}
            return list(given), list(given.values())

        return rows

    def person(n: Any) -> Any:
        return n % made.people + 1

    def one_of(words: tuple[str, ...], n: Any) -> Any:
        return func.split_part(literal(" ".join(words)), " ", n % len(words) + 1)

    def ago(n: Any) -> Any:
        return now - n * 60

    happened = ("MemberEdited", "RoleAssigned", "SeatAssigned", "AuthorizationOpened", "AuthorizationOpened",
                "VerdictTold", "MemberActivated")  # fmt: skip
    yield AuditEntry, make(
        id=lambda n: of("entry", n), at=ago, event=lambda n: one_of(happened, n),
        result=lambda n: case((n % 50 == 0, "license_missing"), else_="ok"),
        actor_id=lambda n: of("account", n % 20 + 1), account_id=lambda n: of("account", person(n)),
        member_id=lambda n: of("member", person(n)), organization_id=made.organization_id, client_id="a-client",
        address="192.0.2.1", app_ids=" tag ", data=lambda _n: literal({}, AuditEntry.data.type),
    ), made.people * ENTRIES  # fmt: skip
    yield AuditEntry, make(
        id=lambda n: of("failed", n), at=lambda n: now - n * 300, event="SignInFailed", result="password",
        account_id=lambda n: of("account", person(n)), address="192.0.2.1", app_ids="",
        data=lambda _n: literal({}, AuditEntry.data.type),
    ), made.people  # fmt: skip
    yield Session, make(
        id=lambda n: of("session", n), handle_digest=lambda n: of("digest", n), account_id=lambda n: of("account", n),
        auth_time=ago, acr="urn:onix:acr:1", amr=lambda _n: literal(["pwd"], Session.amr.type), user_agent="",
        address="", created_at=ago, last_seen_at=ago, expires_at=lambda n: now + 30 * 86400 - n * 60,
    ), made.people  # fmt: skip
    yield Authorization, make(
        id=lambda n: of("grant", n), client_id="a-client", account_id=lambda n: of("account", n),
        member_id=lambda n: of("member", n), organization_id=made.organization_id, sid=lambda n: of("session", n),
        sub=lambda n: of("account", n), scope="openid",
        claims_request=lambda _n: literal({}, Authorization.claims_request.type), language="en", offline=True,
        auth_time=ago, acr="urn:onix:acr:1", amr=lambda _n: literal(["pwd"], Authorization.amr.type), created_at=ago,
        expires_at=now + 86400,
    ), made.people  # fmt: skip
    yield Delivery, make(
        id=lambda n: of("delivery", n), lane=lambda n: one_of(("mail", "logout"), n),
        destination=lambda n: one_of(("crowd.example", "a-client"), n), kind=lambda n: one_of(("welcome", "logout"), n),
        payload=lambda _n: literal({}, Delivery.payload.type), created_at=ago, due_at=ago, leased_until=0, attempts=1,
        settled_at=ago, outcome="delivered",
    ), made.people  # fmt: skip
    yield AccessRequest, make(
        id=lambda n: of("request", n), organization_id=made.organization_id, member_id=lambda n: of("member", n),
        account_id=lambda n: of("account", n), app_id="work", code="license_missing", message="", created_at=ago,
        decided_at=lambda n: case((n % 10 == 0, None), else_=now),
        outcome=lambda n: case((n % 10 == 0, None), else_="declined"),
    ), made.people // 100  # fmt: skip
    yield Role, make(
        id=lambda n: of("leader", n), organization_id=lambda n: of("organization", n), name="Leader", version=1,
        created_at=now,
    ), organizations  # fmt: skip
    yield RolePrivilege, make(role_id=lambda n: of("leader", n), privilege="account:people.manage"), organizations
    yield Member, make(
        id=lambda n: of("leading", n), organization_id=lambda n: of("organization", n), status="active",
        given_name="Ada", family_name="Berg", search_text="berg ada", created_at=now, updated_at=now,
    ), organizations  # fmt: skip
    for role_id in (administrators, None):
        yield MemberRole, make(
            member_id=lambda n: of("leading", n), organization_id=lambda n: of("organization", n),
            role_id=role_id or (lambda n: of("leader", n)),
        ), organizations  # fmt: skip
    yield License, make(
        id=lambda n: of("license", n), organization_id=lambda n: of("organization", n), app_id="work",
        edition="work:standard", seats=5, starts_at=now - 60, version=1, created_at=now,
    ), organizations  # fmt: skip


def browser(provider: Provider, person: Person, first: str) -> Visitor:
    """Somebody who has signed in and sees the page `first`."""
    visitor = Visitor(person.address, World.password)
    page = visitor.get(provider.url("/login"))
    form = form_with(page.text, "password", page.url)
    answer = visitor.post(
        urljoin(page.url, form.action), form.filled(identifier=person.address, password=World.password)
    )
    assert answer.status_code == 303, answer.text[:2000]
    page = visitor.get(provider.url(first))
    assert page.status_code == 200, (first, page.status_code, page.headers.get("Location"))
    return visitor


def times(visitor: Visitor, url: str, turns: int) -> tuple[float, float, int]:
    """Median and 95th percentile in milliseconds, and the bytes of the page."""
    found, size = [], 0
    for turn in range(turns + 1):
        began = perf_counter()
        answer = visitor.get(url)
        took = (perf_counter() - began) * 1000
        assert answer.status_code == 200, (url, answer.status_code, answer.headers.get("Location"))
        size = len(answer.content)
        if turn:  # the first fills the caches
            found.append(took)
    found.sort()
    return found[len(found) // 2], found[-(-len(found) * 95 // 100) - 1], size


def addresses(made: Filled) -> Iterator[tuple[bool, str]]:
    """(whether it is the platform's, the path) of every list."""
    account, member = made.crowd.person(made.crowd.people // 2)[1:]
    names = {
        "ROLE": made.crowd.role_id, "LICENSE": made.crowd.license_id, "ACCOUNT": account, "MEMBER": member,
        "PLACE": made.crowd.organization_id, "GRANT": f"grant-{made.crowd.people // 2:012d}",
    }  # fmt: skip
    for platform, face, paths in ((False, "/org/crowd-1/", OF_ORGANIZATION), (True, "/admin/", OF_PLATFORM)):
        for path in paths:
            for name, known in names.items():
                path = path.replace(name, known)
            yield platform, face + path


def measure(provider: Provider, made: Filled, only: str, turns: int) -> int:
    """Prints a line for each list; gives how many missed the goal."""
    visitors = (
        browser(provider, made.administrator, "/org/crowd-1/"),
        browser(provider, made.operator, "/admin/"),
    )
    missed = 0
    print("| list | median ms | p95 ms | kB |\n| --- | --- | --- | --- |")
    for platform, path in addresses(made):
        if only not in path:
            continue
        median, p95, size = times(visitors[platform], provider.url(path), turns)
        missed += p95 >= GOAL
        mark = " **missed**" if p95 >= GOAL else ""
        print(f"| `{path}` | {median:.0f} | {p95:.0f}{mark} | {size / 1000:.0f} |", flush=True)
    return missed


def main() -> int:
    from idp import create_app

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--organizations", type=int, default=10_000)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--only", default="", help="a part of the addresses that are measured")
    parser.add_argument("--slow", type=int, default=0, help="print the plans of statements of so many milliseconds")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        cluster = Cluster(durable=True, options=_explaining(chosen.slow))
        stack.callback(cluster.stop)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onix-lists-")))
        url = cluster.create("lists")
        build_schema(url)
        provider = stack.enter_context(Provider(url, folder, workers_each=2))
        app = create_app(settings(url, issuer=provider.issuer))
        began, load = perf_counter(), os.getloadavg()[0]
        with app.app_context():
            made = fill(app, chosen.people, chosen.organizations)
            db.session.remove()
        print(
            f"{chosen.people} people in one of {chosen.organizations} organizations, {chosen.people * (ENTRIES + 1)} "
            f"entries of the audit trail; PostgreSQL, {os.cpu_count()} cores; made in {perf_counter() - began:.0f} s.\n"
        )
        said = cluster.process.log.stat().st_size
        missed = measure(provider, made, chosen.only, chosen.turns)
        print(f"\n{missed} missed {GOAL} ms; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after.")
        if chosen.slow:
            with cluster.process.log.open(errors="replace") as log:
                log.seek(said)
                print("\n", log.read())
    return 1 if missed else 0


def _explaining(slow: int) -> tuple[str, ...]:
    if not slow:
        return ()
    return (
        "session_preload_libraries=auto_explain", f"auto_explain.log_min_duration={slow}",
        "auto_explain.log_analyze=on", "auto_explain.log_buffers=on", "auto_explain.log_timing=off",
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
