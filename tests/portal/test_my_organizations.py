"""My organizations: how things stand in each, invitations without their mail, and leaving one."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts.models import EmailAddress, MailboxProof
from idp.accounts.service import link_for
from idp.audit import trail
from idp.audit.models import AuditEntry
from idp.kernel.database import db
from idp.organizations.models import Invitation, Member, MemberRole, Organization, Seat
from idp.organizations.people import shown_as
from idp.organizations.service import invitation_link
from idp.outbox import mails
from idp.outbox.models import Delivery
from tests.support.forms import browser_of, forms_of, log_in, submit, text_of

PAGE = "/account/organizations"


def press(client: Any, ending: str, path: str = PAGE) -> Any:
    form = next(form for form in forms_of(client.get(path).text, path) if form.action.endswith(ending))
    return client.post(form.action, data=form.fields)


def leave(client: Any, member_id: str) -> Any:
    return press(client, "/leave", f"{PAGE}/{member_id}/leave")


def letters(app: Any, kind: str) -> list[tuple[str, str]]:
    with app.app_context():
        rows = db.session.scalars(select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)).all()
        found = [mails.compose(row) for row in rows]
        return [(str(one.recipients[0]), str(one.subject)) for one in found if one is not None]


def test_each_organization_is_told_with_what_it_sees(app: Any, client: Any, world: Any, statements: Any) -> None:
    person = world.user(world.organization(name="Nordic Lift AS"), given_name="Kari", family_name="Vik", title="Boss")
    here = world.organization(name="Breim Kran AS")
    world.member(here, person.account_id, status="disabled", given_name="K.", family_name="V.")
    away = world.organization(name="Borte AS", status="suspended")
    world.member(away, person.account_id)
    hidden = world.organization(name="Hemmelig Kontakt AS")
    world.member(hidden, person.account_id, status="contact")
    world.change(Member, person.member_id, last_used_at=1)
    log_in(client, person.address, world.password)
    read = text_of(client.get(PAGE).text)
    for shown in ("Nordic Lift AS", "Onix Tag Standard", f"Kari Vik, Boss, {person.address} your own data"):
        assert shown in read, shown
    for shown in ("Breim Kran AS Disabled", "has disabled your user", "K. V.", "only what it wrote down", "Suspended"):
        assert shown in read, shown
    assert "Hemmelig" not in read
    with statements() as few:
        client.get(PAGE)
    for number in range(60):
        world.member(world.organization(name=f"Many {number:02}"), person.account_id)
    with statements() as many:
        page = client.get(PAGE).text
    assert page.count('/leave"') == 50 and client.get(f"{PAGE}?page=2").text.count('/leave"') == 13
    assert len(many) <= len(few), f"{few}\n{many}"


def test_leaving_ends_the_membership_and_tells_everybody(
    app: Any, client: Any, world: Any, protocol: Any, clock: Any
) -> None:
    person, place = protocol.person, protocol.organization_id
    boss = world.user(place, privileges=["account:access", "account:people.manage"], app="account", seat=False)
    world.change(Member, person.member_id, last_used_at=1, given_name="Typed", family_name="Here")
    log_in(client, person.address, world.password)
    token = protocol.tokens()
    clock.advance(301)
    old = client.get(f"{PAGE}/{person.member_id}/leave")
    assert old.headers["Location"].startswith("/login/again?continue="), "nobody who finds the browser open can"
    again = submit(client, client.get(old.headers["Location"]), "password", password=world.password)
    assert again.headers["Location"] == f"{PAGE}/{person.member_id}/leave"
    asked = client.get(f"{PAGE}/{person.member_id}/leave")
    assert asked.status_code == 200 and "Others can have your license: Onix Tag Standard" in text_of(asked.text)
    assert world.get(Member, person.member_id).status == "active", "asking changes nothing"
    assert leave(client, person.member_id).status_code == 303
    read = text_of(client.get(PAGE).text)
    assert "You have left Nordic Lift AS." in read and "You left" in read
    member = world.get(Member, person.member_id)
    assert (member.status, member.ended_reason, member.changed_by) == ("ended", "left", person.account_id)
    with app.app_context():
        assert db.session.scalars(select(MemberRole).where(MemberRole.member_id == member.id)).all() == []
        assert db.session.scalars(select(Seat).where(Seat.member_id == member.id)).all() == []
        again = db.session.get_one(Member, member.id)
        assert (shown_as(again, None).name, shown_as(again, None).own) == ("Typed Here", False)
        entry = db.session.scalars(select(AuditEntry).where(AuditEntry.event == "MemberEnded")).one()
        with app.test_request_context():
            (told,) = trail.told(place, [entry])
        assert told.sentence == "Typed Here left the organization."
    assert "search" and member.search_text.startswith("here typed")
    assert letters(app, "organization_left") == [(person.address, "You have left Nordic Lift AS")]
    assert letters(app, "member_left") == [(boss.address, "Typed Here has left Nordic Lift AS")]
    denied = protocol.refresh(token["refresh_token"]).json["access_token"]
    from tests.support.protocol import claims_of

    access = claims_of(denied)["onix_access"]
    assert (access["reason"], access["reason_user"]) == ("membership_ended", "You have left Nordic Lift AS.")
    assert client.get(f"{PAGE}/{person.member_id}/leave").status_code == 303, "twice is no error"
    page = text_of(browser_of(app, world, boss).get(f"/org/{slug_of(app, place)}/people/{person.member_id}").text)
    assert "left on" in page


def slug_of(app: Any, organization_id: str) -> str:
    with app.app_context():
        return str(db.session.scalar(select(Organization.slug).where(Organization.id == organization_id)))


def test_the_last_administrator_and_a_directorys_people_stay(app: Any, client: Any, world: Any) -> None:
    place = world.organization(name="Nordic Lift AS")
    person = world.user(place, privileges=["account:access", "account:people.manage"], app="account", seat=False)
    bidder = world.member(world.organization(), person.account_id, type="bidder", source="connex")
    log_in(client, person.address, world.password)
    refused = leave(client, person.member_id)
    assert refused.status_code == 409 and "Make someone else administrator first." in refused.text
    refused = leave(client, bidder)
    assert refused.status_code == 409 and "outside directory" in refused.text
    for member_id in (person.member_id, bidder):
        assert world.get(Member, member_id).status == "active"


def test_only_ones_own_memberships_can_be_left(app: Any, client: Any, world: Any) -> None:
    person, other = world.user(), world.user()
    contact = world.member(world.organization(), person.account_id, status="contact")
    log_in(client, person.address, world.password)
    token = forms_of(client.get(f"{PAGE}/{person.member_id}/leave").text)[-1].fields["csrf_token"]
    for member_id in (other.member_id, contact, "nothing"):
        assert client.get(f"{PAGE}/{member_id}/leave").status_code == 404
        assert client.post(f"{PAGE}/{member_id}/leave", data={"csrf_token": token}).status_code == 404
    assert world.get(Member, other.member_id).status == "active"


@pytest.fixture
def invited(app: Any, client: Any, world: Any) -> Any:
    """A person who has been invited at the address of their account."""
    person = world.account("kari@work.example")
    place = world.organization(name="Nordic Lift AS")
    member = world.member(place, None, email=person.address, email_normalized=person.address, status="contact")
    invitation = world.invitation(member)
    log_in(client, person.address, world.password)
    return person, member, invitation


def test_an_invitation_is_accepted_or_mailed_again_here(app: Any, client: Any, world: Any, invited: Any) -> None:
    person, member, invitation = invited
    elsewhere = world.member(world.organization(name="Elsewhere AS"), person.account_id, status="contact")
    world.change(Member, elsewhere, email="else@work.example", email_normalized="else@work.example")
    world.invitation(elsewhere)
    read = text_of(client.get(PAGE).text)
    assert "You are invited Nordic Lift AS" in read
    assert "Elsewhere" not in read, "mailed to an address that the account has not proven"
    assert press(client, "/resend").status_code == 303
    assert world.get(Invitation, invitation).generation == 2
    assert letters(app, "invitation")[0][0] == person.address
    stranger = browser_of(app, world, world.account())
    token = forms_of(stranger.get(PAGE).text)[0].fields["csrf_token"]
    for act in ("accept", "resend"):
        path = f"{PAGE}/invitations/{invitation}/{act}"
        assert stranger.post(path, data={"csrf_token": token}).status_code == 404
    assert press(client, "/accept").status_code == 303
    row = world.get(Member, member)
    assert (row.status, row.account_id) == ("active", person.account_id)
    assert "You are a user of Nordic Lift AS now." in text_of(client.get(PAGE).text)


def test_an_invitation_at_another_address_offers_to_add_it(app: Any, world: Any, clock: Any) -> None:
    person, client = world.account(), app.test_client()
    member = world.member(
        world.organization(name="Nordic Lift AS"), None, email="Kari@new.example", email_normalized="kari@new.example",
        status="contact",
    )  # fmt: skip
    invitation = world.invitation(member)
    with app.app_context():
        link = invitation_link(db.session.get_one(Invitation, invitation))
    log_in(client, person.address, world.password)
    page = client.get(link, follow_redirects=True)
    assert page.status_code == 200 and "Add this address" in page.text and 'name="given_name"' not in page.text
    add = page.text.partition('href="/account/emails/invited/')[2].partition('"')[0]
    where = f"/account/emails/invited/{add}"
    clock.advance(301)
    again = client.get(where)
    assert again.headers["Location"].startswith("/login/again?continue="), "a found browser adds no address"
    back = submit(client, client.get(again.headers["Location"]), "password", password=world.password)
    assert back.headers["Location"] == where
    assert "whoever reads mail there can choose a new password" in text_of(client.get(where).text)
    with app.app_context():
        assert db.session.scalars(select(EmailAddress).where(EmailAddress.normalized == "kari@new.example")).all() == []
    sent = press(client, where, where)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/account/emails")
    with app.app_context():
        assert db.session.scalars(select(EmailAddress).where(EmailAddress.normalized == "kari@new.example")).all() == []
        proof = db.session.scalars(select(MailboxProof).where(MailboxProof.purpose == "address")).one()
        assert (proof.address, proof.account_id) == ("Kari@new.example", person.account_id)
        confirm = client.get(link_for(proof)).headers["Location"]
    assert world.get(Member, member).account_id is None, "having the invitation proves no mailbox"
    done = press(client, confirm, confirm)
    assert (done.status_code, done.headers["Location"]) == (303, PAGE)
    assert press(client, "/accept").status_code == 303
    row = world.get(Member, member)
    assert (row.status, row.account_id) == ("active", person.account_id)
    with app.app_context():
        email = db.session.scalars(select(EmailAddress).where(EmailAddress.normalized == "kari@new.example")).one()
        assert email.account_id == person.account_id and email.verified_at is not None and not email.is_primary
    assert [to for to, _subject in letters(app, "addresses_changed")] == [person.address]
    stranger = app.test_client()
    assert stranger.get(link, follow_redirects=True).status_code == 410
    assert app.test_client().get(where).status_code == 303
