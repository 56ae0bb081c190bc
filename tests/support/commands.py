"""Commands of `onix-account`, run in this process as an operator would type them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest


def runner(
    environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """`run("org", "list", "--json")` gives what was printed; `code=` is the exit code that must come."""
    from idp.cli import base, cli

    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, stdin: str | None = None, code: int = base.OK) -> Any:
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        got = base.run(cli, list(arguments))
        out, err = capsys.readouterr()
        assert got == code, f"{arguments}: {got}\n{out}\n{err}"
        return json.loads(out) if "--json" in arguments and code == base.OK else out + err

    return run
