"""*Records → User* as the seed walks it: add an employee, edit, disable, delete; and everything that is refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts import service as accounts
from idp.accounts.models import Account, EmailAddress
from idp.audit.models import AuditEntry
from idp.kernel.database import db, unit_of_work
from idp.organizations.models import Member, Seat
from idp.outbox.models import Delivery
from idp.sessions.models import Session
from tests.support.authenticators import add_passkey, show_passkey
from tests.support.forms import form_with, log_in, submit, text_of

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
    page = browser.reads(f"{USER}/{account.id}")
    assert "a license is required" not in page and "Admin, OneOffice, OneOffice-legacy; OneOffice" in page


def test_the_name_follows_the_record_until_somebody_has_taken_the_account_over(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN)
    browser.sends(f"{USER}/add", given_name="Kaare", family_name="Aas", email="kare@works.example")
    path = f"{USER}/{_account(office, 'kare@works.example').id}"
    assert browser.sends(path, given_name="Kåre", family_name="Ås").status_code == 303
    assert "Kåre Ås" in browser.reads(path) and "1 record" in browser.reads(f"{USER}?q=%C3%A5s")
    world.change(EmailAddress, _account(office, "kare@works.example").email.id, verified_at=1)
    assert browser.sends(path, family_name="Aasen").status_code == 303
    assert _account(office, "kare@works.example").name == "Kåre Ås", "the name is the person's own"


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


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"organization": "connex"}, "ConneX belongs to an outside directory: employees can't be added to it."),
        ({"organization": "customer"}, "Choose from the list."),
        ({"organization": "00000000-0000-0000-0000-000000000000"}, "Choose from the list."),
        ({"type": "bidder"}, "Bidders and consultants are not added here: they come from ConneX"),
        ({"type": "consultant"}, "Bidders and consultants are not added here: they come from ConneX"),
        ({"type": "express"}, "Choose from the list."),
        ({"email": "nobody"}, "Enter an e-mail address"),
        ({"email": ""}, "Fill in this field."),
        ({"given_name": " "}, "Fill in this field."),
        ({"family_name": "a\u202eb"}, "A name can't contain control characters."),
        ({"roles": "00000000-0000-0000-0000-000000000000"}, "Choose from the list."),
        ({"roles": "foreign"}, "Choose from the list."),
        ({"password": "password1"}, "Use at least"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_refused_is_said_and_nothing_is_written(
    values: dict[str, str], said: str, office: Office, world: Any
) -> None:
    """In the form, with what was typed still there; a foreign tenant's id is as unknown as one that does not exist."""
    customer = world.organization("a-customer")
    ids = {"connex": office.connex, "customer": customer, "foreign": world.role(customer, ["tag:access"])}
    browser = office.signed_in(ADMIN)
    typed = {"given_name": "Kari", "family_name": "Nord", "email": "kari@works.example", "type": "employee", **values}
    answer = browser.sends(f"{USER}/add", **{name: ids.get(value, value) for name, value in typed.items()})
    page = answer.get_data(as_text=True)
    assert answer.status_code == (409 if "ConneX" in said else 400)
    assert said in text_of(page)
    kept = form_with(page, "given_name").fields
    assert all(kept[name] == typed[name] for name in ("given_name", "email")) and kept["password"] == ""
    assert _account(office, "kari@works.example") is None
    with office.app.app_context():
        assert db.session.scalar(select(Delivery.id).where(Delivery.kind == "user_added")) is None


