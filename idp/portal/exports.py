"""What of this room's rows a person takes along (`idp.kernel.exports`)."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from idp.kernel.database import db
from idp.kernel.exports import Part, Taken, instant
from idp.organizations.exports import places_told
from idp.organizations.titles import app_name

from .models import Pin


def _pins(account_id: str) -> Iterator[Taken]:
    places = places_told(account_id)
    for pin in db.session.scalars(select(Pin).where(Pin.account_id == account_id).order_by(Pin.created_at)):
        yield {
            "app": app_name(pin.app_id),
            "organization": places.get(pin.organization_id),
            "pinned_at": instant(pin.created_at),
        }


PARTS = (Part("pinned_apps", _l("The apps that you have pinned."), frozenset({"pin"}), _pins),)
