"""The pages of an organization's licenses: what is bought, held and left, giving and taking back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from idp.kernel.database import db
from idp.organizations.models import Member, Seat
from tests.support.forms import form_with, text_of

LICENSES = "/org/nordic-lift/licenses"
MANAGER = "account:licenses.manage"
DAY = 86400


def _holders(browser: Any, license_id: str) -> set[str]:
    with browser.application.app_context():
        return set(db.session.scalars(select(Seat.member_id).where(Seat.license_id == license_id)))


def _assign(browser: Any, license_id: str, members: list[str], **asked: str) -> Any:
    page = browser.get(f"{LICENSES}/{license_id}/assign", query_string=asked)
    token = form_with(page.text, "csrf_token").fields["csrf_token"]
    return browser.post(
        f"{LICENSES}/{license_id}/assign", query_string=asked, data={"csrf_token": token, "members": members}
    )


def _row(page: Any, word: str) -> str:
    """The words of the table's row that has `word`."""
    rows = [text_of(row) for row in re.findall(r"<tr>.*?</tr>", page.text, re.S)]
    return next(row for row in rows if word in row)


def test_the_list(world: Any, administrator: Any, members: Any, place: str, clock: Any, statements: Any) -> None:
    now, people = clock.now(), members(f"N{number}" for number in range(9))
    world.organization("onix-works", name="Onix Works AS", kind="self")
    world.license(place, "tag:standard", seats=10, holders=people)
    world.license(place, "tag:basic", seats=2, starts_at=now - 90 * DAY, ends_at=now - DAY)
    world.license(place, "pickandpack:standard", seats=2, holders=people[:2], ends_at=now + 10 * DAY)
    world.license(place, "work:standard", seats=5, starts_at=now + DAY, ends_at=now + 400 * DAY)
    world.license(place, "express:standard", seats=0)
    world.license(world.organization(), "oneoffice:standard", seats=77)
    browser = administrator("account:licenses.read")
    with statements() as few:
        page = browser.get(LICENSES)
    assert page.status_code == 200 and "Onix Works AS sells them" in page.text and "OneOffice" not in page.text
    assert "Current" in _row(page, "Tag Standard") and "9 of 10 in use, 1 left Nearly all in use" in _row(
        page, "Tag Standard"
    )
    ended = _row(page, "Tag Basic")
    assert "Expired" in ended and "Nearly" not in ended and "0 of 2 in use" in ended and "left" not in ended
    overview = browser.get(LICENSES.rpartition("licenses")[0])
    assert overview.status_code == 200 and "2 of 2 in use, 0 left" in text_of(overview.text), "one with an end, too"
    pack = _row(page, "Pick and Pack")
    assert "Ends soon" in pack and "2 of 2 in use, 0 left None left" in pack
    assert "Not started" in _row(page, "Work Standard") and "For the whole organization" in _row(page, "Express")
    assert 'value="9"' in page.text and 'max="10"' in page.text and "<meter" in page.text
    for state, words in (("soon", "Pick and Pack"), ("ended", "Tag Basic"), ("future", "Work Standard")):
        found = browser.get(f"{LICENSES}?state={state}").text
        assert words in found and "Tag Standard" not in found
    assert "Tag Standard" in browser.get(f"{LICENSES}?state=current").text
    assert "Tag Standard" in browser.get(f"{LICENSES}?state=royal&sort=seats").text, "what is not known is ignored"
    for _number in range(20):
        world.license(place, "tag:basic", seats=3, holders=people[:1])
    with statements() as many:
        browser.get(LICENSES)
    assert 0 <= len(many) - len(few) <= 1, many  # what is more than a page is counted


def test_a_warning_comes_at_ninety_percent(world: Any, administrator: Any, members: Any, place: str) -> None:
    people = members(f"N{number}" for number in range(9))
    most = world.license(place, "tag:standard", seats=10, holders=people[:8])
    browser = administrator("account:licenses.read")
    assert "Nearly all" not in browser.get(f"{LICENSES}/{most}").text
    assert "Nearly all" in browser.get(f"{LICENSES}/{world.license(place, seats=10, holders=people)}").text
    none = world.license(place, "work:standard", seats=0)
    assert "None left" not in browser.get(f"{LICENSES}/{none}").text


