"""Creating an account: sign-up, the mailed link, activation."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from sqlalchemy import func, select

from idp.accounts import events
from idp.accounts.models import Account, EmailAddress, MailboxProof
from idp.kernel.database import db
from tests.accounts.steps import GOOD, PERSON, last, link_of, link_text, listen, sign_up
from tests.support.databases import one_database
from tests.support.forms import form_with, forms_of, log_in, submit, text_of
from tests.support.races import at_once


@pytest.fixture
def heard(app: Any) -> list[Any]:
    return listen(app)


def count(app: Any, model: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def fresh_link(app: Any, client: Any, heard: list[Any], address: str = "kari@nordic-lift.no") -> str:
    assert sign_up(client, address).status_code == 200
    return link_of(app, last(heard, events.ActivationRequested).proof_id)


def test_from_work_e_mail_to_signed_in(app: Any, client: Any, heard: list[Any]) -> None:
    link = fresh_link(app, client, heard, "Kari@Nordic-Lift.no")
    browser = app.test_client()
    page = browser.get(link, follow_redirects=True)
    assert page.status_code == 200
    assert "Kari@nordic-lift.no" in text_of(page.text)
    done = submit(browser, page, "given_name", **{**PERSON, "phone_number": "22 33 44 55", "language": "nb"})
    assert (done.status_code, done.headers["Location"]) == (303, "/activated")
    assert (
        "Tilbake til innlogging" in browser.get("/activated").text or "Back to login" in browser.get("/activated").text
    )
    with app.app_context():
        account = db.session.scalars(select(Account)).one()
        assert (account.name, account.locale, account.phone_number) == ("Kari Nordmann", "nb", "+4722334455")
        assert account.email is not None
        assert account.email.verified_at is not None
        assert account.email.address == "Kari@nordic-lift.no"
    kinds = [type(event) for event in heard]
    assert kinds[-3:] == [events.AccountCreated, events.AddressProven, events.AccountActivated]
    prefilled = form_with(browser.get("/login").text, "identifier").fields
    assert prefilled["identifier"] == "Kari@nordic-lift.no"
    assert log_in(browser, "kari@nordic-lift.no", GOOD).status_code == 303


def test_r28_opening_the_link_changes_nothing(app: Any, client: Any, heard: list[Any]) -> None:
    link = fresh_link(app, client, heard)
    before = len(heard)
    for _ in range(3):
        assert client.get(link, follow_redirects=True).status_code == 200
        assert client.head(link, follow_redirects=True).status_code == 200
    assert len(heard) == before
    assert count(app, Account) == 0
    assert submit(client, client.get(link, follow_redirects=True), "given_name", **PERSON).status_code == 303


def test_r28_a_link_gives_one_account(app: Any, client: Any, heard: list[Any]) -> None:
    link = fresh_link(app, client, heard)
    page = client.get(link, follow_redirects=True)
    assert submit(client, page, "given_name", **PERSON).status_code == 303
    again = submit(client, page, "given_name", **{**PERSON, "given_name": "Ola"})
    assert again.status_code == 410
    assert "already" in text_of(again.text)
    assert client.get(link, follow_redirects=True).status_code == 410
    assert count(app, Account) == 1


def activated_at_once(browsers: list[Any], pages: list[Any]) -> list[int]:
    """Each browser sends the form of its page at the same moment; gives the answers' statuses in order."""
    pairs = zip(browsers, pages, strict=True)
    answers = at_once([partial(submit, browser, page, "given_name", **PERSON) for browser, page in pairs])
    return sorted(answer.status_code for answer in answers)


def test_r28_p27_two_posts_at_once_give_one_success(app: Any, client: Any, heard: list[Any]) -> None:
    link = fresh_link(app, client, heard)
    browsers = [app.test_client() for _ in range(6)]
    pages = [browser.get(link, follow_redirects=True) for browser in browsers]
    assert activated_at_once(browsers, pages) == [303] + [410] * 5
    assert count(app, Account) == 1


def test_two_links_to_one_address_at_once_give_one_account(app: Any, client: Any, heard: list[Any]) -> None:
    links = [fresh_link(app, client, heard), fresh_link(app, client, heard)]
    browsers = [app.test_client() for _ in links]
    pages = [browser.get(link, follow_redirects=True) for browser, link in zip(browsers, links, strict=True)]
    assert activated_at_once(browsers, pages) == [303, 409]
    assert count(app, EmailAddress) == 1
    for link in (*links, pages[0].request.path, fresh_link(app, client, heard, "ola@firma.no")):
        page = browsers[0].get(link, follow_redirects=True)
        assert ("already" in text_of(page.text)) == (page.status_code != 200), "no form to fill in for nothing"


