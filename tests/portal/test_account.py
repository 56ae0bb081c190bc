"""The account page: its frame, and changing the password there after showing once more that it is you (R27)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from idp.accounts.credentials.models import Passkey, RecoveryCode
from idp.kernel.database import db, unit_of_work
from idp.sessions.models import Session
from tests.support.forms import browser_of, log_in, submit, text_of

NEW = "five-quiet-otters-under-the-bridge"


PASSWORD = "/account/security/password"


def _change(client: Any, current: str, new: str) -> Any:
    return submit(client, client.get(PASSWORD), "current_password", current_password=current, password=new)


def test_a_stranger_is_sent_to_sign_in_and_back(client: Any, world: Any) -> None:
    answer = client.get("/account/security")
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/login?continue=")


def test_the_overview_names_the_person_and_leads_to_the_sections(client: Any, world: Any) -> None:
    person = world.account(given_name="Kari", family_name="Nordmann")
    log_in(client, person.address, world.password)
    page = client.get("/account/").text
    assert "Kari Nordmann" in page and person.address in page and 'href="/account/security"' in page


def test_the_overview_tells_how_each_section_stands(app: Any, client: Any, world: Any, statements: Any) -> None:
    person = world.account(given_name="Kari", family_name="Nordmann")
    log_in(client, person.address, world.password)
    fresh = text_of(client.get("/account/").text)
    for told in ("Security A password only", "Sessions Only this browser", "Signature No signature yet", "No app yet"):
        assert told in fresh, told
    assert "Picture No picture yet" in fresh and "E-mail addresses 1 address" in fresh
    world.member(world.organization(name="Nordic Lift AS"), person.account_id)
    world.member(world.organization(name="Breim Kran AS"), person.account_id, status="ended")
    with statements() as few:
        page = text_of(client.get("/account/").text)
    assert "My organizations Nordic Lift AS" in page and "Breim Kran" not in page
    for number in range(5):
        world.member(world.organization(name=f"Many {number}"), person.account_id)
        browser_of(app, world, person)
    with app.app_context(), unit_of_work() as session:
        for number in range(2):
            key = {"credential_id": f"key-{number}", "public_key": "k", "transports": [], "name": "Key"}
            session.add(Passkey(account_id=person.account_id, created_at=1, **key))
        session.add(RecoveryCode(account_id=person.account_id, code_digest="0" * 64, created_at=1))
    with statements() as many:
        page = text_of(client.get("/account/").text)
    assert "Security 2 passkeys, 1 recovery code left" in page and "6 organizations" in page and "6 sessions" in page
    assert len(many) <= len(few), f"{few}\n{many}"


def test_an_old_sign_in_confirms_first_and_comes_back(app: Any, client: Any, world: Any, clock: Any) -> None:
    person = world.account()
    log_in(client, person.address, world.password)
    assert client.get(PASSWORD).status_code == 200
    clock.advance(301)
    asked = client.get(PASSWORD)
    assert asked.status_code == 303 and asked.headers["Location"].startswith("/login/again?continue=")
    where = asked.headers["Location"]
    wrong = submit(client, client.get(where), "password", password="wrong")
    assert wrong.status_code == 400 and "The password is wrong." in wrong.text
    assert client.get(PASSWORD).status_code == 303, "a wrong password proves nothing"
    right = submit(client, client.get(where), "password", password=world.password)
    assert right.status_code == 303 and right.headers["Location"] == PASSWORD
    assert client.get(PASSWORD).status_code == 200


def test_a_post_after_the_time_changes_nothing(app: Any, client: Any, world: Any, clock: Any) -> None:
    person = world.account()
    log_in(client, person.address, world.password)
    page = client.get(PASSWORD)
    clock.advance(301)
    late = submit(client, page, "current_password", current_password=world.password, password=NEW)
    assert late.status_code == 303 and late.headers["Location"].startswith("/login/again?")
    assert client.get("/account/").status_code == 200
    assert browser_of(app, world, person).get("/account/").status_code == 200, "the old password still signs in"


@pytest.mark.parametrize(
    ("current", "new", "status", "said"),
    [
        ("wrong", NEW, 400, "The current password is wrong."),
        (None, None, 400, "Choose a password that is not the old one."),
        (None, "short", 400, "Use at least"),
    ],
)
def test_a_password_that_is_not_changed(
    app: Any, client: Any, world: Any, current: str | None, new: str | None, status: int, said: str
) -> None:
    person = world.account()
    log_in(client, person.address, world.password)
    answer = _change(client, current or world.password, new or world.password)
    assert answer.status_code == status and said in answer.text
    assert world.password not in answer.text
    assert browser_of(app, world, person).get("/account/").status_code == 200


def test_a_changed_password_ends_every_other_session(app: Any, client: Any, world: Any) -> None:
    person = world.account()
    other = browser_of(app, world, person)
    log_in(client, person.address, world.password)
    answer = _change(client, world.password, NEW)
    assert answer.status_code == 303 and answer.headers["Location"] == "/account/security"
    assert "Your password is changed." in client.get("/account/security").text
    assert other.get("/account/").status_code == 303
    with app.app_context():
        alive = select(func.count()).select_from(Session).where(Session.ended_at.is_(None))
        assert db.session.scalar(alive.where(Session.account_id == person.account_id)) == 1
    assert log_in(app.test_client(), person.address, NEW).status_code == 303
