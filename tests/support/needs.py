"""Programs that tests need from the machine: found in Debian's places, skipped when missing, never skipped in CI."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import tempfile
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


_PORTS = range(20_000, 32_000)  # below those that the system gives to whoever connects
_register: int | None = None
_ours: set[int] = set()


def _take(port: int) -> bool:
    """Make a port this process's own until it ends, among all test processes of this machine, unless somebody has it.

    A server may listen seconds after its port was chosen, so that nobody listens now is not enough. Each port is a byte
    of one file, locked by who has it.
    """
    global _register
    if port in _ours:
        return False
    if _register is None:
        path = Path(tempfile.gettempdir()) / f"onix-test-ports-{os.geteuid()}"
        _register = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(_register, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _ours.add(port)
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def free_block(size: int = 20) -> int:
    """The first port of `size` neighbours that nobody has and nobody else will get: what the demo takes."""
    first = os.getpid() * 37 * size  # processes that start together seek in different places
    for step in range(0, len(_PORTS), size):
        start = _PORTS[(first + step) % len(_PORTS)]
        if start + size <= _PORTS.stop and all(_take(port) for port in range(start, start + size)):
            return start
    raise RuntimeError("no free block of ports")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has and nobody else will get."""
    return free_block(1)


def wait_until(check: Callable[[], T | None], *, seconds: float = 90, what: str = "it") -> T:
    """Ask again and again until `check` gives something true; fails after `seconds`.

    The end is far off, for machines that have other work: no promise of the product is measured by it.
    """
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
