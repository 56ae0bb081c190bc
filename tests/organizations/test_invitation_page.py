"""The page behind a mailed invitation."""

from __future__ import annotations

from typing import Any

import pytest

from idp.accounts.service import find_by_address
from idp.kernel.database import unit_of_work
from idp.organizations import service
from idp.organizations.models import Member
from tests.support.authenticators import token_of
from tests.support.forms import form_with, log_in

PASSWORD = "lake-orange-tractor-nine"


@pytest.fixture
def invited(app: Any, world: Any) -> tuple[str, str]:
    """A contact that was invited: its id and the page's path."""
    place = world.organization(name="Nordic Lift AS")
    inviter = world.account(given_name="Ada", family_name="Berg")
    with app.app_context(), unit_of_work():
        member = service.add_member(place, email="new@work.example", given_name="New", family_name="Person")
        invitation = service.invite(member.id, actor_id=inviter.account_id)
        return member.id, service.invitation_link(invitation)


def test_a_new_person_creates_the_password_and_is_a_member(app: Any, client: Any, world: Any, invited: Any) -> None:
    member_id, path = invited
    client.head(path)
    page = client.get(path, follow_redirects=True)
    assert page.status_code == 200 and "Nordic Lift AS" in page.text and "Ada Berg" in page.text
    assert world.get(Member, member_id).status == "contact", "looking changes nothing"
    form = form_with(page.text, "csrf_token")
    assert form.fields["given_name"] == "New"
    short = client.post(path, data=form.filled(password="short"))
    assert short.status_code == 400 and form_with(short.text, "given_name").fields["given_name"] == "New"
    done = client.post(path, data=form.filled(password=PASSWORD, language="nb"))
    assert (done.status_code, done.location) == (303, "/activated")
    row = world.get(Member, member_id)
    with app.app_context():
        account = find_by_address("new@work.example")
        assert account is not None and account.locale == "nb" and account.email.verified_at
    assert (row.status, row.account_id) == ("active", account.id)
    again = client.post(path, data=form.filled(password=PASSWORD))
    assert again.status_code == 410 and 'lang="nb"' in again.text


def test_a_known_person_only_accepts(client: Any, world: Any, invited: Any) -> None:
    member_id, path = invited
    person = world.account("new@work.example")
    log_in(client, person.address, world.password)
    page = client.get(path, follow_redirects=True)
    assert "password" not in page.text.casefold().replace("forgot password", "")
    done = client.post(path, data=form_with(page.text, "csrf_token").fields)
    assert done.status_code == 303
    assert (world.get(Member, member_id).status, world.get(Member, member_id).account_id) == (
        "active",
        person.account_id,
    )


def test_links_that_are_worth_nothing(client: Any, invited: Any, clock: Any) -> None:
    _member_id, path = invited
    assert client.get(path + "x").status_code == 404
    assert client.get("/invitation/%ed%a0%80").status_code == 404
    clock.advance(28 * 86400)
    late = client.get(path)
    assert late.status_code == 410 and "expired" in late.text
    assert client.post(path, data={"password": PASSWORD, "csrf_token": token_of(client)}).status_code == 410


def test_the_invited_person_has_it_sent_again(app: Any, client: Any, world: Any, invited: Any) -> None:
    """The launcher's button mails the open invitation anew; the link mailed first is worth nothing then."""
    _member_id, path = invited
    person = world.account("new@work.example")
    with app.app_context(), unit_of_work():
        service.link_address(person.account_id, "new@work.example")
    stranger = client.post("/invitation/resend", data={"csrf_token": token_of(client)})
    assert stranger.status_code == 303 and stranger.location.startswith("/login?continue=")
    log_in(client, person.address, world.password)
    home = client.get("/")
    sent = client.post(
        "/invitation/resend", data={"csrf_token": form_with(home.text, "csrf_token").fields["csrf_token"]}
    )
    assert "Send the invitation again" in home.text and sent.status_code == 303
    assert "on its way" in client.get(sent.location).text
    assert client.get(path).status_code == 410
