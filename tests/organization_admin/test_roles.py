"""The pages of an organization's roles, and that what they foretell is what happens."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from idp.kernel import clock as kernel_clock
from idp.kernel.database import db, unit_of_work
from idp.organizations import previews, service
from idp.organizations.catalog import current_catalog
from idp.organizations.facts import load_members_facts
from idp.organizations.models import Member, MemberRole, Role, Seat
from idp.organizations.policy import entitlement
from tests.support.forms import Form, form_with, forms_of, text_of

ROLES = "/org/nordic-lift/roles"
MANAGER = "account:roles.manage"


@pytest.fixture
def system(app: Any) -> dict[str, str]:
    """The system's roles by name."""
    with app.app_context(), unit_of_work():
        service.sync_system_roles(current_catalog())
        return {name: service.find_role(name).id for name in current_catalog().roles}  # type: ignore[union-attr]


def _form(page: Any, field: str = "name") -> Form:
    return form_with(page.text, field, page.request.path)


def _post(browser: Any, page: Any, field: str = "name", **values: Any) -> Any:
    """The page's form with what is typed; `privileges` is the list of boxes that are ticked."""
    form = _form(page, field)
    sent = {name: value for name, value in form.fields.items() if name != "privileges"} | values
    return browser.post(form.action, data=sent)


def _hidden(page: Any) -> list[str]:
    """The privileges that a preview carries."""
    return re.findall(r'name="privileges" value="([^"]+)"', page.text)


def _privileges(world: Any, role_id: str) -> set[str]:
    return {entry.privilege for entry in world.get(Role, role_id).privileges}


def test_the_list(world: Any, administrator: Any, members: Any, system: Any, place: str, statements: Any) -> None:
    crew = world.role(place, ["tag:access", "work:access"], name="Yard crew", members=members(["Dahl", "Lie"]))
    foreign = world.role(world.organization(), ["tag:access"], name="Foreign crew")
    browser = administrator("account:people.read")
    with statements() as few:
        page = browser.get(ROLES)
    assert page.status_code == 200
    words = text_of(page.text)
    assert "Yard crew Onix Tag, Onix Work 2" in words and "Inspector System" in words
    assert "Foreign crew" not in words and "Add a role" not in words
    assert "Platform administrator" not in words and ">Admin<" not in words
    for number in range(30):
        world.role(place, ["tag:access"], name=f"Role number {number}", members=members([f"X{number}"]))
    with statements() as many:
        page = browser.get(ROLES)
    assert 0 <= len(many) - len(few) <= 1, many  # what is more than a page is counted
    own = text_of(browser.get(f"{ROLES}?kind=own").text)
    assert "Yard crew" in own and "Inspector" not in own
    assert "Yard crew" not in text_of(browser.get(f"{ROLES}?kind=system&sort=-name").text)
    for unknown in (foreign, "nothing"):
        assert browser.get(f"{ROLES}/{unknown}").status_code == 404
    norsk = text_of(administrator("account:people.read", language="nb").get(f"{ROLES}/{system['Inspector']}").text)
    assert "Kontrollør" in norsk and "Leser Se utstyr" in norsk and "Utfører Merke utstyr" in norsk
    page = browser.get(f"{ROLES}/{crew}")
    assert page.status_code == 200 and "/change" not in page.text, "who reads is offered no change"
    assert "Nils Dahl" in text_of(page) and "Nils Lie" in text_of(page)
    narrowed = text_of(browser.get(f"{ROLES}/{crew}?q=dahl").text)
    assert "Dahl" in narrowed and "Lie" not in narrowed


def test_holders_are_paged_with_a_fixed_number_of_statements(
    world: Any, administrator: Any, members: Any, place: str, statements: Any
) -> None:
    crew = world.role(place, ["tag:access"], name="Crew", members=members(["A"]))
    browser = administrator("account:people.read")
    with statements() as few:
        browser.get(f"{ROLES}/{crew}")
    more = members(f"N{number:02}" for number in range(54))
    with unit_of_work_of(browser) as session:
        session.add_all(MemberRole(member_id=one, role_id=crew) for one in more)
    with statements() as many:
        first = browser.get(f"{ROLES}/{crew}")
    assert 0 <= len(many) - len(few) <= 1, many  # what is more than a page is counted
    seen = text_of(first)
    assert "55 people" in seen and "N48" in seen and "N49" not in seen
    assert "N49" in text_of(browser.get(f"{ROLES}/{crew}?page=2"))


