"""A real SMTP server that keeps what it is given."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from .needs import free_port, wait_until


@dataclass(frozen=True)
class Letter:
    """One mail as it arrived. `text` and `html` are its two bodies, decoded."""

    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def to(self) -> str:
        return str(self.message["To"])

    @property
    def sender(self) -> str:
        return str(self.message["From"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        return str(part.get_content()) if part else ""

    @property
    def html(self) -> str:
        part = self.message.get_body(("html",))
        return str(part.get_content()) if part else ""

    @property
    def links(self) -> list[str]:
        """Every address in the text body, in order."""
        return re.findall(r"https?://[^\s<>\"]+", self.text)


class Sink:
    """Listens on `url`. `reply`, when set, is what it answers instead of accepting (`"451 busy"`)."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.reply: str | None = None
        self.attempts = 0
        self._lock = threading.Lock()
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        with self._lock:
            self.attempts += 1
            if self.reply:
                return self.reply
            message = message_from_bytes(envelope.content, policy=policy.default)
            self.letters.append(Letter(tuple(envelope.rcpt_tos), message))  # type: ignore[arg-type]
        return "250 taken"

    def to(self, address: str) -> list[Letter]:
        """What came for this address, oldest first."""
        return [letter for letter in self.letters if address in letter.recipients]

    def wait(self, address: str, count: int = 1) -> Letter:
        """The `count`-th letter for this address, waited for."""
        return wait_until(
            lambda: self.to(address)[count - 1] if len(self.to(address)) >= count else None,
            what=f"letter {count} to {address}",
        )

    def clear(self) -> None:
        with self._lock:
            self.letters.clear()
            self.reply = None
            self.attempts = 0

    def stop(self) -> None:
        self._controller.stop()
