"""The section Security: asking the organization's people for a second factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from idp.audit.models import AuditEntry
from idp.kernel.database import db
from idp.organizations.models import Member, MemberRole, Organization
from tests.support.authenticators import add_passkey, press
from tests.support.forms import browser_of, form_with, forms_of, submit, text_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HERE = "/org/nordic-lift/security"


def test_it_is_switched_on_and_off_and_written_down(
    app: Any, world: Any, place: str, administrator: Callable[..., Any], statements: Any
) -> None:
    browser = administrator("account:people.manage", "account:audit.read")
    other = world.account()
    world.member(place, other.account_id)
    world.member(place)  # a member without an account is no user
    add_passkey(browser_of(app, world, other))
    page = text_of(browser.get(HERE).text)
    assert "Not required" in page and "1 of 2 active users has a second factor" not in page
    assert "1 of 2 active users have a second factor." in page
    before = world.get(Organization, place).rev
    assert press(browser, HERE, "/second-factor", required="yes").headers["Location"] == HERE
    assert world.get(Organization, place).second_factor_required and world.get(Organization, place).rev == before + 1

    led = browser.get(HERE, follow_redirects=True)
    assert "A second factor is needed" in led.text, "the administrator too"
    add_passkey(browser)
    assert "Required" in text_of(browser.get(HERE).text)
    for member in range(3):
        world.member(place, world.account(given_name=f"Nr{member}").account_id)
    with statements() as seen:
        browser.get(HERE)
    assert len(seen) <= 6, str(seen)
    assert press(browser, HERE, "/second-factor", required="no").headers["Location"] == HERE
    assert not world.get(Organization, place).second_factor_required
    with app.app_context():
        told = [
            row.event
            for row in db.session.scalars(select(AuditEntry).where(AuditEntry.organization_id == place))
            if row.event.startswith("SecondFactor")
        ]
    assert told == ["SecondFactorRequired", "SecondFactorNotRequired"]
    assert "Kari Nord asked the organization's people for a second factor." in text_of(
        browser.get("/org/nordic-lift/audit").text
    )


def test_an_old_sign_in_switches_nothing(app: Any, world: Any, place: str, administrator: Any, clock: Any) -> None:
    browser = administrator("account:people.manage")
    page = browser.get(HERE)
    assert page.status_code == 200
    clock.advance(301)
    answer = press(browser, HERE, "/second-factor", required="yes")
    assert (
        answer.headers["Location"].startswith("/login/again?")
        and not world.get(Organization, place).second_factor_required
    )


def test_rights_of_administration_are_given_and_taken_behind_a_recent_sign_in(
    app: Any, world: Any, place: str, administrator: Callable[..., Any], clock: Any
) -> None:
    """R27: whoever finds the browser open can't come back as an administrator (docs/decisions/0038)."""
    browser = administrator("account:people.manage", "account:people.read", "account:roles.manage")
    member = world.member(place, world.account().account_id)
    boss = world.role(place, {"account:access", "account:people.manage"}, name="Boss")
    other = world.member(place, world.account().account_id)
    world.role(place, {"account:access", "account:roles.manage"}, members=[other])
    looks = world.role(place, {"account:access", "account:people.read"}, name="Looks")
    tag = world.role(place, {"tag:access"}, name="Tag")
    people = "/org/nordic-lift/people"
    clock.advance(301)

    def sent(path: str, page: str, **values: Any) -> Any:
        token = form_with(browser.get(page).text, "csrf_token").fields["csrf_token"]
        data = {"csrf_token": token, **values}
        return browser.post(path, data=data, headers={"Sec-Fetch-Site": "same-origin"})

    def held() -> set[str]:
        with app.app_context():
            return set(db.session.scalars(select(MemberRole.role_id).where(MemberRole.member_id == member)))

    def asked(answer: Any) -> bool:
        return bool(answer.headers.get("Location", "").startswith("/login/again?continue="))

    one = f"{people}/{member}"
    free = sent(f"{one}/holdings", one, role=[looks, tag])
    assert free.headers["Location"] == one and held() == {looks, tag}, "what opens apps, and what only reads"
    gives = sent(f"{one}/holdings", one, role=[looks, tag, boss], shown_role=[looks, tag])
    assert asked(gives) and held() == {looks, tag}
    new = {"given_name": "Eva", "family_name": "Lie", "email": "eva@firma.example", "state": "active", "role": boss}
    for path, page, values in (
        (f"{people}/many", people, {"what": f"assign_role:{boss}", "whom": "ticked", "member": member}),
        (f"{people}/{other}/state", f"{people}/{other}", {"action": "disable"}),
        (f"{people}/new", f"{people}/new", new),
        ("/org/nordic-lift/roles/new", "/org/nordic-lift/roles/new",
         {"name": "Second boss", "privileges": ["account:access", "account:people.manage"]}),
    ):  # fmt: skip
        assert asked(sent(path, page, **values)), path
    assert world.get(Member, other).status == "active" and held() == {looks, tag}
    with app.app_context():
        assert not db.session.scalars(select(Member).where(Member.family_name == "Lie")).all()

    confirm = browser.get(gives.headers["Location"])
    back = submit(browser, confirm, "password", password=world.password)
    again = next(
        one for one in forms_of(browser.get(back.headers["Location"]).text) if one.action.endswith("/holdings")
    )  # fmt: skip
    assert again.fields["role"] == boss and held() == {looks, tag}, "nothing is done without a press"
    assert browser.post(again.action, data=again.fields).headers["Location"] == one and boss in held()
    takes = sent(f"{one}/holdings", one, role=[looks, tag], shown_role=[looks, tag, boss])
    assert takes.headers["Location"] == one and boss not in held(), "within five minutes nothing is asked again"
