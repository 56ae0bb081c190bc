"""Personal information on the account page: what is shown, changed in place, refused; and what follows the account."""

from __future__ import annotations

from typing import Any

import pytest

from idp.accounts.models import Account
from tests.support.forms import browser_of, forms_of, log_in, text_of

PAGE = "/account/profile"


def save(client: Any, group: str, page: Any = None, **typed: str) -> Any:
    """Fill in the card of `group` and save it."""
    page = page or client.get(PAGE)
    form = next(form for form in forms_of(page.text) if form.action == f"{PAGE}/{group}#{group}")
    return client.post(form.action, data=form.filled(**typed))


@pytest.fixture
def kari(world: Any, client: Any) -> Any:
    person = world.account(given_name="Kari", family_name="Nord")
    log_in(client, person.address, world.password)
    return person


def test_what_is_saved_is_shown_and_told_to_clients(world: Any, protocol: Any, clock: Any) -> None:
    """UserInfo of a real client gives the new values, and `updated_at` moves."""
    client, person = protocol.app.test_client(), protocol.person
    log_in(client, person.address, world.password)
    token = protocol.tokens(scope="openid profile email address phone")["access_token"]
    before = protocol.userinfo(token).json
    clock.advance(100)
    typed = {
        "name": {
            "given_name": "Åse", "family_name": "Vik", "middle_name": "Marie", "nickname": "Å",
            "preferred_username": "aase",
        },
        "contact": {"title": "Inspector", "phone_number": "22 33 44 55"},
        "preferences": {"locale": "nb", "zoneinfo": "America/St_Johns", "theme": "dark"},
        "about": {
            "birthdate": "1990-05-17", "gender": "kvinne", "website": "aase.example",
            "profile": "https://firma.example/aase",
        },
        "address": {
            "street_address": "Gata 1\r\nOppgang B", "postal_code": "4008", "locality": "Stavanger",
            "region": "Rogaland", "country": "Norge",
        },
    }  # fmt: skip
    for group, values in typed.items():
        answer = save(client, group, **values)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}#{group}"), group
    told = protocol.userinfo(token).json
    assert told["updated_at"] == before["updated_at"] + 100
    assert told["name"] == "Åse Marie Vik" and told["phone_number"] == "+4722334455"
    assert told["phone_number_verified"] is False
    assert told["address"]["formatted"] == "Gata 1\nOppgang B\n4008 Stavanger\nRogaland\nNorge"
    expected = {"nickname": "Å", "preferred_username": "aase", "locale": "nb", "zoneinfo": "America/St_Johns"}
    expected |= {"birthdate": "1990-05-17", "gender": "kvinne", "website": "https://aase.example"}
    assert told | expected == told and "title" not in told and "theme" not in told
    page = client.get(PAGE).text
    assert '<html lang="nb" data-theme="dark">' in page
    read = text_of(page)
    for shown in ("17. mai 1990", "+47 22 33 44 55", "America/St Johns", "Mørkt", "Inspector", "Lagret."):
        assert shown in read, shown


