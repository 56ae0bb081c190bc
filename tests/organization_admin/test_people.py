"""People: the list, a new person and one person's page (issue 3, *People*)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from idp.kernel.database import db
from idp.organizations.models import Invitation, Member, MemberRole, Seat
from tests.organization_admin.people import desk
from tests.support.databases import one_database
from tests.support.forms import form_with, text_of


def found(page: str) -> str:
    """The part of a list's text that tells how many there are, and who."""
    return page.partition("Search")[2]


def test_contacts_and_users_in_one_list(app: Any, world: Any, clock: Any) -> None:
    """Each state by its words; search, filter and sort narrow and order; whoever never came is shown as typed.

    What is no name of a sort or filter is ignored (P30).
    """
    here, now = desk(app, world), clock.now()
    place, day = here.organization_id, 86400
    hidden = world.account("secret@private.example", given_name="Real", family_name="Name")
    shared = world.account("own@private.example", given_name="Own", family_name="Zander")

    def add(name: str, **values: Any) -> str:
        email = f"{name.casefold()}@work.example"
        return str(
            world.member(
                place, values.pop("account_id", None),
                **{"given_name": name, "family_name": "Testø", "email": email, "email_normalized": email,
                   "search_text": f"testø {name.casefold()} {email}", **values},
            )
        )  # fmt: skip

    add("Contact", status="contact")
    world.invitation(add("Invited", status="contact"), expires_at=now + 5 * day)
    world.invitation(add("Late", status="contact"), expires_at=now - day)
    user = add("User", account_id=hidden.account_id)
    add("Fresh")
    add("Off", status="disabled")
    add("Gone", status="ended", ended_reason="ended")
    add("Idle", status="ended", ended_reason="inactive")
    add("Zed", account_id=shared.account_id, last_used_at=now - day)
    role = world.role(place, {"tag:access"}, name="Lift inspector", members=[user])
    license_ = world.license(place, "tag:standard", seats=3, holders=[user])
    text = here.reads()
    assert "10 people found" in text
    for words in ("Contact only", "Invited until", "Invitation expired", "Active, not activated yet", "Disabled",
                  "Ended for inactivity", "Lift inspector", "Onix Tag Standard"):  # fmt: skip
        assert words in found(text), words
    assert "secret@private.example" not in text and "Real" not in text, "the person has not shared anything"
    assert "Own Zander" in text and "own@private.example" in text, "the person's own data stand above what was typed"
    for query, names in {
        "q=TESTØ+invi": ["Invited"],
        "q=100%25": [],
        "state=contact": ["Contact"],
        "state=invited": ["Invited"],
        "state=invitation_expired": ["Late"],
        "state=not_activated": ["Fresh"],
        "state=disabled": ["Off"],
        "state=ended": ["Gone"],
        "state=inactive": ["Idle"],
        f"role={role}": ["User"],
        f"license={license_}": ["User"],
        "type=consultant": [],
        "state=active&license=none&q=zed": ["Zed"],
    }.items():
        page = here.client.get(here.path(f"people?{query}")).get_data(as_text=True)
        shown = [name for name in ("Contact", "Invited", "Late", "User", "Fresh", "Off", "Gone", "Idle", "Zed")
                 if f">{name} Testø</a>" in page or (name == "Zed" and ">Own Zander</a>" in page)]  # fmt: skip
        assert shown == names, query
    by_name = here.client.get(here.path("people?sort=-name&q=testø")).get_data(as_text=True)
    assert by_name.index(">User Testø<") < by_name.index(">Late Testø<") < by_name.index(">Contact Testø<")
    assert "10 people found" in here.reads("people?sort=password_hash&state=nonsense&role=nobody&page=-3")


def test_the_list_asks_as_often_for_one_as_for_many(app: Any, world: Any, statements: Callable[[], Any]) -> None:
    """A page makes a fixed number of statements, whatever is on it."""
    here = desk(app, world)
    counted = []
    for number in (2, 48):
        for index in range(number):
            person = world.account()
            member = world.member(
                here.organization_id, person.account_id, last_used_at=5, search_text=f"x{index}",
                company_id=world.company(here.organization_id),
            )  # fmt: skip
            world.role(here.organization_id, {"tag:access"}, members=[member])
            world.license(here.organization_id, holders=[member])
        with statements() as seen:
            here.reads()
        counted.append(len(seen))
    assert counted[1] <= counted[0] + 1, "one more counts everybody, where the page is full"


