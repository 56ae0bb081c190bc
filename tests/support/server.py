"""The provider as it runs in production: web processes and a worker of their own, spoken to over HTTP."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import requests

from .configuration import environment
from .needs import ROOT, free_port, listens, wait_until
from .processes import Process, clean_environment
from .proxy import RoundRobin


class Provider:
    """`web` processes of one provider behind a round-robin on the issuer's port, and `worker` beside them.

    `served`: they are started by `onix-account serve`, as operators do; otherwise by its server, which is quicker.
    """

    def __init__(
        self,
        database_url: str,
        folder: Path,
        *,
        processes: int = 1,
        worker: bool = False,
        workers_each: int = 1,
        port: int | None = None,
        balanced: bool | None = None,
        served: bool = False,
        **overrides: str,
    ) -> None:
        self.port = port or free_port()
        self.issuer = f"http://localhost:{self.port}"
        self.database_url = database_url
        self.overrides = overrides
        self._folder = folder
        self._numbers = itertools.count(1)
        self._workers_each = workers_each
        self._served = served
        self.web: dict[int, Process] = {}
        self.worker: Process | None = None
        self.proxy: RoundRobin | None = None
        balanced = processes > 1 if balanced is None else balanced
        ports = [free_port() for _ in range(processes)] if balanced else [self.port]
        try:
            for web_port in ports:
                self.start_web(web_port, wait=False)
            if balanced:
                self.proxy = RoundRobin(self.port, ports)
            if worker:
                self.worker = self._start([sys.executable, "-m", "idp.cli", "worker"], "worker")
            for web_port in ports:
                self._wait(web_port)
        except BaseException:
            self.stop()
            raise

    @property
    def env(self) -> dict[str, str]:
        return clean_environment(**environment(self.database_url, self.issuer, **self.overrides))

    def _start(self, command: list[str], name: str) -> Process:
        log = self._folder / f"{name}-{next(self._numbers)}.log"
        return Process(command, log=log, env=self.env, cwd=ROOT)

    def start_web(self, port: int, *, wait: bool = True) -> Process:
        """Start a web process on this port; used again after a kill."""
        options = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(self._workers_each)]
        if self._served:
            command = [sys.executable, "-m", "idp.cli", "serve", *options]
        else:
            quiet = ["--no-ws", "--log-level", "warning"]
            command = [sys.executable, "-m", "granian", "--interface", "wsgi", *options, *quiet, "wsgi:app"]
        self.web[port] = self._start(command, f"web-{port}")
        if wait:
            self._wait(port)
        return self.web[port]

    def _wait(self, port: int) -> None:
        process = self.web[port]

        def answers() -> bool:
            if not process.running:
                raise AssertionError(f"the provider ended at once:\n{process.text()[-4000:]}")
            if not listens(port):
                return False
            try:
                return requests.get(f"http://127.0.0.1:{port}/healthz/live", timeout=30, headers=self.host).ok
            except requests.RequestException:
                return False

        wait_until(answers, what="the provider's start")

    @property
    def host(self) -> dict[str, str]:
        return {"Host": f"localhost:{self.port}"}

    def kill(self, port: int) -> None:
        """End one web process without a farewell, and wait until nothing takes a connection for it any more."""
        self.web.pop(port).kill()
        wait_until(lambda: not listens(port), what="the end of the process")

    def browser(self) -> requests.Session:
        """A browser without JavaScript: cookies kept, redirects followed by hand."""
        session = requests.Session()
        session.trust_env = False
        return session

    def stop(self) -> None:
        for process in [*self.web.values(), *([self.worker] if self.worker else [])]:
            process.stop()
        self.web.clear()
        if self.proxy:
            self.proxy.stop()

    def url(self, path: str) -> str:
        return self.issuer + path

    def __enter__(self) -> Provider:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()
