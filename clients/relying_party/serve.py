"""Running an application on a production server."""

from __future__ import annotations

import logging
import os
import sys

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from clients.relying_party.address import ConfigurationError
from clients.relying_party.bodies import WAITING
from clients.relying_party.settings import load


def serve(app: str, target: str) -> int:
    """Serve the application factory `target` until stopped. Returns the exit code; 2 when it is set up wrongly."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = load(app=app)
    except ConfigurationError as error:
        print(f"{app} can't start: {error}", file=sys.stderr)  # noqa: T201
        return 2
    Granian(
        target,
        address=os.environ.get("HOST", "127.0.0.1"),
        port=settings.port,
        interface=Interfaces.WSGI,
        factory=True,
        workers=int(os.environ.get("RP_WORKERS", "1")),
        blocking_threads=8 + WAITING,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=15_000),
        websockets=False,
        workers_kill_timeout=3,
        log_access=False,
    ).serve()
    return 0
