"""How long a sign-in counts for the platform's administration, pure (security R32)."""

from __future__ import annotations

IDLE = 30 * 60
ABSOLUTE = 12 * 3600


def fresh(*, auth_time: int, administered_at: int, now: int) -> bool:
    """Whether the sign-in still opens these pages: 12 hours from the password, 30 minutes from their last use.

    `administered_at` is when a page of the administration was last opened in this session, 0 for never. Other pages
    don't count: whoever finds the browser open must not be let in by the launcher.
    """
    return now < auth_time + ABSOLUTE and now < max(auth_time, administered_at) + IDLE
