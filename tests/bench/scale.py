"""What a big database costs: one organization of many people among many organizations, beside an empty database.

Facts of a decision, a token request, and the suspension of the whole organization, from its commit to the last notice.
`python -m tests.bench.scale --people 100000 --organizations 10000`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from sqlalchemy import Integer, Text, cast, column, func, insert, literal, select, true, update

from idp.kernel.database import db, unit_of_work
from idp.oidc.models import Authorization, LossCheck
from idp.organizations import service
from idp.organizations.facts import load_facts
from idp.outbox.models import Delivery
from idp.outbox.service import queue_logout
from tests.acceptance.house import Ear
from tests.bench import crowd
from tests.support.configuration import settings
from tests.support.databases import build_schema
from tests.support.flow import Application, Visitor
from tests.support.live import Live
from tests.support.needs import ROOT
from tests.support.postgresql import Cluster
from tests.support.processes import Process
from tests.support.server import Provider
from tests.support.world import World

REFRESHES = 150  # of each database, in turns
RATIO, COMMIT = 1.2, 1.0  # goals: a token request against the empty database; seconds that a suspension may take


@dataclass
class Place:
    """A provider with a database of its own, a crowd in it, and one person's tokens."""

    provider: Provider
    app: Any
    crowd: crowd.Crowd
    application: Application
    refresh_token: str

    def refresh(self) -> float:
        """Seconds of one token request."""
        began = perf_counter()
        answer = self.application.refresh(self.refresh_token)
        took = perf_counter() - began
        assert answer.status_code == 200, answer.text
        self.refresh_token = answer.json()["refresh_token"]
        return took


def place(stack: ExitStack, cluster: Cluster, name: str, people: int, organizations: int, ear: Ear) -> Place:
    """Build it; the first person signs in."""
    from idp import create_app

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"onix-{name}-")))
    url = cluster.create(name)
    build_schema(url)
    provider = stack.enter_context(Provider(url, folder, ONIX_LIFETIMES__TOKEN="600"))
    app = create_app(settings(url, issuer=provider.issuer))
    with app.app_context():
        made = crowd.make(people, organizations)
        application = Live(provider, app, World()).application(
            "crowd", deny_mode="token", backchannel_logout_uri=ear.address("crowd")
        )
    tokens = application.tokens_for(Visitor(made.person(1)[0], crowd.PASSWORD))
    return Place(provider, app, made, application, tokens["refresh_token"])


def signed_in(here: Place, count: int) -> None:
    """Grants for `count` more of the crowd, each like the one that the first person has from signing in."""
    number = func.generate_series(2, count).table_valued(column("n", Integer)).render_derived(name="series")
    table: Any = Authorization.__table__
    own = {
        "id": literal("grant-") + func.lpad(cast(number.c.n, Text), 12, "0"),
        "account_id": literal("account-") + func.lpad(cast(number.c.n, Text), 12, "0"),
        "sub": literal("account-") + func.lpad(cast(number.c.n, Text), 12, "0"),
        "member_id": literal("member-") + func.lpad(cast(number.c.n, Text), 12, "0"),
        "told": func.replace(
            table.c.told,
            here.crowd.person(1)[2],
            literal("member-") + func.lpad(cast(number.c.n, Text), 12, "0"),
        ),
    }
    columns = [own.get(name, table.c[name]) for name in table.c.keys()]  # noqa: SIM118
    with here.app.app_context(), unit_of_work() as session:
        session.execute(
            insert(table).from_select(list(table.c.keys()), select(*columns).select_from(table.join(number, true())))
        )
        session.execute(update(table).values(offline=True))


def median(work: Callable[[], Any], times: int = 50) -> float:
    """Milliseconds of the median call."""
    found = []
    for _ in range(times):
        began = perf_counter()
        work()
        found.append((perf_counter() - began) * 1000)
    return statistics.median(found)


