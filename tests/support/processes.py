"""Child processes that end with the test run, whatever happens to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .needs import find_program


class Process:
    """One child with its own process group and its output in a file. `stop` ends the whole group."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        setpriv = find_program("setpriv")
        prefix: list[str] = []
        if user and setpriv:
            prefix = [setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        if setpriv:
            prefix = [*(prefix or [setpriv]), "--pdeathsig", "TERM"]
        self.log = log
        self._output = log.open("ab")
        self.popen = subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """The whole group at once, without a farewell: what a crashed machine does."""
        self._signal(signal.SIGKILL)
        self.popen.wait(60)
        self._output.close()

    def stop(self, how: int = signal.SIGTERM, seconds: float = 10) -> int:
        """Ask the group to end, insist after `seconds`; returns the exit status."""
        self._signal(how)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            return self.popen.wait(60)
        finally:
            self._signal(signal.SIGKILL)
            self._output.close()

    def _signal(self, how: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, how)


def clean_environment(**values: str) -> dict[str, str]:
    """The environment without anything of ours, plus `values`; children see only what the test says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONIX_", "RP_"))}
    return {**kept, **values}


def descendants(pid: int) -> list[int]:
    """Every process that descends from this one."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found: list[int] = []
    front = {pid}
    while front:
        front = {child for child, parent in pairs if parent in front}
        found += sorted(front)
    return found


def runs(pid: int) -> bool:
    """Whether a process lives: one that has ended and was not yet fetched has no command any more."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False
