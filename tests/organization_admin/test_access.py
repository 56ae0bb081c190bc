"""Access: the verdict with its path, what would open it, and the reports."""

from __future__ import annotations

import csv
import io
import json
import random
from typing import Any

import pytest
from sqlalchemy import select

from clients.relying_party.access import decide
from idp.accounts import service as accounts
from idp.audit.models import AuditEntry
from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.organizations import reports, service
from idp.organizations.catalog import current_catalog
from idp.organizations.models import Member, Organization, Role, Seat
from tests.support.databases import one_database
from tests.support.forms import browser_of, forms_of, text_of
from tests.support.protocol import claims_of

from .access_worlds import APPS, administrator, make


def changes_form(page: Any, field: str = "way-0") -> Any:
    """The form of the proposed changes on a page."""
    return next(form for form in forms_of(page.get_data(as_text=True), page.request.path) if field in form.fields)


def applied(browser: Any, path: str) -> Any:
    """Opens the page of a verdict and presses the button that applies everything."""
    page = browser.get(path)
    form = changes_form(page)
    return browser.post(form.action, data=form.fields)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_verdict_on_the_page_is_the_one_in_the_issued_token(app: Any, world: Any, protocol: Any, seed: int) -> None:
    """For every person, organization and app of a random world: code, privileges, roles, edition and sentences."""
    for name in APPS:
        protocol.register(f"rp-{name}", app_id=name, deny_mode="token")
    with app.app_context():
        made = make(world, random.Random(seed))
    browsers = {slug: browser_of(app, world, administrator(world, place)) for slug, place in made.places}
    codes, seen = set(), 0
    for person, slug, place in made.people:
        address = f"/org/{slug}/access/people/{person.member_id}"
        answer = browsers[slug].get(f"{address}.json")
        if slug == "place-2":  # nothing is administered in a suspended organization
            assert answer.status_code == 403
            continue
        told = {one["app"]: one for one in answer.json["apps"]}
        assert set(told) == set(app.extensions["onix_catalog"].apps)
        contact = answer.json["person"]["status"] == "contact"
        assert answer.json["person"]["activated"] == (None if contact else bool(person.account_id))
        if not person.account_id:
            continue
        for name in APPS:
            said = told[name]
            codes.add(said["code"])
            seen += 1
            grant = protocol.grant(f"rp-{name}", person=person, member_id=person.member_id, organization_id=place)
            issued = protocol.redeem(grant, f"rp-{name}")
            if said["code"] == "account_disabled":
                assert issued.status_code == 400 and issued.json["error"] == "invalid_grant"
                continue
            assert issued.status_code == 200, issued.text
            read = decide(claims_of(issued.json["access_token"]), name, clock.now())
            assert read.allowed == (said["decision"] == "allow"), (said, read)
            if read.allowed:
                assert said["privileges"] == sorted(read.privileges)
                assert (tuple(said["roles"]), said["license"]) == (read.roles, read.edition)
            else:
                assert (said["code"], said["cause"], said["remedy"]) == (read.code, read.cause, read.remedy)
            page = browsers[slug].get(f"{address}/{name}").get_data(as_text=True)
            assert (f"<code>{said['code']}</code>" in page) == (said["code"] is not None)
    assert seen > 50 and len(codes) >= 6, codes


def test_who_can_use_an_app_are_exactly_those_whose_verdict_allows(app: Any, world: Any) -> None:
    with app.app_context():
        made = make(world, random.Random(7), people=14)
        for _slug, place in made.places:
            organization = db.session.get(Organization, place)
            for name in current_catalog().apps:
                judged_app = current_catalog().apps[name]
                can = {line.member.id for line in reports.walk(organization, judged_app)}
                db.session.expunge_all()
                organization = db.session.get(Organization, place)
                everybody = list(reports.walk(organization, judged_app, everybody=True))
                organization = db.session.get(Organization, place)
                assert len(everybody) == 14
                assert can == {line.member.id for line in everybody if line.activated and line.verdict.allowed}, name