def test_holders_are_found_and_paged(world: Any, administrator: Any, members: Any, place: str, statements: Any) -> None:
    people = members(f"N{number:02}" for number in range(55))
    license_id = world.license(place, seats=60, holders=people[:3])
    reader = administrator("account:licenses.read")
    with statements() as few:
        page = reader.get(f"{LICENSES}/{license_id}")
    assert "N01" in text_of(page) and "Take back" not in page.text and "/people/" not in page.text
    assert reader.get(f"{LICENSES}/{license_id}/assign").status_code == 403
    full = world.license(place, seats=60, holders=people)
    with statements() as many:
        page = reader.get(f"{LICENSES}/{full}")
    assert 0 <= len(many) - len(few) <= 1, many  # what is more than a page is counted
    assert "55 people" in page.text and "N50" not in text_of(page)
    assert "N50" in text_of(reader.get(f"{LICENSES}/{full}?page=2"))
    narrowed = text_of(reader.get(f"{LICENSES}/{full}?q=n07"))
    assert "N07" in narrowed and "N08" not in narrowed
    manager = administrator(MANAGER, "account:people.read")
    page = manager.get(f"{LICENSES}/{full}?q=n07")
    assert f'/org/nordic-lift/people/{people[7]}"' in page.text and "Take back" in page.text
    with statements() as few:
        manager.get(f"{LICENSES}/{license_id}/assign?q=n07")
    with statements() as many:
        assert "N08" in text_of(manager.get(f"{LICENSES}/{license_id}/assign"))
    assert 0 <= len(many) - len(few) <= 1, many  # what is more than a page is counted


def test_several_people_get_it_at_once_and_it_is_taken_back(
    world: Any, administrator: Any, members: Any, place: str
) -> None:
    dahl, lie, moe = members(["Dahl", "Lie", "Moe"])
    license_id = world.license(place, seats=5)
    browser = administrator(MANAGER)
    nobody = _assign(browser, license_id, [])
    assert nobody.status_code == 400 and "at least one" in nobody.text
    done = _assign(browser, license_id, [dahl, lie, lie], q="nils")
    assert (done.status_code, done.location) == (303, f"{LICENSES}/{license_id}")
    page = browser.get(done.location)
    assert "2 people got the license." in page.text and _holders(browser, license_id) == {dahl, lie}
    offered = text_of(browser.get(f"{LICENSES}/{license_id}/assign"))
    assert "Moe" in offered and "Dahl" not in offered
    token = form_with(page.text, "member").fields["csrf_token"]
    path = f"{LICENSES}/{license_id}/take-back"
    taken = browser.post(path, data={"csrf_token": token, "member": dahl})
    assert taken.status_code == 303 and _holders(browser, license_id) == {lie}
    assert "The license was taken back from Nils Dahl." in text_of(browser.get(f"{LICENSES}/{license_id}").text)
    assert browser.post(path, data={"csrf_token": token, "member": dahl}).status_code == 303
    reader = administrator("account:licenses.read")
    token = form_with(reader.get("/logout").text, "csrf_token").fields["csrf_token"]
    assert reader.post(path, data={"csrf_token": token, "member": lie}).status_code == 403
    assert _holders(browser, license_id) == {lie} and moe not in _holders(browser, license_id)


