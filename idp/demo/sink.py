"""The demo's mail server: takes every mail and appends it to a file, which the mail viewer reads.

Started by the supervisor as `python idp/demo/sink.py PORT FILE`: a program of its own that imports nothing of the
provider, so that it is up at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import uuid
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any


def read(path: Path) -> list[dict[str, Any]]:
    """Every mail that came, oldest first: {id, to, from, subject, text, html, sent_at (UTC seconds)}."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    mails = []
    for line in lines:
        try:
            mails.append(json.loads(line))
        except ValueError:  # the line that is being written just now
            continue
    return mails


class Keeper:
    """aiosmtpd's handler: one JSON line per mail."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        entry = {
            "id": str(uuid.uuid4()),
            "to": ", ".join(envelope.rcpt_tos),
            "from": str(message["From"] or ""),
            "subject": str(message["Subject"] or ""),
            "text": _body(message, "plain"),
            "html": _body(message, "html"),
            "sent_at": _now(),
        }
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        return "250 Taken"


def _now() -> int:
    """UTC seconds on the demo's clock."""
    try:
        return int(time.time()) + int(Path(os.environ.get("ONIX_CLOCK_FILE", "")).read_text() or 0)
    except (OSError, ValueError):
        return int(time.time())


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def main() -> None:
    from aiosmtpd.controller import Controller

    port, path = int(sys.argv[1]), Path(sys.argv[2])
    controller = Controller(Keeper(path), hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    controller.start()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(3600):
        continue
    controller.stop()


if __name__ == "__main__":
    main()
