"""When a session is alive, pure."""

from __future__ import annotations

from collections.abc import Sequence

ACR_PASSWORD = "urn:onix:acr:1"
ACR_TWO_FACTORS = "urn:onix:acr:2"

# A session is marked as used at most this often, in seconds: reading pages must not cost a write each.
SEEN_EVERY = 60


def alive(*, ended_at: int | None, last_seen_at: int, expires_at: int, idle: int, now: int) -> bool:
    """Whether a session counts: not ended, used within `idle` seconds, before its absolute end (R32)."""
    return ended_at is None and now < expires_at and now < last_seen_at + idle


def recent(*, auth_time: int, within: int, now: int) -> bool:
    """Whether a sign-in at `auth_time` still counts as fresh proof of who is there, `within` seconds (R27)."""
    return now < auth_time + within


BY_CODE = ("otp", "mfa")
"""What a code adds to the password: of an authenticator app, or one of the recovery codes (RFC 8176)."""


def acr_of(amr: Sequence[str]) -> str:
    """The class of a sign-in by its methods (RFC 8176 names): two factors, or one."""
    return ACR_TWO_FACTORS if "mfa" in amr else ACR_PASSWORD


def by_passkey(*, synced: bool) -> tuple[str, ...]:
    """The methods of a passkey with user verification: a key in hardware, or one that is copied between devices, and
    the person shown to it. That is two factors at once."""
    return ("swk" if synced else "hwk", "user", "mfa")


def together(first: Sequence[str], then: Sequence[str]) -> list[str]:
    """The methods of a sign-in in two steps, each once; `mfa`, which is said of all of them, stands last."""
    named = dict.fromkeys((*first, *then))
    mfa = named.pop("mfa", "absent") is None
    return [*named, *(("mfa",) if mfa else ())]


def confirmed(before: Sequence[str], shown: Sequence[str]) -> list[str]:
    """The methods of a session whose person has shown once more who they are: it never becomes a weaker one."""
    weaker = acr_of(shown) == ACR_PASSWORD and acr_of(before) == ACR_TWO_FACTORS
    return together(before, shown) if weaker else list(shown)