def test_an_expired_link_offers_a_new_one_in_one_click(app: Any, client: Any, heard: list[Any], clock: Any) -> None:
    old = fresh_link(app, client, heard)
    late = client.get(old, follow_redirects=True)
    clock.advance(24 * 3600)
    assert submit(client, late, "given_name", **PERSON).status_code == 410
    page = client.get(old, follow_redirects=True)
    assert page.status_code == 410
    form = next(form for form in forms_of(page.text, old) if ("resend", "1", "Send a new link") in form.buttons)
    sent = client.post(form.action, data=form.filled(resend="1"))
    assert (sent.status_code, sent.headers["Location"]) == (303, "/signup/sent")
    assert "once more" not in client.get("/signup/sent").text, "whoever was invited need not have a work e-mail"
    asked = last(heard, events.ActivationRequested)
    assert asked.address == "kari@nordic-lift.no"
    new = link_of(app, asked.proof_id)
    assert new != old
    assert client.get(old, follow_redirects=True).status_code == 410
    assert submit(client, client.get(new, follow_redirects=True), "given_name", **PERSON).status_code == 303


def test_where_to_look_can_be_loaded_again_and_the_mail_sent_once_more(
    app: Any, client: Any, heard: list[Any], world: Any
) -> None:
    """For every address alike (R20); nobody who has not asked is told anything."""
    for path, form in (("/signup/sent", "/signup"), ("/password/forgot/sent", "/password/forgot")):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, form)
    for address in (world.account().address, "kari@firma.no"):
        page = sign_up(client, address)
        asked = len(heard)
        assert client.get("/signup/sent").status_code == 200 and len(heard) == asked
        again = submit(client, page, "address", again="1")
        assert (again.status_code, again.headers["Location"]) == (303, "/signup/sent")
        assert last(heard, events.ActivationRequested).address == address and len(heard) > asked
        shown = text_of(client.get("/signup/sent").text)
        assert "We have sent it once more." in shown and address in shown
        assert "We have sent it once more." not in client.get("/signup/sent").text
    assert app.test_client().get("/signup/sent").status_code == 303


def test_r20_the_answer_is_the_same_for_every_address(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    person = world.account()
    known = text_of(sign_up(client, person.address).text).replace(person.address, "…")
    assert last(heard, events.ActivationRequested).known is True
    unknown = text_of(sign_up(client, "new@nordic-lift.no").text).replace("new@nordic-lift.no", "…")
    assert last(heard, events.ActivationRequested).known is False
    assert known == unknown


def test_the_mail_to_a_known_address_carries_no_activation(app: Any, client: Any, heard: list[Any], world: Any) -> None:
    sign_up(client, world.account().address)
    with app.app_context(), pytest.raises(ValueError):
        from idp.accounts import service

        service.link_for(db.session.get_one(MailboxProof, last(heard, events.ActivationRequested).proof_id))


@one_database  # judged by the text alone
@pytest.mark.parametrize(
    "address", ["kari@gmail.com", "kari@mailinator.com", "kari@sub.mailinator.com", "not an address", ""]
)
def test_sign_up_refuses_what_is_no_work_e_mail(app: Any, client: Any, heard: list[Any], address: str) -> None:
    answer = sign_up(client, address)
    assert answer.status_code == 400
    assert form_with(answer.text, "address").fields["address"] == address
    assert heard == []
    assert count(app, MailboxProof) == 0


def test_flood_at_most_five_mails_to_one_mailbox(app: Any, client: Any, heard: list[Any], clock: Any) -> None:
    spellings = ["kari@firma.no", "KARI@firma.no", "Kari@FIRMA.no", "kARI@firma.no", "kari@firma.no"] + [
        "kari@firma.no"
    ] * 2
    pages = {text_of(sign_up(client, spelling).text.replace(spelling, "…")) for spelling in spellings}
    assert len(pages) == 1
    assert sum(isinstance(event, events.ActivationRequested) for event in heard) == 5
    sign_up(client, "ola@firma.no")
    assert last(heard, events.ActivationRequested).address == "ola@firma.no"
    clock.advance(3600)
    sign_up(client, "kari@firma.no")
    assert last(heard, events.ActivationRequested).address == "kari@firma.no"


@one_database  # judged by the text alone
@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"given_name": ""}, "given_name"), ({"family_name": "a\nb"}, "family_name"),
     ({"given_name": "x" * 101}, "given_name"), ({"password": "short"}, "password"),
     ({"password": "passwordpassword"}, "password"),
     ({"password": "kari.nordic-lift"}, "password"), ({"password": "karinordmann1234"}, "password"),
     ({"phone_number": "12"}, "phone_number"), ({"language": "xx"}, "language")],
)  # fmt: skip
def test_r22_r24_the_form_says_what_is_wrong_and_keeps_what_was_typed(
    app: Any, client: Any, heard: list[Any], wrong: dict[str, str], field: str
) -> None:
    link = fresh_link(app, client, heard)
    answer = submit(
        client, client.get(link, follow_redirects=True), "given_name", **{**PERSON, "phone_number": "22334455", **wrong}
    )
    assert answer.status_code == 400
    assert f'id="{field}-error"' in answer.text
    kept = form_with(answer.text, "given_name").fields
    assert kept["password"] == ""
    assert {**PERSON, **wrong}["password"] not in kept.values()
    if field != "phone_number":
        assert kept["phone_number"] == "22334455"
    assert count(app, Account) == 0
    assert submit(client, client.get(link, follow_redirects=True), "given_name", **PERSON).status_code == 303


