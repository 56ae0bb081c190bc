"""The demo as `make run` starts it, on a block of ports and a folder of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from .needs import ROOT, free_block, wait_until
from .processes import Process, clean_environment

PASSPHRASE = "correct-horse-onix-demo"


class Demo:
    """Provider at `base`, the applications at `apps`; people sign in with `PASSPHRASE`."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.port = port or free_block()
        self.base = f"http://localhost:{self.port}"
        places = {"tag": 1, "pickandpack": 2, "express": 3, "work": 4, "oneoffice": 5}
        self.apps = {app: f"http://localhost:{self.port + place}" for app, place in places.items()}
        self.callback = f"http://localhost:{self.port + 10}/callback"
        self.folder = folder
        self.database_url = f"sqlite:///{folder / 'onix-account.sqlite3'}"
        log = folder / "demo.log"
        log.unlink(missing_ok=True)  # an earlier run in this folder was ready, too
        self.process = Process(
            [sys.executable, "-m", "idp.cli", "demo", "--port", str(self.port)],
            log=log,
            env=clean_environment(ONIX_DEMO_FOLDER=str(folder)),
            cwd=ROOT,
        )
        try:
            wait_until(self._ready, what="the demo's start")
        except BaseException:
            self.stop()
            raise

    def _ready(self) -> bool:
        if not self.process.running:
            raise AssertionError(f"the demo ended:\n{self.process.text()[-6000:]}")
        return re.search(r"^ready$", self.process.text(), re.MULTILINE) is not None

    @property
    def told(self) -> dict[str, str]:
        """What somebody at a shell of the demo's machine exports before the commands (docs/how-to)."""
        return {
            "ONIX_ENVIRONMENT": "demo",
            "ONIX_ISSUER": self.base,
            "ONIX_DATABASE_URL": self.database_url,
            "ONIX_MAIL_URL": f"smtp://127.0.0.1:{self.port + 11}",
            "ONIX_SECRET_KEY_FILE": str(self.folder / "secret_key"),
            "ONIX_KEY_ENCRYPTION_KEY_FILE": str(self.folder / "key_encryption_key"),
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command on the running demo's database, in a process of its own, as an administrator types it."""
        return subprocess.run(
            [sys.executable, "-m", "idp.cli", *arguments],
            cwd=ROOT, env=clean_environment(**self.told), capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def letters(self, address: str) -> list[dict[str, Any]]:
        """The mails that came for this address, oldest first, by the demo's own viewer."""
        found = requests.get(f"{self.base}/demo/mail.json", timeout=30).json()
        return [letter for letter in found if address in str(letter["to"])]

    def letter(self, address: str, subject: str | None = None) -> dict[str, Any]:
        """The newest mail for this address (with this subject), waited for."""
        return wait_until(
            lambda: next(
                (mail for mail in reversed(self.letters(address)) if subject in (None, mail["subject"])), None
            ),
            what=f"a mail to {address}",
        )

    def link(self, letter: dict[str, Any]) -> str:
        """The one link to the provider in a mail's text."""
        found = re.findall(re.escape(self.base) + r"/[^\s<>\"]+", letter["text"])
        assert found, letter["text"]
        return str(found[0])

    def stop(self) -> None:
        self.process.stop(signal.SIGINT, seconds=20)
