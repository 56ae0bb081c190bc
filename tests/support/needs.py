"""Programs that tests need from the machine: found in Debian's places, skipped when missing, never skipped in CI."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import NoReturn, TypeVar

import pytest

PLACES = ("/usr/lib/postgresql/15/bin", "/usr/bin", "/usr/sbin", "/usr/local/bin")
ROOT = Path(__file__).resolve().parents[2]

T = TypeVar("T")


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where nothing may be skipped (`CI` is set)."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and in CI nothing is skipped", pytrace=False)
    pytest.skip(f"{what} is missing")


def find_program(*names: str) -> str | None:
    """The first of these programs that the machine has."""
    path = os.pathsep.join(PLACES) + os.pathsep + os.environ.get("PATH", "")
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def program(*names: str) -> str:
    """Like `find_program`, but a missing one skips the test."""
    return find_program(*names) or missing(names[0])


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_block(size: int = 20) -> int:
    """The first port of `size` neighbours that are all free: what the demo takes."""
    for start in range(21000 + (os.getpid() * 37) % 9000, 32000, size):
        try:
            probes = []
            for port in range(start, start + size):
                probe = socket.socket()
                probes.append(probe)
                probe.bind(("127.0.0.1", port))
            return start
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no free block of ports")


def wait_until(check: Callable[[], T | None], *, seconds: float = 15, what: str = "it") -> T:
    """Ask again and again until `check` gives something true; fails after `seconds`."""
    end = monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if monotonic() > end:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        sleep(0.05)


def listens(port: int) -> bool:
    """Whether something on 127.0.0.1 takes a connection on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