@one_database
def test_another_organizations_ids_are_ids_that_do_not_exist(app: Any, world: Any) -> None:
    here = desk(app, world)
    other = world.organization("other")
    stranger = world.member(other, given_name="Stranger", status="contact", email="s@other.example")
    role, license_ = world.role(other, {"tag:access"}), world.license(other)
    mine = world.member(here.organization_id, given_name="Mine", search_text="mine")

    def same(answer: Any, unknown: Any) -> None:
        plain = [
            text_of(one.get_data(as_text=True)).replace(stranger, "ID").replace("unknown", "ID")
            for one in (answer, unknown)
        ]
        assert answer.status_code == unknown.status_code
        assert plain[0].partition("Reference")[0] == plain[1].partition("Reference")[0]

    for path in ("people/{}",):
        same(here.client.get(here.path(path.format(stranger))), here.client.get(here.path(path.format("unknown"))))
    for path in ("people/{}", "people/{}/state", "people/{}/holdings"):
        values = {"given_name": "Taken", "action": "activate", "activate": "1"}
        same(here.sends(path.format(stranger), **values), here.sends(path.format("unknown"), **values))
    for name, foreign in (("role", role), ("license", license_)):
        same(
            here.sends(f"people/{mine}/holdings", **{name: foreign}),
            here.sends(f"people/{mine}/holdings", **{name: "unknown"}),
        )
        assert here.reads(f"people?{name}={foreign}") == here.reads(f"people?{name}=unknown")
    assert world.get(Member, stranger).given_name == "Stranger"
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Seat)) == 0


def test_a_person_is_added_as_a_user_in_one_act(app: Any, world: Any) -> None:
    """Person information, roles and licenses in one form; a contact has neither, and the form says so."""
    here = desk(app, world)
    role = world.role(here.organization_id, {"tag:access"}, name="Lift inspector")
    license_ = world.license(here.organization_id, "tag:standard", seats=1)
    form = form_with(here.client.get(here.path("people/new")).get_data(as_text=True), "given_name")
    assert form.fields["state"] == "contact" and form.choices["role"].count(role) == 1
    typed = {"given_name": "Kari", "family_name": "Nord", "email": "Kari@BØLGEN.no", "phone_number": "22 33 44 55"}
    refused = here.sends("people/new", **typed, state="contact", role=[role], license=[license_])
    page = refused.get_data(as_text=True)
    assert refused.status_code == 400 and "A contact has no role and no license" in page
    kept = form_with(page, "given_name").fields
    assert kept["given_name"] == "Kari" and kept["role"] == role and kept["license"] == license_
    assert count(app, Member.given_name == "Kari") == 0, "nothing is written"
    added = here.sends("people/new", **typed, state="active", role=[role], license=[license_])
    assert added.status_code == 303
    member_id = added.headers["Location"].rpartition("/")[2]
    member = world.get(Member, member_id)
    assert (member.status, member.phone_number) == ("active", "+4722334455")
    assert "Active, not activated yet" in here.reads(f"people/{member_id}")
    with app.app_context():
        assert db.session.scalar(select(MemberRole.role_id).where(MemberRole.member_id == member_id)) == role
        assert db.session.scalar(select(Seat.license_id).where(Seat.member_id == member_id)) == license_
    for spelled in ("kari@bølgen.no", "KARI@xn--blgen-vua.no", " Kari@BØLGEN.NO "):
        again = here.sends("people/new", given_name="Other", email=spelled, state="contact")
        assert again.status_code == 400, spelled
        assert f"people/{member_id}" in again.get_data(as_text=True), "the error leads to the one there is"
        assert "Kari Nord" in again.get_data(as_text=True)
    full = here.sends("people/new", given_name="Ola", email="ola@work.example", state="active", license=[license_])
    assert full.status_code == 400 and "All licenses are in use" in full.get_data(as_text=True)
    assert count(app, Member.given_name == "Ola") == 0, "all or nothing"
    another = here.sends(
        "people/new", given_name="Per", email="per@work.example", state="active", role=[role], another="1"
    )
    form = form_with(here.client.get(another.headers["Location"]).get_data(as_text=True), "given_name")
    assert (form.fields["state"], form.fields["role"], form.fields["given_name"]) == ("active", role, "")
    invited = here.sends("people/new", given_name="Nils", email="nils@work.example", state="invite")
    assert "Invited until" in here.reads(invited.headers["Location"].removeprefix(here.path("")))


def count(app: Any, *conditions: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Member).where(*conditions)) or 0


