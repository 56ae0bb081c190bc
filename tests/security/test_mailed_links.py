"""Mailed links: their secret leaves the address bar, and they act for nobody but who reads the mailbox (R19, R28)."""

from __future__ import annotations

from typing import Any

import pytest

from idp.accounts import events as people
from idp.accounts.models import Account, EmailAddress
from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.models import Member
from tests.accounts.steps import PERSON, last, link_of, listen, sign_up
from tests.support.authenticators import token_of
from tests.support.forms import form_with, log_in, submit, text_of

PASSWORD = "lake-orange-tractor-nine"


@pytest.fixture
def invited(app: Any, world: Any) -> tuple[str, str]:
    """A contact that was invited: its id and the mailed path."""
    place = world.organization(name="Nordic Lift AS")
    with app.app_context(), unit_of_work():
        member = service.add_member(place, email="new@work.example", given_name="New", family_name="Person")
        return member.id, service.invitation_link(service.invite(member.id))


def mailed(app: Any, client: Any, world: Any) -> dict[str, str]:
    """One open link of every kind."""
    heard = listen(app)
    known, unproven = world.account(), world.account(verified=False)
    sign_up(client, "kari@firma.no")
    submit(client, client.get("/password/forgot"), "address", address=known.address)
    log_in(client, unproven.address, world.password)
    submit(client, client.get("/login/required"), "csrf_token")
    place = world.organization()
    with app.app_context(), unit_of_work():
        member = service.add_member(place, email="ola@firma.no", given_name="Ola")
        invitation = service.invitation_link(service.invite(member.id))
    return {
        "/activate": link_of(app, last(heard, people.ActivationRequested).proof_id),
        "/password/reset": link_of(app, last(heard, people.ResetRequested).proof_id),
        "/mailbox": link_of(app, last(heard, people.MailboxProofRequested).proof_id),
        "/invitation": invitation,
    }


def rows(app: Any) -> dict[str, list[Any]]:
    """Everything that stands in the database."""
    with app.app_context():
        return {
            table.name: sorted(map(repr, db.session.execute(table.select()))) for table in db.metadata.sorted_tables
        }


