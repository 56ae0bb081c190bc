"""The rules about second factors, pure: what protects an account, and what must not be taken away."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

STEP = 30
"""Seconds that a code of an authenticator app is shown (RFC 6238 §5.2)."""

CODES = 10
CODE_LENGTH = 16
CODE_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Recovery codes: so many, of so many signs, none of which looks like another. 79 random bits each."""

MOST_PASSKEYS = 20
NAME_LENGTH = 60

Kept = Literal["password", "passkey", "authenticator"]


@dataclass(frozen=True, slots=True)
class Methods:
    """What an account can be signed in with. `codes` are the recovery codes left."""

    password: bool = False
    authenticator: bool = False
    passkeys: int = 0
    codes: int = 0

    @property
    def second_factor(self) -> bool:
        """Whether the password alone opens nothing any more (docs/decisions/0022)."""
        return self.authenticator or self.passkeys > 0


def last_way_in(methods: Methods, removed: Kept) -> bool:
    """Whether taking one of these away would leave nothing to begin a sign-in with: the password or a passkey.

    An authenticator app only ever goes with a password, so it is never the last way in.
    """
    if removed == "password":
        return methods.passkeys == 0
    return removed == "passkey" and methods.passkeys <= 1 and not methods.password


def steps_around(now: int) -> tuple[int, ...]:
    """The time steps whose code counts now: this one and one to each side (security R30)."""
    step = now // STEP
    return (step, step - 1, step + 1)


def typed_code(text: str | None) -> str:
    """A code as it is compared: what people put between the signs goes, capitals are small."""
    folded = unicodedata.normalize("NFKC", (text or "")[:100]).casefold()
    return "".join(sign for sign in folded if sign.isalnum())


def shown_code(code: str) -> str:
    """A recovery code in groups of four, as it is shown and printed."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def passkey_name(text: str | None) -> str:
    """A typed name as it is kept: one line, printable, at most `NAME_LENGTH` signs; may come out empty."""
    normal = unicodedata.normalize("NFC", (text or "")[:500])
    return " ".join("".join(sign if sign.isprintable() else " " for sign in normal).split())[:NAME_LENGTH].strip()
