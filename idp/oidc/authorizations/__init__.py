"""Authorizations: opened once, judged at every use, withdrawn for life; and what a loss does to them.

An authorization is one grant to one client for one account and one member. Codes, refresh and access tokens are its
shadows: they count while `fallen` finds nothing wrong with what it stands on, and they say what `decide` finds today.
Start reading: `judging.py` for the two, `losing.py` for what ends or narrows them.
"""

from .judging import decide, expiry, fallen, ground_of, too_weak
from .losing import expand_losses, losses_due, subscribe
from .opening import open_authorization, open_machine, open_sibling
from .tidying import tidy
from .withdrawing import withdraw, withdraw_kin

__all__ = [
    "decide",
    "expand_losses",
    "expiry",
    "fallen",
    "ground_of",
    "losses_due",
    "open_authorization",
    "open_machine",
    "open_sibling",
    "subscribe",
    "tidy",
    "too_weak",
    "withdraw",
    "withdraw_kin",
]
