"""*Companies* as a supplier's administrator uses it, without JavaScript: contacts, users, several at once, requests.

That nobody else gets in is tests/house/test_route_matrix.py; the rules: tests/organizations/test_express_limit.py.
"""

from __future__ import annotations

import io
import re
from email import message_from_string
from typing import Any

import pytest

from idp.express.models import GuestRequest, LadderMail
from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.catalog import current_catalog
from idp.organizations.models import Company, Invitation, Member
from idp.organizations.service import companies
from idp.outbox.models import Delivery
from tests.support.forms import form_with, text_of
from tests.support.statements import counting

from .people import EVERYTHING, Desk, desk

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DAY = 86400


@pytest.fixture
def here(app: Any, world: Any) -> Desk:
    made = desk(app, world, "fjord", *EVERYTHING, "account:companies.manage", "account:audit.read", name="Fjord AS")
    world.license(made.organization_id, "express:standard", seats=0)
    with app.app_context(), unit_of_work():
        service.sync_system_roles(current_catalog())
    return made


@pytest.fixture
def company(world: Any, here: Desk) -> str:
    return str(world.company(here.organization_id, name="Havgap <b>Rederi</b> AS", organization_number="123456785"))


def members(app: Any, company: str) -> dict[str, Member]:
    with app.app_context():
        found = db.session.scalars(db.select(Member).where(Member.company_id == company))
        return {row.email or row.name: row for row in found}


def mails(app: Any, kind: str = "invitation") -> list[str]:
    with app.app_context():
        rows = db.session.scalars(db.select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id))
        return [row.payload["address"] for row in rows]


def test_a_company_is_recorded_found_changed_linked_and_deleted(app: Any, world: Any, here: Desk, company: str) -> None:
    for name, number, said in ((" ", "", "Fill in this field."), ("Bølgen AS", "123456786", "don't fit together")):
        form = here.sends("companies/new", name=name, organization_number=number)
        assert form.status_code == 400 and said in text_of(form.get_data(as_text=True))
    answer = here.sends("companies/new", name="Bølgen AS", organization_number="NO 123 456 785")
    assert answer.status_code == 400 and "already is a company" in text_of(answer.get_data(as_text=True))
    answer = here.sends("companies/new", name="Bølgen AS")
    assert answer.status_code == 303
    path = answer.headers["Location"].removeprefix("/org/fjord/")
    made = path.rpartition("/")[2]
    for query, names in {
        "bølg": ["Bølgen AS"],
        "123 456 785": ["Havgap"],
        "nothing": [],
        "": ["Bølgen", "Havgap"],
    }.items():
        page = here.client.get(here.path(f"companies?q={query}")).get_data(as_text=True)
        assert [name for name in ("Bølgen AS", "Havgap") if name in page] == [
            one for one in ("Bølgen AS", "Havgap") if any(one.startswith(name[:6]) for name in names)
        ], query
        assert ("companies/new?name=nothing" in page) == (query == "nothing"), "what is not found can be added"
    for number in ("923 609 016", "NO923609016MVA", "5560-3681"):
        page = here.client.get(here.path("companies"), query_string={"q": number}).get_data(as_text=True)
        found = re.search(r'"(/org/fjord/companies/new\?organization_number=[^"]+)"', page)
        assert found, number
        form = form_with(here.client.get(found[1]).get_data(as_text=True), "organization_number")
        assert (form.fields["name"], form.fields["organization_number"]) == ("", number)
    assert "Havgap &lt;b&gt;Rederi" in here.client.get(here.path("companies")).get_data(as_text=True)

    page = here.client.get(here.path(f"{path}/details")).get_data(as_text=True)
    form = form_with(page, "organization_number")
    changed = form.filled(name="Bølgen Entreprenør AS")
    assert here.client.post(form.action, data=changed).status_code == 303
    late = here.client.post(form.action, data=form.filled(name="Too late"))
    words = text_of(late.get_data(as_text=True))
    assert late.status_code == 409 and "Someone else changed this" in words and "Bølgen Entreprenør AS" in words
    assert 'value="Too late"' in late.get_data(as_text=True), "what was typed stays"
    again = form_with(late.get_data(as_text=True), "organization_number")
    assert here.client.post(again.action, data=again.filled()).status_code == 303
    assert world.get(Company, made).name == "Too late"

    customer = world.organization("bolgen", name="Bølgen Gruppen", organization_number="555")
    for typed, status in {"nobody": 404, "fjord": 404, "": 400, "-": 404, "bol": 404, "555": 303}.items():
        link = form_with(here.client.get(here.path(f"{path}/details")).get_data(as_text=True), "link")
        assert here.client.post(link.action, data=link.filled(link=typed)).status_code == status, typed
    assert world.get(Company, made).linked_organization_id == customer
    assert "Linked to Bølgen Gruppen" in here.reads(f"{path}/details")
    version = world.get(Company, made).version
    assert here.sends(f"{path}/link", unlink="1", version=version).status_code == 303
    assert world.get(Company, made).linked_organization_id is None

    assert here.sends(f"{path}/delete", version=version).status_code == 409, "it was changed meanwhile"
    assert here.sends(f"{path}/delete", version=world.get(Company, made).version).status_code == 303
    assert here.client.get(here.path(path)).status_code == 404
    trail = here.reads("audit")
    assert "deleted the company" in trail and "changed the company" in trail


