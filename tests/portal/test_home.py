"""The launcher and the switch of organization, over HTTP on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.oidc.models import Client
from idp.organizations.models import Organization
from idp.organizations.service import requests
from idp.sessions.models import Session
from tests.support.forms import form_with, forms_of, log_in, text_of


def sign_in(client: Any, person: Any, password: str) -> None:
    answer = log_in(client, person.address, password)
    assert answer.status_code == 303, text_of(answer.get_data(as_text=True))


def slug_of(app: Any, organization_id: str) -> str:
    with app.app_context():
        return str(db.session.get_one(Organization, organization_id).slug)


@pytest.fixture
def lift(app: Any, world: Any) -> Any:
    """A person with Tag in one organization and nothing in another, and a client of Tag."""
    person = world.account(given_name="Kari")
    place = world.organization(name="Nordic Lift AS")
    member = world.member(place, person.account_id)
    world.role(place, ["tag:access"], members=[member])
    world.license(place, "tag:standard", holders=[member])
    other = world.organization(name="Breim Kran AS")
    world.member(other, person.account_id)
    with app.app_context(), unit_of_work() as session:
        for number, (client_id, metadata) in enumerate(
            {
                "a-probe": {},
                "b-tag": {"initiate_login_uri": "https://tag.example/login"},
                "c-later": {"initiate_login_uri": "https://later.example/login"},
            }.items()
        ):
            now = clock.now() + number
            session.add(
                Client(id=client_id, app_id="tag", kind="web", metadata_=metadata, created_at=now, updated_at=now)
            )
    return person, place, other


def test_a_stranger_is_asked_to_sign_in(client: Any) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_the_launcher_opens_an_app_and_locks_the_others(client: Any, world: Any, lift: Any) -> None:
    sign_in(client, lift[0], world.password)
    page = client.get("/").get_data(as_text=True)
    assert "https://tag.example/login?iss=http%3A%2F%2Flocalhost&amp;organization=" in page
    assert "later.example" not in page, "the oldest client of an app is the one that an icon opens"
    text = text_of(page)
    assert "Hello, Kari" in text and "You are working for Nordic Lift AS." in text
    assert "you have no license of Onix Pick and Pack assigned" in text


def test_three_statements_feed_the_launcher(client: Any, world: Any, lift: Any, statements: Any) -> None:
    sign_in(client, lift[0], world.password)
    client.get("/")
    with statements() as seen:
        client.get("/")
    assert len(seen) <= 6, str(seen)


def test_whoever_answers_requests_sees_how_many_wait(app: Any, client: Any, world: Any, lift: Any) -> None:
    """A number that leads to them; nobody else sees it, and no other organization's are counted."""
    person, place, other = lift
    boss = world.account(given_name="Ada")
    world.role(place, ["account:access", "account:requests.manage"], members=[world.member(place, boss.account_id)])
    with app.app_context(), unit_of_work():
        for organization in (place, other):
            requests.request_access(person.account_id, "pickandpack", organization=organization)
    sign_in(client, boss, world.password)
    page = client.get("/").get_data(as_text=True)
    assert "1 person is waiting for access" in text_of(page) and f"{slug_of(app, place)}/requests" in page
    stranger = app.test_client()
    sign_in(stranger, person, world.password)
    assert "waiting for access" not in text_of(stranger.get("/").get_data(as_text=True))


def test_switching_is_remembered(client: Any, world: Any, lift: Any) -> None:
    person, _place, other = lift
    sign_in(client, person, world.password)
    page = client.get("/")
    form = next(form for form in forms_of(page.get_data(as_text=True)) if form.action == "/organization")
    assert [(name, value) for name, value, _text in form.buttons] == [("organization", other)]
    answer = client.post("/organization", data=form.filled(organization=other))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "You are working for Breim Kran AS." in text_of(client.get("/").get_data(as_text=True))


@pytest.mark.parametrize("wanted", ["", "unknown", "another's", "x" * 5000, "ø🦆"])
def test_an_organization_of_somebody_else_answers_as_an_unknown_one(
    client: Any, world: Any, lift: Any, wanted: str
) -> None:
    person, _place, _other = lift
    if wanted == "another's":
        wanted = world.organization(name="Not Yours AS")
    sign_in(client, person, world.password)
    form = next(f for f in forms_of(client.get("/").get_data(as_text=True)) if f.action == "/organization")
    answer = client.post("/organization", data=form.filled(organization=wanted))
    assert answer.status_code == 404
    assert "You don’t have access to this organization." in text_of(answer.get_data(as_text=True))
    assert "You are working for Nordic Lift AS." in text_of(client.get("/").get_data(as_text=True))


def test_switching_needs_the_form_token_and_a_session(client: Any, world: Any, lift: Any) -> None:
    assert client.post("/organization", data={"organization": lift[2]}).status_code == 400
    sign_in(client, lift[0], world.password)
    answer = client.post("/organization", data={"organization": lift[2]})
    assert answer.status_code == 400 and "This form has expired" in text_of(answer.get_data(as_text=True))


def test_a_session_whose_organization_was_lost_still_shows_a_launcher(
    app: Any, client: Any, world: Any, lift: Any
) -> None:
    sign_in(client, lift[0], world.password)
    elsewhere = world.organization(name="Long Gone AS")
    with app.app_context(), unit_of_work():
        db.session.execute(update(Session).values(organization_id=elsewhere))
    text = text_of(client.get("/").get_data(as_text=True))
    assert "You are working for Nordic Lift AS." in text and "Long Gone" not in text


def test_the_app_of_the_sign_up_is_first(client: Any, world: Any, lift: Any) -> None:
    sign_in(client, lift[0], world.password)
    assert "Continue where you came from" not in client.get("/?app=nonsense").get_data(as_text=True)
    assert "Continue where you came from" in client.get("/?app=tag").get_data(as_text=True)
    assert "Continue where you came from" in client.get("/").get_data(as_text=True)


def test_a_contact_reads_what_to_do_and_no_name_of_an_organization(client: Any, world: Any) -> None:
    person = world.account()
    place = world.organization(name="Hemmelig AS")
    world.member(place, person.account_id, status="contact")
    sign_in(client, person, world.password)
    text = text_of(client.get("/?lang=nb").get_data(as_text=True))
    assert "Du har ikke tilgang til noen organisasjon" in text and "Kontakt administratoren" in text
    assert "Hemmelig" not in text


def test_names_are_text_wherever_they_stand(client: Any, world: Any) -> None:
    wicked = "<script>alert(1)</script>{{7*7}}%s"
    person = world.account(given_name=wicked)
    world.member(world.organization(name=wicked), person.account_id)
    sign_in(client, person, world.password)
    page = client.get("/").get_data(as_text=True)
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page and "{{7*7}}%s" in page


def test_signing_out_from_the_launcher(client: Any, world: Any, lift: Any) -> None:
    sign_in(client, lift[0], world.password)
    form = next(f for f in forms_of(client.get("/").get_data(as_text=True)) if f.action == "/logout")
    assert client.post("/logout", data=form.filled()).status_code in (200, 303)
    assert client.get("/").status_code == 303


def test_forms_are_there_without_scripts(client: Any, world: Any, lift: Any) -> None:
    sign_in(client, lift[0], world.password)
    assert form_with(client.get("/").get_data(as_text=True), "csrf_token").method == "post"
