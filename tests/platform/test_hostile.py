"""What people of the platform's own organization might try: to lock everybody out, or to reach past their own."""

from __future__ import annotations

from typing import Any

import pytest

from idp.accounts.models import Account
from idp.kernel.database import db
from idp.organizations.models import Member, MemberRole
from tests.support.databases import one_database
from tests.support.forms import form_with, text_of

from .conftest import ADMIN, WRITES, Office

USER = "/admin/records/core/user"
PEOPLE = "/org/onix-works/people"


def _own_member(office: Office, account_id: str) -> str:
    with office.app.app_context():
        return str(db.session.query(Member.id).filter_by(account_id=account_id, organization_id=office.own).scalar())


@one_database
@pytest.mark.parametrize("way", ["disable", "contact", "end", "take", "many", "unmake", "delete"])
def test_the_last_platform_administrator_stays_also_in_people_and_roles(way: str, office: Office, world: Any) -> None:
    """The organization would keep an administrator, the platform none: refused, whichever page it is tried on."""
    office.operator("account:people.manage")
    me = office.operator(ADMIN, "account:people.read", "account:people.manage", "account:roles.manage")
    browser, member_id = office.browser(me), _own_member(office, me.account_id)
    with office.app.app_context():
        role_id = str(db.session.query(MemberRole.role_id).filter_by(member_id=member_id).scalar())
    role = f"/org/onix-works/roles/{role_id}"
    if way == "take":
        answer = browser.post(f"{PEOPLE}/{member_id}/holdings", shown_role=role_id)
    elif way == "many":
        answer = browser.post(f"{PEOPLE}/many", what="disable", whom="ticked", member=member_id)
    elif way == "unmake":
        page = form_with(browser.get(f"{role}/change").get_data(as_text=True), "name")
        kept = ["account:access", "account:people.manage", "account:people.read", "account:roles.manage"]
        shown = browser.client.post(f"{role}/change", data={**page.fields, "privileges": kept})
        answer = browser.client.post(
            f"{role}/change", data=form_with(shown.get_data(as_text=True), "mark").fields | {"privileges": kept}
        )
    elif way == "delete":
        page = form_with(browser.get(f"{role}/delete").get_data(as_text=True), "mark")
        answer = browser.client.post(f"{role}/delete", data=page.fields)
    else:
        answer = browser.post(f"{PEOPLE}/{member_id}/state", action=way)
    assert "The platform needs at least one administrator" in text_of(answer.get_data(as_text=True)), answer.status_code
    assert browser.get("/admin/").status_code == 200
    assert world.get(Member, member_id).status == "active"


@one_database
def test_adding_somebody_gives_no_hold_on_the_account_that_was_there(office: Office, world: Any, clock: Any) -> None:
    """A person who signed up alone is added by address: what the account says stays the person's until it is used
    here, and nobody but the platform's administrators disables or deletes it."""
    victim = world.account("victim@private.example", given_name="Viktor", family_name="Tim")
    clock.advance(86400)
    browser = office.signed_in(WRITES)
    page = form_with(browser.get(f"{USER}/add").get_data(as_text=True), "given_name")
    typed = {"given_name": "A", "family_name": "Guess", "email": victim.address}
    path = f"{USER}/{victim.account_id}"
    assert browser.client.post(f"{USER}/add", data=page.filled(**typed)).headers["Location"] == path
    for seen in (path, f"{USER}?q=guess", f"/admin/users/{victim.account_id}/license", f"{path}/reset-password"):
        text = browser.reads(seen)
        assert "Guess" in text and "Viktor" not in text, seen
    assert "Guess" not in browser.reads(f"{USER}?q=viktor"), "not even by what the account is found by"
    for verb in ("disable", "delete"):
        answer = browser.post(f"{path}/{verb}", typed=victim.address)
        assert answer.status_code == 403
        assert "had the account before" in text_of(answer.get_data(as_text=True))
    assert world.get(Account, victim.account_id).status == "active"
    assert "Viktor Tim" in office.signed_in(ADMIN).reads(path)
    world.change(Member, _own_member(office, victim.account_id), last_used_at=clock.now(), search_text="tim viktor")
    assert "Viktor Tim" in browser.reads(f"{USER}?q=viktor")
    assert browser.post(f"{path}/disable").status_code == 303, "a user of this organization alone"


@one_database
def test_who_administers_with_more_than_the_actor_is_out_of_its_reach(office: Office, world: Any) -> None:
    browser = office.signed_in(WRITES)
    for privilege in ("account:platform.keys", "account:people.manage"):
        above = office.operator(privilege)
        answer = browser.post(f"{USER}/{above.account_id}/disable")
        assert answer.status_code == 403, privilege
        assert "rights that you don't have yourself" in text_of(answer.get_data(as_text=True))
        deleted = browser.post(f"{USER}/{above.account_id}/delete", typed=above.address)
        assert deleted.status_code == 403
        assert world.get(Account, above.account_id).status == "active"
    assert browser.post(f"{USER}/{office.operator().account_id}/disable").status_code == 303


@one_database
def test_two_who_change_one_role_in_records_don_t_overwrite_each_other(office: Office, world: Any) -> None:
    role_id = world.role(office.own, ["tag:access"], name="Fitter")
    browser = office.signed_in(ADMIN)
    path = f"/admin/records/core/role/{role_id}"
    first = form_with(browser.get(path).get_data(as_text=True), "version")
    saved = browser.client.post(path, data=first.fields | {"privileges": ["tag:access", "tag:equipment.read"]})
    assert saved.status_code == 303
    late = browser.client.post(path, data=first.fields | {"privileges": ["tag:access", "work:access"]})
    assert late.status_code == 409 and "Someone else changed this" in text_of(late.get_data(as_text=True))
    again = form_with(late.get_data(as_text=True), "version")
    assert browser.client.post(path, data=again.fields | {"privileges": ["tag:access"]}).status_code == 303


@one_database
def test_how_many_hold_a_role_elsewhere_is_not_told(office: Office, world: Any) -> None:
    """Within one organization a role of the system is held by its own people alone."""
    role_id = world.role(None, ["tag:access"], name="Everywhere")
    customer = world.organization()
    for _ in range(7):
        world.change(Member, world.member(customer), status="active")
    with office.app.app_context():
        for member_id in db.session.query(Member.id).filter_by(organization_id=customer):
            db.session.add(MemberRole(member_id=member_id[0], role_id=role_id))
        db.session.commit()
    assert "Held by 7" in office.signed_in(ADMIN).reads(f"/admin/records/core/role/{role_id}")
    assert "Held by 0" in office.signed_in(WRITES).reads(f"/admin/records/core/role/{role_id}")
