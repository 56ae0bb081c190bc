"""Who may read and write the tables of this room."""

from __future__ import annotations

from idp.kernel.records import Right

PLATFORM = Right(frozenset({"account:platform.admin"}))


ROTATES = Right(frozenset({"account:platform.keys"}))


SEES_KEYS = Right(frozenset({"account:platform.admin", "account:platform.keys"}))