@contextmanager
def unit_of_work_of(browser: Any) -> Iterator[Any]:
    """Somebody else's change, beside the browser."""
    with browser.application.app_context(), unit_of_work() as session:
        yield session


def test_a_role_is_made_and_copied(world: Any, administrator: Any, system: Any, place: str) -> None:
    browser = administrator(MANAGER)
    page = browser.get(f"{ROLES}/new")
    assert "Administer the platform" not in page.text and "See Administration" not in page.text
    again = _post(browser, page, name=" ", privileges=["tag:access"])
    assert again.status_code == 400 and _form(again).fields["privileges"] == "tag:access"
    for taken, status in (("Inspector", 409), ("x" * 101, 400)):
        refused = _post(browser, page, name=taken, privileges=["tag:access"])
        assert refused.status_code == status and _form(refused).fields["name"] == taken
        assert _form(refused).fields["privileges"] == "tag:access"
    made = _post(browser, page, name="Yard crew", privileges=["tag:access", "work:access"])
    assert made.status_code == 303
    role_id = made.location.rpartition("/")[2]
    assert _privileges(world, role_id) == {"tag:access", "work:access"}
    assert "Nobody has it yet" in browser.get(made.location).text
    copy = browser.get(f"{ROLES}/new?from={system['Tag reader']}")
    assert _form(copy).fields["name"] == "Copy of Tag reader"
    ticked = next(form for form in forms_of(copy.text) if "privileges" in form.choices)
    assert ticked.fields["privileges"] in ("tag:access", "tag:print.read")
    assert copy.text.count(" checked") == 4
    foreign = world.role(world.organization(), ["tag:access"], name="Secret crew")
    for source in (foreign, "nothing"):
        blank = browser.get(f"{ROLES}/new?from={source}")
        assert blank.status_code == 200 and " checked" not in blank.text and "Secret crew" not in blank.text


def test_what_one_does_not_hold_is_not_offered_and_refused(
    world: Any, administrator: Any, system: Any, place: str
) -> None:
    browser = administrator(MANAGER)
    page = browser.get(f"{ROLES}/new?from={system['Administrator']}")
    assert "You don't have this right yourself" in page.text
    assert page.text.count(" checked") == 2, "account:access and account:roles.manage"
    refused = _post(browser, page, name="Bosses", privileges=["account:audit.read", "tag:access"])
    assert refused.status_code == 403 and "Read the audit trail" in refused.text
    assert _form(refused).fields["name"] == "Bosses"
    platform = _post(browser, page, name="Bosses", privileges=["account:platform.admin"])
    assert platform.status_code == 403 and "platform" in platform.text
    unknown = _post(browser, page, name="Bosses", privileges=["tag:fly"])
    assert unknown.status_code == 400
    kept = world.role(place, ["account:audit.read", "tag:access"], name="Auditors")
    page = browser.get(f"{ROLES}/{kept}/change")
    preview = _post(browser, page, name="Auditors", privileges=["work:access"])
    assert set(_hidden(preview)) == {"account:audit.read", "work:access"}, "what is locked stays as it is"
    assert _post(browser, preview, "mark", privileges=_hidden(preview)).status_code == 303
    assert _privileges(world, kept) == {"account:audit.read", "work:access"}
    gone = _post(browser, browser.get(f"{ROLES}/{kept}/delete"), "mark")
    assert gone.status_code == 403 and world.get(Role, kept) is not None


def test_privileges_of_the_platform_are_offered_in_its_own_organization(world: Any, administrator: Any) -> None:
    own = world.organization("onix-works", kind="self")
    page = administrator(MANAGER, organization_id=own).get("/org/onix-works/roles/new")
    assert "Administer the platform" in page.text


