"""The clock of the applications. In the demo it follows the same file as the provider's (`ONIX_CLOCK_FILE`)."""

from __future__ import annotations

import os
import time
from pathlib import Path


def now() -> int:
    """Whole seconds since 1970-01-01 UTC, with the demo's shift added."""
    name = os.environ.get("ONIX_CLOCK_FILE")
    if not name:
        return int(time.time())
    try:
        return int(time.time()) + int(Path(name).read_text() or 0)
    except (OSError, ValueError):
        return int(time.time())