def test_going_through_all_numbers_takes_years(
    app: Any, world: Any, here: Desk, company: str, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    """A supplier learns of one company whether it is a customer, not of many (docs/decisions/0039)."""
    monkeypatch.setattr(companies, "MOST_NUMBERS_A_DAY", 2)
    world.organization("customer", organization_number="923609016")
    details = f"companies/{company}/details"
    assert here.sends("companies/new", name="One AS", organization_number="DK1").status_code == 303
    assert here.sends("companies/new", name="Two AS").status_code == 303, "without a number nothing is asked"
    same = here.sends(details, name="Havgap AS", organization_number="123 456 785")
    assert same.status_code == 409, "the number is not typed anew; the version is missing"
    assert here.sends(f"companies/{company}/link", link="nobody").status_code == 404
    for answer, field, typed in (
        (here.sends("companies/new", name="Three AS", organization_number="DK2"), "name", "Three AS"),
        (here.sends(f"companies/{company}/link", link="customer"), "link", "customer"),
        (here.sends(details, name="Havgap AS", organization_number="DK3"), "organization_number", "DK3"),
    ):
        page = answer.get_data(as_text=True)
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 3600
        assert "Many organization numbers were typed today" in text_of(page)
        assert form_with(page, field).fields[field] == typed
    with app.app_context():
        found = db.session.scalars(db.select(Company).where(Company.organization_id == here.organization_id))
        assert {row.name for row in found} == {"Havgap <b>Rederi</b> AS", "One AS", "Two AS"}
        assert db.session.get_one(Company, company).linked_organization_id is None
    clock.advance(86400)
    later = desk(app, world, "fjord", "account:companies.manage")
    assert later.sends("companies/new", name="Three AS", organization_number="DK2").status_code == 303


def test_new_and_invite_as_user(app: Any, world: Any, here: Desk, company: str) -> None:
    path = f"companies/{company}"
    answer = here.sends(f"{path}/contacts/new", name="", email="kari@kunde.example")
    assert answer.status_code == 400 and "Fill in this field." in text_of(answer.get_data(as_text=True))
    assert 'value="kari@kunde.example"' in answer.get_data(as_text=True)
    assert here.sends(f"{path}/contacts/new", name="Odd Nygård").status_code == 303
    answer = here.sends(f"{path}/contacts/new", name="Odd Moe", invite="1")
    assert answer.status_code == 400 and "An invitation needs an e-mail address." in text_of(
        answer.get_data(as_text=True)
    )
    assert set(members(app, company)) == {"Odd Nygård"}, "nothing is kept of what was refused"
    odd = members(app, company)["Odd Nygård"].id
    assert "Fill in the e-mail to invite" in here.reads(path)
    assert here.sends(f"{path}/people/{odd}/state", action="invite").status_code == 400
    form = form_with(here.client.get(here.path(f"{path}/people/{odd}")).get_data(as_text=True), "email")
    bad = here.client.post(form.action or here.path(f"{path}/people/{odd}"), data=form.filled(email="odd@"))
    assert bad.status_code == 400 and "Enter an e-mail address" in bad.get_data(as_text=True)
    saved = here.client.post(here.path(f"{path}/people/{odd}"), data=form.filled(email="odd@kunde.example"))
    assert saved.status_code == 303
    assert here.sends(f"{path}/people/{odd}/state", action="invite").status_code == 303
    assert mails(app) == ["odd@kunde.example"]
    page = here.reads(path)
    assert "Invited" in page and "24 of 25 left" in page and "1 open invitation" in page
    assert here.sends(f"{path}/people/{odd}/state", action="resend").status_code == 303
    often = [here.sends(f"{path}/people/{odd}/state", action="resend") for _ in range(6)][-1]
    assert often.status_code == 429 and int(often.headers["Retry-After"]) > 0, "nobody is mailed without end"
    assert here.sends(f"{path}/people/{odd}/state", action="withdraw").status_code == 303
    assert "25 of 25 left" in here.reads(path)
    assert here.sends(f"{path}/people/{odd}/state", action="nothing").status_code == 400
    other = world.member(here.organization_id, type="employee", company_id=company, given_name="Employee")
    assert "Employee" not in here.reads(f"{path}/users")
    assert here.sends(f"{path}/people/{other}/state", action="invite").status_code == 404
    assert here.client.get(here.path(f"{path}/people/{other}")).status_code == 404


def test_add_multiple_users(app: Any, world: Any, here: Desk, company: str) -> None:
    path, page_path = f"companies/{company}/many", here.path(f"companies/{company}/many")
    for _ in range(20):
        world.member(here.organization_id, type="express", company_id=company)
    page = here.client.get(page_path).get_data(as_text=True)
    assert "5 of 25 left" in text_of(page)
    key = form_with(page, "key").fields["key"]
    empty = here.sends(path, ok="1", key=key)
    assert empty.status_code == 400 and "at least one person" in empty.get_data(as_text=True)
    more = here.sends(path, more="1", name=["A"], email=["a@x.example"]).get_data(as_text=True)
    assert more.count('name="email"') > page.count('name="email"') and 'value="a@x.example"' in more

    sheet = "Navn;E-post\nÅse Øby;aase@x.example\n"
    read = here.sends(path, read="1", name=["Kari Nord", ""], email=["kari@x.example", ""],
                      text="Ola Lie <ola@x.example>\nKari <KARI@x.example>\nnobody",
                      file=(io.BytesIO(sheet.encode("cp1252")), "list.csv"))  # fmt: skip
    page = read.get_data(as_text=True)
    assert read.status_code == 200 and members(app, company).keys() <= {"Kari Nord"}
    assert re.findall(r'name="email"[^>]*value="([^"]+)"', page) == [
        "kari@x.example",
        "ola@x.example",
        "aase@x.example",
    ]
    assert 'value="Åse Øby"' in page and 'value="nobody"' in page

    names = ["Kari Nord", "Ola Lie", "", "Per <script>", "Kari", "X\u202e", "Sixth", "Seventh"]
    emails = ["kari@x.example", "ola@x.example", "no@x.example", "per@x.example", "kari@x.example", "x@x.example",
              "six@x.example", "seven@x.example"]  # fmt: skip
    first = here.sends(path, ok="1", key=key, name=names, email=emails)
    words = text_of(first.get_data(as_text=True))
    assert first.status_code == 200 and "5 people were invited." in words
    assert mails(app) == ["kari@x.example", "ola@x.example", "per@x.example", "six@x.example", "seven@x.example"]
    kept = first.get_data(as_text=True)
    assert re.findall(r'name="email"[^>]*value="([^"]+)"', kept) == ["no@x.example", "x@x.example"]
    assert "Fill in the name." in words and "character that can't be used" in words
    assert kept.count('aria-invalid="true"') == 2 and 'aria-describedby="wrong-1"' in kept
    assert "0 of 25 left" in words
    assert form_with(kept, "key").fields["key"] != key

    twice = here.sends(path, ok="1", key=key, name=names, email=emails)
    assert "5 people were invited." in text_of(twice.get_data(as_text=True)) and len(mails(app)) == 5
    reused = here.sends(path, ok="1", key=key, name=["Other"], email=["other@x.example"])
    assert reused.status_code == 409 and len(mails(app)) == 5
    full = here.sends(path, ok="1", name=["One More"], email=["more@x.example"])
    assert full.status_code == 400 and "There is no place left." in text_of(full.get_data(as_text=True))
    known = here.sends(path, ok="1", name=["Kari"], email=["kari@x.example"])
    assert known.status_code == 200 and "Has an open invitation already." in text_of(known.get_data(as_text=True))
    assert len(mails(app)) == 5

    for hostile, status in (
        ({"ok": "1", "name": ["A"] * 300, "email": [f"{n}@x.example" for n in range(300)]}, 400),
        ({"read": "1", "file": (io.BytesIO(b"\xff\xfe\x00"), "x.csv")}, 400),
        ({"read": "1", "file": (io.BytesIO(b"\0" * 2000), "x.csv")}, 200),
        ({"read": "1", "file": (io.BytesIO(b"x" * 1_000_001), "x.csv")}, 413),
        ({"ok": "1", "key": "k" * 300, "name": ["\x00"], "email": ["\x00@\x00"]}, 400),
        ({"ok": "1", "email": ["only@an.address"]}, 400),
    ):
        answer = here.sends(path, **hostile)
        assert answer.status_code == status, hostile
    assert len(mails(app)) == 5


def test_a_work_customer_is_not_invited(app: Any, world: Any, here: Desk, company: str) -> None:
    customer = world.organization("havgap", organization_number="123456785")
    world.license(customer, "work:standard")
    page = here.reads(f"companies/{company}")
    assert "This company uses Onix Work itself." in page and "Add Multiple Users" not in page
    answer = here.sends(f"companies/{company}/many", ok="1", name=["A"], email=["a@x.example"])
    assert answer.status_code == 409 and "is an Onix Work customer" in text_of(answer.get_data(as_text=True))
    assert "Onix Work customer" in here.reads("companies")
    assert mails(app) == []


def test_who_is_no_supplier_has_no_companies(app: Any, world: Any) -> None:
    place = desk(app, world, "plain", "account:companies.manage")
    company = world.company(place.organization_id)
    for path in ("companies", "companies/new", "companies/due", "companies/requests", f"companies/{company}",
                 f"companies/{company}/many"):  # fmt: skip
        assert "no license of Onix Express" in place.reads(path, status=403)
    assert "Companies" not in place.reads("")


def test_who_only_reads_sees_no_buttons(app: Any, world: Any, here: Desk, company: str) -> None:
    guest = world.member(here.organization_id, type="express", company_id=company, email="g@x.example")
    reader = desk(app, world, "fjord", "account:companies.read")
    assert "On your website" not in here.reads("companies"), "where Onix Express is not there"
    world.client("Onix Express", app_id="express", initiate_login_uri="http://localhost:9003/login")
    page = here.client.get(here.path("companies")).get_data(as_text=True)
    for link in ("http://localhost:9003/login", "http://localhost:9003/button", "http://localhost"):
        path = "/express/fjord/request" if link == "http://localhost" else "?organization=fjord"
        assert f'href="{link}{path}"' in page, "what a supplier puts on its website"
    assert "On your website" not in reader.reads("companies")
    for path in ("companies", f"companies/{company}", f"companies/{company}/users", f"companies/{company}/details",
                 "companies/due"):  # fmt: skip
        page = reader.client.get(reader.path(path)).get_data(as_text=True)
        assert '<form method="post"' not in page.split("<main")[1], path
    assert reader.sends(f"companies/{company}/people/{guest}/state", action="end").status_code == 403
    elsewhere = desk(app, world, "other", "account:companies.manage")
    world.license(elsewhere.organization_id, "express:standard", seats=0)
    for path in (f"companies/{company}", f"companies/{company}/many", f"companies/{company}/people/{guest}"):
        assert elsewhere.client.get(elsewhere.path(path)).status_code == 404
    assert elsewhere.sends(f"companies/{company}/people/{guest}/state", action="end").status_code == 404


def test_users_keep_end_and_who_ends_when(app: Any, world: Any, here: Desk, company: str, clock: Any) -> None:
    from idp import jobs

    quiet = world.member(here.organization_id, type="express", company_id=company, email="q@x.example",
                         given_name="Quiet", family_name="One")  # fmt: skip
    clock.advance(340 * DAY)
    here.client.get("/logout")
    fresh = desk(app, world, "fjord", "account:companies.manage")
    world.member(here.organization_id, type="express", company_id=company, email="n@x.example", given_name="New")
    with app.app_context():
        assert jobs.inactive_guests() == 1
    users = fresh.reads(f"companies/{company}/users")
    assert "Keep" in users and "never" in users
    page = fresh.reads("companies/due")
    assert "Quiet One" in page and "30, 14 and 7 days before" in page and "after 28 days" in page and "never" in page
    assert page.count("ends ") >= 1 and "next on" in page
    assert "warning 30 days before, ends" in page
    kept = fresh.sends(f"companies/{company}/people/{quiet}/state", action="keep", back="users")
    assert (kept.status_code, kept.location) == (303, fresh.path("companies/due"))
    assert "Nobody: everybody has been here lately." in fresh.reads("companies/due")
    mails = fresh.reads("companies/due?what=mails")
    assert "1 mail" in mails and "Quiet One" in mails and "warning 30 days before" in mails, "also of who was kept"
    assert "There is no open invitation." in fresh.reads("companies/due?what=invitations")
    for action, status in (("disable", "disabled"), ("enable", "active"), ("end", "ended")):
        assert fresh.sends(f"companies/{company}/people/{quiet}/state", action=action).status_code == 303
        assert world.get(Member, quiet).status == status
    assert fresh.sends(f"companies/{company}/people/{quiet}/state", action="keep").status_code == 409


def test_pages_ask_a_fixed_number_of_statements(app: Any, world: Any, here: Desk, company: str) -> None:
    def ask(path: str) -> int:
        here.client.get(here.path(path))
        with counting() as seen:
            assert here.client.get(here.path(path)).status_code == 200
        print(path, seen)
        return len(seen)

    paths = ("companies", f"companies/{company}", f"companies/{company}/users", "companies/due",
             "companies/due?what=invitations", "companies/due?what=mails", "companies/requests")  # fmt: skip

    def add() -> None:
        for number in range(3):
            other = world.company(here.organization_id, organization_number=f"X{world.organization()[-12:]}")
            for status in ("contact", "active"):
                for place in (company, other):
                    one = world.member(here.organization_id, world.account(password=None).account_id, type="express",
                                       company_id=place, status=status, created_at=1)  # fmt: skip
                    if status == "contact":
                        world.invitation(one)
                    with app.app_context(), unit_of_work() as session:
                        session.add(LadderMail(organization_id=here.organization_id, member_id=one, kind="inactivity",
                                               period="1", days=30, sent_at=1, ends_at=2))  # fmt: skip
            request(app, here, f"r{number}-{other[-6:]}@x.example")

    add()
    before = {path: ask(path) for path in paths}
    add()
    assert {path: ask(path) for path in paths} == before


# Handle Requests -----------------------------------------------------------------------------------------------------


def request(app: Any, here: Desk, address: str, **values: Any) -> str:
    """A confirmed request."""
    from idp.express import requests

    with app.app_context():
        with unit_of_work():
            row = requests.ask(
                here.organization_id,
                **{"given_name": "Trygve", "family_name": "Hagen", "company_name": "havgap rederi", "email": address,
                   **values},
            )  # fmt: skip
        with unit_of_work():
            requests.confirm(requests.confirmation_link(row).rpartition("/")[2])
        return str(row.id)


def test_a_request_is_approved_into_the_right_company(app: Any, world: Any, here: Desk, company: str) -> None:
    world.company(here.organization_id, name="Bølgen AS", organization_number="777")
    one = request(app, here, "t@x.example", company_number="123 456 785", company_name="<i>Something else</i>")
    assert "1 person asks for Onix Express access" in here.reads("")
    assert "1 person asks for Onix Express access" in text_of(here.client.get("/").get_data(as_text=True))
    page = here.client.get(here.path(f"companies/requests/{one}")).get_data(as_text=True)
    words = text_of(page)
    assert "Request date" in words and "<i>Something else</i>" in words and "the same number" in words
    form = form_with(page, "company")
    assert form.choices["company"] == [company] and form.fields["company"] == company
    none = here.sends(f"companies/requests/{one}/approve")
    assert none.status_code == 400 and "Choose the company first." in text_of(none.get_data(as_text=True))
    assert mails(app) == []
    for wrong in ("x", world.company(world.organization())):
        assert here.sends(f"companies/requests/{one}/approve", company=wrong).status_code == 404
    assert here.sends(f"companies/requests/{one}/approve", company=company).status_code == 303
    assert mails(app) == ["t@x.example"]
    (row,) = members(app, company).values()
    assert (row.name, row.status, row.type) == ("Trygve Hagen", "contact", "express")
    # She is a guest of a customer too; a colleague is told of her as the colleague that she is.
    world.member(here.organization_id, here.account_id, type="express", company_id=company, status="contact",
                 given_name="Guest", id="00000000-0000-7000-8000-000000000000")  # fmt: skip
    for chosen in ({"company": company}, {}):
        again = here.sends(f"companies/requests/{one}/approve", **chosen)
        assert again.status_code == 409 and "Ada Berg has handled this request" in text_of(again.get_data(as_text=True))
    rejected = here.sends(f"companies/requests/{one}/reject", reason="No")
    assert rejected.status_code == 409 and mails(app, "guest_rejected") == []
    handled = here.reads("companies/requests?state=handled")
    assert "Trygve Hagen" in handled and "asks for Onix Express" not in here.reads("")
    assert "Approved" in here.reads(f"companies/requests/{one}?state=handled")
    assert "approved a request for Express access" in here.reads("audit")


def test_a_company_is_created_in_place_and_requests_are_rejected(app: Any, world: Any, here: Desk) -> None:
    one = request(app, here, "s@y.example", company_name="Fjordmaskin", company_number="")
    page = here.client.get(here.path(f"companies/requests/{one}")).get_data(as_text=True)
    assert "No company looks like it" in text_of(page)
    form = form_with(page, "organization_number")
    assert form.fields["name"] == "Fjordmaskin"
    wrong = here.client.post(form.action, data=form.filled(organization_number="123456786"))
    assert wrong.status_code == 400 and "fit together" in wrong.get_data(as_text=True)
    made = here.client.post(form.action, data=form.filled())
    assert made.status_code == 303
    page = here.client.get(made.headers["Location"]).get_data(as_text=True)
    approve = form_with(page, "company")
    assert approve.fields["company"] == made.headers["Location"].rpartition("=")[2]
    found = here.client.get(here.path(f"companies/requests/{one}?q=nothing")).get_data(as_text=True)
    assert "Nothing was found." in found
    assert here.client.get(here.path(f"companies/requests/{one}?company=x&q=%00")).status_code == 200

    empty = here.sends(f"companies/requests/{one}/reject", reason="  ")
    assert empty.status_code == 400 and "the person reads it" in text_of(empty.get_data(as_text=True))
    long = here.sends(f"companies/requests/{one}/reject", reason="x" * 501)
    assert long.status_code == 400
    assert here.sends(f"companies/requests/{one}/reject", reason="We know\nno such <b>company</b>.").status_code == 303
    assert mails(app, "guest_rejected") == ["s@y.example"]
    assert world.get(GuestRequest, one).outcome == "rejected"
    assert here.sends(f"companies/requests/{one}/reject", reason="No").status_code == 409
    elsewhere = desk(app, world, "other", "account:companies.manage")
    world.license(elsewhere.organization_id, "express:standard", seats=0)
    assert elsewhere.client.get(elsewhere.path(f"companies/requests/{one}")).status_code == 404
    assert elsewhere.sends(f"companies/requests/{one}/reject", reason="No").status_code == 404


def test_what_stands_against_an_approval_is_told(app: Any, world: Any, here: Desk, company: str) -> None:
    """No place, a user already, an open invitation (sent again), a Work customer: the request stays."""
    for _ in range(24):
        world.member(here.organization_id, type="express", company_id=company)
    user = world.member(here.organization_id, type="express", company_id=company, email="u@x.example",
                        email_normalized="u@x.example")  # fmt: skip
    cases = {"n@x.example": "There is no place left.", "u@x.example": "is a user for"}
    for address, words in cases.items():
        one = request(app, here, address)
        answer = here.sends(f"companies/requests/{one}/approve", company=company)
        assert answer.status_code == 409 and words in text_of(answer.get_data(as_text=True))
        assert world.get(GuestRequest, one).decided_at is None
    assert mails(app) == []
    world.change(Member, user, status="disabled")
    waits = world.member(here.organization_id, type="express", company_id=company, status="contact",
                         email="w@x.example", email_normalized="w@x.example")  # fmt: skip
    world.invitation(waits)
    one = request(app, here, "w@x.example")
    assert here.sends(f"companies/requests/{one}/approve", company=company).status_code == 303
    assert mails(app) == ["w@x.example"]
    with app.app_context():
        assert db.session.scalars(db.select(Invitation.generation)).all() == [2]


@pytest.mark.parametrize(
    "typed", ["Kari\r\nBcc: all@x.example", "<a href=//evil.example>click</a>", "https://evil.example"]
)
def test_names_are_text_wherever_they_go(app: Any, world: Any, here: Desk, typed: str) -> None:
    """One recipient, no header of somebody else's, markup as text; also in the names of companies and suppliers."""
    from idp.outbox import mails as words

    answer = here.sends("companies/new", name=typed)
    company = answer.headers["Location"].rpartition("/")[2]
    here.sends(f"companies/{company}/many", ok="1", name=[typed], email=["kari@x.example"])
    with app.app_context():
        (delivery,) = db.session.scalars(db.select(Delivery).where(Delivery.kind == "invitation"))
        message = words.compose(delivery)
        assert message is not None and message.recipients == ["kari@x.example"] and not message.has_bad_headers()
        assert "\n" not in message.subject
        assert message_from_string(str(message)).get("Bcc") is None
        assert "<a href=//evil" not in message.html
        assert message.html.count("<a ") == 2, "only the link of the invitation, as a button and spelled out"
    page = here.client.get(here.path(f"companies/{company}")).get_data(as_text=True)
    assert "<a href=//evil" not in page
