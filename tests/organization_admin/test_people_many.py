"""One thing done with many people, and the race for the last licenses."""

from __future__ import annotations

import threading
from collections import Counter
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.kernel.database import db
from idp.organization_admin.views.people import many
from idp.organizations import service
from idp.organizations.models import Member, MemberRole, Seat
from tests.organization_admin.people import Desk, desk
from tests.support.databases import one_database
from tests.support.forms import form_with, text_of
from tests.support.races import at_once


def people(world: Any, here: Desk, number: int, **values: Any) -> list[str]:
    return [
        world.member(
            here.organization_id,
            **{"given_name": f"P{index}", "family_name": "Many", "email": f"p{index}@many.example",
               "search_text": f"many p{index} p{index}@many.example", "status": "contact", **values},
        )
        for index in range(number)
    ]  # fmt: skip


def statuses(app: Any, ids: list[str]) -> Counter[str]:
    with app.app_context():
        return Counter(db.session.scalars(select(Member.status).where(Member.id.in_(ids))))


def test_those_ticked_and_all_that_are_found(app: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The good ones go, whoever can't stays with the reason; more than a page is confirmed, and done in portions."""
    here = desk(app, world)
    monkeypatch.setattr(many, "TOGETHER", 3)
    ids = people(world, here, 7)
    mute = world.member(here.organization_id, given_name="Mute", family_name="Many", search_text="many mute",
                        status="contact")  # fmt: skip
    stranger = world.member(world.organization("other"), given_name="Stranger", status="contact", email="s@s.example")
    none = here.sends("people/many", what="activate", whom="ticked")
    assert none.status_code == 400 and "Tick somebody first" in text_of(none.get_data(as_text=True))
    nothing = here.sends("people/many?q=many", what="", whom="ticked", member=ids[:2])
    page = nothing.get_data(as_text=True)
    assert nothing.status_code == 400 and "Choose what to do" in page and page.count(" checked") == 2
    two = here.sends("people/many?q=many", what="activate", whom="ticked", member=[*ids[:2], stranger, "unknown"])
    assert two.status_code == 303 and two.headers["Location"].endswith("?q=many&sort=name")
    assert "Set as Active: done for 2 people." in here.reads("people")
    assert statuses(app, ids) == {"active": 2, "contact": 5} and world.get(Member, stranger).status == "contact"
    asked = here.sends("people/many?q=many&state=contact", what="activate", whom="found")
    page = asked.get_data(as_text=True)
    assert "Do this for 6 people?" in page and statuses(app, ids)["contact"] == 5, (
        "nothing is done before it is confirmed"
    )
    form = form_with(page, "whom")
    done = here.client.post(form.action, data=form.filled(confirmed="1"))
    text = text_of(done.get_data(as_text=True))
    assert done.status_code == 200 and "done for 5 people" in text
    assert "1 person stays as before" in text and "An Active member needs an e-mail address." in text and "Mute" in text
    assert statuses(app, ids) == {"active": 7} and world.get(Member, mute).status == "contact"
    monkeypatch.setattr(many, "MOST", 3)
    role = world.role(here.organization_id, {"tag:access"}, name="Lift inspector")
    page = here.sends("people/many?q=p", what=f"assign_role:{role}", whom="found").get_data(as_text=True)
    assert "3 people are done at a time" in page
    form, seen = form_with(page, "whom"), 0
    for expected in (3, 3, 1):
        answer = here.client.post(form.action, data=form.filled(confirmed="1"))
        seen += expected
        with app.app_context():
            assert db.session.scalar(select(func.count()).where(MemberRole.role_id == role)) == seen
        if answer.status_code == 200:
            form = form_with(answer.get_data(as_text=True), "after")
    assert answer.status_code == 303
    monkeypatch.undo()
    for what, status in (("disable", "disabled"), ("enable", "active")):
        assert here.sends("people/many", what=what, whom="ticked", member=ids).status_code == 303
        assert statuses(app, ids) == {status: 7}
    here.sends("people/many", what=f"take_role:{role}", whom="ticked", member=ids[:3])
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(MemberRole.role_id == role)) == 4
    confirm = here.sends("people/many", what="end", whom="ticked", member=[*ids, here.member_id])
    form = confirm.get_data(as_text=True)
    assert "Do this for 8 people?" in form and statuses(app, ids) == {"active": 7}, "ending is confirmed"
    ended = here.sends("people/many", what="end", whom="ticked", member=[*ids, here.member_id], confirmed="1")
    assert "at least one administrator" in text_of(ended.get_data(as_text=True))
    assert statuses(app, [*ids, here.member_id]) == {"ended": 7, "active": 1}


