"""People from a table and the list as a table: encodings, separators, every row by itself, and nothing twice."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from idp.kernel.database import db
from idp.kernel.refusal import Refusal
from idp.organization_admin.views.people import sheet as sheets
from idp.organization_admin.views.people import table as people_table
from idp.organizations.models import Invitation, Member, MemberRole
from tests.organization_admin.people import Desk, desk
from tests.support.databases import one_database
from tests.support.forms import form_with, text_of

TABLE = """Fornavn;Etternavn;E-post;Telefon;Språk;Tilstand;Roller;Avdeling
Kåre;Ødegård;Kåre@BØLGEN.no;22 33 44 55;norsk;Aktiv;Lift inspector;Vest
Kari;;kari@work.example;;;Inviter;;
Per;Kontakt;;;;;;
Kåre;Ødegård;kåre@xn--blgen-vua.no;;;;Kontrollør;
Bad;Address;not-an-address;;;;;
No;Address;;;;Aktiv;;
Wrong;Role;w@work.example;;;Aktiv;King of lifts;
Role;Contact;c@work.example;;;Kun kontakt;Kontrollør;
"""


def sends(here: Desk, data: bytes | None = None, **values: Any) -> Any:
    """Uploads a file, as a browser does."""
    fields: dict[str, Any] = {"csrf_token": here.token, **values}
    if data is not None:
        fields["file"] = (io.BytesIO(data), "people.csv")
    return here.client.post(here.path("people/import"), data=fields, content_type="multipart/form-data")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(encoding: str, separator: str) -> None:
    text = TABLE.replace(";", separator).replace("\n", "\r\n")
    sheet = sheets.read(sheets.decode(text.encode(encoding)))
    assert len(sheet.rows) == 8 and sheet.unread == ("Avdeling",)
    assert sheet.rows[0].values["family_name"] == "Ødegård" and sheet.rows[0].number == 2
    again = sheets.read(sheet.text(sheet.rows[2:4]))
    assert [row.cells for row in again.rows] == [row.cells for row in sheet.rows[2:4]]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b"\n \n", "file_empty"),
        (b"just a line of words\n", "header_missing"),
        (b"PK\x03\x04\x00\x00\x81\x8d", "file_unreadable"),
        (b'First name,E-mail\n"Kari,kari@x.no' + b"x" * 140_000, "file_unreadable"),
        (b"First name\n" + b"a\n" * 5_001, "too_many_rows"),
        (b"First name\n" + b"a" * 1_000_000, "file_too_large"),
        (b"\xff\xfeF\x00\xd8", "file_unreadable"),
    ],
)
def test_what_is_no_table_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        sheets.read(sheets.decode(data))
    assert refused.value.code == code


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        sheets.read(sheets.decode(b"E-mail,First name\n" + data))
        sheets.read(sheets.decode(data))
    except Refusal:
        pass


def test_a_table_is_looked_at_and_then_imported(app: Any, world: Any) -> None:
    """Nothing is written before it is confirmed; good rows go, bad rows stay with the reason; again changes nothing."""
    from idp.kernel.database import unit_of_work
    from idp.organizations import service
    from idp.organizations.catalog import current_catalog

    with app.app_context(), unit_of_work():
        service.sync_system_roles(current_catalog())
    here = desk(app, world)
    role = world.role(here.organization_id, {"tag:access"}, name="Lift inspector")
    seen = sends(here, TABLE.encode("cp1252"))
    page = seen.get_data(as_text=True)
    text = text_of(page)
    assert seen.status_code == 200 and "Import 3 rows" in page and "not read: Avdeling" in text
    for words in ("The same person as on line 2", "Enter an e-mail address", "need an e-mail address",
                  "There is no role named King of lifts.", "A contact has no role"):  # fmt: skip
        assert words in text, words
    assert people(app) == 1, "nothing is written before it is confirmed"
    form = form_with(page, "text")
    done = sends(here, **form.filled(**{"import": "1"}))
    page = done.get_data(as_text=True)
    assert done.status_code == 200 and "3 rows were imported." in page and "4 rows were not imported" in page
    stays = form_with(page, "text").fields["text"]
    assert [line.partition(";")[0] for line in stays.splitlines()] == ["Fornavn", "Bad", "No", "Wrong", "Role"]
    assert people(app) == 4
    with app.app_context():
        kåre = db.session.scalars(select(Member).where(Member.given_name == "Kåre")).one()
        assert (kåre.status, kåre.phone_number, kåre.language) == ("active", "+4722334455", "nb")
        held = set(db.session.scalars(select(MemberRole.role_id).where(MemberRole.member_id == kåre.id)))
        assert role in held and len(held) == 2, "both rows of one person count"
        assert db.session.scalar(select(func.count()).select_from(Invitation)) == 1
        before = {member.id: member.version for member in db.session.scalars(select(Member))}
    again = text_of(sends(here, TABLE.encode("utf-16")).get_data(as_text=True))
    assert "There is nothing to import." in again
    forced = sends(here, TABLE.encode(), **{"import": "1"})
    assert "0 rows were imported." in forced.get_data(as_text=True)
    with app.app_context():
        assert {member.id: member.version for member in db.session.scalars(select(Member))} == before
        assert db.session.scalar(select(func.count()).select_from(Invitation)) == 1
    completed = sends(here, text="E-mail,First name,Last name,Phone,State\nkari@work.example,Karin,Nord,22334455,\n",
                      **{"import": "1"})  # fmt: skip
    assert completed.status_code == 303
    with app.app_context():
        kari = db.session.scalars(select(Member).where(Member.email == "kari@work.example")).one()
        assert (kari.given_name, kari.family_name, kari.phone_number) == ("Kari", "Nord", "+4722334455")


def people(app: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Member)) or 0


@one_database
def test_large_tables_are_imported_in_turns(app: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_table, "MOST", 3)
    here = desk(app, world)
    table = "First name,E-mail\n" + "".join(f"P{number},p{number}@work.example\n" for number in range(7))
    answer = sends(here, table.encode(), **{"import": "1"})
    for left in (4, 1):
        page = answer.get_data(as_text=True)
        assert f"{left} row{'s are' if left > 1 else ' is'} left for the next turn." in page
        answer = sends(here, **form_with(page, "text").filled(**{"import": "1"}))
    assert answer.status_code == 303 and people(app) == 8
    large = "First name,E-mail\n" + "".join(f"{'Æ' * 90},p{number}@work.example\n" for number in range(5_000))
    assert len(large.encode()) < sheets.MOST_BYTES
    assert "New people 4993" in text_of(sends(here, large.encode()).get_data(as_text=True))
    assert sends(here, large.encode() * 2).status_code == 413
    assert sends(here, b"x" * (people_table.LARGEST + 10)).status_code == 413
    elsewhere = here.client.post(
        here.path("people/new"), data={"csrf_token": here.token, "given_name": "A" * 1_100_000}
    )
    assert elsewhere.status_code == 413, "other forms keep their limits"


@one_database
def test_an_import_asks_for_the_same_privileges(app: Any, world: Any) -> None:
    manager = desk(app, world, "here", "account:people.manage")
    world.role(manager.organization_id, {"tag:access"}, name="Lift inspector")
    table = "First name,E-mail,State,Roles\nKari,kari@work.example,Active,Lift inspector\n"
    assert sends(manager, table.encode(), **{"import": "1"}).status_code == 403
    assert people(app) == 1
    owned = desk(app, world, "connex", directory="connex")
    refused = sends(owned, b"First name\nKari\n", **{"import": "1"})
    assert refused.status_code == 409 and "outside directory" in refused.get_data(as_text=True)


def test_the_list_is_exported_and_can_be_imported_again(app: Any, world: Any) -> None:
    """Streamed, with what the list finds and nothing of what it does not show; no cell is a formula."""
    here = desk(app, world)
    hidden = world.account("secret@private.example", given_name="Truthfully", family_name="Name")
    world.member(here.organization_id, hidden.account_id, given_name='=HYPERLINK("http://evil.example")',
                 family_name="@SUM(1)", email="kari@work.example", email_normalized="kari@work.example",
                 phone_number="+4722334455", search_text="a")  # fmt: skip
    world.member(here.organization_id, given_name="Off", email="off@work.example", status="disabled",
                 email_normalized="off@work.example", search_text="b")  # fmt: skip
    world.member(here.organization_id, given_name="Named", status="contact", search_text="nord named")
    answer = here.client.get(here.path("people/export.csv"))
    data = answer.get_data()
    assert answer.mimetype == "text/csv" and data.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="here-people.csv"'
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert len(rows) == 4 and b"secret@" not in data and b"Truthfully" not in data
    assert rows[0]["First name"].startswith("'=") and rows[0]["Last name"].startswith("'@")
    assert rows[0]["Phone"] == "'+4722334455"
    norsk = here.client.get(here.path("people/export.csv?state=disabled&lang=nb")).get_data(as_text=True)
    assert norsk.splitlines()[0].lstrip("\ufeff").startswith("Fornavn;Etternavn;E-post") and norsk.count("\n") == 2
    here.client.get("/?lang=en")
    seen = sends(here, data)
    text = text_of(seen.get_data(as_text=True))
    assert "There is nothing to import." in text and "Can't be imported 0" in text, text