def test_before_saving_it_is_shown_who_gains_and_loses(
    world: Any, administrator: Any, members: Any, place: str
) -> None:
    dahl, lie, moe = members(["Dahl", "Lie", "Moe"])
    crew = world.role(place, ["tag:access", "tag:equipment.read"], name="Crew", members=[dahl, lie, moe])
    world.role(place, ["tag:access"], name="Readers", members=[lie])
    world.license(place, "tag:standard", holders=[dahl, lie])
    world.license(place, "work:standard", holders=[dahl, moe])
    browser = administrator(MANAGER)
    page = browser.get(f"{ROLES}/{crew}/change")
    preview = _post(browser, page, name="Yard crew", privileges=["work:access"])
    words = text_of(preview.text)
    assert preview.status_code == 200 and _privileges(world, crew) == {"tag:access", "tag:equipment.read"}
    assert "The role Crew is then called Yard crew." in words
    assert "3 people have this role. Something changes for 3 of them." in words
    assert "Onix Tag nobody 1 person 1 person" in words and "Onix Work 2 people nobody nobody" in words
    assert "Nils Dahl Onix Tag closes Onix Work opens" in words
    assert "Nils Lie Onix Tag stays open, with other privileges" in words
    assert "Lost See equipment: 2 people" in words and "Gained Open Onix Work: 2 people" in words
    back = _post(browser, preview, "mark", again="1", privileges=_hidden(preview))
    assert _form(back).fields["name"] == "Yard crew" and _form(back).fields["privileges"] == "work:access"
    saved = _post(browser, preview, "mark", privileges=_hidden(preview))
    assert saved.status_code == 303
    row = world.get(Role, crew)
    assert (row.name, _privileges(world, crew)) == ("Yard crew", {"work:access"})
    only_name = _post(browser, browser.get(f"{ROLES}/{crew}/change"), name="Crew", privileges=["work:access"])
    assert only_name.status_code == 303 and world.get(Role, crew).name == "Crew"


def test_what_changed_meanwhile_is_shown_again(world: Any, administrator: Any, members: Any, place: str) -> None:
    dahl, lie = members(["Dahl", "Lie"])
    crew = world.role(place, ["tag:access"], name="Crew", members=[dahl])
    license_id = world.license(place, "tag:standard", holders=[dahl])
    browser, other = administrator(MANAGER), administrator(MANAGER)
    preview = _post(browser, browser.get(f"{ROLES}/{crew}/change"), privileges=["work:access"])
    with unit_of_work_of(browser) as session:
        session.add(MemberRole(member_id=lie, role_id=crew))
        session.add(Seat(license_id=license_id, member_id=lie, assigned_at=1))
    again = _post(browser, preview, "mark", privileges=_hidden(preview))
    assert again.status_code == 409 and "Something changed while you were looking" in again.text
    assert "Nils Lie" in again.text and _hidden(again) == ["work:access"]
    assert _privileges(world, crew) == {"tag:access"}
    form = other.get(f"{ROLES}/{crew}/change")
    assert _post(browser, again, "mark", privileges=_hidden(again)).status_code == 303
    late = _post(other, form, name="My crew", privileges=["tag:access", "tag:equipment.read"])
    assert late.status_code == 409 and "My crew" in late.text
    assert _hidden(late) == ["tag:access", "tag:equipment.read"] and _privileges(world, crew) == {"work:access"}
    assert _post(other, late, "mark", privileges=_hidden(late)).status_code == 303
    assert world.get(Role, crew).name == "My crew"
    made_up = _post(other, late, "mark", mark="made-up", privileges=["tag:access"])
    assert made_up.status_code == 409 and _privileges(world, crew) == {"tag:access", "tag:equipment.read"}


def test_a_role_is_deleted_after_a_look(world: Any, administrator: Any, members: Any, place: str) -> None:
    (dahl,) = members(["Dahl"])
    crew = world.role(place, ["tag:access"], name="Crew", members=[dahl])
    world.license(place, "tag:standard", holders=[dahl])
    browser = administrator(MANAGER)
    page = browser.get(f"{ROLES}/{crew}/delete")
    assert page.status_code == 200 and "Nils Dahl Onix Tag closes" in text_of(page.text)
    stale = _post(browser, page, "mark", mark="another")
    assert stale.status_code == 409 and world.get(Role, crew) is not None
    assert _post(browser, page, "mark").status_code == 303 and world.get(Role, crew) is None
    assert _post(browser, page, "mark").status_code == 404


def test_the_last_administrator_keeps_its_role(world: Any, administrator: Any, place: str) -> None:
    browser = administrator(MANAGER, "account:people.manage")
    own = world.role(place, ["account:access", "account:people.manage"], name="Boss", members=[browser.member_id])
    with browser.application.app_context(), unit_of_work():
        for role in db.session.get(Member, browser.member_id).roles:  # type: ignore[union-attr]
            if role.id != own:
                service.set_role_privileges(role.id, ["account:access", MANAGER])
    page = browser.get(f"{ROLES}/{own}/change")
    preview = _post(browser, page, privileges=["account:access"])
    assert preview.status_code == 409 and "at least one administrator" in preview.text, "told before anything is saved"
    assert ">Save<" not in preview.text and "Change something else" in preview.text
    refused = _post(browser, preview, "mark", privileges=_hidden(preview))
    assert refused.status_code == 409 and refused.text.count("at least one administrator") == 1
    gone = browser.get(f"{ROLES}/{own}/delete")
    assert gone.status_code == 409 and "at least one administrator" in gone.text
    assert ">Delete the role<" not in gone.text
    assert _privileges(world, own) == {"account:access", "account:people.manage"}


