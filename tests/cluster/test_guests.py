"""A customer never has more than 25 Express users and invitations, also when several processes invite forty at once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from idp.organizations import service
from tests.support.configuration import ISSUER, environment
from tests.support.needs import ROOT
from tests.support.processes import clean_environment


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_forty_invitations_and_twenty_places(app: Any, world: Any, database_url: str) -> None:
    supplier = world.organization()
    world.license(supplier, "express:standard", seats=0)
    records = [
        world.company(supplier, name=name, organization_number=number)
        for name, number in (("Havgap", "123456785"), ("Havgap II", "123 456 785"))
    ]
    for _ in range(5):
        world.member(supplier, type="express", company_id=records[0])
    members = [
        world.member(
            supplier, type="express", status="contact", company_id=records[number % 2], email=f"m{number}@test.example"
        )
        for number in range(40)
    ]
    env = clean_environment(**environment(database_url, ISSUER))
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.at_once", "invite", *members[start : start + 10]],
            cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True,
        )
        for start in range(0, 40, 10)
    ]  # fmt: skip
    words = Counter(word for child in children for word in child.communicate(timeout=200)[0].split("\n") if word)
    assert words == {"invited": 20, "no_place_left": 20}
    with app.app_context():
        assert service.express_status(service.find_company(supplier, records[1])).taken == 25
