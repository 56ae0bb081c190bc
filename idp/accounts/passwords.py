"""Password hashes: argon2id, a bounded number at once, and the same work for accounts that do not exist (R25, P33)."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from flask import current_app

from idp.kernel.database import db
from idp.kernel.secrets import random_handle
from idp.settings import Passwords, current_settings

from . import policy


@dataclass(frozen=True)
class PasswordVerdict:
    """ok: the password is right.  rehash: it is, and was hashed with other parameters than today's."""

    ok: bool
    rehash: bool = False


class _Hashing:
    """One per application: the hasher with its parameters, and the few threads that hash.

    They bound memory and processor use: a thread keeps the memory of its hash, and a server has many threads.
    """

    def __init__(self, settings: Passwords) -> None:
        self.max_length = settings.max_length
        self.hasher = PasswordHasher(
            time_cost=settings.time_cost, memory_cost=settings.memory_cost, parallelism=settings.parallelism
        )
        self.threads = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="hash")
        self.nobody = self.hasher.hash(random_handle())


_building = threading.Lock()


def _hashing() -> _Hashing:
    found = current_app.extensions.get("onix_passwords")
    if found is None:
        with _building:
            found = current_app.extensions.get("onix_passwords")
            if found is None:
                found = _Hashing(current_settings().passwords)
                current_app.extensions["onix_passwords"] = found
    return found


def _prepare(password: str) -> bytes:
    """NFC, the one normalisation before hashing (R22). Lone surrogates become bytes that no other text has."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def hash_password(password: str) -> str:
    """Hash for storing. Takes tens of milliseconds: refuses to run inside a unit of work."""
    _outside()
    hashing = _hashing()
    return hashing.threads.submit(hashing.hasher.hash, _prepare(password)).result()


def verify(stored: str | None, password: str) -> PasswordVerdict:
    """Compare. None (no such account, or no password set) costs the same time and is wrong.

    A stored text that is no argon2 hash counts as wrong, never as an error. More than the allowed length is wrong
    without hashing: no account can have such a password, so it tells nothing.
    """
    _outside()
    hashing = _hashing()
    if len(password) > 4 * hashing.max_length or len(unicodedata.normalize("NFC", password)) > hashing.max_length:
        return PasswordVerdict(False)
    try:
        hashing.threads.submit(hashing.hasher.verify, stored or hashing.nobody, _prepare(password)).result()
    except (Argon2Error, InvalidHashError, UnicodeError):
        return PasswordVerdict(False)
    if stored is None:
        return PasswordVerdict(False)
    return PasswordVerdict(True, hashing.hasher.check_needs_rehash(stored))


def problem(password: str, context: Iterable[str], min_length: int | None = None) -> Any | None:
    """Why this can't be a password (a lazy sentence), or None; `min_length` defaults to the setting."""
    settings = current_settings().passwords
    return policy.password_problem(
        password, context, min_length=min_length or settings.min_length, max_length=settings.max_length
    )


def _outside() -> None:
    if db.session.info.get("unit_of_work"):
        raise RuntimeError("passwords are hashed outside of transactions")
    if db.session().in_transaction():
        db.session.commit()