def test_roles_that_are_not_ones_own(world: Any, administrator: Any, system: Any, place: str) -> None:
    browser = administrator(MANAGER)
    foreign = world.role(world.organization(), ["tag:access"], name="Foreign crew")
    token = _form(browser.get(f"{ROLES}/new")).fields["csrf_token"]
    for action in ("change", "delete"):
        answers = [
            browser.open(f"{ROLES}/{role_id}/{action}", method=method, data={"csrf_token": token, "name": "X"})
            for role_id in (foreign, "nothing")
            for method in ("GET", "POST")
        ]
        assert {answer.status_code for answer in answers} == {404}
        ask = browser.get(f"{ROLES}/{system['Inspector']}/{action}")
        assert ask.status_code == 409 and "can't be changed" in text_of(ask.text).replace("’", "'")
    assert world.get(Role, foreign).name == "Foreign crew"


@pytest.mark.parametrize("seed", range(4))
def test_what_is_foretold_is_what_happens(
    world: Any, context: Any, place: str, statements: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A random organization, a random change of a role: the preview is the difference of the decisions before and after
    it, read from the rows; and a page of holders takes two statements."""
    dice = random.Random(seed)
    monkeypatch.setattr(previews, "AT_ONCE", 7)
    catalog = current_catalog()
    names = [name for app in ("tag", "pickandpack", "express") for name in catalog.apps[app].privileges]
    roles = [world.role(place, dice.sample(names, dice.randint(0, 9)) or ["tag:access"]) for _ in range(3)]
    licenses = [
        world.license(place, edition, seats=40, ends_at=dice.choice([None, 2**40, 5]), starts_at=1)
        for edition in ("tag:basic", "tag:standard", "pickandpack:standard", "express:standard")
    ]
    company = world.company(place)
    people = [
        world.member(
            place,
            world.account(password=None, status=dice.choice(["active"] * 4 + ["disabled"])).account_id
            if dice.random() < 0.8
            else None,
            status=dice.choice(["active"] * 5 + ["disabled", "contact"]),
            type=kind,
            company_id=company if kind == "express" else None,
            search_text=dice.choice(["", "a", "b"]),
        )
        for kind in dice.choices(["employee", "express", "bidder"], [6, 2, 1], k=23)
    ]
    with unit_of_work() as session:
        for member_id in people:
            for role_id in roles:
                if dice.random() < 0.6:
                    session.add(MemberRole(member_id=member_id, role_id=role_id))
            for license_id in licenses[:3]:
                if dice.random() < 0.5:
                    session.add(Seat(license_id=license_id, member_id=member_id, assigned_at=1))
    after = None if seed == 0 else dice.sample(names, dice.randint(0, 12))

    def decided() -> dict[tuple[str, str], set[str]]:
        db.session.rollback()
        now = kernel_clock.now()
        return {
            (member_id, app.id): set(entitlement(facts, facts.members[0], app, now).privileges)
            for member_id, facts in load_members_facts(db.session(), place, people).items()
            for app in catalog.apps.values()
        }

    before = decided()
    row = service.find_role(world.get(Role, roles[0]).name, place)
    assert row is not None
    holders = db.session.query(MemberRole).filter_by(role_id=roles[0]).count()
    with statements() as seen:
        preview = previews.preview_role(row, after)
    assert len(seen) <= 2 * (holders // 7 + 1) + 4, seen
    assert preview == previews.preview_role(row, after), "looking changes nothing"
    with unit_of_work():
        if after is None:
            service.delete_role(roles[0])
        else:
            service.set_role_privileges(roles[0], after)
    now = decided()
    said = {(one.member_id, change.app_id): change for one in preview.named for change in one.changes}
    assert preview.holders == holders and preview.affected == len(preview.named)
    assert set(said) == {key for key in before if before[key] != now[key]}
    for key, change in said.items():
        assert set(change.gained) == now[key] - before[key] and set(change.lost) == before[key] - now[key]
        assert change.opens is (not before[key]) and change.closes is (not now[key])
    for total in preview.apps:
        mine = [change for (_member, app), change in said.items() if app == total.app_id]
        assert (total.opens, total.closes, total.people) == (
            sum(one.opens for one in mine), sum(one.closes for one in mine), len(mine))  # fmt: skip
        assert dict(total.lost) == {name: number for name in names if (number := sum(name in one.lost for one in mine))}
