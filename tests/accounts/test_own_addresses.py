"""The addresses of an account: added after proof, the primary, removed; what nobody learns by it (R20, R27)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.accounts import events, service
from idp.accounts.models import EmailAddress, MailboxProof
from idp.kernel.database import db, unit_of_work
from idp.organizations.models import Member
from idp.outbox import mails
from idp.outbox.models import Delivery
from tests.accounts.steps import last, link_of, link_text, listen
from tests.support.forms import browser_of, form_with, forms_of, log_in, submit, text_of
from tests.support.races import outcomes_at_once

PAGE = "/account/emails"
NEW = "kari@private.example"


@pytest.fixture
def kari(world: Any, client: Any) -> Any:
    person = world.account()
    log_in(client, person.address, world.password)
    return person


@pytest.fixture
def heard(app: Any) -> list[Any]:
    return listen(app)


def ask(client: Any, address: str = NEW) -> Any:
    return submit(client, client.get(PAGE), "address", address=address)


def asked_link(app: Any, client: Any, heard: list[Any], address: str = NEW) -> str:
    assert ask(client, address).status_code == 303
    return link_of(app, last(heard, events.AddressRequested).proof_id)


def confirm(client: Any, link: str) -> Any:
    page = client.get(link, follow_redirects=True)
    if page.status_code != 200:
        return page
    form = form_with(page.text, "csrf_token", page.request.path)
    return client.post(page.request.path, data=form.fields)


def press(client: Any, ending: str) -> Any:
    """Press the button of the page whose form's address ends so."""
    form = next(form for form in forms_of(client.get(PAGE).text) if form.action.endswith(ending))
    return client.post(form.action, data=form.fields)


def addresses(app: Any, account_id: str) -> dict[str, bool]:
    """Each address of the account, and whether it is the primary."""
    with app.app_context():
        rows = db.session.execute(
            select(EmailAddress.normalized, EmailAddress.is_primary).where(EmailAddress.account_id == account_id)
        )
        return {row.normalized: row.is_primary for row in rows}


def mailed(app: Any, kind: str) -> list[tuple[str, str, str]]:
    """(to, subject, text) of the mails of a kind, as they would be sent now."""
    with app.app_context():
        rows = db.session.scalars(select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)).all()
        found = [mails.compose(row) for row in rows]
        return [(str(one.recipients[0]), str(one.subject), str(one.body)) for one in found if one is not None]


def test_an_address_is_added_by_its_link_and_may_become_the_primary(
    app: Any, client: Any, world: Any, kari: Any, heard: list[Any], protocol: Any
) -> None:
    member = world.member(world.organization(), None, email=NEW.upper(), email_normalized=NEW, status="contact")
    link = asked_link(app, client, heard, "  KARI@Private.example ")
    read = text_of(client.get(PAGE).text)
    assert "KARI@private.example" in read and "Waiting" in read
    assert mailed(app, "address")[0][0] == "KARI@private.example" and link in mailed(app, "address")[0][2]
    for _ in range(2):
        assert client.head(link, follow_redirects=True).status_code == 200
        assert client.get(link, follow_redirects=True).status_code == 200
    assert addresses(app, kari.account_id) == {kari.address: True}, "looking changes nothing"
    done = confirm(client, link)
    assert (done.status_code, done.headers["Location"]) == (303, PAGE)
    assert addresses(app, kari.account_id) == {kari.address: True, NEW: False}
    assert world.get(Member, member).account_id == kari.account_id, "what organizations keep under it is the person's"
    assert [to for to, _subject, _text in mailed(app, "addresses_changed")] == [kari.address]
    assert log_in(app.test_client(), NEW, world.password).status_code == 303
    token = protocol.tokens(person=kari, member_id=member)["access_token"]
    assert protocol.userinfo(token).json["email"] == kari.address
    assert press(client, "/primary").status_code == 303
    assert protocol.userinfo(token).json["email"] == "KARI@private.example"
    assert addresses(app, kari.account_id) == {kari.address: False, NEW: True}
    told = mailed(app, "addresses_changed")[1:]
    assert {to for to, _subject, _text in told} == {kari.address, "KARI@private.example"}
    assert press(client, "/remove").status_code == 303
    assert addresses(app, kari.account_id) == {NEW: True}
    told = mailed(app, "addresses_changed")[3:]
    assert {to for to, _subject, _text in told} == {kari.address, "KARI@private.example"}
    assert log_in(app.test_client(), kari.address, world.password).status_code == 400
    assert "/remove" not in client.get(PAGE).text, "the last one stays"


