"""When a session is alive, pure."""

from __future__ import annotations

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


def acr_of(amr: list[str]) -> str:
    """The class of a sign-in by its methods (RFC 8176 names): two factors, or one."""
    return ACR_TWO_FACTORS if "mfa" in amr else ACR_PASSWORD
