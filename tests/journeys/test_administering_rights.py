"""An administrator gives and takes licenses and changes a role, in a real browser; axe on each page, both languages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from idp.kernel.database import db, unit_of_work
from idp.organizations.models import License, Seat
from idp.organizations.service import find_organization
from tests.support.browsers import axe_everywhere
from tests.support.demo import Demo
from tests.support.people import Person
from tests.support.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def place(demo_world: World) -> str:
    found = find_organization("nordic-lift")
    assert found is not None
    db.session.rollback()
    return found.id


def _administrator(demo: Demo, someone: Callable[..., Person], language: str = "en") -> Person:
    person = someone(language)
    person.goes_to(f"{demo.base}/login")
    person.signs_in("admin@demo.example")
    person.page.wait_for_url(f"{demo.base}/")
    return person


def _clean(person: Person) -> None:
    assert axe_everywhere(person.page) == []
    person.is_content()


def _member(demo_world: World, place: str, family_name: str) -> str:
    return demo_world.member(
        place, demo_world.account(password=None).account_id, given_name="Nils", family_name=family_name,
        search_text=f"{family_name} nils".casefold(),
    )  # fmt: skip


def test_a_role(demo: Demo, demo_world: World, someone: Callable[..., Person], place: str) -> None:
    """Copied from the system's, given to somebody, and changed after a look at who loses what."""
    moe = _member(demo_world, place, "Moe")
    demo_world.license(place, "tag:standard", seats=1, holders=[moe])
    person = _administrator(demo, someone)
    person.goes_to(f"{demo.base}/org/nordic-lift/roles")
    _clean(person)
    person.clicks("Tag reader")
    assert "Nobody can change it" not in person.headline()
    person.clicks("Copy")
    _clean(person)
    person.page.get_by_label("Name").fill("Yard crew")
    person.clicks("Save")
    assert person.headline() == "Yard crew" and "Nobody has it yet" in person.reads()
    role_id = person.page.url.rpartition("/")[2]
    with unit_of_work():
        from idp.organizations.service import assign_role

        assign_role(moe, role_id)
    person.clicks("Edit")
    person.page.get_by_role("checkbox", name="Open Onix Tag").uncheck()
    person.clicks("See what this changes")
    assert "1 person has this role." in person.reads() and "Nils Moe Onix Tag closes" in person.reads()
    _clean(person)
    person.clicks("Change something else")
    assert not person.page.get_by_role("checkbox", name="Open Onix Tag").is_checked()
    person.clicks("See what this changes")
    person.clicks("Save")
    assert "The role was changed." in person.reads()
    _clean(person)
    norsk = _administrator(demo, someone, "nb")
    norsk.goes_to(f"{demo.base}/org/nordic-lift/roles/{role_id}/delete")
    assert "Rollen er borte for godt" in norsk.reads()
    _clean(norsk)
    norsk.clicks("Slett rollen")
    assert norsk.headline() == "Roller" and "Yard crew" not in norsk.reads()
    _clean(norsk)


def test_a_license(demo: Demo, demo_world: World, someone: Callable[..., Person], place: str) -> None:
    """Given to two people at once, of whom one gets the last seat; and taken back."""
    license_id = demo_world.license(place, "work:standard", seats=1, ends_at=2**33)
    for name in ("Sunde", "Sunde-Vik"):
        _member(demo_world, place, name)
    person = _administrator(demo, someone)
    person.goes_to(f"{demo.base}/org/nordic-lift/licenses")
    assert "0 of 1 in use, 1 left" in person.reads()
    _clean(person)
    person.goes_to(f"{demo.base}/org/nordic-lift/licenses/{license_id}")
    _clean(person)
    person.clicks("Assign to people")
    person.page.get_by_label("Name or e-mail").fill("sunde")
    person.clicks("Search")
    assert "2 people without it" in person.reads()
    for box in person.page.get_by_role("checkbox").all():
        box.check()
    _clean(person)
    person.clicks("Assign the license")
    assert "1 person got the license." in person.reads() and "All licenses are in use." in person.reads()
    assert person.page.get_by_role("checkbox").first.is_checked(), "the other one stays chosen"
    _clean(person)
    norsk = _administrator(demo, someone, "nb")
    norsk.goes_to(f"{demo.base}/org/nordic-lift/licenses/{license_id}")
    assert "1 av 1 i bruk, 0 igjen" in norsk.reads() and "Ingen igjen" in norsk.reads()
    _clean(norsk)
    norsk.clicks("Ta tilbake", exact=False)
    assert "Lisensen er tatt tilbake fra Nils Sunde." in norsk.reads()
    db.session.rollback()
    assert db.session.scalar(select(Seat.id).where(Seat.license_id == license_id)) is None
    assert db.session.get(License, license_id) is not None
