"""How fast a loss arrives: from the commit that takes a seat or a role to the first request that Onix Tag refuses.

Provider, worker and Tag are processes, the database is a durable PostgreSQL. Everybody has signed in to Tag; then seats
and roles are taken, twenty a second, by the service that an administrator's page calls, and Tag is asked with each old
cookie again and again. After that Tag is stopped, more is taken, and Tag comes back.
`python -m tests.bench.run --propagation`.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import queue
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

from idp.kernel.database import unit_of_work
from idp.organizations import service
from tests.acceptance.house import Guest, Shop
from tests.bench import crowd
from tests.support.configuration import settings
from tests.support.databases import build_schema
from tests.support.live import Live
from tests.support.needs import listens, wait_until
from tests.support.postgresql import Cluster
from tests.support.server import Provider
from tests.support.world import World

RATE = 20.0  # removals a second
LOOK = 0.05  # seconds between two requests with the same old cookie
PATIENCE = 30.0  # seconds after which a removal counts as lost
WATCHERS = 4
GOAL, BACK = 1.0, 10.0  # seconds: 99 of 100 removals; all that an application missed while it was away


@dataclass(frozen=True)
class Found:
    """Seconds from commit to refusal of each removal, sorted; how many never came; removals a second; load average."""

    seconds: list[float]
    lost: int
    rate: float
    load: float

    def at(self, share: float) -> float:
        """A percentile: `at(0.99)`."""
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * share))] if self.seconds else 0.0


class Watch:
    """Asks Tag with old cookies until each is refused; `since` is when that cookie should have died."""

    def __init__(self, base: str) -> None:
        self.place = urlsplit(base).netloc
        self.waiting: queue.Queue[tuple[float, float, str]] = queue.Queue()
        self.seconds: list[float] = []
        self.lost = 0
        self._open = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(WATCHERS)]
        for thread in self._threads:
            thread.start()

    def watch(self, since: float, cookie: str) -> None:
        with self._lock:
            self._open += 1
        self.waiting.put((since + LOOK, since, cookie))

    def wait(self) -> None:
        """Until every cookie was refused or given up."""
        while True:
            with self._lock:
                if not self._open:
                    break
            sleep(0.02)
        self._over.set()
        for thread in self._threads:
            thread.join(10)

    def _work(self) -> None:
        line = http.client.HTTPConnection(self.place, timeout=10)
        while not self._over.is_set():
            try:
                due, since, cookie = self.waiting.get(timeout=0.05)
            except queue.Empty:
                continue
            sleep(max(0.0, due - monotonic()))
            try:
                line.request("GET", "/me.json", headers={"Cookie": cookie})
                answer = line.getresponse()
                answer.read()
                refused = answer.status == 401
            except (OSError, http.client.HTTPException):
                line.close()
                refused = False
            now = monotonic()
            if not refused and now - since < PATIENCE:
                self.waiting.put((now + LOOK, since, cookie))
                continue
            with self._lock:
                self._open -= 1
                if refused:
                    self.seconds.append(now - since)
                else:
                    self.lost += 1
        line.close()


class Propagation:
    """The processes, and people who are signed in to Tag, each with one cookie."""

    def __init__(self, stack: ExitStack, people: int) -> None:
        from idp import create_app

        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onix-propagation-")))
        cluster = Cluster(durable=True)
        stack.callback(cluster.stop)
        url = cluster.create("propagation")
        build_schema(url)
        # Where a token runs out all the same, Tag asks by itself and shows a denial; only the notice ends its session.
        provider = stack.enter_context(Provider(url, folder, worker=True, ONIX_LIFETIMES__TOKEN="600"))
        self.app = create_app(settings(url, issuer=provider.issuer))
        with self.app.app_context():
            self.crowd = crowd.make(people)
            self.tag = Shop(Live(provider, self.app, World()), "tag", folder)
        stack.callback(lambda: self.tag.stop())
        self.issuer = provider.issuer
        with ThreadPoolExecutor(8) as pool:
            self.cookies = list(pool.map(self._sign_in, range(1, people + 1)))
        self.numbers = itertools.count(1)

    def _sign_in(self, number: int) -> str:
        guest = Guest.of(self.crowd.person(number)[0], crowd.PASSWORD, self.issuer)
        guest.visitor.get(guest.visitor.walk(self.tag.base + "/login", self.tag.base + "/callback"))
        answer = guest.me(self.tag.base)
        assert answer.status_code == 200 and json.loads(answer.text)["verdict"]["decision"] == "allow", answer.text
        port = str(self.tag.port)
        return "; ".join(
            f"{cookie.name}={cookie.value}" for cookie in guest.visitor.http.cookies if f"-{port}-" in cookie.name
        )

    def take(self) -> tuple[float, str]:
        """Take the next person's seat or role, in turns; gives the instant after the commit, and the old cookie."""
        number = next(self.numbers)
        member_id = self.crowd.person(number)[2]
        with self.app.app_context(), unit_of_work():
            if number % 2:
                service.unassign_seat(self.crowd.license_id, member_id)
            else:
                service.unassign_role(member_id, self.crowd.role_id)
        return monotonic(), self.cookies[number - 1]

    def paced(self, count: int, each: Callable[[float, str], None]) -> float:
        """`count` removals at `RATE`; gives the rate that was reached."""
        began = monotonic()
        for index in range(count):
            sleep(max(0.0, began + index / RATE - monotonic()))
            each(*self.take())
        return count / max(monotonic() - began, 1 / RATE)

    def while_running(self, count: int) -> Found:
        watch = Watch(self.tag.base)
        rate = self.paced(count, watch.watch)
        watch.wait()
        return Found(sorted(watch.seconds), watch.lost, rate, os.getloadavg()[0])

    def while_away(self, count: int, seconds: float) -> Found:
        """Stop Tag, take `count` things, start it `seconds` later; counted from its first answer."""
        self.tag.stop()
        wait_until(lambda: not listens(self.tag.port), what="the end of Tag")
        began, cookies = monotonic(), []
        rate = self.paced(count, lambda _since, cookie: cookies.append(cookie))
        sleep(max(0.0, began + seconds - monotonic()))
        self.tag.process = self.tag._start()
        back, watch = monotonic(), Watch(self.tag.base)
        for cookie in cookies:
            watch.watch(back, cookie)
        watch.wait()
        return Found(sorted(watch.seconds), watch.lost, rate, os.getloadavg()[0])