def test_an_address_that_has_an_account_gets_the_member_and_no_password(office: Office, world: Any) -> None:
    known = world.account("known@works.example", given_name="Known")
    browser = office.signed_in(ADMIN)
    typed = {"given_name": "Kari", "family_name": "Nord", "email": "KNOWN@works.example"}
    answer = browser.sends(f"{USER}/add", **typed, password=PASSPHRASE)
    assert answer.status_code == 409 and "has an account already" in text_of(answer.get_data(as_text=True))
    with office.app.app_context():
        assert db.session.scalar(select(Member.id).where(Member.account_id == known.account_id)) is None
    before = world.get(Account, known.account_id).password_hash
    assert browser.sends(f"{USER}/add", **typed).headers["Location"] == f"{USER}/{known.account_id}"
    account = world.get(Account, known.account_id)
    assert (account.password_hash, account.given_name, account.must_change_password) == (before, "Known", False)
    assert _member(office, known.account_id).organization_id == office.own
    again = browser.sends(f"{USER}/add", **typed)
    assert again.status_code == 409 and "This person is there already." in text_of(again.get_data(as_text=True))
    disabled = world.account("off@works.example", status="disabled")
    answer = browser.sends(f"{USER}/add", **{**typed, "email": disabled.address})
    assert answer.status_code == 409 and "Enable it first" in text_of(answer.get_data(as_text=True))


def test_a_first_password_leads_to_the_mailbox_and_to_a_new_one_and_is_never_mailed(office: Office) -> None:
    """R29: set in the act that creates the account and at no other time."""
    browser = office.signed_in(ADMIN)
    browser.sends(
        f"{USER}/add", given_name="Kari", family_name="Nord", email="kari@works.example", password=PASSPHRASE,
        roles=[office.roles["OneOffice"]],
    )  # fmt: skip
    account = _account(office, "kari@works.example")
    assert account is not None and account.must_change_password and account.email is not None
    assert account.email.verified_at is None
    person = office.app.test_client()
    answer = submit(person, person.get("/login"), "password", identifier="kari@works.example", password=PASSPHRASE)
    assert answer.headers["Location"] == "/login/required"
    assert "/login/required" in person.get("/").headers["Location"]
    with office.app.app_context():
        from idp.outbox import mails

        mail = db.session.scalars(select(Delivery).where(Delivery.kind == "user_added")).one()
        assert mail.payload["address"] == "kari@works.example"
        message = mails.compose(mail)
        assert message is not None and "first password" in str(message.body)
        assert PASSPHRASE not in f"{message.body}{message.html}{mail.payload}"
    page = browser.get(f"{USER}/{account.id}").get_data(as_text=True)
    assert "password" not in form_with(page, "given_name").fields
    browser.sends(
        f"{USER}/{account.id}", given_name="Kari", family_name="Nord", email="kari@works.example", password="other"
    )
    assert _account(office, "kari@works.example").password_hash == account.password_hash  # type: ignore[union-attr]


def test_a_user_is_edited_and_two_editors_don_t_overwrite_each_other(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN)
    person = world.account("kari@works.example")
    world.member(office.own, person.account_id, email=person.address)
    path = f"{USER}/{person.account_id}"
    first = form_with(browser.get(path).get_data(as_text=True), "given_name")
    saved = browser.client.post(path, data=first.filled(family_name="Ås", roles=office.roles["Admin"], language="nb"))
    assert saved.status_code == 303
    member = _member(office, person.account_id)
    assert (member.family_name, member.language, [role.name for role in member.roles]) == ("Ås", "nb", ["Admin"])
    assert world.get(Account, person.account_id).family_name != "Ås", "the account's name is the person's"
    late = browser.client.post(path, data=first.filled(family_name="Lunde"))
    page = late.get_data(as_text=True)
    assert late.status_code == 409 and "Someone else changed this" in text_of(page)
    assert form_with(page, "given_name").fields["family_name"] == "Lunde"
    again = browser.client.post(path, data=form_with(page, "given_name").fields)
    assert again.status_code == 303 and _member(office, person.account_id).family_name == "Lunde"
    assert _member(office, person.account_id).roles == [], "exactly the roles that stood checked"


