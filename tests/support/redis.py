"""A throw-away Redis 7 on a random port of the loopback, without a file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .needs import find_program, free_port, listens, missing, wait_until
from .processes import Process


class Redis:
    def __init__(self) -> None:
        server = find_program("redis-server", "valkey-server")
        if not server:
            missing("Redis 7 (package redis-server)")
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="onix-redis-")
        folder = Path(self._folder.name)
        self.process = Process(
            [
                server,
                "--bind",
                "127.0.0.1",
                "--port",
                str(self.port),
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                str(folder),
            ],
            log=folder / "log",
        )
        wait_until(lambda: listens(self.port), what="Redis's start")

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        self.process.stop()
        self._folder.cleanup()