def report(removals: int, away: float) -> str:
    """Measure, and say it as Markdown."""
    missed = max(10, removals // 10)
    with ExitStack() as stack:
        before = os.getloadavg()[0]
        bench = Propagation(stack, removals + missed)
        running = bench.while_running(removals)
        absent = bench.while_away(missed, away)
    met = "met" if running.at(0.99) < GOAL and not running.lost else "**missed**"
    back = "met" if absent.at(1) < BACK and not absent.lost else "**missed**"
    return "\n".join(
        [
            f"Provider, worker, Tag and PostgreSQL (durable) as processes on {os.cpu_count()} cores; load average "
            f"{before:.1f} before, {running.load:.1f} and {absent.load:.1f} after the parts.",
            "",
            "| what | removals | a second | p50 s | p99 s | longest s | lost | goal |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            f"| commit to refusal | {removals} | {running.rate:.1f} | {running.at(0.5):.2f} | {running.at(0.99):.2f} | "
            f"{running.at(1):.2f} | {running.lost} | p99 under {GOAL:.0f} s: {met} |",
            f"| back after {away:.0f} s away | {missed} | {absent.rate:.1f} | {absent.at(0.5):.2f} | "
            f"{absent.at(0.99):.2f} | {absent.at(1):.2f} | {absent.lost} | all within {BACK:.0f} s: {back} |",
        ]
    )
