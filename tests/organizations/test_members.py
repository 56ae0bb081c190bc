"""Members: contact to user and back, and whose record each is (DESIGN §3 *Linking*)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts import service as accounts
from idp.accounts.models import Account, MailboxProof
from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import events, service
from idp.organizations.catalog import current_catalog
from idp.organizations.facts import load_facts
from idp.organizations.models import Invitation, Member, MemberRole, Organization, Seat
from idp.organizations.people import shown_as
from idp.organizations.policy import Decision, choose
from idp.organizations.service.standing import bring_back
from idp.outbox.models import Delivery

Do = Callable[..., Any]


def verdict(account_id: str, app: str = "tag") -> str | None:
    db.session.rollback()
    facts = load_facts(db.session, account_id, app)
    assert facts is not None
    found = choose(facts, current_catalog().apps[app], clock.now())
    assert isinstance(found, Decision)
    return found.code


@pytest.fixture
def place(world: Any) -> str:
    return str(world.organization(name="Nordic Lift AS"))


def test_contact_becomes_a_user_step_by_step(world: Any, do: Do, roles: dict[str, str], place: str) -> None:
    """What each page of the help centre tells to do leads one step further."""
    person = world.account("kari@work.example")
    assert verdict(person.account_id) == "no_organization"
    member = do(service.add_member, place, email="Kari@Work.example", given_name="Kari", family_name="Nord")
    assert member.account_id == person.account_id and member.status == "contact"
    assert verdict(person.account_id) == "contact_only"
    do(service.set_active, member.id)
    assert verdict(person.account_id) == "license_missing"
    license_ = do(service.sell_license, place, "tag:standard", 1)
    do(service.assign_seat, license_.id, member.id)
    assert verdict(person.account_id) == "privilege_missing"
    do(service.assign_role, member.id, roles["Inspector"])
    assert verdict(person.account_id) is None


def test_after_the_end_the_organization_sees_what_it_knew_then(world: Any, do: Do, place: str) -> None:
    person = world.account("kari@private.example", given_name="Kari", family_name="Nord")
    member_id = world.member(place, person.account_id, given_name="K.", family_name="N.", email="kari@work.example",
                             email_normalized="kari@work.example", last_used_at=clock.now())  # fmt: skip

    def seen() -> tuple[str, str | None, str]:
        db.session.rollback()
        member = db.session.get_one(Member, member_id)
        known = shown_as(member, db.session.get(Account, member.account_id or ""))
        return known.name, known.email, member.search_text

    do(service.end_member, member_id)
    at_the_end = ("Kari Nord", "kari@private.example", "nord kari kari@private.example")
    assert seen() == at_the_end
    world.change(Account, person.account_id, family_name="Newname")
    assert seen() == at_the_end, "a later name is not the organization's to know"
    do(bring_back, member_id)
    assert seen() == at_the_end, "nor when it makes the person a user again"
    do(service.note_use, member_id, None)
    assert seen() == ("Kari Newname", "kari@private.example", "newname kari kari@private.example")
    with unit_of_work():
        accounts.delete_account(person.account_id)
    assert world.get(Member, member_id).family_name == "Nord", "of a deleted account nothing more is written down"


def test_whoever_is_made_a_user_is_told(world: Any, do: Do, place: str) -> None:
    """An administrator can't find out in silence whether an address has an account (decision 11)."""
    person = world.account("kari@work.example", locale="nb")
    member = do(service.add_member, place, email="kari@work.example")
    do(service.set_active, member.id)
    do(service.add_member, place, email="new@work.example", status="active")
    kinds = {
        row.payload["address"]: (row.kind, row.payload["language"]) for row in db.session.scalars(select(Delivery))
    }
    assert kinds == {"kari@work.example": ("user_added", "nb"), "new@work.example": ("activation", "en")}
    assert world.get(Member, member.id).account_id == person.account_id


def test_proving_an_address_links_what_carries_it(world: Any, do: Do, place: str) -> None:
    other = world.organization()
    contact = do(service.add_member, place, email="new@work.example", given_name="New")
    active = do(service.add_member, other, email="new@work.example", given_name="New", status="active")
    ended = do(service.add_member, world.organization(), email="new@work.example", given_name="Old")
    do(service.end_member, ended.id)
    assert contact.account_id is None
    account = do(accounts.create_account, address="New@work.example", given_name="N", family_name="W", verified=True)
    assert world.get(Member, contact.id).account_id == account.id
    assert world.get(Member, contact.id).status == "contact", "a linked contact stays a contact"
    assert world.get(Member, active.id).account_id == account.id
    assert world.get(Member, ended.id).account_id is None, "ended members are not re-linked"


def test_an_unproven_address_links_nothing(world: Any, do: Do, place: str) -> None:
    member = do(service.add_member, place, email="new@work.example", given_name="New")
    do(accounts.create_account, address="new@work.example", given_name="N", family_name="W", verified=False)
    assert world.get(Member, member.id).account_id is None
    late = do(service.add_member, world.organization(), email="new@work.example", given_name="New")
    assert late.account_id is None


