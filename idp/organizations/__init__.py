"""What a person may do, and where.

Owns: organizations, members, companies, roles, licenses, seats, invitations and requests for access; the catalog of
apps; the decision `policy.entitlement`, the sentences that explain it, and what would change it (`simulator`).
Does not own: who a person is (accounts), who is signed in (sessions), what a token looks like (oidc).
Start reading: `policy.py` for the decision, `facts.py` for what it is made from, `service/` for what changes it; lists
are read by `roster.py` (people) and `holdings.py` (roles, licenses).
"""

from __future__ import annotations

from flask import Flask

from idp.accounts.events import (
    AccountClosing,
    AccountDeleted,
    AccountDisabled,
    AddressProven,
    PrimaryAddressChosen,
    ProfileChanged,
)
from idp.kernel.events import Bus
from idp.kernel.exports import declare

from .catalog import load_catalog
from .events import EntitlementChanged
from .service import link_address, users
from .service.linking import refold
from .service.requests import on_entitlement_changed

NAMES = frozenset({"given_name", "family_name"})
"""What organizations see of a person's name."""


def init_app(app: Flask) -> None:
    """Read the catalog and register the invitation's page. Raises `CatalogError` with everything that is wrong."""
    from .exports import PARTS
    from .views import blueprint

    settings = app.extensions["onix_settings"]
    app.extensions["onix_catalog"] = load_catalog(settings.catalog, settings.issuer)
    declare(app, *PARTS)
    app.register_blueprint(blueprint)


def subscribe(bus: Bus) -> None:
    """A proven address makes the records that carry it the person's own; a deleted account ends its memberships;
    a request closes when its app is open; a person who goes by another name or address is found by it."""

    def link(event: AddressProven) -> None:
        link_address(event.account_id, event.normalized, actor_id=event.account_id)

    def find_anew(event: ProfileChanged | PrimaryAddressChosen) -> None:
        if isinstance(event, PrimaryAddressChosen) or not NAMES.isdisjoint(event.fields):
            refold(event.account_id)

    bus.subscribe(AddressProven, link)
    bus.subscribe(ProfileChanged, find_anew)
    bus.subscribe(PrimaryAddressChosen, find_anew)
    bus.subscribe(EntitlementChanged, on_entitlement_changed)
    bus.subscribe(AccountClosing, users.on_account_closing)
    bus.subscribe(AccountDisabled, users.on_account_disabled)
    bus.subscribe(AccountDeleted, users.on_account_deleted)
