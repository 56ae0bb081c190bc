"""What one application of the family is, apart from how it signs people in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Blueprint


@dataclass(frozen=True, kw_only=True)
class Product:
    """One application: what it is called, what it says, and what it does once it is open."""

    id: str
    name: str
    slogan: str
    pitch: str
    points: tuple[str, ...]
    blueprint: Blueprint
    schema: str
    seed: Callable[[sqlite3.Connection, str], None]
    translations: dict[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    """Scopes beside those of everybody's sign-in: what it asks of the provider's API, and people's `signature`."""
