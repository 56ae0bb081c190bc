"""The one clock. Everything that depends on time asks `now()`; pure decisions take it as an argument.

In the demo, `ONIX_CLOCK_FILE` names a file holding a number of seconds; provider, worker and applications add it
to the machine's time, so that a script can advance them all at once (`POST /demo/clock`).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_file: Path | None = Path(os.environ["ONIX_CLOCK_FILE"]) if os.environ.get("ONIX_CLOCK_FILE") else None
_shift = 0


def now() -> int:
    """Whole seconds since 1970-01-01 UTC, with the demo's shift added."""
    return int(time.time()) + shift()


def shift() -> int:
    """Seconds by which this process runs ahead of the machine. Zero outside demo and tests."""
    if _file is None:
        return _shift
    try:
        return int(_file.read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0


def advance(seconds: int) -> int:
    """Move the clock ahead (never back) and return the new shift. Only the demo and tests call this."""
    global _shift
    if seconds < 0:
        raise ValueError("the clock only moves ahead")
    if _file is None:
        _shift += seconds
        return _shift
    moved = shift() + seconds
    beside = _file.with_suffix(".new")
    beside.write_text(str(moved))
    beside.replace(_file)
    return moved


def reset() -> None:
    """Undo `advance` in this process. Tests only; a clock file is left alone."""
    global _shift
    _shift = 0
