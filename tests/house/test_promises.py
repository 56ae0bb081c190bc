"""The promises of the specifications: `promises.toml` is whole, and no item of security is forgotten by the tests."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
HERE = Path(__file__).name
PROMISED: dict[str, dict[str, Any]] = tomllib.loads((TESTS / "house" / "promises.toml").read_text())["conformance"]

# Sections A to E, G and H of the list of protocol requirements; F (registration over HTTP), I and J (FAPI) come later.
CONFORMANCE = [*range(1, 76), *range(87, 104)]

# Requirements (R) and traps of the libraries (P) that have no place in this provider yet, and why.
NOT_YET = {
    "R21": "FAPI 2.0 comes later",
    "R41": "ConneX and SCIM come later",
    "R48": "a matter of the project's pipeline, not of the product",
    "R50": "a matter of operation",
}
SECURITY = [f"R{number:02}" for number in range(1, 51)] + [f"P{number:02}" for number in range(1, 36)]
_item = re.compile(r"(?<![A-Za-z0-9])([RPrp])(\d\d)(?![0-9A-Za-z])(?:(?:\s*(?:to|–|-)\s*)[RPrp](\d\d)(?![0-9]))?")

_function = re.compile(r"^def (test_\w+)\(", re.MULTILINE)


def _functions() -> set[str]:
    return {name for file in TESTS.rglob("test_*.py") for name in _function.findall(file.read_text())}


def _named() -> set[str]:
    """Items in docstrings, comments and names of tests: `R26`, `R10 to R12`, `test_r26_…`."""
    found = set()
    for file in TESTS.rglob("test_*.py"):
        if file.name == HERE:
            continue
        for letter, first, last in _item.findall(file.read_text().replace("_", " ")):
            for number in range(int(first), int(last or first) + 1):
                found.add(f"{letter.upper()}{number:02}")
    return found


def test_every_item_of_the_protocol_is_promised_or_excused() -> None:
    assert sorted(map(int, PROMISED)) == CONFORMANCE
    for number, item in PROMISED.items():
        assert bool(item.get("out")) != bool(item.get("tests")), number
        assert item.get("out") or item["title"], number


@pytest.mark.parametrize("number", [number for number, item in PROMISED.items() if "tests" in item])
def test_what_is_promised_is_tested(number: str) -> None:
    missing = set(PROMISED[number]["tests"]) - _FUNCTIONS
    assert not missing, f"{PROMISED[number]['title']}: these tests are gone: {sorted(missing)}"


def test_every_item_of_security_is_named_by_a_test() -> None:
    named = _named()
    assert sorted(set(SECURITY) - named - set(NOT_YET)) == []
    assert sorted(set(NOT_YET) & named) == [], "no longer an excuse"


_FUNCTIONS = _functions()