def test_disable_ends_everything_and_enable_brings_back(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN)
    person = world.user(office.own, app="tag")
    theirs = office.browser(person)
    path = f"{USER}/{person.account_id}"
    assert "Disable User" in browser.reads(path)
    answer = browser.post(f"{path}/disable")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert world.get(Account, person.account_id).status == "disabled"
    assert theirs.get("/").headers["Location"].startswith("/login")
    assert "no token counts any more" in browser.reads(path)
    assert browser.post(f"{path}/reset-password").headers["Location"] == path, "nothing to mail to a disabled account"
    browser.post(f"{path}/enable")
    assert world.get(Account, person.account_id).status == "active"


def test_delete_says_what_goes_and_wants_the_address(office: Office, world: Any, inside: Any) -> None:
    """The row and all that refers to it go; memberships end for good, so that the address' next owner inherits none."""
    browser = office.signed_in(ADMIN)
    person = world.user(office.own, address="kari@works.example", app="tag")
    elsewhere = world.member(world.organization(), person.account_id, email=person.address)
    office.browser(person)
    path = f"{USER}/{person.account_id}"
    asked = browser.reads(f"{path}/delete")
    for line in ("This can't be undone", "2 memberships, which end", "1 role held", "1 license held", "1 open session",
                 "kari@works.example"):  # fmt: skip
        assert line in asked, line
    wrong = browser.sends(f"{path}/delete", typed="somebody@works.example")
    assert wrong.status_code == 400 and "This is not what has to be typed." in text_of(wrong.get_data(as_text=True))
    assert world.get(Account, person.account_id) is not None
    done = browser.sends(f"{path}/delete", typed=" Kari@Works.example ")
    assert (done.status_code, done.headers["Location"]) == (303, USER)
    assert world.get(Account, person.account_id) is None
    assert browser.get(path).status_code == 404
    with office.app.app_context():
        assert db.session.scalar(select(Session.id).where(Session.account_id == person.account_id)) is None
        for member_id in (person.member_id, elsewhere):
            member = db.session.get(Member, member_id)
            assert member is not None and (member.status, member.account_id, member.roles) == ("ended", None, [])
        events = db.session.scalars(
            select(AuditEntry.event).where(AuditEntry.account_id == person.account_id).order_by(AuditEntry.id)
        ).all()
        assert {"AccountDisabled", "AccountDeleted", "SessionEnded", "MemberEnded"} <= set(events)

    heir = inside(accounts.create_account, address=person.address, given_name="Kari", family_name="Nord", verified=True)
    assert heir.id != person.account_id
    with office.app.app_context():
        assert db.session.scalar(select(Member.id).where(Member.account_id == heir.id)) is None


def test_a_deleted_account_s_tokens_die(office: Office, protocol: Any, inside: Any) -> None:

    tokens = protocol.tokens()
    assert protocol.introspect(tokens["access_token"]).json["active"] is True
    inside(accounts.delete_account, protocol.person.account_id)
    assert protocol.introspect(tokens["access_token"]).json == {"active": False}
    assert protocol.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_nobody_takes_the_platform_from_itself(office: Office, world: Any) -> None:
    """Not oneself, and never the last platform administrator; each is told, and nothing has changed."""
    me = office.operator(ADMIN)
    browser = office.browser(me)
    for action in ("disable", "delete"):
        answer = browser.post(f"{USER}/{me.account_id}/{action}", typed=me.address)
        assert answer.status_code == 409 and "your own account" in text_of(answer.get_data(as_text=True))
    assert world.get(Account, me.account_id).status == "active"
    other = office.operator(ADMIN)
    assert browser.post(f"{USER}/{other.account_id}/disable").status_code == 303

    from idp.kernel.refusal import Refusal

    for verb in (accounts.disable_account, accounts.delete_account):
        with office.app.app_context(), pytest.raises(Refusal) as refused, unit_of_work():
            verb(me.account_id)
        assert refused.value.code == "last_platform_administrator"
    assert world.get(Account, me.account_id).status == "active"
    stripped = browser.sends(f"{USER}/{me.account_id}", given_name="Me", roles=[])
    assert stripped.status_code == 409 and "at least one administrator" in text_of(stripped.get_data(as_text=True))


