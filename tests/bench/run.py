"""`make bench`: what the provider does in a second on this machine, beside yardsticks measured in the same run.

`onix-account serve` runs on a durable throw-away PostgreSQL with two workers. H is a bare Flask answer on the same
server with as many threads, measured again beside each operation; the hash's rate is argon2id with the provider's own
parameters on all cores. Machines are noisy: read the ratios, not the absolute numbers. `--seconds` is the time for each
operation, `--repeats` how often (the median counts). The last part, `--propagation`, is how fast a loss arrives.
"""

from __future__ import annotations

import argparse
import base64
import os
import platform
import re
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any
from urllib.parse import urlencode, urlsplit

import argon2

from idp.serve import Options
from tests.bench import propagation
from tests.bench.load import CONNECTIONS, Hand, Load, Request, Result, run
from tests.support.configuration import settings
from tests.support.databases import build_schema
from tests.support.flow import Application, Visitor, pkce
from tests.support.forms import form_with
from tests.support.live import CALLBACK, Live
from tests.support.needs import ROOT, free_port, listens, wait_until
from tests.support.postgresql import Cluster
from tests.support.processes import Process, clean_environment
from tests.support.server import Provider
from tests.support.world import World

WORKERS = 2
THREADS = Options().threads
# What each operation may not fall below: a share of H, or of the hash's rate for signing in.
FLOORS = {
    "discovery": 0.6, "jwks": 0.6, "client_credentials": 0.15, "userinfo": 0.07, "introspection": 0.07,
    "refresh": 0.03, "code flow": 0.015, "password sign-in": 0.7,
}  # fmt: skip
_CONTROL = re.compile(r"(BEGIN|COMMIT|ROLLBACK)\b")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Row:
    """One line of the table; CPU is milliseconds for each operation."""

    name: str
    result: Result
    cpu: float
    database_cpu: float
    statements: str
    ratio: float | None = None
    of: str = "H"


def cpu_seconds(root: int) -> float:
    """CPU time of a process and everything below it, in seconds."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = sum(map(int, fields[11:15])) / _TICKS
    family, grown = {root}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in family} - family
        family, grown = family | more, bool(more)
    return sum(used.get(member, 0.0) for member in family)


def hash_rate(seconds: float) -> float:
    """argon2id verifications a second with the provider's parameters, on all cores at once."""
    cost = settings("sqlite://", passwords=_real_cost()).passwords
    hasher = argon2.PasswordHasher(cost.time_cost, cost.memory_cost, cost.parallelism)
    hashed = hasher.hash("a passphrase of some length")
    counts: list[int] = []
    end = perf_counter() + seconds

    def work() -> None:
        count = 0
        while perf_counter() < end:
            hasher.verify(hashed, "a passphrase of some length")
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=work) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _real_cost() -> dict[str, int]:
    from idp.settings import Passwords

    cost = Passwords()
    return {"time_cost": cost.time_cost, "memory_cost": cost.memory_cost, "parallelism": cost.parallelism}


