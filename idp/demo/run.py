"""`make run`: one supervisor, everything else in processes of their own that speak HTTP and SMTP.

The block of ports: provider P, applications P+1 to P+5, the demo's mail server P+11. Everything that is kept
lies in `.run/` (or `ONIX_DEMO_FOLDER`); removing that folder starts afresh.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, MappingProxyType
from urllib.error import URLError

from idp.settings import ROOT

from . import ENVIRONMENT

FOLDER = Path(os.environ.get("ONIX_DEMO_FOLDER") or ROOT / ".run")  # tests keep a demo of their own elsewhere
DATABASE = FOLDER / "onix-account.sqlite3"
PATIENCE = 60  # seconds until a part that does not answer counts as broken
CUSTOMERS = "customers.json"
"""Each supplier's customers by id, for the documents that the demo lets Onix Express show."""
DELIVERIES = "deliveries"
"""The folder through which Onix Work hands documents to Onix Express."""
SINK = 11  # the mail server's place in the block


@dataclass
class Part:
    """One process of the demo. `answers` says whether it is up."""

    name: str
    command: list[str]
    environment: dict[str, str]
    answers: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def log(self) -> Path:
        return FOLDER / "logs" / f"{self.name.lower().replace(' ', '-')}.log"

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    @property
    def ended(self) -> int | None:
        return self.process.poll() if self.process else None


def _end_with_parent() -> None:
    """Linux: a part gets SIGTERM when the supervisor is gone, however that came."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def environment(port: int) -> dict[str, str]:
    """What every part of the provider is told; secrets are made once and stay in the folder."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ONIX_", "RP_"))},
        "ONIX_ENVIRONMENT": "demo",
        "ONIX_ISSUER": f"http://localhost:{port}",
        "ONIX_DATABASE_URL": f"sqlite:///{DATABASE}",
        "ONIX_MAIL_URL": f"smtp://127.0.0.1:{port + SINK}",
        "ONIX_CLOCK_FILE": str(FOLDER / "clock"),
        "ONIX_DEMO_MAIL": str(FOLDER / "mail.jsonl"),
        "ONIX_SECRET_KEY_FILE": str(_secret("secret_key")),
        "ONIX_KEY_ENCRYPTION_KEY_FILE": str(_secret("key_encryption_key")),
        # Scripts come from one network address, and write to one mailbox.
        "ONIX_THROTTLE__FAILURES_PER_ADDRESS": "10000",
        "ONIX_THROTTLE__MAILS_PER_ADDRESS": "100",
        "ONIX_THROTTLE__MAILS_PER_NETWORK": "100000",
        "ONIX_THROTTLE__REQUESTS_PER_MINUTE": "100000",
        "ONIX_THROTTLE__AUTHORIZATIONS_PER_MINUTE": "100000",
        "ONIX_THROTTLE__API_REQUESTS_PER_MINUTE": "100000",
        "PYTHONUNBUFFERED": "1",
    }


def _secret(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path


def _application(
    name: str,
    module: str,
    client_id: str,
    resource: str,
    port: int,
    place: int,
    *,
    native: bool = True,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Part:
    """A relying party: it gets no setting of the provider but its address and the demo's clock."""
    base = f"http://localhost:{port + place}"
    told = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("ONIX_", "RP_"))},
        "RP_ISSUER": f"http://localhost:{port}",
        "RP_CLIENT_ID": client_id,
        "RP_CLIENT_SECRET": f"{client_id}-secret",
        "RP_DESKTOP_CLIENT_ID": f"{client_id}-desktop" if native else "",
        "RP_BASE_URL": base,
        "RP_RESOURCE": resource,
        "RP_DATABASE": str(FOLDER / f"{module}.sqlite3"),
        "RP_SECRET_KEY": _secret(f"{module}_secret_key").read_text(),
        "ONIX_CLOCK_FILE": str(FOLDER / "clock"),
        "PORT": str(port + place),
        "PYTHONUNBUFFERED": "1",
        **more,
    }
    return Part(name, [sys.executable, "-m", f"clients.{module}"], told, lambda: _serves(f"{base}/healthz/live"))


def parts(port: int) -> tuple[Part, Part, list[Part]]:
    """(provider, worker, what needs neither of them to start)."""
    told = environment(port)
    provider = Part(
        "Onix Account",
        [sys.executable, "-m", "idp.cli", "serve", "--port", str(port), "--workers", "1"],
        told,
        lambda: _serves(f"http://127.0.0.1:{port}/healthz/ready"),
    )
    worker = Part("Worker", [sys.executable, "-m", "idp.cli", "worker"], told, lambda: _says(worker, b"worker_started"))
    others = [
        Part(
            "Mail sink",
            [sys.executable, str(ROOT / "idp" / "demo" / "sink.py"), str(port + SINK), told["ONIX_DEMO_MAIL"]],
            told,
            lambda: _listens(port + SINK),
        ),
        _application("Onix Tag", "tag", "onix-tag", "urn:onix:tag", port, 1),
        _application("Onix Pick and Pack", "pick_and_pack", "onix-pick-and-pack", "urn:onix:pickandpack", port, 2),
        _application(
            "Onix Express",
            "express",
            "onix-express",
            "urn:onix:express",
            port,
            3,
            native=False,
            more={"RP_SAMPLES": str(FOLDER / CUSTOMERS), "RP_DELIVERIES": str(FOLDER / DELIVERIES)},
        ),
        _application(
            "Onix Work",
            "work",
            "onix-work",
            "urn:onix:work",
            port,
            4,
            native=False,
            more={"RP_DELIVERIES": str(FOLDER / DELIVERIES)},
        ),
        _application("OneOffice", "oneoffice", "onix-oneoffice", "urn:onix:oneoffice", port, 5, native=False),
    ]
    return provider, worker, others


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _serves(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError, ValueError):
        return False