@one_database
@pytest.mark.parametrize("seed", [11, 13])
def test_the_proposed_change_applied_through_the_page_opens_the_app(app: Any, world: Any, seed: int) -> None:
    """In random worlds, for every denial that administrators can mend."""
    with app.app_context():
        made = make(world, random.Random(seed), places=2, people=12)
    browsers = {slug: browser_of(app, world, administrator(world, place)) for slug, place in made.places}
    mended = 0
    for person, slug, _place in made.people:
        for name in ("tag", "work", "express"):
            path = f"/org/{slug}/access/people/{person.member_id}/{name}"
            page = browsers[slug].get(path)
            text = page.get_data(as_text=True)
            if "Apply</button>" not in text and "Apply all</button>" not in text:
                continue
            form = changes_form(page)
            answer = browsers[slug].post(form.action, data=form.fields)
            assert answer.status_code == 303, answer.get_data(as_text=True)
            told = browsers[slug].get(f"/org/{slug}/access/people/{person.member_id}.json").json["apps"]
            assert next(one for one in told if one["app"] == name)["decision"] == "allow"
            mended += 1
    assert mended


class Place:
    """An organization with an administrator, a license of Tag with seats, and Tag's system roles."""

    def __init__(self, app: Any, world: Any, *privileges: str, seats: int = 3) -> None:
        self.app, self.world = app, world
        with app.app_context():
            with unit_of_work():
                service.sync_system_roles(current_catalog())
            self.reader = service.find_role("Tag reader").id  # type: ignore[union-attr]
        self.id = world.organization("here", name="Nordic Lift AS")
        self.license = world.license(self.id, "tag:standard", seats=seats)
        self.administrator = administrator(world, self.id, *privileges)
        self.browser = browser_of(app, world, self.administrator)

    def path(self, member_id: str, app_id: str = "tag") -> str:
        return f"/org/here/access/people/{member_id}/{app_id}"

    def verdict(self, member_id: str) -> dict[str, Any]:
        told = self.browser.get(f"/org/here/access/people/{member_id}.json").json["apps"]
        return next(one for one in told if one["app"] == "tag")


@one_database
def test_every_code_that_an_administrator_can_mend_is_mended(app: Any, world: Any) -> None:
    place = Place(app, world, seats=30)
    full = world.license(place.id, "work:standard", seats=1, holders=[world.member(place.id)])
    ended = world.license(place.id, "tag:basic", ends_at=clock.now() - 10)
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "invitation_pending": ({"status": "contact"}, "tag"),
        "invitation_expired": ({"status": "contact"}, "tag"),
        "contact_only": ({"status": "contact"}, "tag"),
        "membership_ended": ({"status": "ended", "ended_reason": "ended"}, "tag"),
        "terminated_inactive": ({"status": "ended", "ended_reason": "inactive"}, "tag"),
        "member_disabled": ({"status": "disabled"}, "tag"),
        "license_expired": ({}, "tag"),
        "license_missing": ({}, "tag"),
        "seat_limit_reached": ({}, "work"),
        "privilege_missing": ({}, "tag"),
    }
    for code, (values, name) in cases.items():
        person = world.account()
        member = world.member(place.id, person.account_id, **values)
        if code.startswith("invitation"):
            world.invitation(member, expires_at=clock.now() + (100 if code.endswith("pending") else -100))
        if code in ("license_expired", "privilege_missing"):
            with app.app_context(), unit_of_work() as session:
                license_id = ended if code == "license_expired" else place.license
                session.add(Seat(license_id=license_id, member_id=member, assigned_at=clock.now()))
        page = place.browser.get(place.path(member, name)).get_data(as_text=True)
        assert f"<code>{code}</code>" in page
        answer = applied(place.browser, place.path(member, name))
        assert answer.status_code == 303, code
        assert "can use" in place.browser.get(answer.headers["Location"]).get_data(as_text=True), code
    with app.app_context():
        assert db.session.query(Seat).filter_by(license_id=full).count() == 1, "the seat went from one to the other"


