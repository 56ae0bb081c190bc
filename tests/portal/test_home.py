"""The launcher and what is pinned on it, over HTTP on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, select

from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.oidc import consents
from idp.oidc.models import Client
from idp.organizations.models import Member, Organization, Seat
from idp.organizations.service import requests
from idp.portal import service
from idp.portal.models import Pin
from tests.support.databases import one_database
from tests.support.forms import browser_of, form_with, forms_of, log_in, text_of


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
    assert "Hello, Kari" in text and "Your apps in 2 organizations" in text and "Set up your account" in text
    assert text.index("Nordic Lift AS") < text.index("Breim Kran AS"), "what opens something comes first"
    assert "you have no license of Onix Pick and Pack assigned" in text


def test_the_number_of_statements_does_not_grow_with_organizations(
    client: Any, world: Any, lift: Any, statements: Any
) -> None:
    person, place, _other = lift
    world.role(
        place, ["account:access", "account:requests.manage"], members=[world.member(place, world.account().account_id)]
    )
    sign_in(client, person, world.password)
    client.get("/")
    with statements() as few:
        client.get("/")
    for _ in range(9):
        more = world.organization()
        member = world.member(more, person.account_id)
        world.role(more, ["tag:access", "account:access", "account:requests.manage"], members=[member])
        world.license(more, "tag:standard", holders=[member])
    with statements() as many:
        assert "Your apps in 11 organizations" in text_of(client.get("/").text)
    assert len(few) <= 8, str(few)
    assert len(many) <= len(few) + 1, f"one counts who waits for an administrator's answer\n{many}"


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


def pin_form(client: Any, place: str, app_id: str = "tag", action: str = "/pin") -> Any:
    page = client.get("/").get_data(as_text=True)
    return next(
        form
        for form in forms_of(page)
        if form.action == action and form.fields["organization"] == place and form.fields["app"] == app_id
    )


def pins(app: Any, person: Any) -> list[tuple[str, str]]:
    with app.app_context():
        return service.pins_of(person.account_id)


def test_pinning_is_remembered_on_the_server(app: Any, client: Any, world: Any, lift: Any) -> None:
    """In every browser of the person and in no one else's; a second press changes nothing, unpinning undoes it."""
    person, place, _other = lift
    sign_in(client, person, world.password)
    form = pin_form(client, place)
    for _ in range(2):
        answer = client.post("/pin", data=form.filled())
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/#app-{place}-tag")
    assert pins(app, person) == [(place, "tag")]
    elsewhere = browser_of(app, world, person)
    text = text_of(elsewhere.get("/").text)
    assert "Pinned and opened lately" in text and "Unpin Onix Tag" in text
    answer = elsewhere.post("/unpin", data=pin_form(elsewhere, place, action="/unpin").filled())
    assert answer.status_code == 303 and pins(app, person) == []
    assert "Pinned and opened lately" not in text_of(client.get("/").text)


@pytest.mark.parametrize(
    ("organization", "app_id", "status"),
    [
        ("unknown", "tag", 404), ("another's", "tag", 404), ("mine", "account", 404), ("mine", "nonsense", 404),
        ("mine", "", 404), ("", "tag", 404), ("x" * 5000, "tag", 404), ("ø🦆", "tag", 404), ("mine", "x" * 5000, 404),
    ],
)  # fmt: skip
def test_what_cannot_be_pinned(
    app: Any, client: Any, world: Any, lift: Any, organization: str, app_id: str, status: int
) -> None:
    """Another's organization answers as an unknown one does."""
    person, place, _other = lift
    if organization == "another's":
        organization = world.organization(name="Not Yours AS")
    sign_in(client, person, world.password)
    form = pin_form(client, place)
    wanted = {"mine": place}.get(organization, organization)
    answer = client.post("/pin", data=form.filled(organization=wanted, app=app_id))
    assert answer.status_code == status and "Not Yours" not in answer.text
    assert pins(app, person) == []