def test_r20_another_accounts_address_is_answered_alike_and_only_its_mailbox_learns(
    app: Any, client: Any, world: Any, kari: Any
) -> None:
    other = world.account("ola@work.example", locale="nb")
    ask(client, "free@work.example")
    free = client.get(PAGE).text.replace("free@work.example", "X")
    press(client, "/forget")
    ask(client, other.address)
    known = client.get(PAGE).text.replace(other.address, "X")
    assert [form.action.rpartition("/")[2] for form in forms_of(free)] == [
        form.action.rpartition("/")[2] for form in forms_of(known)
    ]
    assert text_of(free) == text_of(known)
    ((to, subject, text),) = mailed(app, "address_claimed")
    assert to == other.address and "hører allerede til en konto" in subject and "/emails/confirm/" not in text
    assert kari.address not in text
    with app.app_context():
        proof = db.session.scalars(select(MailboxProof).where(MailboxProof.purpose == "claimed")).one()
        with pytest.raises(ValueError, match="no link"):
            service.link_for(proof)
    assert ask(client, kari.address).status_code == 409, "one's own is no secret"
    assert addresses(app, other.account_id) == {other.address: True}


def test_only_the_account_that_asked_can_use_the_link(
    app: Any, client: Any, world: Any, kari: Any, heard: list[Any]
) -> None:
    """A stranger's link, opened by whoever reads the mailbox, gives the mailbox to nobody."""
    link = asked_link(app, client, heard)
    victim = world.account()
    browser = browser_of(app, world, victim)
    page = browser.get(link, follow_redirects=True)
    assert page.status_code == 403 and kari.address not in page.text
    with app.app_context(), unit_of_work(), pytest.raises(service.link_refusal("unknown").__class__) as refused:
        service.add_address(link_text(link), victim.account_id)
    assert refused.value.code == "link_of_another"
    stranger = app.test_client()
    asked = stranger.get(stranger.get(link).headers["Location"])
    assert asked.status_code == 303 and asked.headers["Location"].startswith("/login?continue=")
    assert link_text(link) not in asked.headers["Location"]
    assert (
        log_in(stranger, kari.address, world.password, asked.headers["Location"]).headers["Location"].startswith(PAGE)
    )
    assert addresses(app, kari.account_id) == {kari.address: True}
    assert confirm(client, link).status_code == 303


def test_links_die(app: Any, client: Any, world: Any, kari: Any, heard: list[Any], clock: Any) -> None:
    first = asked_link(app, client, heard)
    second = asked_link(app, client, heard)
    assert confirm(client, first).status_code == 410, "asking again kills the link before"
    press(client, "/forget")
    assert confirm(client, second).status_code == 410
    third = asked_link(app, client, heard)
    assert confirm(client, third).status_code == 303
    assert confirm(client, third).status_code == 410
    fourth = asked_link(app, client, heard, "late@private.example")
    clock.advance(86400)
    log_in(client, kari.address, world.password)
    assert confirm(client, fourth).status_code == 410
    assert "late@private.example" not in client.get(PAGE).text
    assert client.get(f"{PAGE}/confirm/{link_text(fourth)}x").status_code == 404
    assert client.get(f"{PAGE}/confirm/opened/nothing").status_code == 404


def test_a_stolen_session_changes_no_address(
    app: Any, client: Any, world: Any, kari: Any, heard: list[Any], clock: Any
) -> None:
    link = asked_link(app, client, heard)
    confirm(client, link)
    clock.advance(301)
    for answer in (ask(client, "thief@evil.example"), press(client, "/primary"), press(client, "/remove")):
        assert answer.status_code == 303 and answer.headers["Location"].startswith("/login/again?continue=")
    assert addresses(app, kari.account_id) == {kari.address: True, NEW: False}
    again = ask(client, "thief@evil.example").headers["Location"]
    assert "thief" not in again
    back = submit(client, client.get(again), "password", password=world.password)
    kept = client.get(back.headers["Location"])
    assert 'value="thief@evil.example"' in kept.text, "what was typed is still there, and nothing was sent"
    assert last(heard, events.AddressRequested).address == NEW


def test_bounds(app: Any, client: Any, world: Any, kari: Any) -> None:
    for wrong in ("", "no address", "a@b", f"{'x' * 250}@work.example", "a\u202e@work.example", "x" * 10_000):
        assert ask(client, wrong).status_code == 400
    answers = [ask(client, f"many-{number}@work.example").status_code for number in range(12)]
    assert answers[:9] == [303] * 9 and set(answers[9:]) <= {409, 429} and 429 in answers
    assert client.get(PAGE).text.count("Waiting") == 9


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_spelling_of_an_address_is_the_same_address(app: Any, client: Any, world: Any, heard: list[Any]) -> None:
    person = world.account("bjørn@bølgen.no")
    log_in(client, person.address, world.password)
    for spelled in ("BJØRN@BØLGEN.NO", "bjørn@xn--blgen-vua.no", " Bjørn@Bølgen.no\t"):
        assert ask(client, spelled).status_code == 409, spelled
    asked_link(app, client, heard, "A\u030asa@Work.example")
    link = asked_link(app, client, heard, "\u00e5sa@WORK.example")
    assert client.get(PAGE).text.count("Waiting") == 1
    assert confirm(client, link).status_code == 303
    assert addresses(app, person.account_id) == {"bjørn@bølgen.no": True, "åsa@work.example": False}