@one_database
def test_changes_that_are_no_longer_offered_are_refused_with_those_that_are(app: Any, world: Any) -> None:
    """409 with a new proposal, and nothing of the old one is done."""
    place = Place(app, world, seats=1)
    person = world.account()
    member = world.member(place.id, person.account_id)
    page = place.browser.get(place.path(member))
    form = changes_form(page)
    assert f"assign_seat:{place.license}" in form.fields.values()
    other = world.member(place.id, given_name="Per", family_name="Vik")
    with app.app_context(), unit_of_work():
        service.assign_seat(place.license, other)
    answer = place.browser.post(form.action, data=form.fields)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "Something changed since this page was shown" in text and "Take the license back from Per Vik" in text
    assert place.verdict(member)["code"] == "seat_limit_reached"
    with app.app_context():
        assert db.session.get(Member, member).roles == [], "all or nothing"


@one_database
def test_other_tenants_ids_answer_like_ids_that_do_not_exist(app: Any, world: Any) -> None:
    place = Place(app, world)
    elsewhere = world.organization("elsewhere")
    theirs = world.member(elsewhere)
    role = world.role(elsewhere, ["tag:access"])
    license_id = world.license(elsewhere)
    for suffix in ("", ".json", ".csv", "/tag"):
        answers = [place.browser.get(f"/org/here/access/people/{member}{suffix}") for member in (theirs, "made-up")]
        assert {answer.status_code for answer in answers} == {404}
    mine = world.member(place.id, world.account().account_id)
    form = changes_form(place.browser.get(place.path(mine)))
    for ways in (
        {"way-0": f"assign_seat:{license_id}"},
        {"way-0": "assign_seat:made-up"},
        {"way-1": f"assign_role:{role}"},
        {"way-1": "assign_role:made-up"},
    ):
        answer = place.browser.post(form.action, data={**form.fields, **ways})
        assert answer.status_code == 409, ways
    assert place.browser.post(form.action, data={**form.fields, "only": "99"}).status_code == 409
    crossed = place.browser.post(f"/org/here/access/people/{theirs}/tag", data=form.fields)
    assert crossed.status_code == 404
    assert place.verdict(mine)["code"] == "license_missing", "nothing was done"
    assert place.browser.get("/org/here/access/apps/tag.json?people=all&after=" + theirs).json["people"], (
        "as from the first"
    )
    assert place.browser.get("/org/here/access/apps/no-app").status_code == 404


@one_database
def test_a_button_that_is_not_held_is_explained_and_refused(app: Any, world: Any) -> None:
    place = Place(app, world, "account:people.read", "account:licenses.manage")
    member = world.member(place.id, world.account().account_id)
    page = place.browser.get(place.path(member))
    text = page.get_data(as_text=True)
    assert "Your role does not include “Change and assign roles”" in text
    assert "Apply all</button>" not in text
    form = changes_form(page)
    whole = {**form.fields, "way-1": f"assign_role:{place.reader}"}
    assert place.browser.post(form.action, data=whole).status_code == 403
    assert place.verdict(member)["code"] == "license_missing", "nothing of it was done"
    part = place.browser.post(form.action, data={**form.fields, "only": "0"})
    assert part.status_code == 303
    assert "Something is still missing" in place.browser.get(part.headers["Location"]).get_data(as_text=True)
    assert (place.verdict(member)["code"], place.verdict(member)["detail"]) == ("privilege_missing", "no_role")


