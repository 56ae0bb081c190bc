"""Getting back in: forgot password, and proving a mailbox."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts import events, passwords, service
from idp.accounts.models import Account
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.outbox.mails import compose
from idp.outbox.models import Delivery
from idp.sessions.events import SessionEnded
from tests.accounts.steps import GOOD, arrived, last, link_of, listen
from tests.support.forms import form_with, log_in, submit, text_of
from tests.support.races import at_once


@pytest.fixture
def heard(app: Any) -> list[Any]:
    return listen(app)


def ask(client: Any, address: str) -> Any:
    return arrived(client, submit(client, client.get("/password/forgot"), "address", address=address))


def test_reset_sets_the_password_and_ends_every_session(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    """R33."""
    person = world.account(verified=False)
    world.change(Account, person.account_id, must_change_password=True)
    other = app.test_client()
    assert log_in(other, person.address, world.password).status_code == 303
    assert other.get("/logout").text.count("Stay signed in") == 1
    ask(client, person.address)
    link = link_of(app, last(heard, events.ResetRequested).proof_id)
    done = submit(client, client.get(link, follow_redirects=True), "password", password=GOOD)
    assert (done.status_code, done.headers["Location"]) == (303, "/password/changed")
    assert last(heard, events.PasswordChanged).by_reset is True
    assert last(heard, SessionEnded).reason == "password_changed"
    assert "Stay signed in" not in other.get("/logout").text
    assert form_with(client.get("/login").text, "identifier").fields["identifier"] == person.address
    assert log_in(client, person.address, world.password).status_code == 400
    assert log_in(client, person.address, GOOD).status_code == 303
    assert client.get("/account/security").status_code == 200, "the mailbox is proven, and the password one's own"


def test_r28_a_reset_signs_nobody_in(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person = world.account()
    ask(client, person.address)
    submit(
        client,
        client.get(link_of(app, last(heard, events.ResetRequested).proof_id), follow_redirects=True),
        "password",
        password=GOOD,
    )
    assert "Stay signed in" not in client.get("/logout").text


def test_r20_the_same_answer_for_every_address(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person, disabled = world.account(), world.account(status="disabled")
    pages = {
        text_of(ask(client, address).text.replace(address, "…"))
        for address in (person.address, disabled.address, "nobody@firma.no", "nobody@gmail.com")
    }
    assert len(pages) == 1
    asked = [event.account_id for event in heard if isinstance(event, events.ResetRequested)]
    assert asked == [person.account_id, None, None, None]
    with app.app_context():
        owed = db.session.scalars(select(Delivery).where(Delivery.kind == "reset").order_by(Delivery.id)).all()
        sent = [message.recipients for message in map(compose, owed) if message is not None]
    assert sent == [[person.address]], "nobody else is mailed"


def test_r20_the_same_work_for_every_address(app: Any, world: Any, statements: Any) -> None:
    """An answer that takes a statement more or less tells by its time whether there is an account."""
    person, disabled = world.account(), world.account(status="disabled")
    for path in ("/password/forgot", "/signup"):
        costs = set()
        for address in (person.address, disabled.address, "nobody@firma.no"):
            client = app.test_client()
            page = client.get(path)
            with statements() as seen:
                assert submit(client, page, "address", address=address).status_code == 303
            costs.add((len(seen), seen.commits))
        assert len(costs) == 1, (path, costs)


def test_r26_what_strangers_cause_uses_up_no_mail_of_the_owners(
    app: Any, client: Any, heard: list[Any], world: Any
) -> None:
    """Somebody who fills the sign-up form with another's address all day must not keep the reset link away."""
    person = world.account()
    for _ in range(8):
        assert submit(client, client.get("/signup"), "address", address=person.address).status_code == 303
    assert sum(isinstance(event, events.ActivationRequested) for event in heard) == 5
    ask(client, person.address)
    assert last(heard, events.ResetRequested).account_id == person.account_id


def test_r28_a_reset_link_lives_sixty_minutes(app: Any, client: Any, heard: list[Any], world: Any, clock: Any) -> None:
    ask(client, world.account().address)
    link = link_of(app, last(heard, events.ResetRequested).proof_id)
    page = client.get(link, follow_redirects=True)
    clock.advance(3599)
    assert client.get(link, follow_redirects=True).status_code == 200
    clock.advance(1)
    assert client.get(link, follow_redirects=True).status_code == 410
    assert submit(client, page, "password", password=GOOD).status_code == 410