@pytest.mark.parametrize(
    ("group", "typed", "said"),
    [
        ("name", {"given_name": ""}, "Fill in this field."),
        ("name", {"family_name": "Nord\u202emann"}, "control characters"),
        ("name", {"nickname": "x" * 10_000}, "at most 100"),
        ("contact", {"phone_number": "12"}, "Enter a phone number"),
        ("preferences", {"zoneinfo": "../../etc/passwd"}, "Choose one of these time zones."),
        ("preferences", {"locale": "xx"}, "Choose one of these languages."),
        ("preferences", {"theme": "<script>"}, "Choose one of these."),
        ("about", {"website": "javascript:alert(1)"}, "Enter a web address"),
        ("about", {"birthdate": "3000-01-01"}, "Enter a date of birth"),
        ("address", {"country": "\u202e" + "x"}, "has a character that can"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_refused_is_said_at_its_field_and_kept(
    client: Any, world: Any, kari: Any, group: str, typed: dict[str, str], said: str
) -> None:
    before = world.get(Account, kari.account_id).rev
    answer = save(client, group, **typed)
    assert answer.status_code == 400 and said in answer.text and "<title>Error:" in answer.text
    form = next(form for form in forms_of(answer.text) if form.action == f"{PAGE}/{group}#{group}")
    (name, value), = typed.items()  # fmt: skip
    if group != "preferences":
        assert form.fields[name] == value, "what was typed is still there"
    assert "<script>" not in answer.text and answer.text.count('<details class="edit" open>') == 1
    assert world.get(Account, kari.account_id).rev == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_markup_in_a_name_is_text(client: Any, kari: Any) -> None:
    assert save(client, "name", given_name='<img src=x onerror="x">', family_name="</title>").status_code == 303
    for path in (PAGE, "/account/", "/"):
        page = client.get(path).text
        assert "<img src=x" not in page and "&lt;img src=x" in page


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_extra_fields_change_nothing(client: Any, world: Any, kari: Any) -> None:
    extra = {"status": "disabled", "rev": "99", "password_hash": "x", "phone_number_verified": "1", "theme": "dark"}
    extra |= {"account_id": "x", "picture": "https://evil.example/x.png", "email": "x@y.example", "search_text": "x"}
    before = world.get(Account, kari.account_id)
    kept = {name: getattr(before, name) for name in ("status", "password_hash", "picture", "theme", "search_text")}
    assert save(client, "contact", title="Inspector", **extra).status_code == 303
    after = world.get(Account, kari.account_id)
    assert {name: getattr(after, name) for name in kept} == kept and after.title == "Inspector"
    assert [email.address for email in after.emails] == [kari.address]


def test_who_saves_second_is_told_and_keeps_what_was_typed(app: Any, client: Any, world: Any, kari: Any) -> None:
    other = browser_of(app, world, kari)
    page, same = client.get(PAGE), other.get(PAGE)
    assert save(client, "name", page, given_name="Ida").status_code == 303
    late = save(other, "name", same, given_name="Eva")
    assert late.status_code == 409 and "in another window" in late.text and 'value="Eva"' in late.text
    assert "Ida" in text_of(late), "what stands now is shown beside it"
    assert world.get(Account, kari.account_id).given_name == "Ida"
    assert save(other, "name", late, given_name="Eva").status_code == 303
    assert world.get(Account, kari.account_id).given_name == "Eva"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_form_token_no_change(client: Any, world: Any, kari: Any) -> None:
    client.application.config["WTF_CSRF_ENABLED"] = True
    answer = client.post(f"{PAGE}/name", data={"given_name": "Eva", "family_name": "X"})
    assert answer.status_code == 400
    assert world.get(Account, kari.account_id).given_name == "Kari"
    assert client.post(f"{PAGE}/status", data={"csrf_token": "x"}).status_code == 400


def test_what_organizations_wrote_is_shown_only_where_they_may_be_told(client: Any, world: Any, kari: Any) -> None:
    told, untold = world.organization(name="Nordic Lift AS"), world.organization(name="Hemmelig Kontakt AS")
    world.member(
        told, kari.account_id, given_name="K.", family_name="N.", email="kn@work.example", phone_number="+4711"
    )
    world.member(untold, kari.account_id, status="contact", given_name="Secretly", family_name="Noted")
    for path in (PAGE, "/account/organizations"):
        page = client.get(path).text
        assert "Nordic Lift AS" in page and "Hemmelig" not in page and "Secretly" not in page
    read = text_of(client.get(PAGE).text)
    assert "K. N." in read and "kn@work.example" in read


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_theme_is_chosen_before_signing_in_and_then_follows_the_account(app: Any, client: Any, world: Any) -> None:
    assert "data-theme" not in client.get("/login").text
    assert 'data-theme="dark"' in client.get("/login?theme=dark").text
    page = client.get("/login").text
    assert 'data-theme="dark"' in page and '<meta name="color-scheme" content="dark">' in page
    assert "data-theme" not in client.get('/login?theme="><script>').text.replace('data-theme="dark"', "")
    assert "data-theme" not in client.get("/login?theme=system").text
    person = world.account(theme="light", locale="nb")
    client.get("/login?theme=dark&lang=en")
    log_in(client, person.address, world.password)
    assert 'lang="nb" data-theme="light"' in client.get(PAGE).text, "the account says so"
    assert 'lang="en" data-theme="dark"' in client.get(f"{PAGE}?theme=dark&lang=en").text
    assert 'lang="en" data-theme="dark"' in client.get(PAGE).text, "what is chosen here afterwards stands above it"
    assert save(client, "preferences", locale="nb", theme="").status_code == 303
    assert '<html lang="nb">' in client.get(PAGE).text, "the account has been told better"
    assert '<html lang="nb">' in browser_of(app, world, person).get("/").text
    nothing = world.account()
    chosen = app.test_client()
    chosen.get("/login?theme=dark&lang=nb")
    log_in(chosen, nothing.address, world.password)
    assert 'lang="nb" data-theme="dark"' in chosen.get("/").text, "an account that says nothing changes nothing"


def test_times_are_the_persons(client: Any, world: Any, clock: Any) -> None:
    person = world.account(zoneinfo="Asia/Kathmandu")
    log_in(client, person.address, world.password)
    assert "UTC+0545" in client.get("/account/sessions").text
    for zone, shown in (("Nowhere/Atall", "UTC"), (None, "UTC")):
        world.change(Account, person.account_id, zoneinfo=zone)
        assert shown in client.get("/account/sessions").text
