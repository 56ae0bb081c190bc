"""The section Security: asking the organization's people for a second factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from idp.audit.models import AuditEntry
from idp.kernel.database import db
from idp.organizations.models import Organization
from tests.support.authenticators import add_passkey, press
from tests.support.forms import browser_of, text_of

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