def test_an_active_member_without_an_account_keeps_an_address(world: Any, do: Do, place: str) -> None:
    """Taking it away would leave a user that nobody can ever become."""
    member = do(service.add_member, place, email="kari@work.example", status="active")
    with pytest.raises(Refusal) as refused:
        do(service.edit_member, member.id, given_name="Kari", family_name="", email=None)
    assert refused.value.code == "email_required"


def test_editing_an_address_never_relinks(world: Any, do: Do, place: str) -> None:
    first, second = world.account("first@work.example"), world.account("second@work.example")
    member = do(service.add_member, place, email="first@work.example", given_name="A")
    do(service.edit_member, member.id, given_name="A", family_name="B", email="second@work.example")
    assert world.get(Member, member.id).account_id == first.account_id
    do(service.link_address, second.account_id, "second@work.example")
    assert world.get(Member, member.id).account_id == first.account_id


def test_one_person_is_one_member_of_a_place(world: Any, do: Do, refused: Do, place: str) -> None:
    person = world.account("kari@work.example")
    do(service.add_member, place, email="kari@work.example", given_name="Kari")
    assert refused(service.add_member, place, account_id=person.account_id) == "already_member"
    spare = do(service.add_member, place, email="kari2@work.example", given_name="Kari")
    changed = {"given_name": "K", "family_name": "", "email": "KARI@work.example"}
    assert refused(service.edit_member, spare.id, **changed) == "already_member"
    assert refused(service.add_member, place, email="kari2@WORK.example", given_name="K") == "already_member"
    assert world.get(Member, spare.id).email == "kari2@work.example"
    world.change(Member, spare.id, email="kari@work.example", email_normalized="kari@work.example")
    assert do(service.link_address, person.account_id, "kari@work.example") == []
    assert world.get(Member, spare.id).account_id is None
    company = world.company(place)
    guest = do(service.add_member, place, email="kari@work.example", type="express", company_id=company)
    assert guest.account_id == person.account_id, "a company is another place"


def test_linking_raises_the_revision_and_is_news(world: Any, do: Do, news: Any, place: str) -> None:
    member = do(service.add_member, place, email="new@work.example", given_name="New")
    before = world.get(Organization, place).rev
    with news() as heard:
        account = do(
            accounts.create_account, address="new@work.example", given_name="N", family_name="W", verified=True
        )
    linked = [event for event in heard if isinstance(event, events.MemberLinked)]
    assert [(event.member_id, event.account_id, event.member_ids) for event in linked] == [
        (member.id, account.id, (member.id,))
    ]
    assert world.get(Organization, place).rev == before + 1


def test_active_without_an_account_gets_the_welcome(world: Any, do: Do, place: str) -> None:
    member = do(service.add_member, place, email="new@gmail.com", given_name="New", language="nb")
    assert db.session.scalar(select(MailboxProof)) is None
    do(service.set_active, member.id)
    proof = db.session.scalar(select(MailboxProof))
    assert proof is not None and (proof.purpose, proof.address, proof.language) == ("activation", "new@gmail.com", "nb")


def test_contact_only_gives_roles_and_seats_back(world: Any, do: Do, roles: dict[str, str], place: str) -> None:
    person = world.account("kari@work.example")
    member = do(service.add_member, place, email="kari@work.example", given_name="Kari", status="active")
    license_ = do(service.sell_license, place, "tag:standard", 1)
    do(service.assign_seat, license_.id, member.id)
    do(service.assign_role, member.id, roles["Inspector"])
    do(service.set_contact_only, member.id)
    assert verdict(person.account_id) == "contact_only"
    assert db.session.scalar(select(Seat)) is None and db.session.scalar(select(MemberRole)) is None


@pytest.mark.parametrize(
    ("verb", "values", "code"),
    [
        (service.disable_member, {}, "member_disabled"),
        (service.end_member, {}, "membership_ended"),
        (service.end_member, {"reason": "inactive"}, "terminated_inactive"),
    ],
)
def test_losing_a_member(world: Any, do: Do, place: str, verb: Do, values: dict[str, str], code: str) -> None:
    person = world.account("kari@work.example")
    member = do(service.add_member, place, email="kari@work.example", given_name="Kari", status="active")
    do(verb, member.id, **values)
    assert verdict(person.account_id) == code
    do(verb, member.id, **values)  # again is no error


def test_disabled_keeps_what_it_has(world: Any, do: Do, place: str) -> None:
    person = world.user(place)
    do(service.disable_member, person.member_id)
    assert verdict(person.account_id) == "member_disabled"
    do(service.enable_member, person.member_id)
    assert verdict(person.account_id) is None


