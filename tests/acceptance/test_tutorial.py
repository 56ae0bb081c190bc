"""The commands of docs/tutorials/first-sign-in.md, as written there, open Onix Tag one reason at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.house import Guest
from tests.support.demo import PASSPHRASE, Demo
from tests.support.needs import ROOT, wait_until

pytestmark = pytest.mark.slow

PERSON = "kari.nordmann@fjellheis.example"
STEPS = {
    "org add-member": "contact_only",
    "org set-active": "license_missing",
    "license list": "license_missing",
    "license assign": "privilege_missing",
    "role assign": "allow",
}


def test_a_newcomer_makes_themselves_a_user(
    demo: Demo, run: Callable[..., Any], guest_of: Callable[..., Guest]
) -> None:
    page = Path(ROOT, "docs", "tutorials", "first-sign-in.md").read_text(encoding="utf-8")
    commands = re.findall(r"^ +\.venv/bin/onix-account ([^#\n]+?)(?: +#.*)?$", page, re.MULTILINE)
    assert [" ".join(command.split()[:2]) for command in commands] == list(STEPS)
    run(
        "user", "create", PERSON, "--given-name", "Kari", "--family-name", "Nordmann", "--verified",
        "--password-stdin", "--keep-password", stdin=PASSPHRASE + "\n",
    )  # fmt: skip
    sold = run("license", "list", "--organization", "nordic-lift", "--json")
    free = next(row["id"] for row in sold if row["edition"] == "tag:standard" and row["held"] < row["seats"])
    guest, base = guest_of(PERSON), demo.apps["tag"]
    guest.open(base)
    assert guest.verdict(base) == "no_organization"
    for command, code in zip(commands, STEPS.values(), strict=True):
        run(*command.replace("LICENSE_ID", free).split())

        def seen(code: str = code) -> bool:
            guest.look(base)
            return guest.verdict(base) == code

        wait_until(seen, what=f"{code} after {command}")
