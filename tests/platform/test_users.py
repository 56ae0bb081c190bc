"""*Records → User* as the seed walks it: add an employee, edit, disable, delete; and everything that is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts.models import Account, EmailAddress
from idp.kernel.database import db
from idp.organizations.models import Member, Seat
from idp.sessions.models import Session
from tests.support.forms import form_with, submit, text_of

from .conftest import ADMIN, READS, WRITES, Office

USER = "/admin/records/core/user"
PASSPHRASE = "seven yellow cranes by the fjord"


def _account(office: Office, address: str) -> Account | None:
    with office.app.app_context():
        return db.session.scalar(
            select(Account).join(EmailAddress).where(EmailAddress.normalized == address.casefold())
        )


def _member(office: Office, account_id: str) -> Member:
    with office.app.app_context():
        member = db.session.scalars(select(Member).where(Member.account_id == account_id)).one()
        assert member.roles is not None
        return member


def test_an_employee_is_added_and_completed_with_a_license(office: Office) -> None:
    """The seed's steps: Records, zone Core, table User, Add, roles, Save, and the license."""
    browser = office.signed_in(ADMIN)
    assert "Choose a zone" in browser.reads("/admin/records")
    zone = browser.get("/admin/records?zone=core")
    assert (zone.status_code, zone.headers["Location"]) == (303, "/admin/records/core")
    assert "Choose a table" in browser.reads("/admin/records/core")
    assert browser.get("/admin/records?zone=core&table=user").headers["Location"] == USER
    page = browser.get(f"{USER}/add").get_data(as_text=True)
    form = form_with(page, "given_name")
    assert form.fields["organization"] == office.own and "client/self" in page
    roles = [office.roles[name] for name in ("OneOffice", "OneOffice-legacy", "Admin")]
    saved = browser.sends(
        f"{USER}/add", given_name="Kåre", family_name="Ås", email="Kare.As@works.example", roles=roles
    )
    account = _account(office, "kare.as@works.example")
    assert account is not None and saved.status_code == 303
    assert saved.headers["Location"] == f"{USER}/{account.id}"
    assert (account.password_hash, account.must_change_password, account.name) == (None, False, "Kåre Ås")
    member = _member(office, account.id)
    assert (member.organization_id, member.type, member.status) == (office.own, "employee", "active")
    assert sorted(role.name for role in member.roles) == ["Admin", "OneOffice", "OneOffice-legacy"]
    shown = browser.reads(f"{USER}/{account.id}")
    assert "To complete the account, a license is required." in shown
    assigned = browser.sends(f"/admin/users/{account.id}/license", license=office.license)
    assert assigned.headers["Location"] == f"{USER}/{account.id}"
    with office.app.app_context():
        assert db.session.scalars(select(Seat.member_id).where(Seat.license_id == office.license)).all() == [member.id]
    assert "a license is required" not in browser.reads(f"{USER}/{account.id}")


def test_save_and_add_another_keeps_organization_and_roles(office: Office) -> None:
    browser = office.signed_in(ADMIN)
    saved = browser.sends(
        f"{USER}/add", given_name="Ada", family_name="Berg", email="ada@works.example",
        roles=[office.roles["OneOffice"], office.roles["Admin"]], another="1",
    )  # fmt: skip
    assert saved.status_code == 303 and saved.headers["Location"].startswith(f"{USER}/add?")
    page = browser.get(saved.headers["Location"]).get_data(as_text=True)
    assert page.count("checked") == 2 and "Ada Berg" in page and "a license is required" in page
    form = form_with(page, "given_name")
    assert form.fields["organization"] == office.own
    assert (form.fields["given_name"], form.fields["email"]) == ("", "")
    first = page.index('name="given_name"')
    assert "autofocus" in page[page.rindex("<input", 0, first) : page.index(">", first)]