def test_who_cant_be_given_one_says_why(world: Any, administrator: Any, members: Any, place: str, clock: Any) -> None:
    dahl, lie, moe = members(["Dahl", "Lie", "Moe"])
    contact = world.member(place, family_name="Kontakt", status="contact", search_text="kontakt")
    bidder = world.member(place, family_name="Bydd", type="bidder", search_text="bydd")
    world.member(place, family_name="Gone", status="ended", search_text="gone")
    license_id = world.license(place, seats=2)
    browser = administrator(MANAGER)
    page = browser.get(f"{LICENSES}/{license_id}/assign")
    assert "Only an Active member" in _row(page, "Kontakt") and "needs no license" in _row(page, "Bydd")
    assert "Gone" not in text_of(page) and page.text.count(" disabled") == 2
    some = _assign(browser, license_id, [contact, dahl, bidder, lie, moe])
    assert some.status_code == 409 and _holders(browser, license_id) == {dahl, lie}
    assert "2 people got the license." in some.text and "All licenses are in use." in _row(some, "Moe")
    assert re.search(rf'value="{moe}"[^>]* checked', some.text), "whom it was meant for stays chosen"
    page = browser.get(f"{LICENSES}/{license_id}")
    assert "Assign to people" not in page.text and "All are in use" in page.text
    ended = world.license(place, seats=5, starts_at=5, ends_at=clock.now() - 5)
    refused = _assign(browser, ended, [moe])
    assert refused.status_code == 409 and "This license has expired." in refused.text
    assert _holders(browser, ended) == set()
    express = world.license(place, "express:standard", seats=5)
    assert _assign(browser, express, [moe]).status_code == 409 and _holders(browser, express) == set()


def test_another_tenants_ids_are_as_unknown_as_none(world: Any, administrator: Any, members: Any, place: str) -> None:
    elsewhere = world.user()
    theirs = world.license(world.get(Member, elsewhere.member_id).organization_id, holders=[elsewhere.member_id])
    (dahl,) = members(["Dahl"])
    ours = world.license(place, seats=5, holders=[dahl])
    browser = administrator(MANAGER)
    token = form_with(browser.get(f"{LICENSES}/{ours}/assign").text, "csrf_token").fields["csrf_token"]

    def words(answer: Any) -> tuple[int, str]:
        return answer.status_code, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|nothing", "", text_of(answer.text))

    for path in ("", "/assign"):
        assert words(browser.get(f"{LICENSES}/{theirs}{path}")) == words(browser.get(f"{LICENSES}/nothing{path}"))
    for path, values in (("/assign", {"members": dahl}), ("/take-back", {"member": elsewhere.member_id})):
        posted = [browser.post(f"{LICENSES}/{license_id}{path}", data={"csrf_token": token, **values})
                  for license_id in (theirs, "nothing")]  # fmt: skip
        assert words(posted[0]) == words(posted[1]) and posted[0].status_code == 404
    assert _holders(browser, theirs) == {elsewhere.member_id}
    for path, name, status in (("/assign", "members", 409), ("/take-back", "member", 404)):
        posted = [browser.post(f"{LICENSES}/{ours}{path}", data={"csrf_token": token, name: member_id})
                  for member_id in (elsewhere.member_id, "nothing")]  # fmt: skip
        assert words(posted[0]) == words(posted[1]) and posted[0].status_code == status
        assert "There is no such member." in posted[0].text
    assert _holders(browser, ours) == {dahl}


@pytest.mark.parametrize("language", ["en", "nb"])
def test_in_both_languages(world: Any, administrator: Any, place: str, language: str) -> None:
    world.license(place, seats=5)
    page = administrator("account:licenses.read", language=language).get(LICENSES)
    assert ("0 of 5 in use, 5 left" if language == "en" else "0 av 5 i bruk, 5 igjen") in text_of(page.text)


def test_the_overview_shows_what_is_in_force_fullest_first(
    world: Any, place: str, administrator: Any, members: Any
) -> None:
    people = members(["Dahl", "Lie"])
    world.license(place, "tag:standard", seats=10, holders=people[:1], ends_at=2**33)
    world.license(place, "pickandpack:standard", seats=2, holders=people)
    world.license(place, "work:standard", seats=2, starts_at=1, ends_at=2)
    text = text_of(administrator("account:licenses.read").get("/org/nordic-lift/").text)
    assert text.index("Pick and Pack Standard None left") < text.index("Tag Standard")
    assert "2 of 2 in use, 0 left" in text and "1 of 10 in use, 9 left" in text and "Onix Work Standard" not in text
