"""Requests that make rows are limited per network address, also those that anybody can cause by a GET."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from idp.accounts import service as accounts
from idp.accounts.models import MailboxProof
from idp.kernel import clock as kernel_clock
from idp.kernel.continuation import Continuation
from idp.kernel.database import db, unit_of_work
from idp.oidc.models import Authorization, AuthorizationRequest
from tests.support.flow import pkce
from tests.support.forms import browser_of, form_with

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MOST = 6


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return {
        "throttle": {
            "requests_per_minute": MOST,
            "authorizations_per_minute": 3,
            "mails_per_network": 5,
            "images_per_hour": MOST,
        }
    }


def asking(**over: str) -> dict[str, str]:
    return {
        "response_type": "code", "client_id": "tag", "redirect_uri": "http://localhost:9999/callback",
        "scope": "openid", "state": "s", "code_challenge": pkce()[1], "code_challenge_method": "S256", **over,
    }  # fmt: skip


def kept(app: Any) -> tuple[int, ...]:
    with app.app_context():
        return tuple(
            db.session.scalar(select(func.count()).select_from(model)) or 0
            for model in (AuthorizationRequest, Continuation)
        )


@pytest.fixture
def ask(app: Any, world: Any) -> Any:
    """A GET of the authorization endpoint by a browser that nobody has seen before."""
    world.client("tag", client_id="tag", app_id="tag", deny_mode="token")

    def get(address: str = "192.0.2.1", path: str = "/oauth2/authorize", **over: str) -> Any:
        return app.test_client().get(path, query_string=asking(**over), environ_base={"REMOTE_ADDR": address})

    return get


def test_a_flood_of_authorization_requests_is_refused_and_not_kept(app: Any, ask: Any) -> None:
    assert [ask().status_code for _ in range(MOST)] == [303] * MOST
    assert kept(app) == (MOST, MOST)
    for over in ({}, {"prompt": "create"}, {"prompt": "login"}):
        refused = ask(**over)
        assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
        assert refused.mimetype == "text/html" and "Location" not in refused.headers
        assert "localhost:9999" not in refused.text
    assert kept(app) == (MOST, MOST), "nothing was written"
    assert ask("192.0.2.2").status_code == 303, "another address is counted by itself"


def test_a_subscriber_of_ipv6_is_one_address(app: Any, ask: Any) -> None:
    """Who has 64 bits of addresses could send from a new one each time."""
    assert [ask(f"2001:db8:1:2::{n}").status_code for n in range(MOST + 1)] == [303] * MOST + [429]
    assert kept(app) == (MOST, MOST)
    assert ask("2001:db8:1:3::1").status_code == 303


def test_what_keeps_nothing_is_answered_all_the_same(app: Any, ask: Any) -> None:
    for _ in range(MOST + 1):
        ask()
    assert ask(client_id="nobody").status_code == 400
    silent = ask(prompt="none")
    assert silent.status_code == 303 and "error=login_required" in silent.headers["Location"]


def test_posts_and_kept_requests_are_one_count_and_each_is_one(app: Any, ask: Any) -> None:
    browser = app.test_client()
    for _ in range(MOST // 2):
        assert ask().status_code == 303
        posted = browser.post("/oauth2/authorize", data=asking(), environ_base={"REMOTE_ADDR": "192.0.2.1"})
        assert posted.status_code == 303
    assert ask().status_code == 429


def test_going_on_with_a_kept_request_makes_rows_too(app: Any, world: Any, ask: Any) -> None:
    """Whoever reloads its address makes a continuation each time."""
    browser = app.test_client()
    first = browser.post("/oauth2/authorize", data=asking(), environ_base={"REMOTE_ADDR": "192.0.2.1"})
    statuses = [
        browser.get(first.headers["Location"], environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code
        for _ in range(MOST)
    ]
    assert statuses == [303] * (MOST - 1) + [429]
    assert kept(app) == (1, MOST - 1)


def test_pages_for_signed_in_people_are_no_way_around_it(app: Any) -> None:
    """Each sends a stranger to sign in and keeps where to come back to."""
    place = {"REMOTE_ADDR": "192.0.2.1"}
    paths = ["/account/emails", "/account/data/close", "/org/x/people"]
    answers = [app.test_client().get(path, environ_base=place).status_code for path in paths * 3]
    assert answers == [303] * MOST + [429] * 3
    assert kept(app) == (0, MOST)
    assert app.test_client().get("/", environ_base=place).status_code == 303, "which keeps nothing"


def test_what_is_kept_for_strangers_goes_when_it_is_over(app: Any, world: Any, clock: Any) -> None:
    """A form that answers everybody alike keeps a row for every address; those without a link go at their end."""
    person = world.account()
    with app.app_context(), unit_of_work():
        for address in ("nobody@firma.no", person.address):
            accounts.request_reset(address, "en")
            accounts.request_activation(address, "en", invited=True)

    def left() -> list[str]:
        with app.app_context(), unit_of_work():
            accounts.tidy(kernel_clock.now())
            return sorted(db.session.scalars(select(MailboxProof.purpose)))

    assert left() == ["activation", "known", "nobody", "reset"]
    clock.advance(3600)
    assert left() == ["activation", "known", "reset"]
    clock.advance(86400)
    assert left() == ["activation", "reset"], "these are still recognized by who follows them"


def test_drawing_a_name_is_counted(app: Any, world: Any) -> None:
    browser = browser_of(app, world, world.account())
    answers = [browser.get("/account/signature/preview?name=A&style=plain").status_code for _ in range(MOST + 1)]
    assert answers.count(429) >= 1 and answers[0] == 200


def test_a_live_session_opens_no_authorizations_without_end(app: Any, world: Any, ask: Any) -> None:
    """Each is three rows that stay for months, and a stranger who has just signed up can ask for denials all day."""
    person = world.account()
    browser, other = browser_of(app, world, person), browser_of(app, world, person)
    answers = [one.get("/oauth2/authorize", query_string=asking()) for one in (browser, other, browser, browser)]
    assert [answer.status_code for answer in answers] == [303, 303, 303, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0 and answers[-1].mimetype == "text/html"
    silent = browser.get("/oauth2/authorize", query_string=asking(prompt="none"))
    assert silent.status_code == 303 and "error=temporarily_unavailable" in silent.headers["Location"]
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Authorization)) == 3
    stranger = browser_of(app, world, world.account())
    assert stranger.get("/oauth2/authorize", query_string=asking()).status_code == 303


def test_nobody_mails_strangers_from_here_without_end(app: Any) -> None:
    """One address after another, none of them often: it is said to whoever asks, whether anybody is there or not."""
    statuses = []
    for number, path in enumerate(["/signup", "/password/forgot"] * 4):
        place = {"REMOTE_ADDR": "192.0.2.1"}
        browser = app.test_client()
        form = form_with(browser.get(path).text, "address")
        answer = browser.post(path, data=form.filled(address=f"p{number}@firma.no"), environ_base=place)
        statuses.append(answer.status_code)
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) > 0
    assert statuses[:5] == [303] * 5 and set(statuses[5:]) == {429}
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(MailboxProof)) == 5


def test_what_stands_behind_a_plus_sign_is_no_other_mailbox(app: Any, context: Any) -> None:
    limit = app.extensions["onix_settings"].throttle.mails_per_address
    asked = [accounts.admit_mail(f"kari+{number}@firma.no", "sign_up") for number in range(limit + 1)]
    assert asked == [True] * limit + [False]
    assert not accounts.admit_mail("Kari@firma.no", "sign_up") and accounts.admit_mail("+kari@firma.no", "sign_up")
