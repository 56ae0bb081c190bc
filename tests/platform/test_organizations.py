"""The section Organizations: one act makes the organization and its first administrator."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import insert, select

from idp.kernel.database import db, new_id, unit_of_work
from idp.kernel.listing import fold
from idp.organizations import service
from idp.organizations.models import License, Member, Organization
from idp.outbox.models import Delivery
from tests.support.forms import text_of

from .conftest import ADMIN, LICENSES, Office

PATH = "/admin/organizations"


def _said(answer: Any) -> str:
    return text_of(answer.get_data(as_text=True))


def test_an_organization_gets_its_first_administrator_in_one_act(office: Office, world: Any) -> None:
    """Whoever is new is mailed the welcome; whoever has an account administers at once, and is told."""
    browser = office.signed_in(ADMIN)
    typed = {"name": "Nordic Lift AS", "slug": "nordic", "organization_number": "9123", "given_name": "Ada",
             "family_name": "Berg", "email": "ada@nordic.example"}  # fmt: skip
    made = browser.sends(f"{PATH}/add", **typed)
    assert made.status_code == 303
    place = made.headers["Location"].rpartition("/")[2]
    with office.app.app_context():
        member = db.session.scalars(select(Member).where(Member.organization_id == place)).one()
        assert (member.status, [role.name for role in member.roles]) == ("active", ["Administrator"])
        assert db.session.scalars(select(Delivery.kind)).all() == ["activation"]
    page = text_of(browser.get(made.headers["Location"]).text)
    assert "Ada Berg Not activated yet" in page and "Nobody administers it yet." not in page
    known = world.account("ola@nordic.example")
    added = browser.sends(
        made.headers["Location"], f"{made.headers['Location']}/administrators",
        email="ola@nordic.example", given_name="Ola", family_name="Nord",
    )  # fmt: skip
    assert added.status_code == 303
    with office.app.app_context():
        assert [one.id for one in service.administrators_of(place)] == [known.account_id]
        assert "user_added" in db.session.scalars(select(Delivery.kind)).all()
    assert office.browser(known).get("/org/nordic/").status_code == 200


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({"slug": "Not A Slug"}, 400, "Use small letters"),
        ({"slug": "connex"}, 409, "Another organization has this short name."),
        ({"email": "nobody"}, 400, "Enter an e-mail address"),
        ({"name": ""}, 400, "Fill in this field."),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_refusal_makes_neither(values: dict[str, str], status: int, said: str, office: Office) -> None:
    typed = {"name": "Nordic Lift AS", "slug": "nordic", "given_name": "Ada", "family_name": "Berg",
             "email": "ada@nordic.example"}  # fmt: skip
    answer = office.signed_in(ADMIN).sends(f"{PATH}/add", **{**typed, **values})
    assert answer.status_code == status and said in _said(answer)
    assert 'value="Ada"' in answer.get_data(as_text=True)
    with office.app.app_context():
        assert service.find_organization("nordic") is None
        assert db.session.scalar(select(Member.id).where(Member.email == "ada@nordic.example")) is None


def test_it_is_renamed_sold_to_and_suspended(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN, LICENSES)
    place = world.organization("nordic", name="Nordic Lift AS")
    here = f"{PATH}/{place}"
    assert "Nordic Lift AS" in browser.reads(PATH) and "Nothing has been sold" in browser.reads(here)
    assert browser.sends(here, f"{here}/name", name="Nordic Løft AS", organization_number="").status_code == 303
    assert world.get(Organization, place).name == "Nordic Løft AS"
    stale = browser.post(f"{here}/name", name="Third", version="1")
    assert stale.status_code == 409 and "Someone else changed this" in _said(stale)
    assert browser.sends(here, f"{here}/licenses", edition="tag:standard", seats="3").status_code == 303
    with office.app.app_context():
        assert db.session.scalars(select(License.seats).where(License.organization_id == place)).all() == [3]
    bad = browser.sends(here, f"{here}/licenses", edition="tag:standard", seats="x")
    assert bad.status_code == 400 and "Enter a whole number." in _said(bad)
    suspend = f"/admin/records/core/organization/{place}/suspend?from=organizations"
    assert suspend in browser.get(here).get_data(as_text=True)
    assert browser.sends(suspend, suspend, reason="Bankrupt").headers["Location"] == here, "back to where it was begun"
    assert "Suspended" in _said(browser.get(here))
    resume = suspend.replace("suspend", "resume")
    assert browser.sends(resume, resume, reason="Paid").headers["Location"] == here
    for path in (f"{PATH}/nothing", f"{PATH}/{'x' * 200}"):
        assert browser.get(path).status_code == 404
        assert browser.post(f"{path}/name", name="X").status_code == 404
    seller = office.signed_in(LICENSES)
    page = seller.reads(here)
    assert "Sell a license" in page and "Add an administrator" not in page and "Suspend" not in page
    assert "Sell a license" not in office.signed_in(ADMIN).reads(here)


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_ten_thousand_organizations_are_listed_in_time(office: Office, world: Any) -> None:
    """Listed, searched and filtered in under 200 ms (issue 3, speed): processor time, for others work beside."""
    browser = office.signed_in(ADMIN)
    with office.app.app_context(), unit_of_work() as session:
        rows = [
            {"id": new_id(), "slug": f"customer-{number}", "name": f"Customer {number} AS", "kind": "customer",
             "status": "suspended" if number % 50 == 0 else "active", "created_at": number, "rev": 1,
             "search_text": fold(f"Customer {number} AS", f"customer-{number}")}
            for number in range(10_000)
        ]  # fmt: skip
        session.execute(insert(Organization), rows)
    browser.get(PATH)
    for query in ("", "?q=customer+77", "?status=suspended", "?sort=-added&page=150", "?q=nobody"):
        spent = []
        for _ in range(5):
            begun = time.thread_time()
            assert browser.get(f"{PATH}{query}").status_code == 200
            spent.append(time.thread_time() - begun)
        assert min(spent) < 0.2, (query, spent)
