"""What of the outbox a person takes along (`idp.kernel.exports`): which mails went to their addresses."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from idp.accounts.models import EmailAddress
from idp.kernel.database import db
from idp.kernel.exports import Part, Taken, instant, walk

from . import service
from .models import Delivery


def _mails(account_id: str) -> Iterator[Taken]:
    own = db.session.scalars(select(EmailAddress.address).where(EmailAddress.account_id == account_id)).all()
    small = [address.lower() for address in own]
    for row in walk(
        select(Delivery.id, Delivery.kind, Delivery.payload, Delivery.created_at, Delivery.settled_at, Delivery.outcome)
        .where(
            Delivery.lane == service.MAIL,
            Delivery.destination.in_({address.rsplit("@", 1)[-1] for address in small}),
            func.lower(Delivery.payload["address"].as_string()).in_(small),
        ),
        Delivery.id,
    ):  # fmt: skip
        yield {
            "mail": row.kind,
            "to": row.payload["address"],
            "made_at": instant(row.created_at),
            "sent_at": instant(row.settled_at) if row.outcome == "delivered" else None,
            "outcome": row.outcome or "waiting",
        }


PARTS = (
    Part("mails", _l("Which mails went to your addresses in the last 30 days."), frozenset({"delivery"}), _mails),
)  # fmt: skip
