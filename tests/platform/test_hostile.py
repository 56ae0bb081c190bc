"""What people of the platform's own organization might try: to lock everybody out, or to reach past their people."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel.database import db
from idp.organizations.models import Member, MemberRole
from tests.support.forms import form_with, text_of

from .conftest import ADMIN, Office

USER = "/admin/records/core/user"
PEOPLE = "/org/onix-works/people"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _own_member(office: Office, account_id: str) -> str:
    with office.app.app_context():
        return str(db.session.query(Member.id).filter_by(account_id=account_id, organization_id=office.own).scalar())


@on_sqlite
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