def test_p24_the_secret_leaves_the_address_and_looking_changes_nothing(app: Any, client: Any, world: Any) -> None:
    links = mailed(app, client, world)
    before = rows(app)
    for place, link in links.items():
        token = link.rpartition("/")[2]
        browser = app.test_client()
        for method in ("HEAD", "GET", "GET"):
            first = browser.open(link, method=method)
            assert (first.status_code, first.location.rpartition("/")[0]) == (303, f"{place}/opened")
            assert (first.headers["Cache-Control"], first.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
            page = browser.open(first.location, method=method)
            assert page.status_code == 200 and token not in page.text
        strange = app.test_client().get(first.location)
        assert strange.status_code == 404, "the mark is worth nothing in another browser"
    assert rows(app) == before


def test_p24_two_tabs_and_a_script_that_posts_to_the_link(app: Any, client: Any, world: Any) -> None:
    heard = listen(app)
    links = []
    for address in ("one@firma.no", "two@firma.no", "three@firma.no"):
        sign_up(client, address)
        links.append(link_of(app, last(heard, people.ActivationRequested).proof_id))
    browser = app.test_client()
    tabs = [browser.get(link, follow_redirects=True) for link in links]
    assert "one@firma.no" in tabs[0].text and "two@firma.no" in tabs[1].text
    assert submit(browser, tabs[0], "given_name", **PERSON).location == "/activated"
    assert submit(browser, tabs[1], "given_name", **PERSON).location == "/activated"
    typed = form_with(tabs[2].text, "given_name").filled(**PERSON)
    assert browser.post(links[2], data=typed).location == "/activated"
    assert browser.get(links[0], follow_redirects=True).status_code == 410
    assert browser.get(tabs[0].request.path).status_code == 410
    with app.app_context():
        assert db.session.query(EmailAddress).filter(EmailAddress.verified_at.is_not(None)).count() == 3


def test_p24_many_links_do_not_burst_the_cookie(app: Any, client: Any) -> None:
    heard = listen(app)
    browser = app.test_client()
    for number in range(6):
        sign_up(client, f"n{number}@firma.no")
        page = browser.get(link_of(app, last(heard, people.ActivationRequested).proof_id), follow_redirects=True)
        assert page.status_code == 200
    assert len(page.request.headers["Cookie"]) < 2000


def test_p24_an_expired_link_that_was_open_in_a_tab_offers_a_new_one(app: Any, client: Any, clock: Any) -> None:
    heard = listen(app)
    sign_up(client, "kari@firma.no")
    page = client.get(link_of(app, last(heard, people.ActivationRequested).proof_id), follow_redirects=True)
    clock.advance(86400)
    late = submit(client, page, "given_name", **PERSON)
    assert late.status_code == 410
    form = form_with(late.text, "csrf_token", page.request.path)
    assert client.post(form.action, data={**form.fields, "resend": "1"}).status_code == 303
    new = client.get(link_of(app, last(heard, people.ActivationRequested).proof_id), follow_redirects=True)
    assert submit(client, new, "given_name", **PERSON).status_code == 303


def test_r28_an_address_with_an_account_signs_in_before_it_accepts(client: Any, world: Any, invited: Any) -> None:
    member_id, path = invited
    person = world.account("new@work.example", given_name="New", family_name="Person")
    page = client.get(path, follow_redirects=True)
    assert page.status_code == 200 and "Nordic Lift AS" in page.text and "Sign in to accept it" in text_of(page.text)
    onward = submit(client, page, "csrf_token")
    assert onward.status_code == 303 and onward.location.startswith("/login?continue=")
    assert world.get(Member, member_id).status == "contact"
    login = client.get(onward.location)
    assert form_with(login.text, "identifier").fields["identifier"] == person.address
    back = submit(client, login, "password", identifier=person.address, password=world.password)
    assert back.status_code == 303 and back.location.startswith("/invitation/opened/")
    page = client.get(back.location)
    assert "You are signed in as New Person." in text_of(page.text)
    assert submit(client, page, "csrf_token").location == "/"
    row = world.get(Member, member_id)
    assert (row.status, row.account_id) == ("active", person.account_id)


def test_r28_somebody_else_signed_in_is_refused_and_may_change(client: Any, world: Any, invited: Any) -> None:
    member_id, path = invited
    person, other = world.account("new@work.example"), world.account(given_name="Other", family_name="One")
    log_in(client, other.address, world.password)
    page = client.get(path, follow_redirects=True)
    assert page.status_code == 403 and "signed in as Other One" in text_of(page.text)
    onward = submit(client, page, "csrf_token")
    assert onward.location.startswith("/login/another?continue=")
    assert world.get(Member, member_id).status == "contact", "pressing the button accepts nothing"
    login = client.get(onward.location)
    back = submit(client, login, "password", identifier=person.address, password=world.password)
    assert submit(client, client.get(back.location), "csrf_token").location == "/"
    assert world.get(Member, member_id).account_id == person.account_id


def test_r28_a_disabled_account_accepts_nothing(client: Any, world: Any, invited: Any) -> None:
    member_id, path = invited
    person = world.account("new@work.example")
    log_in(client, person.address, world.password)
    page = client.get(path, follow_redirects=True)
    world.change(Account, person.account_id, status="disabled")
    assert submit(client, page, "csrf_token").location.startswith("/login?continue=")
    assert world.get(Member, member_id).status == "contact"


def test_r28_an_invitation_proves_only_the_mailbox_that_it_went_to(
    app: Any, client: Any, world: Any, invited: Any
) -> None:
    """An administrator invites itself, edits the address to a stranger's, and opens the link: no account of it."""
    member_id, path = invited
    with app.app_context(), unit_of_work():
        service.edit_member(member_id, given_name="New", family_name="Person", email="victim@other.example")
    typed = {"password": PASSWORD, "given_name": "A", "family_name": "B", "language": "en"}
    answer = client.post(path, data={**typed, "csrf_token": token_of(client)})
    assert answer.status_code == 410 and client.get(path).status_code == 410
    with app.app_context():
        assert db.session.query(Account).count() == 0
    with app.app_context(), unit_of_work():
        again = service.invitation_link(service.invite(member_id))
        service.edit_member(member_id, given_name="Still", family_name="Here", email="VICTIM@other.example")
    assert client.get(again, follow_redirects=True).status_code == 200, "another spelling is no other address"
