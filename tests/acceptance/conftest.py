"""The demo as `make run` starts it, once for each test process, and the commands aimed at its database."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.acceptance.house import Guest
from tests.support.commands import runner
from tests.support.demo import PASSPHRASE, Demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("accepted"))
    yield demo
    assert demo.process.stop(signal.SIGTERM, seconds=90) == 0, "asked to end as a service manager does"


@pytest.fixture
def run(demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """`run("org", "list", "--json")`: a command on the running demo's database; gives what it printed."""
    return runner(demo.told, monkeypatch, capsys)


@pytest.fixture
def shell(demo: Demo) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The same in a process of its own, as an administrator types it."""

    return demo.command


@pytest.fixture
def guest_of(demo: Demo) -> Callable[..., Guest]:
    """`guest_of("allow@demo.example")`: a fresh browser of this person."""

    def make(address: str, password: str = PASSPHRASE, **options: Any) -> Guest:
        return Guest.of(address, password, demo.base, **options)

    return make