@one_database
def test_many_ask_for_the_same_privileges(app: Any, world: Any) -> None:
    manager = desk(app, world, "here", "account:people.manage")
    ids = people(world, manager, 2, status="active")
    role, license_ = world.role(manager.organization_id, {"tag:access"}), world.license(manager.organization_id)
    for what in (f"assign_role:{role}", f"take_role:{role}", f"assign_seat:{license_}", f"take_seat:{license_}"):
        answer = manager.sends("people/many", what=what, whom="ticked", member=ids)
        assert answer.status_code == 403, what
        assert what not in manager.client.get(manager.path("people")).get_data(as_text=True)
    other = world.organization("other")
    foreign = world.role(other, {"tag:access"})
    here = desk(app, world)
    answers = [
        text_of(
            here.sends("people/many", what=f"assign_role:{target}", whom="ticked", member=ids).get_data(as_text=True)
        )
        for target in (foreign, "unknown")
    ]
    assert answers[0] == answers[1] and "There is no such role." in answers[0]
    with app.app_context():
        assert not db.session.scalar(select(func.count()).where(MemberRole.role_id == foreign))


@pytest.mark.slow
def test_forty_at_once_and_twenty_five_licenses(app: Any, world: Any) -> None:
    """Forty administrators each assign a license of 25 at the same moment: 25 hold one, the rest are told."""
    here = desk(app, world)
    license_ = world.license(here.organization_id, seats=25)
    ids = people(world, here, 40, status="active")

    def assign(member_id: str) -> tuple[int, bool]:
        browser = app.test_client()
        browser._cookies = dict(here.client._cookies)
        answer = browser.post(
            here.path(f"people/{member_id}/holdings"), data={"csrf_token": here.token, "license": license_}
        )
        return answer.status_code, "All licenses are in use." in answer.get_data(as_text=True)

    answers = at_once([partial(assign, member_id) for member_id in ids])
    assert Counter(answers) == {(303, False): 25, (409, True): 15}
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(Seat.license_id == license_)) == 25


@pytest.mark.parametrize("typed", [False, True], ids=["invited", "imported"])
def test_two_who_mail_the_same_people_do_not_block_each_other(app: Any, world: Any, typed: bool) -> None:
    """Two organizations, the same two addresses in another order: each unit waits for the other, never both."""
    addresses = ["a@same.example", "b@same.example"]
    places = [world.organization() for _ in addresses]
    members = {
        (place, address): world.member(place, status="contact", email=address, email_normalized=address)
        for place in places
        for address in addresses
    }
    first_done = {place: threading.Event() for place in places}
    failed: list[BaseException] = []

    def work(place: str, order: list[str]) -> None:
        other = next(one for one in places if one != place)

        def act(address: str) -> None:
            if typed:
                service.add_member(place, email=f"new-{address}", actor_id="somebody")
            else:
                service.invite(members[place, address], actor_id="somebody")
            if not first_done[place].is_set():
                first_done[place].set()
                first_done[other].wait(1.5)  # in vain where the other waits for us

        try:
            with app.app_context():
                known = (lambda one: [f"new-{one}"]) if typed else (lambda one: [one])
                assert many.each(order, act, addresses=known, typed=typed).good == 2
        except BaseException as problem:  # of a thread
            failed.append(problem)

    threads = [
        threading.Thread(target=work, args=(place, order))
        for place, order in zip(places, (addresses, addresses[::-1]), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed and not any(thread.is_alive() for thread in threads)
