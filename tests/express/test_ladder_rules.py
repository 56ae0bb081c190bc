"""The rules of the ladders as tables: what is due on which day, also for a worker that comes late (R40)."""

from __future__ import annotations

import pytest

from idp.express.policy import DAY, Warned, inactivity, likeness, reminder_due

REMINDERS = (14, 3)
WARNINGS = (30, 14, 7)


@pytest.mark.parametrize(
    ("day", "told", "due"),
    [
        (0, (), None),
        (13.9, (), None),
        (14, (), 14),
        (24.9, (), 14),
        (14, (14,), None),
        (25, (14,), 3),
        (25, (), 3),  # nobody was at work at 14: only the nearest
        (27.9, (), 3),
        (25, (3,), None),
        (27, (14, 3), None),
        (28, (), None),
        (400, (), None),
    ],
)
def test_reminders_of_an_invitation(day: float, told: tuple[int, ...], due: int | None) -> None:
    assert reminder_due(0, 28 * DAY, told, REMINDERS, int(day * DAY)) == due


def test_what_would_come_before_the_invitation_is_left_out() -> None:
    assert reminder_due(0, 10 * DAY, (), REMINDERS, 0) is None
    assert reminder_due(0, 10 * DAY, (), REMINDERS, 7 * DAY) == 3
    assert reminder_due(0, 14 * DAY, (), REMINDERS, 0) is None
    assert reminder_due(0, 28 * DAY, (), (), 20 * DAY) is None


@pytest.mark.parametrize(
    ("day", "told", "due", "days", "ends", "next_day"),
    [
        # in time
        (0, (), None, None, 365, 335),
        (334.9, (), None, None, 365, 335),
        (335, (), "warning", 30, 365, 335),
        (340, ((30, 335),), None, None, 365, 351),
        (351, ((30, 335),), "warning", 14, 365, 351),
        (358, ((30, 335), (14, 351)), "warning", 7, 365, 358),
        (364.9, ((30, 335), (14, 351), (7, 358)), None, None, 365, 365),
        (365, ((30, 335), (14, 351), (7, 358)), "end", None, 365, 365),
        # late: only the nearest, and the full notice
        (345, (), "warning", 30, 375, 345),
        (352, (), "warning", 14, 366, 352),
        (360, (), "warning", 7, 367, 360),
        (900, (), "warning", 7, 907, 900),
        (353, ((30, 335),), "warning", 14, 367, 353),
        (359, ((30, 335), (14, 353)), None, None, 367, 360),
        (360, ((30, 335), (14, 353)), "warning", 7, 367, 360),
        (368, ((30, 335), (14, 351)), "warning", 7, 375, 368),
        (374, ((7, 368),), None, None, 375, 375),
        (375, ((7, 368),), "end", None, 375, 375),
        # never without the last warning
        (1000, ((30, 335),), "warning", 7, 1007, 1000),
        (1000, ((30, 335), (14, 351)), "warning", 7, 1007, 1000),
    ],
)
def test_a_year_without_a_sign_in(
    day: float, told: tuple[tuple[int, int], ...], due: str | None, days: int | None, ends: int, next_day: int
) -> None:
    found = inactivity(0, 365, WARNINGS, [Warned(n, at * DAY) for n, at in told], int(day * DAY))
    assert (found.due, found.days, found.ends_at, found.next_at) == (due, days, ends * DAY, next_day * DAY)


def test_settings_may_change_in_between() -> None:
    """A warning that is added comes once more, one that is taken away is not missed."""
    told = [Warned(14, 351 * DAY)]
    assert inactivity(0, 365, (30, 14, 7), told, 358 * DAY).days == 7
    assert inactivity(0, 365, (30, 14), told, 365 * DAY).due == "end"
    assert inactivity(0, 365, (30,), told, 365 * DAY).due == "end"


@pytest.mark.parametrize(
    ("typed", "number", "best"),
    [
        ("havgap rederi", "", "Havgap Rederi AS"),
        ("Rederi Havgap A/S", "", "Havgap Rederi AS"),
        ("HAVGAPP REDERI", "", "Havgap Rederi AS"),
        ("Something else", "NO 123 456 785 MVA", "Bølgen Entreprenør AS"),
        ("bolgen entreprenor", "", "Bølgen Entreprenør AS"),
        ("Bølgen", "", "Bølgen Entreprenør AS"),
    ],
)
def test_companies_by_likeness(typed: str, number: str, best: str) -> None:
    known = {"Havgap Rederi AS": "999", "Bølgen Entreprenør AS": "123456785", "Nordic Lift AS": "5", "AS": None}
    ranked = sorted(known, key=lambda name: -likeness(typed, number, name, known[name]))
    assert ranked[0] == best
    assert likeness(typed, number, best, known[best]) >= 0.6
    assert likeness("", "", best, known[best]) == 0.0


@pytest.mark.parametrize("typed", ["se " * 66, "a" * 200, "nordic " * 28, "e" * 60])
def test_what_only_repeats_itself_is_like_nothing(typed: str) -> None:
    """And so it is not compared at length with thousands of names, whatever a stranger types."""
    assert likeness(typed, "", "Lift Equipment Service Vest AS", None) == 0.0
