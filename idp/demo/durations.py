"""ISO 8601 durations, as `POST /demo/clock` takes them. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(
    r"P(?!$)(?:(?P<weeks>\d{1,4})W|(?:(?P<years>\d{1,3})Y)?(?:(?P<months>\d{1,4})M)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?!$)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?)",
    re.ASCII,
)
LONGEST = 50 * 366 * 86400


def seconds(text: object, start: int) -> int:
    """How many seconds a duration is from `start` (UTC seconds) on; months and years are the calendar's.

    Raises ValueError for what is no duration, and for more than fifty years.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("not an ISO 8601 duration like P28D or PT90M")
    part = {name: int(value or 0) for name, value in found.groupdict().items()}
    try:
        begin = datetime.fromtimestamp(start, tz=UTC)
        month = begin.month - 1 + part["months"]
        year, month = begin.year + part["years"] + month // 12, month % 12 + 1
        end = begin.replace(year=year, month=month, day=min(begin.day, monthrange(year, month)[1]))
        end += timedelta(
            weeks=part["weeks"],
            days=part["days"],
            hours=part["hours"],
            minutes=part["minutes"],
            seconds=part["seconds"],
        )
    except (OverflowError, ValueError):
        raise ValueError("the clock can't go that far") from None
    ahead = int((end - begin).total_seconds())
    if ahead > LONGEST:
        raise ValueError("the clock can't go that far")
    return ahead