@one_database
@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"given_name": "", "family_name": ""}, "given_name", "Fill in a name or the e-mail address."),
        ({"email": "not an address"}, "email", "Enter an e-mail address"),
        ({"phone_number": "many"}, "phone_number", "Enter a phone number"),
        ({"given_name": "A" * 101}, "given_name", "too long"),
        ({"given_name": "A\u202eB"}, "given_name", "character"),
        ({"state": "active"}, "email", "needs an e-mail"),
        ({"state": "invite"}, "email", "needs an e-mail"),
        ({"state": "king"}, "state", "Contact only or Active"),
        ({"state": "active", "email": "a@b.example", "role": ["made-up"]}, "role", "no such role"),
        ({"state": "active", "email": "a@b.example", "license": ["made-up"]}, "license", "no such license"),
    ],
)
def test_bad_input_is_told_beside_its_field(
    values: dict[str, Any], field: str, words: str, app: Any, world: Any
) -> None:
    here = desk(app, world)
    answer = here.sends("people/new", **{"given_name": "Kari", "state": "contact", **values})
    assert answer.status_code == 400
    assert words in text_of(answer.get_data(as_text=True))
    assert count(app) == 1, "nobody but the administrator"


@one_database
def test_employees_are_not_added_where_a_directory_owns_the_organization(app: Any, world: Any) -> None:
    here = desk(app, world, "connex", directory="connex", name="ConneX")
    answer = here.sends("people/new", given_name="Kari", state="contact")
    assert answer.status_code == 400 and text_of(answer.get_data(as_text=True)).count("employees can't be added") > 1
    assert count(app) == 1
    assert "employees can't be added" in here.reads("people/new"), "and the page says so beforehand"


def test_whoever_saves_second_is_told(app: Any, world: Any) -> None:
    """Two administrators edit one person: the second keeps what was typed and sees what is stored now."""
    here, there = desk(app, world), desk(app, world)
    member = world.member(here.organization_id, given_name="Kari", family_name="Nord", email="kari@work.example",
                          email_normalized="kari@work.example", status="contact")  # fmt: skip
    path = f"people/{member}"
    first, second = (
        form_with(one.client.get(one.path(path)).get_data(as_text=True), "given_name") for one in (here, there)
    )
    saved = here.client.post(here.path(path), data=first.filled(given_name="Karin"))
    assert saved.status_code == 303
    late = there.client.post(there.path(path), data=second.filled(family_name="Nordmann"))
    page = late.get_data(as_text=True)
    assert late.status_code == 409 and "Someone else changed this" in page
    kept = form_with(page, "given_name")
    assert (kept.fields["given_name"], kept.fields["family_name"]) == ("Kari", "Nordmann")
    assert "Stored now" in page and "Karin" in page
    assert world.get(Member, member).family_name == "Nord"
    again = there.client.post(there.path(path), data=kept.filled(given_name="Karin"))
    assert again.status_code == 303
    assert (world.get(Member, member).given_name, world.get(Member, member).family_name) == ("Karin", "Nordmann")
    taken = world.member(here.organization_id, given_name="Ola", email="ola@work.example",
                         email_normalized="ola@work.example", status="contact")  # fmt: skip
    form = form_with(here.client.get(here.path(path)).get_data(as_text=True), "given_name")
    clash = here.client.post(here.path(path), data=form.filled(email="OLA@work.example"))
    assert clash.status_code == 409 and f"people/{taken}" in clash.get_data(as_text=True)


def test_every_state_has_its_buttons(app: Any, world: Any) -> None:
    here = desk(app, world)
    member = world.member(here.organization_id, given_name="Kari", family_name="Nord", email="kari@work.example",
                          email_normalized="kari@work.example", status="contact")  # fmt: skip
    role = world.role(here.organization_id, {"tag:access"}, name="Lift inspector")
    license_ = world.license(here.organization_id, "tag:standard", seats=1)
    path = f"people/{member}"

    def acts(action: str, state: str, status: int = 303) -> None:
        answer = here.sends(f"{path}/state", action=action)
        assert answer.status_code == status, (action, text_of(answer.get_data(as_text=True))[:500])
        assert state in here.reads(path), action

    acts("invite", "Invited")
    acts("resend", "Invited")
    acts("withdraw", "Contact only")
    acts("disable", "Contact only", status=409)
    acts("crown", "Contact only", status=400)
    made = here.sends(f"{path}/holdings", activate="1", role=[role], license=[license_])
    assert made.status_code == 303 and "is set as Active" in here.reads(path)
    acts("disable", "Disabled")
    acts("enable", "Active, not activated yet")
    taken = here.sends(f"{path}/holdings", shown_role=[role], shown_license=[license_])
    assert taken.status_code == 303
    with app.app_context():
        assert not db.session.scalar(select(func.count()).select_from(Seat).where(Seat.member_id == member))
        assert not db.session.scalar(select(func.count()).select_from(MemberRole).where(MemberRole.member_id == member))
    here.sends(f"{path}/holdings", role=[role], license=[license_])
    acts("contact", "Contact only")
    acts("end", "Ended")
    acts("invite", "Invited")
    last = here.sends(f"people/{here.member_id}/state", action="end")
    assert last.status_code == 409 and "at least one administrator" in text_of(last.get_data(as_text=True))
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Invitation)) == 2


