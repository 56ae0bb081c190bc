"""What of the audit trail a person takes along (`idp.kernel.exports`): what they did, and what was done about them.

An entry is told with what stands in it only where it is about the person; of what they did to others there is the act,
and not to whom. Who else acted is told as their part, not by name.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, union

from idp.kernel.exports import Part, Taken, instant, walk
from idp.organizations.exports import places_told

from .models import AuditEntry


def _activity(account_id: str) -> Iterator[Taken]:
    places = places_told(account_id)
    own_or_about = union(  # each by its own index
        select(AuditEntry.id).where(AuditEntry.account_id == account_id),
        select(AuditEntry.id).where(AuditEntry.actor_id == account_id),
    ).cte("own_or_about")
    for row in walk(
        select(
            AuditEntry.id, AuditEntry.at, AuditEntry.event, AuditEntry.result, AuditEntry.actor_id,
            AuditEntry.account_id, AuditEntry.organization_id, AuditEntry.client_id, AuditEntry.address,
            AuditEntry.data,
        ).join(own_or_about, own_or_about.c.id == AuditEntry.id),
        AuditEntry.id,
    ):  # fmt: skip
        own = row.actor_id == account_id
        told = row.organization_id is None or row.organization_id in places
        if not (own or told):
            continue
        about = row.account_id == account_id
        yield {
            "at": instant(row.at),
            "event": row.event,
            "result": row.result,
            "by": "you" if own else "somebody else" if row.actor_id else "the system",
            "about": "you" if about else "others" if row.account_id else None,
            "organization": places.get(row.organization_id),
            "client_id": row.client_id,
            "network_address": row.address if own or row.actor_id is None else None,
            "data": row.data if about and told else None,
        }


PARTS = (
    Part("activity", _l("What you did, and what was done with your account."), frozenset({"audit_entry"}), _activity),
)  # fmt: skip