def test_oneoffice_s_administrators_reach_their_own_people_only(office: Office, world: Any) -> None:
    """A person of another organization is not there; one who is elsewhere too, or administers the platform, stays."""
    browser = office.signed_in(WRITES)
    own = world.user(office.own, app="tag")
    shared = world.user(office.own, app="tag")
    world.member(world.organization(name="Elsewhere AS"), shared.account_id)
    above = office.operator(ADMIN)
    foreign = world.user(world.organization(), app="tag")
    for person in (own, shared, foreign):
        world.change(Member, person.member_id, last_used_at=1, search_text=f"nord kari {person.address}")
    listed = browser.reads(f"{USER}?q=test.example")
    assert own.address in listed and foreign.address not in listed
    for path in (foreign.account_id, "00000000-0000-0000-0000-000000000000"):
        assert browser.get(f"{USER}/{path}").status_code == 404
        assert browser.post(f"{USER}/{path}/disable").status_code == 404
        assert browser.get(f"/admin/users/{path}/license").status_code == 404
    for person, said in ((shared, "belongs to other organizations too"), (above, "administers the platform")):
        answer = browser.post(f"{USER}/{person.account_id}/disable")
        assert answer.status_code == 403 and said in text_of(answer.get_data(as_text=True))
        assert world.get(Account, person.account_id).status == "active"
        assert said in text_of(browser.get(f"{USER}/{person.account_id}/delete").get_data(as_text=True))
    assert "Elsewhere AS" not in browser.reads(f"{USER}/{shared.account_id}") + listed, "nothing of other organizations"
    assert "Elsewhere AS" in office.signed_in(ADMIN).reads(f"{USER}/{shared.account_id}")
    assert browser.post(f"{USER}/{own.account_id}/end-sessions").status_code == 403
    assert browser.post(f"{USER}/{own.account_id}/disable").status_code == 303
    reader = office.signed_in(READS)
    assert own.address in reader.reads(f"{USER}?q=test.example")
    assert reader.get(f"{USER}/add").status_code == 403
    assert reader.post(f"{USER}/{own.account_id}/enable").status_code == 403
    assert reader.post(f"{USER}/{own.account_id}", given_name="X").status_code == 403


def test_the_list_costs_the_same_whatever_it_shows(office: Office, world: Any, statements: Any) -> None:
    browser = office.signed_in(ADMIN)
    browser.get(USER)

    def cost() -> int:
        with statements() as seen:
            assert browser.get(f"{USER}?q=test.example").status_code == 200
        return len(seen)

    world.user(office.own)
    few = cost()
    for _ in range(12):
        person = world.user(office.own)
        world.member(world.organization(), person.account_id)
    assert cost() == few


def test_search_finds_names_and_addresses_in_any_case(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN)
    world.account("bjorn@works.example", given_name="Bjørn", family_name="Ødegård")
    world.account("other@works.example", given_name="Other", family_name="Person")
    for text in ("ØDEGÅRD bjørn", "bjorn@WORKS", "ødeg works.example"):
        found = browser.reads(f"{USER}?q={text}")
        assert "1 record" in found and "Bjørn Ødegård" in found
    assert "Nothing was found." in browser.reads(f"{USER}?q=bj%25rn")
    assert "records" in browser.reads(f"{USER}?sort=password_hash&status=nonsense&page=-1&organization=x")
    for order in ("name", "-name", "email", "-email", "status", "-added"):
        assert "Bjørn" in browser.reads(f"{USER}?sort={order}")
    account = _account(office, "other@works.example")
    with office.app.app_context(), unit_of_work() as session:
        known = session.get_one(Account, account.id)
        known.family_name = "Vik"
        known.emails.append(EmailAddress(address="Second@b.example", normalized="second@b.example", created_at=1))
    for text in ("vik second@b", "other@works vik"):
        assert "1 record" in browser.reads(f"{USER}?q={text}"), "by each address and the name as it is now"
    with office.app.app_context(), unit_of_work() as session:
        known = session.get_one(Account, account.id)
        second = next(one for one in known.emails if one.normalized == "second@b.example")
        known.emails.remove(second)
    assert "Nothing was found." in browser.reads(f"{USER}?q=second@b"), "not by one that is gone"


