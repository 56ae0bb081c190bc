"""All tables of *Records* by zone, put together from what the rooms declare.

What one room can't know of its own row comes in here: what else goes with an account, what is still to do about a user.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask_babel import lazy_gettext as _l

from idp.audit import records as audit
from idp.kernel.records import Action, Note, Table
from idp.oidc import records as oidc
from idp.organizations import records as organizations
from idp.outbox import records as outbox
from idp.sessions import records as sessions


def _license_needed(row: organizations.User) -> Note | None:
    """An employee is complete with a license (the seed's last step)."""
    if row.own is None or {row.own.status, row.account.status} != {"active"} or row.seats:
        return None
    return Note(
        _l("To complete the account, a license is required."),
        _l("Assign a license"),
        f"/admin/users/{row.account.id}/license",
    )


def _with_all_that_goes(action: Action) -> Action:
    if action.name != "delete":
        return action
    return replace(action, belongings=(*action.belongings, sessions.SESSIONS, oidc.AUTHORIZATIONS, oidc.CONSENTS))


USER = replace(
    organizations.USER,
    note=_license_needed,
    actions=tuple(
        _with_all_that_goes(action)
        for reset, *others in (organizations.USER.actions,)
        for action in (reset, sessions.END_SESSIONS, *others)
    ),
)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone as it is chosen: its name in addresses, and its tables."""

    name: str
    title: Any
    tables: tuple[Table, ...]

    def table(self, name: str) -> Table | None:
        return next((table for table in self.tables if table.name == name), None)


ZONES = (
    Zone("core", _l("Core"), (USER, *organizations.TABLES[1:])),
    Zone("protocol", _l("Protocol"), (*oidc.TABLES[:2], sessions.SESSION, oidc.SIGNING_KEY)),
    Zone("delivery", _l("Delivery"), (*outbox.TABLES, oidc.JOB)),
    Zone("audit", _l("Audit"), audit.TABLES),
)


def find_zone(name: str) -> Zone | None:
    return next((zone for zone in ZONES if zone.name == name), None)