def test_refusals_leave_no_trace(world: Any, do: Do, refused: Do, place: str) -> None:
    contact = do(service.add_member, place, given_name="Kari")
    before = world.get(Organization, place).rev
    assert refused(service.set_active, contact.id) == "email_required"
    assert refused(service.disable_member, contact.id) == "not_active"
    assert refused(service.enable_member, contact.id) == "not_disabled"
    assert refused(service.add_member, place, status="active", given_name="X") == "email_required"
    assert refused(service.add_member, place) == "required"
    assert refused(service.add_member, place, given_name="X", type="robot") == "type_invalid"
    assert refused(service.add_member, place, given_name="X", status="ended") == "status_invalid"
    assert refused(service.add_member, place, given_name="X", type="express") == "company_required"
    assert refused(service.add_member, place, given_name="a\x00b") == "text_invalid"
    assert refused(service.add_member, place, given_name="x" * 101) == "text_too_long"
    assert refused(service.add_member, place, email="nobody") == "address_invalid"
    assert refused(service.add_member, "nowhere", given_name="X") == "organization_unknown"
    assert refused(service.end_member, "nobody") == "member_unknown"
    connex = world.organization(directory="connex")
    assert refused(service.add_member, connex, given_name="X") == "directory_owned"
    company = do(service.add_company, connex, "Havgap AS")
    assert (
        refused(service.add_member, place, given_name="X", type="express", company_id=company.id) == "company_unknown"
    )
    assert world.get(Organization, place).rev == before


def test_invitation_is_accepted_once(world: Any, do: Do, refused: Do, place: str, clock: Any) -> None:
    member = do(service.add_member, place, email="new@work.example", given_name="New")
    invitation = do(service.invite, member.id)
    assert invitation.expires_at - invitation.created_at == 28 * 86400
    person = world.account("new@work.example")
    do(service.link_address, person.account_id, "new@work.example")
    assert verdict(person.account_id) == "invitation_pending"
    token = service.invitation_link(invitation).rpartition("/")[2]
    assert service.read_invitation(token).state == "open"
    stranger = world.account()
    assert refused(service.accept_invitation, token, stranger.account_id) == "invitation_of_another"
    do(service.accept_invitation, token, person.account_id)
    assert verdict(person.account_id) == "license_missing"
    assert service.read_invitation(token).state == "accepted"
    assert refused(service.accept_invitation, token, person.account_id) == "invitation_spent"


def test_invitation_runs_out_and_is_made_again(world: Any, do: Do, refused: Do, place: str, clock: Any) -> None:
    person = world.account("new@work.example")
    member = do(service.add_member, place, email="new@work.example", given_name="New")
    old = service.invitation_link(do(service.invite, member.id)).rpartition("/")[2]
    clock.advance(28 * 86400)
    assert verdict(person.account_id) == "invitation_expired"
    assert service.read_invitation(old).state == "expired"
    assert refused(service.accept_invitation, old, person.account_id) == "invitation_expired"
    assert refused(service.resend_invitation, member.id) == "invitation_not_open"
    new = do(service.invite, member.id)
    assert service.read_invitation(old).state == "replaced"
    assert verdict(person.account_id) == "invitation_pending"
    again = do(service.resend_invitation, member.id)
    assert again.id == new.id and again.generation == 2
    assert service.read_invitation(service.invitation_link(again).rpartition("/")[2]).state == "open"


def test_invitation_links_that_are_not_ours(context: Any, refused: Do) -> None:
    for token in ("", "x", "\ud800", "a" * 5000, "WyJhIl0.x.y"):
        assert service.read_invitation(token).state == "unknown"
        assert refused(service.accept_invitation, token, "nobody") == "invitation_unknown"


def test_set_active_withdraws_the_invitation(world: Any, do: Do, place: str) -> None:
    member = do(service.add_member, place, email="new@work.example", given_name="New")
    invitation = do(service.invite, member.id)
    do(service.set_active, member.id)
    assert world.get(Invitation, invitation.id).revoked_at is not None


def test_revoked_invitation_leaves_a_contact(world: Any, do: Do, refused: Do, place: str) -> None:
    person = world.account("new@work.example")
    member = do(service.add_member, place, email="new@work.example", given_name="New")
    first = do(service.invite, member.id)
    second = do(service.invite, member.id)
    do(service.revoke_invitation, member.id, invitation_id=first.id)
    assert verdict(person.account_id) == "invitation_pending", "the newer one is another invitation"
    do(service.revoke_invitation, member.id, invitation_id=second.id)
    assert verdict(person.account_id) == "contact_only"
    do(service.set_active, member.id)
    assert refused(service.invite, member.id) == "already_user"


def test_express_guest_reads_after_accepting(world: Any, do: Do, roles: dict[str, str], place: str) -> None:
    company = do(service.add_company, place, "Havgap AS", organization_number="912345678")
    do(service.sell_license, place, "express:standard", 0)
    guest = do(service.add_member, place, email="g@work.example", given_name="G", type="express", company_id=company.id)
    person = world.account("g@work.example")
    token = service.invitation_link(do(service.invite, guest.id)).rpartition("/")[2]
    do(service.accept_invitation, token, person.account_id)
    assert verdict(person.account_id, "express") is None