def test_all_or_nothing_when_no_license_is_left(app: Any, world: Any) -> None:
    here = desk(app, world)
    member = world.member(here.organization_id, given_name="Kari", email="kari@work.example", status="contact")
    role = world.role(here.organization_id, {"tag:access"}, name="Lift inspector")
    full = world.license(here.organization_id, "tag:standard", seats=1, holders=[here.member_id])
    free = world.license(here.organization_id, "work:standard", seats=1)
    answer = here.sends(f"people/{member}/holdings", activate="1", role=[role], license=[free, full])
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "Onix Tag Standard: All licenses are in use." in text_of(page)
    assert form_with(page, "role").fields["role"] == role, "what was ticked is kept"
    assert world.get(Member, member).status == "contact"
    with app.app_context():
        assert not db.session.scalar(select(func.count()).select_from(Seat).where(Seat.member_id == member))
    # One administrator assigns while the other, whose page is older, takes something else: both get what they wanted.
    here.sends(f"people/{member}/holdings", activate="1", license=[free])
    here.sends(f"people/{member}/holdings", role=[role])
    with app.app_context():
        assert db.session.scalar(select(Seat.license_id).where(Seat.member_id == member)) == free


@one_database
def test_each_privilege_opens_its_part(app: Any, world: Any) -> None:
    """Reading shows no control; roles and licenses ask for privileges of their own, and are refused without."""
    reader = desk(app, world, "here", "account:people.read")
    manager = desk(app, world, "here", "account:people.manage")
    member = world.member(reader.organization_id, given_name="Kari", search_text="kari")
    role = world.role(reader.organization_id, {"tag:access"}, name="Lift inspector", members=[member])
    license_ = world.license(reader.organization_id, seats=5)
    page = reader.client.get(reader.path(f"people/{member}")).get_data(as_text=True)
    assert "Lift inspector" in page and "<form" not in page.partition("<main")[2]
    assert "Add a person" not in reader.reads() and "For those ticked" not in reader.reads()
    assert "data-many" not in reader.client.get(reader.path()).get_data(as_text=True)
    assert reader.sends(f"people/{member}/state", action="end").status_code == 403
    page = manager.client.get(manager.path(f"people/{member}")).get_data(as_text=True)
    assert 'name="role"' not in page and 'name="license"' not in page and "Lift inspector" in page
    for values in ({"role": [role]}, {"license": [license_]}, {"shown_role": [role]}):
        assert manager.sends(f"people/{member}/holdings", **values).status_code == 403
    new = {"given_name": "Ola", "email": "ola@work.example", "state": "active"}
    assert manager.sends("people/new", **new, role=[role]).status_code == 400
    assert count(app, Member.given_name == "Ola") == 0
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(MemberRole).where(MemberRole.role_id == role)) == 1
    assert manager.sends("people/new", **new).status_code == 303


def test_that_an_account_is_disabled_or_closed_is_told_of_users_alone(app: Any, world: Any) -> None:
    """Nothing calls open what is not, and of a contact nobody learns that there is an account."""
    here = desk(app, world)
    world.role(here.organization_id, {"tag:access"})
    ids = {}
    for status, account, used in (
        ("active", "disabled", None),
        ("active", "closing", 1),
        ("contact", "disabled", None),
        ("contact", "closing", 1),
    ):
        person = world.account(status=account, given_name="", family_name="")
        ids[status, account] = world.member(
            here.organization_id, person.account_id, status=status, given_name=account.title(), family_name="Lie",
            search_text=f"lie {account} {status}", last_used_at=used,
        )  # fmt: skip
    rows = here.reads("people?q=lie")
    assert (rows.count("account disabled"), rows.count("account closed")) == (1, 2)
    for (status, account), words in {
        ("active", "disabled"): "Onix Work has disabled the account of Disabled Lie",
        ("active", "closing"): "Closing Lie has closed the account",
        ("contact", "closing"): "Closing Lie has closed the account",
    }.items():
        assert words in here.reads(f"people/{ids[status, account]}")
    closed = here.reads(f"access/people/{ids['active', 'closing']}/tag")
    assert "Closing Lie keeps the account" in closed and "Only the person can do this, by signing in." in closed
    assert "Your account is closed" in closed and "by the platform" not in closed
    contact = ids["contact", "disabled"]
    for address in (f"people/{contact}", f"access/people/{contact}/tag"):
        hidden = here.reads(address)
        assert "disabled" not in hidden.replace("Disabled Lie", "") and "not activated" not in hidden
    told = here.client.get(here.path(f"access/people/{contact}.json")).json
    assert told["person"]["activated"] is None and {one["code"] for one in told["apps"]} == {"contact_only"}
