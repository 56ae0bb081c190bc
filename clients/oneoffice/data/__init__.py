"""The working data of each part. Every statement names the organization, so none can reach another's."""

from __future__ import annotations

import sqlite3

from clients.oneoffice.data import bids, legacy, site

SCHEMA = site.SCHEMA + legacy.SCHEMA + bids.SCHEMA


def seed(connection: sqlite3.Connection, organization_id: str) -> None:
    """A little of everything for an organization that opens OneOffice for the first time."""
    for part in (site, legacy, bids):
        part.seed(connection, organization_id)
