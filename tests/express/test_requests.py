"""Requests for access: the public form, the mail that confirms, and many at once (R40)."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest

from idp.express import requests
from idp.express.models import GuestRequest
from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.models import Invitation, Member
from idp.outbox import mails
from idp.outbox.models import Delivery
from tests.support.forms import form_with, log_in, text_of
from tests.support.races import at_once, outcomes_at_once

PATH = "/express/fjord/request"
TYPED = {
    "given_name": "Trygve", "family_name": "Hagen", "email": "trygve@kunde.example", "company_name": "Havgap rederi",
    "company_number": "123 456 785",
}  # fmt: skip


def asked(client: Any, path: str = PATH, **values: str) -> Any:
    form = form_with(client.get(path).get_data(as_text=True), "company_name")
    return client.post(path, data=form.filled(**{**TYPED, **values}))


def deliveries(app: Any, kind: str = "guest_request") -> list[Delivery]:
    with app.app_context():
        return list(db.session.scalars(db.select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)))


def rows(app: Any) -> list[GuestRequest]:
    with app.app_context():
        return list(db.session.scalars(db.select(GuestRequest).order_by(GuestRequest.id)))


def link_in(app: Any, delivery: Delivery) -> str:
    with app.app_context():
        message = mails.compose(delivery)
        assert message is not None
        return next(word for word in message.body.split() if "/guest-request/" in word).removeprefix("http://localhost")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestForm:
    def test_the_mailbox_confirms_before_anybody_sees_it(
        self, app: Any, client: Any, world: Any, supplier: str, clock: Any
    ) -> None:
        answer = asked(client)
        assert answer.status_code == 200 and "trygve@kunde.example" in text_of(answer.get_data(as_text=True))
        with app.app_context():
            assert requests.count_waiting(supplier) == 0
            (delivery,) = db.session.scalars(db.select(Delivery))
            message = mails.compose(delivery)
            assert message is not None and message.recipients == ["trygve@kunde.example"]
            said = re.sub(r"/guest-request/[\w.-]+", "", message.body + message.html + message.subject)
            for typed in ("Trygve", "Hagen", "Havgap", "123"):
                assert typed not in said, "nothing that a stranger typed"
        path = link_in(app, delivery)
        for method in ("get", "head"):
            seen = getattr(client, method)(path)
            assert seen.status_code == 303 and "/guest-request/opened/" in seen.headers["Location"]
        assert client.get(path).headers["Location"] not in (path, "")
        assert rows(app)[0].confirmed_at is None, "mail scanners follow links"
        opened = client.get(path).headers["Location"]
        page = client.get(opened)
        words = text_of(page.get_data(as_text=True))
        assert page.status_code == 200 and "Trygve Hagen" in words and "Havgap rederi" in words
        other = app.test_client().get(opened)
        assert other.status_code == 404, "only in the browser that has the link"
        form = form_with(page.get_data(as_text=True), "csrf_token")
        done = client.post(opened, data=form.filled())
        assert done.status_code == 200 and "on its way" in text_of(done.get_data(as_text=True))
        again = client.post(opened, data=form.filled())
        assert again.status_code == 410 and "sent already" in text_of(again.get_data(as_text=True))
        with app.app_context():
            assert requests.count_waiting(supplier) == 1
            assert mails.compose(delivery) is None, "a mail that is sent late has nothing left to tell"

    def test_the_answer_is_the_same_for_everybody(self, app: Any, world: Any, supplier: str, company: str) -> None:
        """Unknown, with an account, a user there already, asked before, mailed too often: one page."""
        person = world.account("user@kunde.example")
        world.member(supplier, person.account_id, type="express", company_id=company, email="user@kunde.example")
        pages = set()
        for email in ("nobody@kunde.example", "user@kunde.example", *["often@kunde.example"] * 7):
            answer = asked(app.test_client(), email=email)
            assert answer.status_code == 200
            pages.add(text_of(answer.get_data(as_text=True)).replace(email, "X"))
        assert len(pages) == 1
        sent = [one.payload["address"] for one in deliveries(app)]
        assert sent.count("often@kunde.example") == 5, "a mailbox is left alone after some mails"
        assert len(sent) == 7

    def test_a_flood_from_one_address_ends(self, app: Any, client: Any, supplier: str) -> None:
        answers = [asked(client, email=f"n{number}@kunde.example").status_code for number in range(21)]
        assert answers == [200] * 20 + [429] and len(rows(app)) == 20
        refused = asked(client, email="one@kunde.example")
        assert refused.status_code == 429 and 0 < int(refused.headers["Retry-After"]) <= 3600
        kept = form_with(refused.get_data(as_text=True), "company_name").fields
        assert {name: kept[name] for name in TYPED} == {**TYPED, "email": "one@kunde.example"}
        assert 'role="alert"' in refused.get_data(as_text=True) and "from your network" in text_of(refused)
        answers = []
        for number in range(21):
            client.environ_base["REMOTE_ADDR"] = f"2001:db8:1:2::{number}"
            answers.append(asked(client, email=f"m{number}@kunde.example").status_code)
        assert answers == [200] * 20 + [429], "a subscriber of IPv6 is one address"

    def test_bad_input_keeps_what_was_typed(self, app: Any, client: Any, world: Any, supplier: str) -> None:
        for values in (
            {"email": "no address"}, {"email": "a@x.example\r\nBcc: b@x.example"}, {"given_name": " "},
            {"company_name": ""}, {"family_name": "X\x07"}, {"company_name": "x" * 201}, {"company_number": "1" * 21},
            {"given_name": "\u202ecod"},
        ):  # fmt: skip
            answer = asked(client, **values)
            page = answer.get_data(as_text=True)
            assert answer.status_code == 400 and 'aria-invalid="true"' in page, values
            kept = form_with(page, "company_name").fields
            assert all(kept[name] == typed for name, typed in TYPED.items() if name not in values), values
        assert rows(app) == [] and deliveries(app) == []
        assert client.post(PATH, data=TYPED).status_code == 400, "without the form's token"

    def test_only_a_supplier_can_be_asked(self, app: Any, client: Any, world: Any, supplier: str, clock: Any) -> None:
        world.organization("plain")
        for slug in ("plain", "nowhere", supplier, "FJORD"):
            assert client.get(f"/express/{slug}/request").status_code == 404
            assert client.get(f"/invitation/accepted/{slug}").status_code == 404
        with app.app_context(), unit_of_work():
            service.suspend_organization(supplier)
        assert client.get(PATH).status_code == 404

    def test_links_end(self, app: Any, client: Any, supplier: str, clock: Any) -> None:
        asked(client)
        path = link_in(app, deliveries(app)[0])
        for wrong in (path[:-3], path + "x", "/guest-request/x", "/guest-request/opened/x"):
            assert client.get(wrong).status_code == 404
        clock.advance(3 * 86400)
        late = client.get(path)
        assert late.status_code == 410 and "expired" in text_of(late.get_data(as_text=True))
        clock.advance(7 * 86400)
        with app.app_context(), unit_of_work():
            assert requests.tidy(clock.now() - 1) == 0
            assert requests.tidy(clock.now()) == 1

    def test_a_newer_request_of_a_mailbox_replaces_the_open_one(
        self, context: Any, world: Any, do: Any, supplier: str, clock: Any
    ) -> None:
        """And no other: none of another mailbox or supplier, none that was answered, none that nobody confirmed."""
        elsewhere = world.organization("vest")

        def typed(name: str, place: str = supplier, email: str = TYPED["email"]) -> Any:
            return do(requests.ask, place, **{**TYPED, "company_name": name, "email": email})

        def confirmed(*values: str) -> Any:
            row = typed(*values)
            return do(requests.confirm, requests.confirmation_link(row).rpartition("/")[2])

        do(requests.reject, confirmed("Answered AS").id, "No such company.")
        confirmed("Another AS", supplier, "another@kunde.example")
        confirmed("Elsewhere AS", elsewhere)
        typed("Unconfirmed AS")
        confirmed("First AS")
        confirmed("Second AS", supplier, TYPED["email"].upper())

        def outcomes() -> dict[str, str | None]:
            return {row.company_name: row.outcome for row in rows(context)}

        assert outcomes() == {
            "Answered AS": "rejected", "Another AS": None, "Elsewhere AS": None, "Unconfirmed AS": None,
            "First AS": "replaced", "Second AS": None,
        }  # fmt: skip
        assert requests.counts_waiting([supplier, elsewhere]) == {supplier: 2, elsewhere: 1}
        assert requests.count_waiting(supplier) == 2
        assert do(requests.tidy, clock.now() + 365 * 86400 - 1) == 1, "the one that nobody confirmed"
        assert do(requests.tidy, clock.now() + 365 * 86400) == 2
        assert set(outcomes()) == {"Another AS", "Elsewhere AS", "Second AS"}, "what waits stays"


def test_colleagues_who_decide_at_once(app: Any, world: Any, supplier: str, company: str) -> None:
    """Confirmed once, decided once: one invitation or one rejection, whoever was quicker."""
    with app.app_context():
        with unit_of_work():
            row = requests.ask(supplier, **{**TYPED, "company_number": ""})
        token = requests.confirmation_link(row).rpartition("/")[2]
    told = outcomes_at_once(app, [partial(requests.confirm, token)] * 6)
    assert sorted(told) == ["done"] + ["link_spent"] * 5
    acts = [partial(requests.approve, row.id, company), partial(requests.reject, row.id, "No such company.")]
    assert sorted(outcomes_at_once(app, acts * 5)) == ["done"] + ["handled_meanwhile"] * 9
    decided = rows(app)[0]
    with app.app_context():
        invitations = db.session.query(Invitation).count()
    assert invitations == (1 if decided.outcome == "approved" else 0)
    assert len(deliveries(app, "invitation")) == invitations
    assert len(deliveries(app, "guest_rejected")) == 1 - invitations


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_invitation_opened_twenty_times_at_once_makes_one_user(
    app: Any, world: Any, supplier: str, company: str
) -> None:
    """The form that creates the password, sent by twenty browsers at once."""
    with app.app_context():
        with unit_of_work():
            member = service.add_contact(company, name="Kari Nord", email="kari@kunde.example")
        with unit_of_work():
            path = service.invitation_link(service.invite_guest(member.id))
    browsers = [app.test_client() for _ in range(20)]
    forms = []
    for browser in browsers:
        opened = browser.get(path).headers["Location"]
        forms.append((opened, form_with(browser.get(opened).get_data(as_text=True), "password")))
    statuses: list[tuple[int, str | None]] = []

    def send(number: int) -> None:
        for place in (number, number + 10):
            opened, form = forms[place]
            answer = browsers[place].post(opened, data=form.filled(password="seven yellow cranes by the fjord"))
            statuses.append((answer.status_code, answer.headers.get("Location")))

    at_once([partial(send, number) for number in range(10)])
    assert statuses.count((303, "/invitation/accepted/fjord")) == 1
    assert {status for status, _place in statuses} <= {303, 410, 403, 200}
    with app.app_context():
        (row,) = db.session.scalars(db.select(Member).where(Member.company_id == company))
        assert (row.status, [role.name for role in row.roles]) == ("active", ["Express guest"])
        assert service.express_status(service.find_company(supplier, company)).taken == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("wrong", ["expired", "withdrawn", "removed", "full", "accepted", "replaced"])
def test_an_invitation_that_is_worth_nothing(
    app: Any, client: Any, world: Any, supplier: str, company: str, clock: Any, wrong: str
) -> None:
    """Each has its page, and nothing is written: also when the form was open already."""
    with app.app_context():
        with unit_of_work():
            member = service.add_contact(company, name="Kari Nord", email="kari@kunde.example")
        with unit_of_work():
            invitation = service.invite_guest(member.id)
            path = service.invitation_link(invitation)
    opened = client.get(path).headers["Location"]
    form = form_with(client.get(opened).get_data(as_text=True), "password")
    with app.app_context():
        if wrong == "expired":
            clock.advance(28 * 86400)
        elif wrong == "full":
            for _ in range(25):
                world.member(supplier, type="express", company_id=company)
        else:
            with unit_of_work():
                if wrong == "withdrawn":
                    service.revoke_invitation(member.id)
                elif wrong == "removed":
                    service.delete_company(company)
                elif wrong == "replaced":
                    service.resend_invitation(member.id)
                else:
                    from idp.accounts import service as accounts

                    made = accounts.create_account(
                        address="kari@kunde.example", given_name="K", family_name="N", verified=True
                    )
                    service.accept_invitation(path.rpartition("/")[2], made.id)
    answer = client.post(opened, data=form.filled(password="seven yellow cranes by the fjord"))
    words = text_of(answer.get_data(as_text=True))
    told = {
        "expired": (410, "Your invitation has expired"), "withdrawn": (410, "has been withdrawn"),
        "removed": (404, "not valid"), "full": (409, "There is no place left"),
        "accepted": (410, "has been accepted already"), "replaced": (410, "Only the newest invitation counts"),
    }  # fmt: skip
    assert (answer.status_code, told[wrong][1] in words) == (told[wrong][0], True), words
    with app.app_context():
        from idp.accounts.models import Account

        assert db.session.query(Account).filter_by(given_name="Kari").count() == 0
        assert db.session.query(Member).filter_by(email="kari@kunde.example", status="active").count() == (
            wrong == "accepted"
        )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_existing_account_becomes_the_guest_of_two_suppliers(
    app: Any, client: Any, world: Any, supplier: str, company: str
) -> None:
    """After proof: the account that the address belongs to, and no other; the mail names inviter and company."""
    person, other = world.account("kari@kunde.example"), world.account("other@kunde.example")
    inviter = world.account(given_name="Ada", family_name="<Berg>")
    second = world.organization("vest", name="Vest Kontroll AS")
    world.license(second, "express:standard", seats=0)
    places = [company, world.company(second, name="Havgap")]
    paths = []
    with app.app_context():
        for place in places:
            with unit_of_work():
                member = service.add_contact(place, name="Kari Nord", email="kari@kunde.example")
                invitation = service.invite_guest(member.id, actor_id=inviter.account_id)
                paths.append(service.invitation_link(invitation))
        bodies = [mails.compose(one).body for one in deliveries(app, "invitation")]  # type: ignore[union-attr]
    assert "Ada <Berg> of Fjord Inspection AS" in bodies[0] and "for Havgap Rederi AS" in bodies[0]
    opened = client.get(paths[0]).headers["Location"]
    assert "has a user already. Sign in to accept it." in text_of(client.get(opened).get_data(as_text=True))
    log_in(client, other.address, world.password)
    wrong = client.get(opened)
    assert wrong.status_code == 403 and "you are signed in as" in text_of(wrong.get_data(as_text=True))
    form = form_with(wrong.get_data(as_text=True), "csrf_token")
    assert client.post(opened, data=form.filled()).headers["Location"].startswith("/login/another")
    with app.app_context():
        assert db.session.query(Member).filter_by(status="active").count() == 0
    browser = app.test_client()
    log_in(browser, person.address, world.password)
    for path, slug in zip(paths, ("fjord", "vest"), strict=True):
        opened = browser.get(path).headers["Location"]
        page = browser.get(opened).get_data(as_text=True)
        done = browser.post(opened, data=form_with(page, "csrf_token").filled())
        assert (done.status_code, done.headers["Location"]) == (303, f"/invitation/accepted/{slug}")
    page = browser.get("/invitation/accepted/vest").get_data(as_text=True)
    assert "/open/express?organization=vest" in page and "Vest Kontroll AS" in page
    with app.app_context():
        found = db.session.scalars(db.select(Member).where(Member.account_id == person.account_id)).all()
        assert sorted(member.organization.slug for member in found if member.status == "active") == ["fjord", "vest"]
    assert browser.get("/open/express?organization=vest").headers["Location"] == "/", "no app is connected here"