def test_r28_two_resets_at_once_give_one_success(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person = world.account()
    ask(client, person.address)
    link = link_of(app, last(heard, events.ResetRequested).proof_id)
    browsers = [app.test_client() for _ in range(4)]
    pages = [browser.get(link, follow_redirects=True) for browser in browsers]
    answers = at_once([
        partial(submit, browser, page, "password", password=f"{GOOD} {number}")
        for number, (browser, page) in enumerate(zip(browsers, pages, strict=True))
    ])  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [303, 410, 410, 410]


def test_r28_a_reset_kills_the_other_reset_links(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person = world.account()
    links = []
    for _ in range(2):
        ask(client, person.address)
        links.append(link_of(app, last(heard, events.ResetRequested).proof_id))
    assert submit(client, client.get(links[0], follow_redirects=True), "password", password=GOOD).status_code == 303
    assert client.get(links[1], follow_redirects=True).status_code == 410


def test_r28_a_new_password_kills_links_that_were_mailed_before(
    app: Any, client: Any, heard: list[Any], world: Any
) -> None:
    """Whoever has read the mailbox once keeps no key to the password that the owner chooses then."""
    person = world.account()
    ask(client, person.address)
    link = link_of(app, last(heard, events.ResetRequested).proof_id)
    with app.app_context(), unit_of_work():
        service.change_password(db.session.get_one(Account, person.account_id), "a hash", everywhere=False)
    assert client.get(link, follow_redirects=True).status_code == 410


def test_r24_the_new_password_is_judged(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    ask(client, world.account(given_name="Kari", family_name="Nordmann").address)
    link = link_of(app, last(heard, events.ResetRequested).proof_id)
    answer = submit(client, client.get(link, follow_redirects=True), "password", password="karinordmann2026")
    assert answer.status_code == 400
    assert "your name" in text_of(answer.text)
    assert client.get(link, follow_redirects=True).status_code == 200


def test_r26_flood_of_reset_mails_is_bounded(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person = world.account()
    for _ in range(8):
        assert ask(client, person.address).status_code == 200
    assert sum(isinstance(event, events.ResetRequested) for event in heard) == 5


def test_a_disabled_account_is_not_reset(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person = world.account()
    ask(client, person.address)
    link = link_of(app, last(heard, events.ResetRequested).proof_id)
    with app.app_context(), unit_of_work():
        service.disable_account(person.account_id)
    assert submit(client, client.get(link, follow_redirects=True), "password", password=GOOD).status_code == 403
    with app.app_context():
        stored = db.session.get_one(Account, person.account_id)
        assert passwords.verify(stored.password_hash, world.password).ok


def test_change_password_is_well_known(client: Any) -> None:
    answer = client.get("/.well-known/change-password")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/password/forgot")


def test_a_mailbox_is_proven_by_the_button_only(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person = world.account(verified=False)
    with app.app_context():
        account = db.session.get_one(Account, person.account_id)
        assert service.required_action(account) == "mailbox"
        with unit_of_work():
            service.request_mailbox_proof(account, "en")
    link = link_of(app, last(heard, events.MailboxProofRequested).proof_id)
    page = client.get(link, follow_redirects=True)
    assert client.head(link, follow_redirects=True).status_code == 200
    assert not any(isinstance(event, events.AddressProven) for event in heard)
    assert submit(client, page, "csrf_token").status_code == 200
    assert last(heard, events.AddressProven).normalized == person.address
    assert submit(client, page, "csrf_token").status_code == 410
    assert client.get(link, follow_redirects=True).status_code == 410


def test_disabling_and_enabling_twice_is_no_news(app: Any, heard: list[Any], world: Any) -> None:
    person = world.account()
    with app.app_context():
        for change, kind in (
            (service.disable_account, events.AccountDisabled),
            (service.enable_account, events.AccountEnabled),
        ):
            for _ in range(2):
                with unit_of_work():
                    change(person.account_id)
            assert sum(isinstance(event, kind) for event in heard) == 1
        with pytest.raises(Refusal) as refused, unit_of_work():
            service.disable_account("nobody")
        assert refused.value.status == 404


def test_p27_one_address_has_one_account(app: Any, heard: list[Any], world: Any) -> None:
    person = world.account()
    with app.app_context(), pytest.raises(Refusal) as refused, unit_of_work():
        service.create_account(address=person.address.upper(), given_name="A", family_name="B")
    assert refused.value.code == "address_taken"
