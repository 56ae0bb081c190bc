"""Short ways to write a person's facts, for tables that a product person can read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from idp.organizations.catalog import load_catalog
from idp.organizations.policy import AccountFacts, LicenseFacts, MemberFacts, OrganizationFacts, RoleFacts

NOW = 1_800_000_000
DAY = 86400
CATALOG = load_catalog(Path(__file__).resolve().parents[2] / "config" / "catalog.toml", "https://id.example")
TAG = CATALOG.apps["tag"]
PICK_AND_PACK = CATALOG.apps["pickandpack"]


def organization(slug: str = "nordic-lift", **values: Any) -> OrganizationFacts:
    return OrganizationFacts(**{"id": f"o-{slug}", "slug": slug, "name": slug.title(), **values})


def role(*privileges: str, name: str = "A role") -> RoleFacts:
    """A role with these privileges; without any it is the system's Inspector and Picker in one."""
    chosen = privileges or tuple(CATALOG.roles["Inspector"].privileges | CATALOG.roles["Picker"].privileges)
    return RoleFacts(id=f"r-{name}", name=name, system=False, privileges=frozenset(chosen))


def license_(kind: str = "current", *, app: str = "tag", edition: str | None = None, free: int = 1) -> LicenseFacts:
    """kind: `current`, `ended` or `future`; `free` seats are left of ten."""
    starts_at, ends_at = {
        "current": (NOW - DAY, NOW + DAY),
        "open": (NOW - DAY, None),
        "ended": (NOW - 2 * DAY, NOW - DAY),
        "future": (NOW + DAY, NOW + 2 * DAY),
    }[kind]
    edition = edition or f"{app}:standard"
    return LicenseFacts(
        id=f"l-{kind}-{edition}",
        app_id=app,
        edition=edition,
        seats=10,
        held=10 - free,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def member(**values: Any) -> MemberFacts:
    """An employee of Nordic Lift who may do everything in Tag and in Pick and Pack, but for what `values` change."""
    place = values.pop("organization", organization())
    licenses = values.pop("licenses", (license_("open"), license_("open", app="pickandpack")))
    held = values.pop("seats", frozenset(found.id for found in licenses))
    return MemberFacts(
        **{
            "id": f"m-{place.slug}",
            "type": "employee",
            "status": "active",
            "organization": place,
            "roles": (role(name="Inspector"),),
            "licenses": licenses,
            "seats": frozenset(held),
            "administrators": ("Ada Berg", "Henrik Dahl"),
            **values,
        }
    )


def account(*members: MemberFacts, disabled: bool = False) -> AccountFacts:
    return AccountFacts(id="a", disabled=disabled, members=members)
