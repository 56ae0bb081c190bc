"""RSA keys of the provider, kept for all tests of a process: making and reading one takes longer than most tests do."""

from __future__ import annotations

import threading
from typing import Any

from joserfc.jwk import RSAKey


class Kept:
    """Stands where `idp.oidc.keys` looks for `RSAKey`. The keys are real; every test gets them in the same order."""

    def __init__(self) -> None:
        self._made: list[RSAKey] = []
        self._read: dict[tuple[bytes, str], RSAKey] = {}
        self._taken = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """A test begins: no key is taken yet."""
        self._taken = 0

    def generate_key(self, size: int) -> RSAKey:
        """A key that this test has not had before."""
        with self._lock:
            if self._taken == len(self._made):
                self._made.append(RSAKey.generate_key(size))
            self._taken += 1
            return self._made[self._taken - 1]

    def import_key(self, pem: bytes, parameters: dict[str, Any]) -> RSAKey:
        with self._lock:
            name = (pem, parameters["kid"])
            if name not in self._read:
                self._read[name] = RSAKey.import_key(pem, parameters)
            return self._read[name]