@one_database
def test_a_role_that_gives_more_than_the_administrator_holds_has_no_button(app: Any, world: Any) -> None:
    """What one gives is bounded by what one holds (decision 10): told with who can, before anybody presses."""
    place = Place(app, world, "account:people.read", "account:people.manage", "account:roles.manage")
    member = world.member(place.id, world.account().account_id, given_name="Ida", family_name="Ny")
    world.license(place.id, holders=[member])
    beyond = world.role(place.id, ["tag:access", "account:audit.read"], name="Chief of lifts")
    with app.app_context(), unit_of_work() as session:
        opening = session.scalars(select(Role).where(Role.id != beyond)).all()
        for role in opening:
            if "tag:access" in {entry.privilege for entry in role.privileges}:
                session.delete(role)
    page = place.browser.get(place.path(member)).get_data(as_text=True)
    assert "Assign the role Chief of lifts" in page and "Apply</button>" not in page
    assert "Nobody else here can do it: ask the platform, Onix Work." in page
    boss = world.account(given_name="Bo", family_name="Boss")
    boss_member = world.member(place.id, boss.account_id)
    world.role(place.id, ["account:access", "account:roles.manage", "account:audit.read"], members=[boss_member])
    read = text_of(place.browser.get(place.path(member)).get_data(as_text=True))
    assert "Your role does not include “Read the audit trail”, which this needs. These can do it: Bo Boss." in read
    form = changes_form(place.browser.get(place.path(member)))
    assert place.browser.post(form.action, data=form.fields).status_code == 403
    held = world.role(place.id, ["tag:access"], name="Plain reader")
    page = place.browser.get(place.path(member))
    text = page.get_data(as_text=True)
    assert "Apply</button>" in text, "what can be done comes first, and is chosen"
    form = changes_form(page)
    assert form.fields["way-0"] == f"assign_role:{held}"
    assert place.browser.post(form.action, data=form.fields).status_code == 303
    world.change(Member, boss_member, status="disabled")
    page = text_of(place.browser.get(place.path(boss_member)).get_data(as_text=True))
    assert "Enable Kari Nord Your role does not include “Read the audit trail”" in " ".join(page.split())


@one_database
def test_what_only_the_platform_can_do_is_told_and_has_no_button(app: Any, world: Any) -> None:
    place = Place(app, world, seats=0)
    member = world.member(place.id, world.account().account_id)
    page = place.browser.get(place.path(member))
    text = page.get_data(as_text=True)
    assert "Buy one more license of Onix Tag Standard" in text and "Only the platform, Onix Work, can do this." in text
    form = next(form for form in forms_of(text, place.path(member)) if "way-1" in form.fields)
    forced = {**form.fields, "way-0": f"buy_seat:{place.license} assign_seat:{place.license}"}
    assert place.browser.post(form.action, data=forced).status_code == 403
    disabled = world.member(place.id, world.account(status="disabled").account_id)
    assert "Enable the account of" in place.browser.get(place.path(disabled)).get_data(as_text=True)


@one_database
def test_a_person_who_has_not_activated_is_judged_as_if_it_had(app: Any, world: Any) -> None:
    place = Place(app, world)
    member = world.member(
        place.id, None, given_name="Ida", family_name="Ny", email="ida@ny.example", email_normalized="ida@ny.example"
    )
    page = place.browser.get(place.path(member)).get_data(as_text=True)
    assert "Ida Ny has not activated the account yet" in page and "<code>license_missing</code>" in page
    assert applied(place.browser, place.path(member)).status_code == 303
    assert place.verdict(member)["decision"] == "allow"
    told = place.browser.get("/org/here/access/apps/tag.json?people=all").json["people"]
    assert next(one for one in told if one["id"] == member)["activated"] is False
    assert member not in {one["id"] for one in place.browser.get("/org/here/access/apps/tag.json").json["people"]}


@one_database
def test_a_contact_may_be_invited_instead_and_each_change_is_audited(app: Any, world: Any) -> None:
    place = Place(app, world)
    contact = world.member(place.id, None, status="contact", email="per@ny.example", email_normalized="per@ny.example")
    page = place.browser.get(place.path(contact)).get_data(as_text=True)
    form = next(f for f in forms_of(page, place.path(contact)) if any(value == "invite" for _n, value, _t in f.buttons))
    assert place.browser.post(form.action, data={**form.fields, "only": "invite"}).status_code == 303
    assert place.verdict(contact)["code"] == "invitation_pending"
    assert applied(place.browser, place.path(contact)).status_code == 303
    with app.app_context():
        rows = db.session.query(AuditEntry).filter_by(member_id=contact, actor_id=place.administrator.account_id).all()
        assert {"MemberInvited", "MemberActivated", "SeatAssigned", "RoleAssigned"} <= {row.event for row in rows}