def test_a_reset_is_started_and_all_sessions_are_ended(office: Office, world: Any) -> None:
    browser = office.signed_in(ADMIN)
    person = world.account()
    theirs = office.browser(person)
    path = f"{USER}/{person.account_id}"
    assert browser.post(f"{path}/end-sessions").status_code == 303
    assert theirs.get("/").headers["Location"].startswith("/login")
    assert browser.post(f"{path}/reset-password").status_code == 303
    with office.app.app_context():
        mail = db.session.scalars(select(Delivery).where(Delivery.kind == "reset")).one()
        assert mail.payload["address"] == person.address


def test_who_lost_every_factor_is_helped_by_a_platform_administrator(office: Office, world: Any) -> None:
    """R29: the factors go, nobody sees or sets one; it is asked first, mailed and written down."""
    browser = office.signed_in(ADMIN)
    person = world.user(office.own, app="tag")
    path = f"{USER}/{person.account_id}"
    assert "Remove second factors" not in browser.reads(path)
    theirs = office.browser(person)
    key, _done = add_passkey(theirs.client)
    assert "Remove second factors" in browser.reads(path) and "passkeys" in browser.reads(path)
    lesser = office.signed_in(READS, WRITES)
    assert "Remove second factors" not in lesser.reads(path)
    assert lesser.post(f"{path}/remove-second-factors").status_code == 403
    asked = browser.get(f"{path}/remove-second-factors")
    assert asked.status_code == 200 and "really the person who asks" in asked.text
    assert browser.post(f"{path}/remove-second-factors").status_code == 303
    assert show_passkey(office.app.test_client(), key).status_code == 400
    assert log_in(office.app.test_client(), person.address, world.password).headers["Location"] == "/"
    with office.app.app_context():
        (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.event == "SecondFactorsRemoved"))
        assert entry.account_id == person.account_id and entry.actor_id not in (None, person.account_id)
        kinds = list(db.session.scalars(select(Delivery.kind).order_by(Delivery.id)))
    assert kinds[-1] == "second_factors_removed"


def test_two_administrators_who_disable_one_another_leave_one(office: Office, world: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    people = [office.operator(ADMIN) for _ in range(2)]
    browsers = [(office.browser(one), other) for one, other in zip(people, reversed(people), strict=True)]
    tokens = [browser.token() for browser, _other in browsers]

    def strike(number: int) -> int:
        browser, other = browsers[number]
        return browser.client.post(
            f"{USER}/{other.account_id}/disable", data={"csrf_token": tokens[number]}
        ).status_code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(strike, range(2)))
    left = [world.get(Account, person.account_id).status for person in people]
    assert sorted(left) == ["active", "disabled"], (answers, left)


def test_a_user_who_is_closing_is_shown_so_and_delete_erases_at_once(office: Office, inside: Any) -> None:
    """The same act as when the time is over: the person is told, and not a second time later."""
    person = office.world.account(given_name="Gro")
    inside(accounts.close_account, person.account_id, person.address)
    browser = office.signed_in(ADMIN)
    assert browser.reads(f"{USER}?status=closing&q=gro").count("Closed by the person") == 2, "the filter and the row"
    shown = browser.reads(f"{USER}/{person.account_id}")
    assert "Closed by the person" in shown and "Is erased" in shown and "Disable User" not in shown
    gone = browser.sends(f"{USER}/{person.account_id}/delete", typed=person.address)
    assert gone.status_code == 303 and _account(office, person.address) is None
    with office.app.app_context():
        kinds = [row.kind for row in db.session.scalars(select(Delivery))]
    assert kinds == ["account_erased"]