def facts(here: Place) -> dict[str, float]:
    """Milliseconds of what a decision reads, for somebody with a seat and for somebody without."""
    with here.app.app_context():
        _, account_id, member_id = here.crowd.person(here.crowd.people // 2)
        held = median(lambda: load_facts(db.session, account_id, "tag", member_id))
        _, account_id, member_id = here.crowd.person(here.crowd.people)
        with unit_of_work():
            service.unassign_seat(here.crowd.license_id, member_id)
        found = {"held": held, "none": median(lambda: load_facts(db.session, account_id, "tag", member_id))}
        db.session.rollback()
        return found


def token_requests(big: Place, empty: Place) -> tuple[float, float]:
    """Median milliseconds of a refresh in each database, asked in turns so that both see the same machine."""
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(REFRESHES):
        for index in (0, 1) if turn % 2 else (1, 0):
            found[index].append((big, empty)[index].refresh() * 1000)
    return statistics.median(found[0]), statistics.median(found[1])


def suspension(stack: ExitStack, here: Place, count: int, ear: Ear) -> dict[str, float]:
    """Suspend the organization of `count` grants: seconds of the commit, of the comparison, of the last notice."""
    signed_in(here, count)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onix-worker-")))
    worker = Process(
        [sys.executable, "-m", "idp.cli", "worker"], log=folder / "worker.log", env=here.provider.env, cwd=ROOT
    )
    stack.callback(worker.stop)
    with here.app.app_context():

        def left(*which: Any) -> int:
            rows = db.session.scalar(select(func.count()).select_from(which[0]).where(*which[1:]))
            db.session.rollback()
            return int(rows or 0)

        with unit_of_work():
            queue_logout(client_id="nobody", sub="nobody", sid=None)
        _until(worker, lambda: not left(Delivery, Delivery.settled_at.is_(None)))  # it is at work
        began = perf_counter()
        with unit_of_work():
            service.suspend_organization(here.crowd.organization_id)
        found = {"commit": perf_counter() - began}
        _until(worker, lambda: not left(LossCheck))
        found["compared"] = perf_counter() - began
        _until(worker, lambda: not left(Delivery, Delivery.settled_at.is_(None)))
        found["told"] = perf_counter() - began
        found["heard"] = float(len(ear.heard))
    return found


def _until(worker: Process, check: Callable[[], bool]) -> None:
    while not check():
        assert worker.running, worker.text()[-2000:]
        sleep(0.2)


def report(people: int, organizations: int, count: int) -> str:
    """Measure, and say it as Markdown."""
    with ExitStack() as stack:
        before = os.getloadavg()[0]
        cluster = Cluster(durable=True)
        stack.callback(cluster.stop)
        ear = Ear()
        stack.callback(ear.stop)
        empty = place(stack, cluster, "empty", 1, 1, ear)
        began = perf_counter()
        big = place(stack, cluster, "big", people, organizations, ear)
        built = perf_counter() - began
        read = facts(big)
        one, other = token_requests(big, empty)
        ended = suspension(stack, big, count, ear)
        after = os.getloadavg()[0]
    return "\n".join(
        [
            f"{people} people in one of {organizations} organizations, PostgreSQL (durable), {os.cpu_count()} cores; "
            f"built in {built:.0f} s; load average {before:.1f} before, {after:.1f} after.",
            "",
            "| what | figure | goal |",
            "| --- | --- | --- |",
            f"| facts of a decision, a seat held | {read['held']:.1f} ms | |",
            f"| facts of a decision, no seat held | {read['none']:.1f} ms | |",
            f"| token request (refresh), big and empty database | {one:.1f} and {other:.1f} ms, {one / other:.2f} | "
            f"{_met(one / other, RATIO)} |",
            f"| suspending the organization, the commit | {ended['commit']:.3f} s | {_met(ended['commit'], COMMIT)} |",
            f"| {count} grants compared by one worker | {ended['compared']:.1f} s, "
            f"{count / ended['compared']:.0f} a second | |",
            f"| {ended['heard']:.0f} notices delivered to one application | {ended['told']:.1f} s, "
            f"{ended['heard'] / ended['told']:.0f} a second | |",
        ]
    )


def _met(figure: float, goal: float) -> str:
    return f"under {goal:g}: {'met' if figure < goal else '**missed**'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--organizations", type=int, default=10_000)
    parser.add_argument("--signed-in", type=int, default=2_000, help="of whom an application has to hear")
    chosen = parser.parse_args()
    print(report(chosen.people, chosen.organizations, min(chosen.signed_in, chosen.people)))


if __name__ == "__main__":
    main()