def test_pins_are_bounded_and_one_may_let_go_of_what_was_lost(app: Any, client: Any, world: Any, lift: Any) -> None:
    person, place, other = lift
    sign_in(client, person, world.password)
    form = pin_form(client, place)
    with app.app_context(), unit_of_work():
        for number in range(service.MOST_PINS):
            db.session.add(
                Pin(account_id=person.account_id, organization_id=other, app_id=f"old-{number}", created_at=1)
            )
    answer = client.post("/pin", data=form.filled())
    assert answer.status_code == 409 and "Unpin one first." in text_of(answer.text)
    assert client.post("/unpin", data=form.filled(organization=other, app="old-3")).status_code == 303
    assert client.post("/pin", data=form.filled()).status_code == 303


@one_database  # judged by the text alone
@pytest.mark.parametrize("at", ["//evil.example", "x y", '"><b>', "a\r\nSet-Cookie: b=c", "å"])
def test_the_way_back_leads_nowhere_else(client: Any, world: Any, lift: Any, at: str) -> None:
    sign_in(client, lift[0], world.password)
    answer = client.post("/pin", data=pin_form(client, lift[1]).filled(at=at))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_pinning_needs_the_form_token_and_a_session(app: Any, client: Any, world: Any, lift: Any) -> None:
    assert client.post("/pin", data={"organization": lift[1], "app": "tag"}).status_code == 400
    sign_in(client, lift[0], world.password)
    answer = client.post("/pin", data={"organization": lift[1], "app": "tag"})
    assert answer.status_code == 400 and "This form has expired" in text_of(answer.get_data(as_text=True))
    assert pins(app, lift[0]) == []


def test_what_was_opened_lately_is_in_front(app: Any, client: Any, world: Any, lift: Any) -> None:
    """Known from what every authorization leaves behind; an app that is closed meanwhile is not offered."""
    person, place, _other = lift
    sign_in(client, person, world.password)
    assert "Pinned and opened lately" not in text_of(client.get("/").text)
    with app.app_context():
        member = db.session.scalars(select(Member.id).where(Member.organization_id == place)).one()
        with unit_of_work():
            consents.remember_member(person.account_id, "b-tag", member)
    assert "Pinned and opened lately" in text_of(client.get("/").text)
    with app.app_context(), unit_of_work():
        db.session.execute(delete(Seat).where(Seat.member_id == member))
    assert "Pinned and opened lately" not in text_of(client.get("/").text)


def test_a_search_without_scripts(client: Any, world: Any, lift: Any) -> None:
    sign_in(client, lift[0], world.password)
    text = text_of(client.get("/?q=pick+lift").text)
    assert "Onix Pick and Pack" in text and "Breim Kran AS" not in text and "Show all" in text
    wicked = client.get("/", query_string={"q": '"><script>alert(1)</script>', "page": "999999999999999999999"}).text
    assert "<script>alert" not in wicked and "No app has that name." in text_of(wicked)


def test_the_app_of_the_sign_up_is_first(client: Any, world: Any, lift: Any) -> None:
    sign_in(client, lift[0], world.password)
    assert "Continue where you came from" not in client.get("/?app=nonsense").get_data(as_text=True)
    assert "Continue where you came from" in client.get("/?app=tag").get_data(as_text=True)
    assert "Continue where you came from" in client.get("/").get_data(as_text=True)


def test_a_contact_reads_what_to_do_and_no_name_of_an_organization(client: Any, world: Any) -> None:
    person = world.account(created_at=clock.now() - 15 * 86400)
    place = world.organization(name="Hemmelig AS")
    world.member(place, person.account_id, status="contact")
    sign_in(client, person, world.password)
    text = text_of(client.get("/?lang=nb").get_data(as_text=True))
    assert "Du har ikke tilgang til noen organisasjon" in text and "Kontakt administratoren" in text
    assert "Hemmelig" not in text
    assert "Sett opp kontoen" not in text, "nobody is reminded of it for ever"


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
    assert client.post("/logout", data=form.filled()).status_code == 303
    assert client.get("/").status_code == 303


def test_forms_are_there_without_scripts(client: Any, world: Any, lift: Any) -> None:
    sign_in(client, lift[0], world.password)
    assert form_with(client.get("/").get_data(as_text=True), "csrf_token").method == "post"
