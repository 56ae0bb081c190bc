"""Closing the account: what ends at once, keeping it, and erasing it once and never before the time."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from idp import jobs
from idp.accounts import policy
from idp.accounts import service as accounts
from idp.accounts.models import Account, EmailAddress
from idp.audit.models import AuditEntry
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import service as organizations
from idp.organizations.models import Member, MemberRole, Seat
from idp.outbox.mails import compose
from idp.outbox.models import Delivery
from idp.sessions.models import Session
from tests.support.flow import pkce
from tests.support.forms import browser_of, form_with, log_in, submit, text_of
from tests.support.protocol import CALLBACK
from tests.support.races import at_once, outcome

CLOSE = "/account/data/close"
GRACE = 14 * 86400


@pytest.mark.parametrize(
    ("status", "closes_at", "now", "state", "lets_in"),
    [
        ("active", None, 100, "no", True),
        ("disabled", None, 100, "no", False),
        ("closing", 100, 99, "waits", True),
        ("closing", 100, 100, "due", False),
        ("closing", 100, 101, "due", False),
        ("disabled", 100, 99, "waits", False),
        ("disabled", 100, 100, "due", False),
    ],
)
def test_when_an_account_waits_and_when_it_is_due(
    status: str, closes_at: int | None, now: int, state: str, lets_in: bool
) -> None:
    assert policy.closing(closes_at, now) == state
    assert policy.may_sign_in(status=status, closes_at=closes_at, now=now) is lets_in


def test_what_is_asked_first() -> None:
    """An account that is closing is kept or left before anything else is asked."""
    assert policy.required_action(mailbox_proven=False, must_change_password=True, closing=True) == "closing"
    assert policy.required_action(mailbox_proven=False, must_change_password=True) == "mailbox"


def close(client: Any, address: str) -> Any:
    return submit(client, client.get(CLOSE), "address", address=address)


def mails(app: Any, kind: str) -> list[dict[str, Any]]:
    with app.app_context():
        return [row.payload for row in db.session.scalars(select(Delivery).where(Delivery.kind == kind))]


def gone(app: Any, account_id: str) -> bool:
    with app.app_context():
        return db.session.scalar(select(Account.id).where(Account.id == account_id)) is None


def work(app: Any) -> int:
    with app.app_context():
        return jobs.closed_accounts()


def test_closing_asks_for_a_recent_sign_in_and_the_address(app: Any, client: Any, world: Any, clock: Any) -> None:
    person = world.account()
    log_in(client, person.address, world.password)
    for typed in ("", "somebody@else.example", "no address"):
        refused = close(client, typed)
        assert refused.status_code == 400, typed
    assert "Type the e-mail address of your account." in refused.text
    page = client.get(CLOSE)
    clock.advance(301)
    late = submit(client, page, "address", address=person.address)
    assert late.status_code == 303 and late.headers["Location"].startswith("/login/again?")
    assert client.get(CLOSE).status_code == 303
    with app.app_context():
        assert db.session.get_one(Account, person.account_id).status == "active"
    assert mails(app, "account_closing") == []


def test_a_closed_account_is_out_everywhere_and_can_be_kept(
    app: Any, client: Any, world: Any, clock: Any, protocol: Any
) -> None:
    """Sessions and tokens are dead at once; signing in shows nothing but the way to keep it; what ended stays ended."""
    person = protocol.person
    tokens = protocol.tokens()
    other = browser_of(app, world, person)
    browser = browser_of(app, world, person)
    left = close(browser, person.address.upper())
    assert left.status_code == 303 and left.headers["Location"] == "/logout"
    assert "Your account closes on" in browser.get("/logout").text
    assert other.get("/account/").status_code == 303 and browser.get("/").status_code == 303
    assert protocol.userinfo(tokens["access_token"]).status_code == 401
    assert [mail["address"] for mail in mails(app, "account_closing")] == [person.address]
    with app.app_context():
        alive = select(func.count()).select_from(Session).where(Session.ended_at.is_(None))
        assert db.session.scalar(alive.where(Session.account_id == person.account_id)) == 0

    clock.advance(GRACE - 60)
    assert work(app) == 0, "never before the time"
    assert log_in(browser, person.address, "wrong").status_code == 400
    back = log_in(browser, person.address, world.password)
    assert back.headers["Location"].startswith("/login/required")
    for path in ("/", "/account/", CLOSE):
        assert browser.get(path).headers["Location"].startswith("/login/required"), path
    page = browser.get("/login/required")
    assert "Your account closes on" in page.text and "Keep my account" in page.text
    kept = submit(browser, page, "csrf_token")
    assert kept.status_code == 303 and kept.headers["Location"] == "/"
    assert "Your account stays open." in browser.get("/").text
    clock.advance(120)
    assert work(app) == 0 and not gone(app, person.account_id)
    assert protocol.userinfo(tokens["access_token"]).status_code == 401


def remind(app: Any) -> int:
    with app.app_context():
        return jobs.closing_reminders()


def test_shortly_before_the_end_one_more_mail_says_how_to_keep_it(
    app: Any, world: Any, clock: Any, database_url: str
) -> None:
    """Once for each closing however many workers look, also late; never after the end, to who keeps it, or to who is
    disabled meanwhile."""
    person, other, disabled = world.account(), world.account(), world.account()
    with app.app_context():
        for one in (person, other, disabled):
            with unit_of_work():
                accounts.close_account(one.account_id, one.address)
        with unit_of_work():
            accounts.disable_account(disabled.account_id)
    clock.advance(GRACE - 3 * 86400 - 1)
    assert remind(app) == 0
    with app.app_context(), unit_of_work():
        accounts.keep_account(other.account_id)
    clock.advance(1)
    assert sorted(at_once([partial(remind, app)] * 3)) == [0, 0, 1] and remind(app) == 0
    owed = mails(app, "account_closing_reminder")
    assert [mail["address"] for mail in owed] == [person.address]
    with app.app_context():
        delivery = db.session.scalars(select(Delivery).where(Delivery.kind == "account_closing_reminder")).one()
        message = compose(delivery)
        assert message is not None and message.subject.startswith("Your Onix Account is erased on ")
        link = next(word for word in message.body.split() if "/login/keep/" in word)
    path = link.removeprefix(app.extensions["onix_settings"].issuer)
    browser = app.test_client()
    for wrong in (path[:-1], "/login/keep/x", "/login/keep/" + path.rpartition("/")[2].replace(".", "")):
        assert browser.get(wrong).headers["Location"] == "/login"
    assert form_with(browser.get("/login").text, "identifier").fields["identifier"] == ""
    assert browser.get(path).headers["Location"] == "/login", "the link opens nothing by itself"
    page = browser.get("/login")
    assert form_with(page.text, "identifier").fields["identifier"] == person.address
    entered = submit(browser, page, "password", password=world.password)
    assert entered.headers["Location"] == "/login/required"
    assert "Keep my account" in browser.get("/login/required").text, "two steps: the password, and the one press"
    assert browser.get(path).headers["Location"] == "/login/required", "signed in already: the press alone"
    assert browser_of(app, world, other).get(path).headers["Location"] == "/login/another"
    with app.app_context():
        with unit_of_work():
            accounts.keep_account(person.account_id)
        assert compose(delivery) is None, "what is kept needs no reminder"
        with unit_of_work():
            accounts.close_account(person.account_id, person.address)
    clock.advance(GRACE - 60)
    assert remind(app) == 1, "a worker that was away for days, and another closing"
    with app.app_context(), unit_of_work():
        accounts.keep_account(person.account_id)
        accounts.close_account(person.account_id, person.address)
    clock.advance(GRACE)
    assert remind(app) == 0, "what is over is not told of as if it were to come"


@pytest.mark.parametrize("app_settings", [{"lifetimes": {"closing": 3 * 86400}}])
def test_a_short_time_to_keep_it_has_no_reminder(app: Any, world: Any, clock: Any) -> None:
    person = world.account()
    with app.app_context(), unit_of_work():
        accounts.close_account(person.account_id, person.address)
    clock.advance(2 * 86400)
    assert remind(app) == 0


def test_a_forgotten_password_does_not_keep_one_from_keeping(app: Any, world: Any) -> None:
    person = world.account()
    with app.app_context():
        with unit_of_work():
            accounts.close_account(person.account_id, person.address)
        with unit_of_work():
            assert accounts.request_reset(person.address, "en") is not None


def test_after_the_time_it_is_as_unknown_before_the_job_comes(app: Any, client: Any, world: Any, clock: Any) -> None:
    """Time rules at use: who comes a second late can neither sign in nor keep it, nor does an open page work."""
    person = world.account()
    browser = browser_of(app, world, person)
    close(browser, person.address)
    log_in(browser, person.address, world.password)
    page = browser.get("/login/required")
    clock.advance(GRACE)
    late = submit(browser, page, "csrf_token")
    assert late.status_code == 303 and late.headers["Location"].startswith("/login")
    assert "Wrong e-mail or password." in log_in(app.test_client(), person.address, world.password).text
    with app.app_context(), unit_of_work():
        assert accounts.request_reset(person.address, "en") is None
    with app.app_context(), pytest.raises(Refusal) as refused, unit_of_work():
        accounts.keep_account(person.account_id)
    assert refused.value.code == "not_closing"
    assert work(app) == 1 and gone(app, person.account_id)


def test_a_worker_that_slept_erases_once_and_says_so(app: Any, world: Any, clock: Any) -> None:
    place = world.organization()
    person = world.user(place, given_name="Kari")
    with app.app_context(), unit_of_work():
        accounts.close_account(person.account_id, person.address)
    clock.advance(GRACE + 3 * 86400)
    assert (work(app), work(app)) == (1, 0)
    assert [mail["address"] for mail in mails(app, "account_erased")] == [person.address]
    with app.app_context():
        member = db.session.get_one(Member, person.member_id)
        assert (member.account_id, member.status, member.given_name) == (None, "ended", "Kari")
        held = (select(table.member_id).where(table.member_id == member.id) for table in (Seat, MemberRole))
        assert [db.session.scalar(one) for one in held] == [None, None]
        told = db.session.scalars(select(AuditEntry.event).where(AuditEntry.account_id == person.account_id)).all()
    assert told.count("AccountDeleted") == 1 and {"AccountClosing", "MemberEnded"} <= set(told)


def test_the_same_address_later_is_somebody_else(app: Any, world: Any, clock: Any) -> None:
    """`sub` is never given again (R12), and the old membership is not theirs: it has ended."""
    place = world.organization()
    person = world.user(place, address="kari@verft.example")
    world.change(Member, person.member_id, email=person.address, email_normalized=person.address)
    with app.app_context():
        with unit_of_work():
            accounts.close_account(person.account_id, person.address)
        clock.advance(GRACE)
        assert jobs.closed_accounts() == 1
        with unit_of_work():
            again = accounts.create_account(address=person.address, given_name="Kari", family_name="Ny", verified=True)
        assert again.id != person.account_id
        assert db.session.scalars(select(Member.id).where(Member.account_id == again.id)).all() == []


def test_the_last_administrator_stays_and_reads_why(app: Any, client: Any, world: Any, clock: Any) -> None:
    place = world.organization("alone", name="Alene AS")
    person = world.account()
    role = world.role(place, ["account:people.manage"], members=[world.member(place, person.account_id)])
    log_in(client, person.address, world.password)
    page = client.get(CLOSE)
    assert "You are the only administrator of Alene AS." in text_of(page.text)
    assert 'href="/org/alone/people"' in page.text
    refused = submit(client, page, "address", address=person.address)
    assert refused.status_code == 409 and "only administrator of Alene AS" in text_of(refused.text)
    assert client.get("/account/").status_code == 200 and mails(app, "account_closing") == []
    second = world.account()
    other = world.member(place, second.account_id)
    with app.app_context(), unit_of_work():
        organizations.assign_role(other, role)
    assert "You can't leave yet" not in text_of(client.get(CLOSE).text)
    assert close(client, person.address).status_code == 303
    with app.app_context(), pytest.raises(Refusal) as alone, unit_of_work():
        accounts.close_account(second.account_id, second.address)
    assert alone.value.code == "last_administrator", "whoever is closing administers no more"
    with app.app_context(), pytest.raises(Refusal) as stays, unit_of_work():
        organizations.disable_member(other)
    assert stays.value.code == "last_administrator"
    clock.advance(GRACE)
    assert work(app) == 1


def test_the_last_who_gives_roles_stays(app: Any, client: Any, world: Any) -> None:
    """Nobody else could give that right again (docs/decisions/0010), however many manage the people."""
    place = world.organization("alone", name="Alene AS")
    person, other = world.account(), world.account()
    world.role(place, ["account:people.manage"], members=[world.member(place, other.account_id)])
    member = world.member(place, person.account_id)
    world.role(place, ["account:people.manage", "account:roles.manage"], members=[member])
    log_in(client, person.address, world.password)
    assert "You are the only administrator of Alene AS." in text_of(client.get(CLOSE).text)
    assert close(client, person.address).status_code == 409
    assert client.get("/account/").status_code == 200 and mails(app, "account_closing") == []
    with app.app_context(), unit_of_work():
        accounts.close_account(other.account_id, other.address)


def test_the_last_administrator_of_the_platform_stays(app: Any, client: Any, world: Any) -> None:
    own = world.organization("own", kind="self")
    person = world.account()
    world.role(own, ["account:access", "account:platform.admin"], members=[world.member(own, person.account_id)])
    log_in(client, person.address, world.password)
    assert "You are the only administrator of the platform." in text_of(client.get(CLOSE).text)
    refused = close(client, person.address)
    assert refused.status_code == 409 and "The platform needs at least one administrator." in text_of(refused.text)


def test_a_disabled_account_that_was_closed_goes_too(app: Any, world: Any, clock: Any) -> None:
    """The person asked for it before; enabled again, it is still closing."""
    one, two = world.account(), world.account()
    with app.app_context():
        for person in (one, two):
            with unit_of_work():
                accounts.close_account(person.account_id, person.address)
            with unit_of_work():
                accounts.disable_account(person.account_id)
        with unit_of_work():
            assert accounts.enable_account(two.account_id).status == "closing"
        with pytest.raises(Refusal) as twice, unit_of_work():
            accounts.close_account(two.account_id, two.address)
        assert twice.value.code == "not_active"
    clock.advance(GRACE)
    assert work(app) == 2
    assert gone(app, one.account_id) and gone(app, two.account_id)


def test_one_that_cannot_go_holds_up_no_other(app: Any, world: Any, clock: Any, monkeypatch: Any) -> None:
    people = [world.account() for _ in range(3)]
    with app.app_context():
        for person in people:
            with unit_of_work():
                accounts.close_account(person.account_id, person.address)
    clock.advance(GRACE)
    first = people[0].account_id

    def refuse(event: Any) -> None:
        if event.account_id == first:
            raise Refusal("not_now", "Not now.")

    from idp.accounts.events import AccountDeleted

    app.extensions["onix_events"].subscribe(AccountDeleted, refuse)
    assert work(app) == 2
    assert [gone(app, person.account_id) for person in people] == [False, True, True]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_three_workers_and_the_person_at_once(
    app: Any, make_app: Any, database_url: str, world: Any, clock: Any
) -> None:
    """Each account is erased once or kept, whoever comes first; nothing in between, and no worker fails."""
    people = [world.account() for _ in range(12)]
    with app.app_context():
        for person in people:
            with unit_of_work():
                accounts.close_account(person.account_id, person.address)
            with unit_of_work():  # the last second for the keeper; the workers' clocks are one ahead
                db.session.get_one(Account, person.account_id).closes_at = clock.now() + 1
    others = [make_app(database_url) for _ in range(4)]
    erased: list[int] = []
    kept: list[str] = []

    def worker(other: Any) -> None:
        with other.app_context():
            for person in people:
                with unit_of_work():
                    done = accounts.erase_closed(person.account_id, clock.now() + 1)
                erased.append(done)

    def keeper(other: Any) -> None:
        for person in reversed(people):
            came = outcome(other, partial(accounts.keep_account, person.account_id))
            assert came in ("done", "account_unknown", "not_closing")
            if came == "done":
                kept.append(person.account_id)

    at_once([*(partial(worker, other) for other in others[:3]), partial(keeper, others[3])])
    with app.app_context():
        left = set(db.session.scalars(select(Account.id)))
        assert left == set(kept)
        assert set(db.session.scalars(select(Account.status))) <= {"active"}
        assert db.session.scalar(select(func.count()).select_from(EmailAddress)) == len(kept)
    assert sum(erased) == len(people) - len(kept)
    assert len(mails(app, "account_erased")) == sum(erased)


def test_from_an_app_one_keeps_the_account_and_goes_on(app: Any, protocol: Any, world: Any) -> None:
    """No code before that, and what the app had is not given back."""
    person = protocol.person
    with app.app_context(), unit_of_work():
        accounts.close_account(person.account_id, person.address)
    browser = app.test_client()
    asked = {
        "client_id": protocol.client_id,
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": CALLBACK,
        "code_challenge": pkce()[1],
        "code_challenge_method": "S256",
    }
    login = browser.get("/oauth2/authorize", query_string=asked)
    back = log_in(browser, person.address, world.password, login.headers["Location"])
    assert back.headers["Location"].startswith("/login/required?continue=")
    silent = browser.get("/oauth2/authorize", query_string={**asked, "prompt": "none"})
    assert "code=" not in silent.headers["Location"] and "error=" in silent.headers["Location"]
    kept = submit(browser, browser.get(back.headers["Location"]), "continue")
    assert kept.status_code == 303
    answered = browser.get(kept.headers["Location"])
    assert answered.headers["Location"].startswith(CALLBACK) and "code=" in answered.headers["Location"]
