"""A supplier with a customer."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel.database import unit_of_work
from idp.organizations import service
from idp.organizations.catalog import current_catalog


@pytest.fixture
def supplier(app: Any, world: Any) -> str:
    """Fjord Inspection AS, with a license of Onix Express and the system's roles."""
    with app.app_context(), unit_of_work():
        service.sync_system_roles(current_catalog())
    place = str(world.organization("fjord", name="Fjord Inspection AS"))
    world.license(place, "express:standard", seats=0)
    return place


@pytest.fixture
def company(world: Any, supplier: str) -> str:
    return str(world.company(supplier, name="Havgap Rederi AS", organization_number="123456785"))
