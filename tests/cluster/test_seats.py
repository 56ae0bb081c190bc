"""Seats held never exceed seats bought, also when forty people are assigned at once by several processes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.kernel.database import db
from idp.organizations.models import Seat
from tests.support.configuration import ISSUER, environment
from tests.support.needs import ROOT
from tests.support.processes import clean_environment


@pytest.mark.slow
def test_forty_people_and_ten_seats(app: Any, world: Any, database_url: str) -> None:
    organization = world.organization()
    license_id = world.license(organization, seats=10)
    members = [world.member(organization, email=f"m{number}@test.example") for number in range(40)]
    env = clean_environment(**environment(database_url, ISSUER))
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.at_once", "assign", license_id, *members[start : start + 10]],
            cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True,
        )
        for start in range(0, 40, 10)
    ]  # fmt: skip
    words = Counter(word for child in children for word in child.communicate(timeout=120)[0].split("\n") if word)
    assert words["held"] == 10, words
    assert sum(words.values()) == 40
    assert len(words) == 2, words
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Seat).where(Seat.license_id == license_id)) == 10