def test_another_accounts_rows_are_unknown(app: Any, client: Any, world: Any, kari: Any, heard: list[Any]) -> None:
    other = world.account()
    with app.app_context():
        theirs = db.session.scalar(select(EmailAddress.id).where(EmailAddress.account_id == other.account_id))
    token = form_with(client.get(PAGE).text, "address").fields["csrf_token"]
    for path in (f"{theirs}/primary", f"{theirs}/remove", "nothing/remove"):
        assert client.post(f"{PAGE}/{path}", data={"csrf_token": token}).status_code == 404
    ask(browser := browser_of(app, world, other))
    waiting = last(heard, events.AddressRequested).proof_id
    assert client.post(f"{PAGE}/waiting/{waiting}/forget", data={"csrf_token": token}).status_code == 303
    assert "Waiting" in browser.get(PAGE).text


def test_removing_kills_what_was_mailed_there(app: Any, client: Any, world: Any, kari: Any, heard: list[Any]) -> None:
    confirm(client, asked_link(app, client, heard))
    stranger = app.test_client()
    submit(stranger, stranger.get("/password/forgot"), "address", address=NEW)
    reset = link_of(app, last(heard, events.ResetRequested).proof_id)
    press(client, "/remove")
    assert stranger.get(reset, follow_redirects=True).status_code == 410


def test_twenty_who_open_one_link_add_one_address(app: Any, client: Any, kari: Any, heard: list[Any]) -> None:
    text = link_text(asked_link(app, client, heard))
    results = outcomes_at_once(app, [lambda: service.add_address(text, kari.account_id)] * 20)
    assert results.count("done") == 1 and set(results) <= {"done", "link_spent", "address_own"}, results
    assert addresses(app, kari.account_id) == {kari.address: True, NEW: False}


def test_two_accounts_that_claim_one_address_at_once(
    app: Any, client: Any, world: Any, kari: Any, heard: list[Any]
) -> None:
    other = world.account()
    member = world.member(world.organization(), None, email=NEW, email_normalized=NEW, status="contact")
    links = [link_text(asked_link(app, who, heard)) for who in (client, browser_of(app, world, other))]
    people = [kari.account_id, other.account_id]
    results = outcomes_at_once(app, [partial(service.add_address, *pair) for pair in zip(links, people, strict=True)])
    assert sorted(results) == ["address_taken", "done"]
    winner = people[results.index("done")]
    assert world.get(Member, member).account_id == winner
    with app.app_context():
        owners = db.session.scalars(select(EmailAddress.account_id).where(EmailAddress.normalized == NEW)).all()
        assert owners == [winner]
    loser = (client, browser_of(app, world, other))[results.index("address_taken")]
    assert confirm(loser, f"{PAGE}/confirm/{links[results.index('address_taken')]}").status_code == 409


def test_removed_here_while_it_is_proven_there(app: Any, client: Any, world: Any, kari: Any, heard: list[Any]) -> None:
    """Whoever comes first, the address ends with one account, or with nobody."""
    other = world.account()
    browser = browser_of(app, world, other)
    theirs = link_text(asked_link(app, browser, heard))
    confirm(client, asked_link(app, client, heard))
    with app.app_context():
        mine = db.session.scalar(select(EmailAddress.id).where(EmailAddress.normalized == NEW))
    acts = (
        lambda: service.remove_address(kari.account_id, str(mine)),
        lambda: service.add_address(theirs, other.account_id),
    )
    results = outcomes_at_once(app, acts)
    assert results[0] == "done" and results[1] in ("done", "address_taken")
    with app.app_context():
        owners = db.session.scalars(select(EmailAddress.account_id).where(EmailAddress.normalized == NEW)).all()
        assert owners == ([other.account_id] if results[1] == "done" else [])


def test_primary_is_one_when_twenty_choose_at_once(
    app: Any, client: Any, world: Any, kari: Any, heard: list[Any]
) -> None:
    confirm(client, asked_link(app, client, heard))
    with app.app_context():
        ids = list(db.session.scalars(select(EmailAddress.id).where(EmailAddress.account_id == kari.account_id)))
    results = outcomes_at_once(app, [partial(service.choose_primary, kari.account_id, one) for one in ids * 10])
    assert results == ["done"] * 20
    with app.app_context():
        primary = select(func.count()).where(EmailAddress.account_id == kari.account_id, EmailAddress.is_primary)
        assert db.session.scalar(primary) == 1
