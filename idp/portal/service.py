"""What the launcher reads and remembers: where each app starts signing in, what is pinned, what was opened lately."""

from __future__ import annotations

from typing import cast

from flask_babel import lazy_gettext as _l
from sqlalchemy import Table, delete, func, select

from idp.kernel import clock
from idp.kernel.database import change, db
from idp.kernel.refusal import Refusal
from idp.oidc.consents import put
from idp.oidc.models import Client, LastChoice
from idp.organizations.catalog import current_catalog
from idp.organizations.models import Member

from .launcher import Where
from .models import Pin

MOST_PINS = 24
"""Apps that one person can pin: more are no longer at hand."""


def pins_of(account_id: str) -> list[Where]:
    """What the person has pinned, in the order of pinning."""
    rows = db.session.execute(
        select(Pin.organization_id, Pin.app_id)
        .where(Pin.account_id == account_id)
        .order_by(Pin.created_at, Pin.app_id, Pin.organization_id)
    )
    return [(organization_id, app_id) for organization_id, app_id in rows]


def opened_lately(account_id: str) -> list[Where]:
    """The apps that the person has opened, newest first, each for the organization that it was last opened for.

    What every authorization leaves behind anyway tells it: one row per person and client (`LastChoice`).
    """
    rows = db.session.execute(
        select(Member.organization_id, Client.app_id)
        .select_from(LastChoice)
        .join(Client, Client.id == LastChoice.client_id)
        .join(Member, Member.id == LastChoice.member_id)
        .where(LastChoice.account_id == account_id, Client.app_id.is_not(None))
        .order_by(LastChoice.used_at.desc(), Client.id)
    )
    return list(dict.fromkeys((organization_id, app_id) for organization_id, app_id in rows if app_id))


def pin(account_id: str, organization_id: str, app_id: str) -> None:
    """Have an app at hand; pinning it twice is no error. Inside a unit of work; the caller has checked that the
    organization may be told of to the person. Raises `Refusal` (404) for what has no icon, (409) above `MOST_PINS`."""
    app = current_catalog().apps.get(app_id)
    if app is None or not app.launcher:
        raise Refusal("app_unknown", _l("There is no such app."), status=404)
    held = db.session.scalar(select(func.count()).select_from(Pin).where(Pin.account_id == account_id)) or 0
    if held >= MOST_PINS:
        raise Refusal("too_many_pins", _l("You have pinned many apps already. Unpin one first."), status=409)
    key = {"account_id": account_id, "organization_id": organization_id, "app_id": app_id}
    put(cast(Table, Pin.__table__), tuple(key), key, {"app_id": app_id}, {"created_at": clock.now()})


def unpin(account_id: str, organization_id: str, app_id: str) -> None:
    """Let go of a pinned app; one that is not pinned is no error. Inside a unit of work."""
    change(
        delete(Pin).where(Pin.account_id == account_id, Pin.organization_id == organization_id, Pin.app_id == app_id)
    )
