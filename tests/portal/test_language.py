"""Which language a person reads: chosen, asked for, stored, the browser's, the default, in that order."""

from __future__ import annotations

from typing import Any

import pytest
from flask import g
from flask_babel import force_locale, gettext

from idp.accounts.models import Account
from idp.kernel import continuation, language
from idp.kernel.database import unit_of_work
from tests.support.forms import browser_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("nb", "nb"), ("no", "nb"), ("nn-NO", "nb"), ("nb_NO", "nb"), ("EN-us", "en"), ("de nb en", "nb"),
        ("de fr", None), ("", None), (None, None), ("x" * 5000, None), ("nbx english", None), (["fr", "en"], "en"),
    ],
)  # fmt: skip
def test_match(tags: Any, found: str | None, database_url: str) -> None:
    assert language.match(tags) == found


@pytest.mark.parametrize(
    ("accept", "found"), [("nb-NO,nb;q=0.9,en;q=0.8", "nb"), ("de,en;q=0.5", "en"), ("de", "en"), ("*", "en")]
)
def test_the_browser_asks(app: Any, accept: str, found: str) -> None:
    with app.test_request_context(headers={"Accept-Language": accept}):
        assert language.current() == found


def test_the_default_of_the_settings(make_app: Any, database_url: str) -> None:
    app = make_app(database_url, default_locale="nb")
    with app.test_request_context():
        assert language.current() == "nb"
    with app.app_context():
        assert language.current() == "nb"


def test_the_application_asks_above_the_browser(app: Any) -> None:
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert language.shown() == "en"
        language.hint("fr nb")
        assert language.current() == language.shown() == "nb"


def test_a_continuation_carries_what_the_application_asked(app: Any) -> None:
    with app.test_client() as client:
        with app.test_request_context():
            from flask import session

            with unit_of_work():
                handle = continuation.begin("/x", {"language": "nb"})
            browser = session["browser"]
        with client.session_transaction() as cookie:
            cookie["browser"] = browser
        page = client.get(f"/login?continue={handle}").get_data(as_text=True)
        assert '<html lang="nb">' in page
        assert '<html lang="en">' in client.get("/login?continue=unknown").get_data(as_text=True)


def test_a_choice_stands_above_everything_and_is_kept(app: Any) -> None:
    client = app.test_client()
    assert '<html lang="nb">' in client.get("/login?lang=nb").get_data(as_text=True)
    assert '<html lang="nb">' in client.get("/login", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert '<html lang="en">' in client.get("/login?lang=en").get_data(as_text=True)


@pytest.mark.parametrize("wrong", ["de", "", "../../etc", "<script>", "nb%00"])
def test_a_choice_of_nothing_we_speak_changes_nothing(app: Any, wrong: str) -> None:
    answer = app.test_client().get(f"/login?lang={wrong}")
    assert answer.status_code < 500 and '<html lang="en">' in answer.get_data(as_text=True)


def test_the_stored_language_stands_above_the_browser(app: Any) -> None:
    from types import SimpleNamespace

    with app.test_request_context(headers={"Accept-Language": "en"}):
        g._login_user = SimpleNamespace(account=SimpleNamespace(locale="nb"))
        assert language.current() == "nb"
        language.hint("en")
        assert language.current() == "en"


def test_the_switch_keeps_the_page_and_its_query(app: Any) -> None:
    page = app.test_client().get("/login?continue=abc%26d&lang=en").get_data(as_text=True)
    assert 'href="/login?continue=abc%26d&amp;lang=nb"' in page


def test_the_switch_on_a_page_that_only_takes_posts_leads_to_the_start(app: Any) -> None:
    with app.test_request_context("/organization", method="POST"):
        assert language.this_page() == "/"
    with app.test_request_context("/login", method="POST"):
        assert language.this_page() == "/login"
    with app.test_request_context("//evil.example"):
        assert language.this_page() == "/"


def test_times_are_the_accounts_else_the_browsers(app: Any, world: Any) -> None:
    """The browser says what it likes: what is no time zone changes nothing."""
    person = world.account()
    browser = browser_of(app, world, person)
    for told, shown in (
        (None, "UTC"), ("Asia/Tokyo", "JST"), ("../../etc/passwd", "UTC"), ("Mars/Base", "UTC"), ("x" * 500, "UTC"),
    ):  # fmt: skip
        if told:
            browser.set_cookie("zone", told)
        answer = browser.get("/account/sessions")
        assert answer.status_code == 200 and f" {shown}</p>" in answer.text, told
    browser.set_cookie("zone", "Asia/Tokyo")
    world.change(Account, person.account_id, zoneinfo="Asia/Kolkata")
    assert " IST</p>" in browser.get("/account/sessions").text


def test_dates_speak_the_language(app: Any) -> None:
    with app.test_request_context(headers={"Accept-Language": "nb"}):
        assert language.on_date(1_795_305_600) == "22. november 2026"
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert language.on_date(1_795_305_600) == "22 November 2026"
        assert language.at_time(1_795_305_600) == "22 Nov 2026, 00:00 UTC"


def test_a_mail_is_written_in_its_own_language(app: Any) -> None:
    with app.app_context(), force_locale("nb"):
        assert gettext("Sign in") == "Logg inn"
        assert language.shown() == "nb"
