"""The ladders, pure: what is due for an invitation or a guest at a moment, from when things happened. Instants in UTC
seconds.

A late worker sends the nearest mail only. An end for inactivity is the later of the anniversary and the last warning
plus its days, so whoever is warned late has the full notice; it comes after the last warning, never without it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from idp.kernel.listing import fold
from idp.organizations.numbers import key_of

DAY = 86400


def reminder_due(
    sent_at: int, expires_at: int, told: Collection[int], reminders: Collection[int], now: int
) -> int | None:
    """Which reminder of an open invitation is due: as days before it expires; None when none is.

    `told`: the days of those that were sent. What would have come before the invitation itself is left out.
    """
    if now >= expires_at:
        return None
    passed = [days for days in reminders if sent_at < expires_at - days * DAY <= now]
    nearest = min(passed, default=None)
    return nearest if nearest is not None and all(days > nearest for days in told) else None


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that was sent: how many days before the end, and when."""

    days: int
    at: int


@dataclass(frozen=True, slots=True)
class Inactivity:
    """How a guest who does not come stands. `ends_at`: when it ends as things are, if nobody comes or keeps it.

    due: `warning` (of `days`) or `end` now; None: nothing. next_at: when the next warning or the end comes.
    """

    ends_at: int
    due: Literal["warning", "end"] | None
    days: int | None
    next_at: int


def inactivity(since: int, year: int, warnings: Sequence[int], told: Sequence[Warned], now: int) -> Inactivity:
    """What is due for a guest whose year counts `since`. `year` in days; `told`: the warnings of this year."""
    anniversary = since + year * DAY
    last = min(told, key=lambda one: one.days, default=None)
    ends_at = max(anniversary, last.at + last.days * DAY) if last else anniversary
    left = [days for days in warnings if last is None or days < last.days]
    passed = [days for days in left if ends_at - days * DAY <= now]
    if passed:
        return Inactivity(told_end(since, year, min(passed), now), "warning", min(passed), now)
    if left:
        return Inactivity(ends_at, None, None, ends_at - max(left) * DAY)
    return Inactivity(ends_at, "end" if now >= ends_at else None, None, ends_at)


def told_end(since: int, year: int, days: int, now: int) -> int:
    """The end that a warning of `days` tells when it is sent now."""
    return max(since + year * DAY, now + days * DAY)


def likeness(name: str, number: str, other_name: str, other_key: str | None) -> float:
    """How alike a typed company and a known one are, 0 to 1. The same number stands above every name.

    Blanks, case and the legal form (AS, ASA, …) do not count; nor does the order of the words.
    """
    if other_key and key_of(number) == other_key:
        return 1.0
    left, right = _bare(name), _bare(other_name)
    if not left or not right:
        return 0.0
    straight = _alike(left, right)
    sorted_ = _alike(" ".join(sorted(left.split())), " ".join(sorted(right.split())))
    within = 0.9 if set(left.split()) <= set(right.split()) or set(right.split()) <= set(left.split()) else 0.0
    return min(max(straight, sorted_, within), 0.99)


def _alike(left: str, right: str) -> float:
    """How alike two texts are; 0 where their letters alone tell that it is less than a half.

    Strangers type the left one, and comparing what repeats itself costs a thousand times as much as counting letters.
    """
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    return matcher.ratio() if min(matcher.real_quick_ratio(), matcher.quick_ratio()) >= 0.5 else 0.0


_FORMS = frozenset({"as", "asa", "ans", "da", "ba", "sa", "enk", "nuf", "ab", "aps", "ltd", "limited", "inc", "gmbh"})


def _bare(name: str) -> str:
    words = "".join(sign if sign.isalnum() else " " for sign in fold(name)).split()
    return " ".join(word for word in words if word not in _FORMS) or " ".join(words)