@one_database
def test_the_reports_are_paged_and_cost_the_same_for_few_and_for_many(app: Any, world: Any, statements: Any) -> None:
    place = Place(app, world, seats=500)

    def people(number: int) -> None:
        for count in range(number):
            person = world.account()
            name = f"=cmd|' /C calc'!A{count}"
            member = world.member(
                place.id, person.account_id, given_name=name, search_text=f"nord {count:04} {person.address}"
            )
            with app.app_context(), unit_of_work() as session:
                session.add(Seat(license_id=place.license, member_id=member, assigned_at=clock.now()))
            world.role(place.id, ["tag:access"], members=[member])

    addresses = ("apps/tag", "apps/tag.json", "apps/tag.csv", "apps/tag?people=all", "?q=nord")

    def counts() -> list[int]:
        found = []
        for address in addresses:
            with statements() as seen:
                assert (
                    place.browser.get(f"/org/here/access{'' if address[0] == '?' else '/'}{address}").status_code == 200
                )
            found.append(len(seen))
        return found

    people(2)
    few = counts()
    people(58)
    assert counts() == [*few[:4], few[4] + 1], "only where there is more than a page it is counted"
    first = place.browser.get("/org/here/access/apps/tag").get_data(as_text=True)
    following = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = place.browser.get(following).get_data(as_text=True)
    names = [first.count("<tr>") - 1, second.count("<tr>") - 1]
    assert names == [50, 10]
    table = list(csv.reader(io.StringIO(place.browser.get("/org/here/access/apps/tag.csv").get_data(as_text=True)[1:])))
    assert len(table) == 61 and table[0][:2] == ["Name", "E-mail"]
    assert all(row[0].startswith("'=cmd") for row in table[1:]), "no cell begins a formula"
    found = place.browser.get("/org/here/access/apps/tag.json?q=nord%200007").json
    assert len(found["people"]) == 1 and found["next"] is None


@one_database
def test_a_report_in_json_goes_on_where_it_ended(app: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(app, world)
    monkeypatch.setattr(reports, "PORTION", 3)
    for _ in range(7):
        world.member(place.id)
    address: str | None = "/org/here/access/apps/tag.json?people=all"
    seen: list[str] = []
    while address:
        answer = place.browser.get(address)
        assert answer.headers["Cache-Control"] == "no-store"
        seen += [one["id"] for one in answer.json["people"]]
        address = answer.json["next"]
    assert len(seen) == len(set(seen)) == 8
    text = place.browser.get("/org/here/access/apps/tag.csv?people=all").get_data(as_text=True)
    assert len(text.splitlines()) == 9
    assert json.dumps(seen)


@one_database
def test_an_account_that_is_closing_is_told_from_a_disabled_one(app: Any, world: Any) -> None:
    """Not that the platform disabled it, which is not true."""
    place = world.organization("nordic")
    person = world.user(place, privileges=["tag:access"], given_name="Kari", family_name="Vik")
    with app.app_context(), unit_of_work():
        accounts.close_account(person.account_id, person.address)
    browser = browser_of(app, world, administrator(world, place))
    path = f"/org/nordic/access/people/{person.member_id}"
    told = next(one for one in browser.get(f"{path}.json").json["apps"] if one["app"] == "tag")
    assert (told["code"], told["cause"]) == ("account_disabled", "You have closed your account. It is erased soon.")
    page = text_of(browser.get(f"{path}/tag").text)
    assert "The person has closed the account." in page and "disabled the account" not in page
    with app.app_context(), unit_of_work():
        accounts.disable_account(person.account_id)
    assert "The platform disabled the account." in text_of(browser.get(f"{path}/tag").text)