class Bench:
    """The provider, its database, and a world of one organization with people, clients and tokens."""

    def __init__(self, stack: ExitStack, seconds: float, repeats: int) -> None:
        self.seconds, self.repeats = seconds, repeats
        self.sent: dict[str, list[str]] = {}
        self.hashes: float | None = None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onix-bench-")))
        self.cluster = Cluster(durable=True)
        stack.callback(self.cluster.stop)
        url = self.cluster.create("bench")
        build_schema(url)
        cost = {f"ONIX_PASSWORDS__{name.upper()}": str(value) for name, value in _real_cost().items()}
        self.provider = stack.enter_context(
            Provider(url, folder, workers_each=WORKERS, served=True, ONIX_ENVIRONMENT="development", **cost)
        )
        self.bare_port = free_port()
        bare = Process(
            [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port",
             str(self.bare_port), "--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--no-ws",
             "--log-level", "warning", "tests.bench.bare:app"],
            log=folder / "bare.log", env=clean_environment(), cwd=ROOT,
        )  # fmt: skip
        stack.callback(bare.stop)
        self.bare = bare
        wait_until(lambda: listens(self.bare_port), what="the bare application's start")
        self._make_world(url)

    def _make_world(self, url: str) -> None:
        from idp import create_app

        app = create_app(settings(url, issuer=self.provider.issuer, passwords=_real_cost()))
        world = World()
        with app.app_context():
            organization = world.organization("bench")
            self.people = [world.user(organization, seat=True) for _ in range(CONNECTIONS)]
            self.live = Live(self.provider, app, world)
            self.application = self.live.application("bench-app", scope="openid profile email")
            self.machine: Application = self.live.application(
                "bench-machine", kind="machine", app_id=None, grant_types=["client_credentials"],
                post_logout_redirect_uris=[],
            )  # fmt: skip
        self.visitors = [Visitor(person.address, World.password) for person in self.people[:8]]
        self.tokens = [self.application.tokens_for(visitor) for visitor in self.visitors for _ in range(8)]

    @property
    def _server(self) -> Process:
        return next(iter(self.provider.web.values()))

    def statements_of(self, name: str, act: Callable[[], Any]) -> str:
        """Statements that reach PostgreSQL for one operation; in brackets with BEGIN, COMMIT and the pool's pings.

        The least of three tries, since now and then a worker reads its keys or a client's row again.
        """
        act()
        self.cluster.execute("ALTER SYSTEM SET log_statement = 'all'")
        self.cluster.execute("SELECT pg_reload_conf()")
        sleep(0.4)
        self.sent[name] = min((self._sent_by(act) for _ in range(3)), key=len)
        self.cluster.execute("ALTER SYSTEM RESET log_statement")
        self.cluster.execute("SELECT pg_reload_conf()")
        sent = self.sent[name]
        return f"{sum(bool(text) and not _CONTROL.match(text) for text in sent)} ({len(sent)})"

    def _sent_by(self, act: Callable[[], Any]) -> list[str]:
        before = self.cluster.process.log.stat().st_size
        act()
        sleep(0.2)
        with self.cluster.process.log.open(errors="replace") as log:
            log.seek(before)
            said = log.read()
        sent = re.findall(r"LOG:  (?:statement|execute [^:]*):[ \t]*(.*(?:\n\t.*)*)", said)
        texts = [" ".join(text.split()).removeprefix(";") for text in sent]
        return [text for text in texts if not text.startswith(("ALTER SYSTEM", "SELECT pg_reload_conf"))]

    def measure(self, name: str, load: Load, once: Callable[[], Any] | None, *, base: str | None = None) -> Row:
        server = self._server if base is None else self.bare
        run(base or self.provider.issuer, load, seconds=1)
        found = []
        ratios = []
        yard = self.yardstick() if base is None else 0.0
        for _ in range(self.repeats):
            fresh = load if load.shape != "refresh" else Load("refresh", load.request, self._refresh_pool())
            before = cpu_seconds(server.pid), cpu_seconds(self.cluster.process.pid)
            result = run(base or self.provider.issuer, fresh, seconds=self.seconds)
            count = max(1, result.operations)
            found.append(
                (
                    result,
                    (cpu_seconds(server.pid) - before[0]) / count * 1000,
                    (cpu_seconds(self.cluster.process.pid) - before[1]) / count * 1000,
                )
            )
            if base is None:  # H just before and just after: both see the same mood of the machine
                earlier, yard = yard, self.yardstick()
                ratios.append(result.rate / ((earlier + yard) / 2))
        found.sort(key=lambda item: item[0].rate)
        result, cpu, database = found[len(found) // 2]
        row = Row(name, result, cpu, database, self.statements_of(name, once) if once else "0 (0)")
        if ratios:
            row.ratio = statistics.median(ratios)
        return row

    def yardstick(self) -> float:
        """H at this moment, for one second: the machine's mood changes faster than a whole run."""
        return run(f"http://127.0.0.1:{self.bare_port}", Load("fixed", Request("GET", "/")), seconds=1).rate

    def _refresh_pool(self) -> tuple[str, ...]:
        """Fresh refresh tokens, four for each connection."""
        return tuple(
            self.application.tokens_for(visitor)["refresh_token"] for visitor in self.visitors for _ in range(8)
        )

    def _basic(self, application: Application) -> dict[str, str]:
        pair = f"{application.client_id}:{application.secret}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}

    def rows(self, only: frozenset[str] = frozenset()) -> list[Row]:
        """The yardstick and every operation, or those chosen."""
        yard = self.measure("H: bare Flask JSON", Load("fixed", Request("GET", "/")), None,
                            base=f"http://127.0.0.1:{self.bare_port}")  # fmt: skip
        return [yard, *(work() for name, work in self._operations().items() if not only or name in only)]

    def _operations(self) -> dict[str, Callable[[], Row]]:
        """How each of `FLOORS` is measured."""
        application, machine = self.application, self.machine
        access = self.tokens[0]["access_token"]
        issuer, token = self.provider.issuer, "/oauth2/token"
        spare = [tokens["refresh_token"] for tokens in self.tokens[-8:]]

        def fixed(name: str, request: Request, once: Callable[[], Any]) -> Callable[[], Row]:
            return lambda: self.measure(name, Load("fixed", request), once)

        def public(name: str, path: str) -> Callable[[], Row]:
            return fixed(name, Request("GET", path), lambda: application.http.get(issuer + path, timeout=10))

        return {
            "discovery": public("discovery", "/.well-known/openid-configuration"),
            "jwks": public("jwks", "/oauth2/jwks"),
            "client_credentials": fixed(
                "client_credentials",
                Request("POST", token, self._basic(machine), "grant_type=client_credentials"),
                lambda: machine.post(token, grant_type="client_credentials"),
            ),
            "userinfo": fixed(
                "userinfo",
                Request("GET", "/oauth2/userinfo", {"Authorization": f"Bearer {access}"}),
                lambda: application.userinfo(access),
            ),
            "introspection": fixed(
                "introspection",
                Request("POST", "/oauth2/introspect", self._basic(application), f"token={access}"),
                lambda: application.introspect(access),
            ),
            "refresh": lambda: self.measure(
                "refresh",
                Load(
                    "refresh",
                    Request("POST", token, self._basic(application), "grant_type=refresh_token&refresh_token=TOKEN"),
                    self._refresh_pool(),
                ),
                lambda: application.refresh(spare.pop()),
            ),
            "code flow": self._flow,
            "password sign-in": self._sign_in,
        }

    def _flow(self) -> Row:
        verifier, challenge = pkce()
        visitor, application = self.visitors[0], self.application
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.http.cookies)
        query = urlencode(
            {
                "response_type": "code", "client_id": application.client_id, "redirect_uri": CALLBACK,
                "scope": "openid profile email", "state": "s", "nonce": "n", "code_challenge": challenge,
                "code_challenge_method": "S256", "prompt": "none",
            }
        )  # fmt: skip
        body = urlencode({"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": verifier})
        load = Load(
            "flow",
            Request("GET", f"/oauth2/authorize?{query}", {"Cookie": cookies}),
            redeem=Request("POST", "/oauth2/token", self._basic(application), f"{body}&code=CODE"),
        )

        def once() -> None:
            application.redeem(*application.code_for(visitor, prompt="none"))

        return self.measure("code flow", load, once)

    def _sign_in(self) -> Row:
        """Posts of the sign-in form by sixteen browsers; the page is fetched once, so the post alone is measured."""
        posts = []
        for number in range(CONNECTIONS):
            person = self.people[number % len(self.people)]
            visitor = Visitor(person.address, World.password)
            page = visitor.get(self.provider.url("/login"))
            form = form_with(page.text, "password", page.url)
            cookie = "; ".join(f"{item.name}={item.value}" for item in visitor.http.cookies)
            body = urlencode(form.filled(identifier=person.address, password=World.password))
            posts.append(Request("POST", urlsplit(form.action).path, {"Cookie": cookie}, body))
        hands = [Hand(self.provider.issuer, Load("fixed", post)) for post in posts]
        rounds = [self._sign_in_once(hands) for _ in range(self.repeats)]
        row = sorted(rounds, key=lambda row: row.ratio or 0)[len(rounds) // 2]
        row.statements = self.statements_of("password sign-in", lambda: hands[0].send(posts[0]))
        return row

    def _sign_in_once(self, hands: list[Hand]) -> Row:
        """One round, between two measurements of the hash alone."""
        hashes = hash_rate(self.seconds)
        for hand in hands:
            hand.times, hand.operations, hand.refused = [], 0, 0
        before = cpu_seconds(self._server.pid), cpu_seconds(self.cluster.process.pid)
        start = perf_counter()
        threads = [threading.Thread(target=hand.until, args=(start + self.seconds,)) for hand in hands]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = perf_counter() - start
        times = sorted(time for hand in hands for time in hand.times)
        count = sum(hand.operations for hand in hands)
        refused = sum(hand.refused for hand in hands)
        if not count:
            raise RuntimeError("nobody could sign in")
        result = Result(count, seconds, statistics.median(times), times[len(times) * 99 // 100], refused)
        cpu = (cpu_seconds(self._server.pid) - before[0]) / count * 1000
        database = (cpu_seconds(self.cluster.process.pid) - before[1]) / count * 1000
        row = Row("password sign-in", result, cpu, database, "")
        self.hashes = hashes = (hashes + hash_rate(self.seconds)) / 2
        row.ratio, row.of = result.rate / hashes, "hash"
        return row


def table(rows: list[Row], hashes: float | None) -> str:
    """The table as Markdown, with what each operation may not fall below."""
    lines = [
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {WORKERS} workers of {THREADS} threads, "
        "PostgreSQL durable, load and database on the same cores.",
        "",
        "| operation | /s | p50 ms | p99 ms | CPU ms + database | statements (all round trips) | ratio | floor |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        floor = FLOORS.get(row.name)
        ratio = "1" if row.ratio is None else f"{row.ratio:.3f} {row.of}"
        mark = "" if floor is None else f"{floor}" + ("" if (row.ratio or 0) >= floor else " **below**")
        refused = f", {row.result.refused} refused" if row.result.refused else ""
        lines.append(
            f"| {row.name} | {row.result.rate:.0f}{refused} | {row.result.p50:.1f} | {row.result.p99:.1f} | "
            f"{row.cpu:.2f} + {row.database_cpu:.2f} | {row.statements} | {ratio} | {mark} |"
        )
    if hashes is not None:
        lines += ["", f"argon2id with the provider's parameters on all cores: {hashes:.1f}/s"]
    return "\n".join(lines)


def _names(text: str) -> frozenset[str]:
    """Operations separated by commas."""
    names = frozenset(name.strip() for name in text.split(","))
    if not names <= FLOORS.keys():
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(names - FLOORS.keys()))}: not measured here")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", type=_names, default=frozenset(), help=f"some of: {', '.join(FLOORS)}")
    parser.add_argument("--statements", action="store_true", help="also print what was sent to PostgreSQL")
    parser.add_argument("--propagation", action="store_true", help="only how fast a loss arrives at an application")
    parser.add_argument("--removals", type=int, default=1000, help="how many seats and roles are taken for that")
    parser.add_argument("--away", type=float, default=60, help="how many seconds the application is away after that")
    chosen = parser.parse_args()
    if not chosen.propagation:
        with ExitStack() as stack:
            bench = Bench(stack, min(chosen.seconds, 60), min(chosen.repeats, 10))
            print(table(bench.rows(chosen.only), bench.hashes), flush=True)
            if chosen.statements:
                for name, sent in bench.sent.items():
                    print(f"\n{name}", *(text[:400] or "ping of the pool" for text in sent), sep="\n  ")
    if chosen.only:
        return
    print("\nHow fast a loss arrives\n", propagation.report(chosen.removals, chosen.away), sep="\n")


if __name__ == "__main__":
    main()
