"""What the launcher reads and remembers: where each app starts signing in, and the organization that is shown."""

from __future__ import annotations

from sqlalchemy import select, update

from idp.kernel.database import db
from idp.oidc.models import Client
from idp.sessions.models import Session


def login_addresses() -> dict[str, str]:
    """`initiate_login_uri` (OpenID Connect Core §4) by app, of the oldest enabled client that has one; one statement.

    Every client of an app was registered by the platform: nobody else can put an address behind an icon.
    """
    rows = db.session.execute(
        select(Client.app_id, Client.metadata_)
        .where(Client.app_id.is_not(None), Client.status == "active")
        .order_by(Client.created_at, Client.id)
    )
    found: dict[str, str] = {}
    for app_id, metadata in rows:
        if address := metadata.get("initiate_login_uri"):
            found.setdefault(app_id, address)
    return found


def show_organization(session_id: str, organization_id: str) -> None:
    """Remember on the session which organization the launcher shows. Inside a unit of work; the caller has checked
    that it is one of the person's."""
    db.session.execute(update(Session).where(Session.id == session_id).values(organization_id=organization_id))
