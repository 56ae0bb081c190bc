"""What was typed into a form that came too late, too often or too old is there to be sent again, and to nobody else."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError
from wtforms import PasswordField

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.kernel.continuation import Continuation
from idp.kernel.database import db
from idp.kernel.web import kept
from tests.support.databases import one_database
from tests.support.forms import browser_of, form_with, forms_of, log_in, submit, text_of

OURS = {"Sec-Fetch-Site": "same-origin"}
PROFILE = "/account/profile"


def name_form(client: Any, given_name: str) -> tuple[str, dict[str, str]]:
    """The card of names, filled in; what is sent and where."""
    form = form_with(client.get(f"{PROFILE}?edit=name").text, "given_name", PROFILE)
    return form.action, form.filled(given_name=given_name)


def kept_form(page: str) -> Any:
    """The form that sends again, or None."""
    return next(
        (one for one in forms_of(page) if any(text == "Send it again" for *_rest, text in one.buttons)), None
    )  # fmt: skip


def stored(app: Any) -> list[Continuation]:
    with app.app_context():
        return list(db.session.scalars(select(Continuation)))


def test_after_the_session_ended_one_press_does_what_was_typed(app: Any, client: Any, world: Any, clock: Any) -> None:
    person, stranger = world.account(given_name="Kari"), world.account()
    log_in(client, person.address, world.password)
    path, fields = name_form(client, "Ida")
    clock.advance(13 * 3600)
    answer = client.post(path, data=fields, headers=OURS)
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/login?continue=")
    assert world.get(Account, person.account_id).given_name == "Kari"
    handle = answer.headers["Location"].partition("=")[2]
    back = f"/login/kept?continue={handle}"
    assert client.get(back).headers["Location"].startswith("/login?"), "first one signs in"
    other = browser_of(app, world, person).get(back)
    assert (other.status_code, other.headers["Location"]) == (303, "/"), "nothing in another browser"
    signed_in = log_in(client, stranger.address, world.password, answer.headers["Location"])
    assert signed_in.headers["Location"] == back
    seen = client.get(back)
    assert (seen.status_code, seen.headers["Location"]) == (303, "/"), "somebody else is not shown it"
    log_in(client, person.address, world.password, f"/login/another?continue={handle}")
    page = client.get(back)
    assert page.status_code == 200 and "What you typed is kept" in text_of(page)
    form = kept_form(page.text)
    assert form.action == path.partition("#")[0] and form.fields["given_name"] == "Ida"
    assert client.post(form.action, data=form.fields, headers=OURS).headers["Location"] == f"{PROFILE}#name"
    assert world.get(Account, person.account_id).given_name == "Ida"


@one_database
def test_where_nothing_is_kept_one_comes_back_to_a_page_that_is_there(
    app: Any, client: Any, world: Any, clock: Any
) -> None:
    person = world.account(given_name="Kari")
    log_in(client, person.address, world.password)
    path, fields = name_form(client, "Ida")
    security = form_with(client.get("/account/security/password").text, "current_password").fields
    clock.advance(13 * 3600)
    password = {**security, "current_password": "secret-of-old", "password": "secret-of-new"}
    posts = (
        (path, {**fields, "given_name": "x" * 30_000}, OURS, PROFILE),
        (path, fields, {"Sec-Fetch-Site": "none"}, PROFILE),
        ("/account/sessions/end-others", {"csrf_token": fields["csrf_token"]}, OURS, "/account/sessions"),
        ("/account/security/password", password, OURS, "/account/security/password"),
    )
    for where, data, headers, page in posts:
        answer = client.post(where, data=data, headers=headers)
        assert answer.status_code == 303, where
        assert {row.path for row in stored(app)} == {page}, where
        with app.app_context():
            db.session.execute(db.delete(Continuation))
            db.session.commit()
    for _time in range(25):
        client.post(path, data=fields, headers=OURS)
    paths = [row.path for row in stored(app)]
    assert (paths.count("/login/kept"), paths.count(PROFILE)) == (20, 5), "so many of one network a minute"
    assert all("secret-of" not in str(row.context) for row in stored(app))


@one_database
def test_a_form_that_is_too_old_is_sent_again_with_a_new_token(app: Any, client: Any, world: Any) -> None:
    person = world.account(given_name="Kari")
    log_in(client, person.address, world.password)
    path, fields = name_form(client, "Ida <b>")
    app.config["WTF_CSRF_ENABLED"] = True
    log_in(client, person.address, world.password, "/login/another")  # in another tab: a new token
    for site in ({}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = client.post(path, data=fields, headers=site)
        assert answer.status_code in (400, 403) and kept_form(answer.text) is None, site
        assert "Ida" not in answer.text
    answer = client.post(path, data=fields, headers=OURS)
    assert answer.status_code == 400 and "This form has expired" in text_of(answer)
    form = kept_form(answer.text)
    assert form.fields["given_name"] == "Ida <b>" and form.fields["csrf_token"] != fields["csrf_token"]
    assert client.post(form.action, data=form.fields, headers=OURS).status_code == 303
    assert world.get(Account, person.account_id).given_name == "Ida <b>"


@one_database
def test_a_form_of_another_person_is_not_sent_again_by_whoever_is_here_now(client: Any, world: Any) -> None:
    """Two people on one machine, and a page of the first left open in a tab."""
    first, second = world.account(given_name="Kari"), world.account(given_name="Ola")
    log_in(client, first.address, world.password)
    path, fields = name_form(client, "Ida")
    submit(client, client.get("/logout"), "csrf_token")
    left = client.post(path, data=fields, headers=OURS)
    assert left.status_code == 400 and kept_form(left.text), "nobody is here: it leads to the sign-in"
    again = kept_form(left.text)
    onward = client.post(again.action, data=again.fields, headers=OURS).headers["Location"]
    assert onward.startswith("/login")
    log_in(client, second.address, world.password, onward)
    assert kept_form(client.get("/login/kept?" + onward.partition("?")[2]).text) is None, "it is not known whose it was"
    late = client.post(path, data=fields, headers=OURS)
    assert late.status_code == 400 and kept_form(late.text) is None
    log_in(client, first.address, world.password, "/login/another")
    assert kept_form(client.post(path, data=fields, headers=OURS).text) is None, "two people ago"
    assert world.get(Account, second.account_id).given_name == "Ola"


def test_a_form_with_a_file_is_filled_in_again_and_what_is_too_large_is_refused(client: Any, world: Any) -> None:
    log_in(client, world.account().address, world.password)
    path, fields = name_form(client, "Ida")
    stale = {**fields, "csrf_token": "old"}
    sent = client.post(path, data={**stale, "file": (BytesIO(b"x"), "x.csv")}, headers=OURS)
    assert sent.status_code == 400 and kept_form(sent.text) is None
    large = "given_name=" + "x" * 2_000_000
    for where in (path, "/nowhere"):
        answer = client.post(where, data=large, content_type="application/x-www-form-urlencoded", headers=OURS)
        assert answer.status_code == 413 and kept_form(answer.text) is None


def test_secrets_are_typed_anew(app: Any, client: Any, world: Any) -> None:
    person = world.account()
    app.config["WTF_CSRF_ENABLED"] = True
    sent = {"identifier": person.address, "password": "secret-as-typed", "csrf_token": "old"}
    answer = client.post("/login", data=sent, headers=OURS)
    assert answer.status_code == 400 and "secret-as-typed" not in answer.text
    form = kept_form(answer.text)
    assert form.fields["identifier"] == person.address and form.fields["password"] == ""
    assert client.post(form.action, data=form.filled(password=world.password), headers=OURS).status_code == 303
    passkey = {"credential": "x", "ceremony": "y", "csrf_token": "old"}
    assert kept_form(client.post("/login/passkey", data=passkey, headers=OURS).text) is None


def test_no_field_for_a_password_is_ever_carried_on(app: Any) -> None:
    kinds, names = [FlaskForm], set()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        names |= {
            name for name in dir(kind) if getattr(getattr(kind, name), "field_class", None) is PasswordField
        }  # fmt: skip
    assert names and names <= set(kept.TYPED_AGAIN)


@one_database
@pytest.mark.parametrize("app_settings", [{"throttle": {"requests_per_minute": 3}}])
def test_too_often_and_too_late_keep_the_form_too(
    app: Any, client: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(client, world.account().address, world.password)
    path, fields = name_form(client, "Ida")

    def overtaken(*_arguments: Any, **_values: Any) -> None:
        raise StaleDataError

    monkeypatch.setattr(accounts, "change_profile", overtaken)
    late = client.post(path, data=fields, headers=OURS)
    assert late.status_code == 409 and kept_form(late.text).fields["given_name"] == "Ida"
    for _time in range(3):
        many = client.post(path, data=fields, headers=OURS)
    assert many.status_code == 429 and int(many.headers["Retry-After"]) > 0
    assert kept_form(many.text).fields["given_name"] == "Ida"


@one_database
def test_confirming_who_one_is_loses_nothing_either(client: Any, world: Any, clock: Any) -> None:
    person = world.account()
    log_in(client, person.address, world.password)
    page = client.get("/account/data/close")
    clock.advance(3600)
    form = form_with(page.text, "address", "/account/data/close")
    answer = client.post(form.action, data=form.filled(address=person.address), headers=OURS)
    assert answer.headers["Location"].startswith("/login/again?continue=")
    confirmed = submit(client, client.get(answer.headers["Location"]), "password", password=world.password)
    again = kept_form(client.get(confirmed.headers["Location"]).text)
    assert client.post(again.action, data=again.fields, headers=OURS).headers["Location"] == "/logout"
    assert world.get(Account, person.account_id).closes_at is not None