def test_r23_fields_carry_the_right_autocomplete(app: Any, client: Any, heard: list[Any]) -> None:
    html = client.get(fresh_link(app, client, heard), follow_redirects=True).text
    for value in ("given-name", "family-name", "tel", "new-password", "username"):
        assert f'autocomplete="{value}"' in html
    assert 'autocomplete="email"' in client.get("/signup").text


@pytest.mark.parametrize("token", ["x", "a.b.c", "%00", "%ed%a0%80", "é", "x" * 5000, "..", "W10.aaaa.bbbb"])
def test_p19_forged_links_are_unknown_and_never_an_error(client: Any, token: str) -> None:
    for path in ("/activate/", "/password/reset/", "/mailbox/"):
        assert client.get(path + token).status_code == (400 if token == "%00" else 404)


def test_p19_a_link_of_another_purpose_opens_nothing(app: Any, client: Any, heard: list[Any]) -> None:
    text = link_text(fresh_link(app, client, heard))
    assert client.get(f"/password/reset/{text}").status_code == 404
    assert client.get(f"/mailbox/{text}").status_code == 404


def test_r43_a_post_without_the_form_token_does_nothing(app: Any, client: Any, heard: list[Any]) -> None:
    link = fresh_link(app, client, heard)
    app.config["WTF_CSRF_ENABLED"] = True
    assert client.post(link, data=PERSON).status_code == 400
    assert client.post("/signup", data={"address": "x@firma.no"}).status_code == 400
    assert count(app, Account) == 0


@pytest.mark.parametrize("text", ["\0", "\ud800", "x" * 400_000, "\u202e", "'; drop table account;--", "{{7*7}}"])
def test_odd_bytes_are_no_server_error(app: Any, client: Any, heard: list[Any], text: str) -> None:
    link = fresh_link(app, client, heard)
    raw = text.encode("utf-8", "surrogatepass")
    for path, name in (
        ("/signup", "address"),
        ("/password/forgot", "address"),
        (link, "given_name"),
        (link, "password"),
    ):
        form = form_with(client.get(path, follow_redirects=True).text, name, path)
        rest = urlencode({key: value for key, value in form.fields.items() if key != name})
        answer = client.post(
            form.action, data=f"{rest}&{name}={quote_from_bytes(raw)}", content_type="application/x-www-form-urlencoded"
        )
        assert answer.status_code < 500
    assert count(app, Account) == 0


def test_r44_ten_megabytes_are_refused(client: Any) -> None:
    assert client.post("/signup", data={"address": "x" * 10_000_000}).status_code == 413


def test_p20_links_come_from_the_issuer_whatever_the_host_says(app: Any, client: Any, heard: list[Any]) -> None:
    """The room gives a path only; the mail puts the configured issuer before it."""
    page = client.get("/signup", headers={"Host": "evil.example"})
    form = form_with(page.text, "address", "/signup")
    client.post("/signup", data=form.filled(address="kari@firma.no"), headers={"Host": "evil.example"})
    assert link_of(app, last(heard, events.ActivationRequested).proof_id).startswith("/activate/")


def test_the_app_that_the_person_came_from_is_remembered(app: Any, client: Any, heard: list[Any]) -> None:
    from idp.kernel import continuation
    from idp.kernel.database import unit_of_work

    client.get("/signup")
    with client.session_transaction() as cookie:
        cookie["browser"] = "b" * 43
    with app.test_request_context():
        from flask import session as cookie

        cookie["browser"] = "b" * 43
        with unit_of_work():
            handle = continuation.begin(
                "/oauth2/authorize/x", {"client_name": "Onix Tag", "app_id": "tag", "cancel_path": "/c"}
            )
    page = client.get(f"/signup?continue={handle}")
    assert "Onix Tag" in text_of(page.text)
    assert any(form.action == "/c" for form in forms_of(page.text, "/signup"))
    submit(client, page, "address", address="kari@firma.no")
    browser = app.test_client()
    link = link_of(app, last(heard, events.ActivationRequested).proof_id)
    submit(browser, browser.get(link, follow_redirects=True), "given_name", **PERSON)
    with browser.session_transaction() as cookie:
        assert cookie["first_app"] == "tag"
