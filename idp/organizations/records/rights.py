"""Who may read and write the tables of the zone Core, and on which form a field stands."""

from __future__ import annotations

from idp.kernel.records import Right, Scope

ADMIN, LICENSES = "account:platform.admin", "account:platform.licenses"
READS, WRITES = "oneoffice:admin.read", "oneoffice:admin.write"

SEES = Right(frozenset({ADMIN}), own=frozenset({READS, WRITES}))
CHANGES = Right(frozenset({ADMIN}), own=frozenset({WRITES}))
SEES_LICENSES = Right(frozenset({ADMIN, LICENSES}), own=frozenset({READS, WRITES}))
SELLS = Right(frozenset({LICENSES}))
PLATFORM = Right(frozenset({ADMIN}))

EVERYTHING = Scope()

ADDED = frozenset({"add"})
EDITED = frozenset({"edit"})