def _says(part: Part, words: bytes) -> bool:
    return part.log.exists() and words in part.log.read_bytes()


def busy(port: int) -> list[int]:
    """Which ports of the block are taken by someone else."""
    taken = []
    for wanted in (*range(port, port + 6), port + SINK):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                taken.append(wanted)
    return taken


def prepare(port: int) -> list[dict[str, str]]:
    """Migrate, seed an empty database, aim the demo's clients at this block; gives the demo people."""
    os.environ.update({name: value for name, value in environment(port).items() if name.startswith("ONIX_")})
    from idp import create_app
    from idp.migrations import bring_to_head
    from idp.settings import load

    from . import world

    if not DATABASE.exists():
        for stale in ("clock", "mail.jsonl"):
            (FOLDER / stale).unlink(missing_ok=True)
    (FOLDER / ENVIRONMENT).write_text(
        "".join(f"{name}={value}\n" for name, value in environment(port).items() if name.startswith("ONIX_"))
    )
    settings = load(log_level="WARNING", log_format="console")
    app = create_app(settings)
    with app.app_context():
        bring_to_head()
        world.seed(settings, port)
        world.retarget_clients(port)
        (FOLDER / CUSTOMERS).write_text(json.dumps(world.customers()), encoding="utf-8")
        return [{name: str(value) for name, value in person.items()} for person in world.people()]


class _Stopped(Exception):
    """Ctrl-C or SIGTERM."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def run(port: int) -> int:
    """Run the demo until told to stop (0) or until a part of it ends (1)."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    (FOLDER / "logs").mkdir(parents=True, exist_ok=True)
    taken = busy(port)
    if taken:
        _print(
            f"Port {', '.join(map(str, taken))} is in use. Stop what listens there, or choose another block: "
            f"PORT={port + 1000} make run"
        )
        return 1
    started: list[Part] = []
    try:
        provider, worker, others = parts(port)
        # What has run before can start beside the preparations, which then find next to nothing to do.
        first = [provider, worker] if DATABASE.exists() else []
        _start(started, [*first, *others])
        people = prepare(port)
        _start(started, [part for part in (provider, worker) if part not in first])
        broken = _wait(started)
        if broken is None:
            _tell(port, people)
            broken = _watch(started)
        _explain(broken)
        return 1
    except _Stopped:
        return 0
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        _end(started)


def _start(started: list[Part], fresh: list[Part]) -> None:
    for part in fresh:
        part.start()
        started.append(part)


def _wait(started: list[Part]) -> Part | None:
    """Until all answer; gives the first part that ended or stayed silent."""
    missing = list(started)
    give_up = time.monotonic() + PATIENCE
    while missing:
        for part in started:
            if part.ended is not None:
                return part
        missing = [part for part in missing if not part.answers()]
        if missing and time.monotonic() > give_up:
            return missing[0]
        time.sleep(0.05)
    return None


def _watch(started: list[Part]) -> Part:
    while True:
        for part in started:
            if part.ended is not None:
                return part
        time.sleep(0.3)


def _explain(part: Part) -> None:
    last = part.log.read_text(errors="replace").splitlines()[-15:] if part.log.exists() else []
    how = f"ended with code {part.ended}" if part.ended is not None else f"has not answered for {PATIENCE} seconds"
    _print("\n".join([f"{part.name} {how}, so the demo ends. The end of {os.path.relpath(part.log)}:", *last]))


def _end(started: list[Part]) -> None:
    """SIGTERM to all, then SIGKILL to who has not gone within some seconds."""
    alive = [part.process for part in started if part.process and part.process.poll() is None]
    for process in alive:
        _signal(process, signal.SIGTERM)
    give_up = time.monotonic() + 8
    for process in alive:
        try:
            process.wait(max(0.1, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the part and whatever it started: each part is a session of its own."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _tell(port: int, people: list[dict[str, str]]) -> None:
    width = max((len(person["address"]) for person in people), default=0)
    lines = [
        "",
        f"  Onix Account         http://localhost:{port}",
        f"  Onix Tag             http://localhost:{port + 1}",
        f"  Onix Pick and Pack   http://localhost:{port + 2}",
        f"  Onix Express         http://localhost:{port + 3}",
        f"  Onix Work            http://localhost:{port + 4}",
        f"  OneOffice            http://localhost:{port + 5}",
        f"  Mail that was sent   http://localhost:{port}/demo/mail",
        "",
        "  People (passphrase: correct-horse-onix-demo)",
        *(f"    {person['address'].ljust(width)}  {person.get('label', '')}".rstrip() for person in people),
        "",
        f"  Ctrl-C ends it. What is kept lies in {FOLDER}.",
        "ready",
    ]
    _print("\n".join(lines))


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
