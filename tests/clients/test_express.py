"""Onix Express: whose documents are open, decided from the token alone; how they are served; what is written down."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from clients.express import data
from clients.express.paper import Page, pdf
from clients.express.reach import Reach, reach_of
from clients.express.samples import picture
from clients.relying_party.access import Granted
from tests.clients.conftest import Browser
from tests.clients.issuer import Issuer
from tests.support.forms import text_of

GUEST = {"member_type": "express", "company_id": "company-1", "company_name": "Havgap Rederi AS"}
PDF = pdf([Page()], "A certificate")


@pytest.fixture(autouse=True)
def customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's samples, for two customers of the supplier `org-1` and one of another supplier."""
    told = {
        "org-1": {"company-1": "Havgap Rederi AS", "company-2": "Bølgen Entreprenør AS"},
        "org-2": {"company-3": "X"},
    }
    file = tmp_path / "customers.json"
    file.write_text(json.dumps(told))
    monkeypatch.setenv("RP_SAMPLES", str(file))
    monkeypatch.setenv("RP_DELIVERIES", str(tmp_path / "deliveries"))


def documents(page: Any) -> list[str]:
    """Ids of the documents in a list, in its order."""
    return re.findall(r'href="/documents/([0-9a-f]+)"', page.text)


def all_rows(browser: Browser, select: str) -> list[Any]:
    with sqlite3.connect(browser.app.extensions["onix_settings"].database) as connection:
        return connection.execute(select).fetchall()


def be(issuer: Issuer, **claims: Any) -> None:
    """The next token says so; None takes a claim away."""
    organization = {**issuer.organization, **claims}
    issuer.organization = {name: value for name, value in organization.items() if value is not None}


@pytest.mark.parametrize(
    ("member_type", "company_id", "privileges", "expected"),
    [
        ("employee", None, {data.KINDS[0]}, None),
        ("employee", None, {"express:documents.read"}, Reach("org-1", None)),
        ("express", "company-1", {"express:documents.read"}, Reach("org-1", "company-1")),
        ("express", "company-1", {"express:access"}, None),
        ("express", None, {"express:documents.read"}, None),
        ("employee", "company-1", {"express:documents.read"}, None),
        ("bidder", None, {"express:documents.read"}, None),
        ("consultant", "company-1", {"express:documents.read"}, None),
        ("superuser", None, {"express:documents.read"}, None),
    ],
)
def test_whose_documents_are_open(
    member_type: str, company_id: str | None, privileges: set[str], expected: Reach | None
) -> None:
    access = Granted(
        account_id="a", member_id="m", member_type=member_type, organization_id="org-1", organization_name="Fjord",
        company_id=company_id, company_name=None, roles=(), entitlements=(), privileges=frozenset(privileges),
        edition=None, license_ends_at=None, expires_at=0,
    )  # fmt: skip
    assert reach_of(access) == expected


def test_a_guest_reads_its_own_company_and_nothing_else(express: Browser, issuer: Issuer) -> None:
    """The supplier's employee sees all, the guest its own part; everything else is not there, whatever the reason."""
    express.sign_in()
    everything = documents(express.get("/"))
    assert len(everything) == 18
    be(issuer, **GUEST)
    express.sign_in()
    page = express.get("/")
    own = documents(page)
    assert len(own) == 9 and set(own) < set(everything)
    assert "Documents for Havgap Rederi AS" in page.text and "Bølgen" not in page.text
    company = {
        id_: (supplier, company)
        for id_, supplier, company in all_rows(express, "SELECT id, supplier_id, company_id FROM document")
    }
    assert {company[id_] for id_ in own} == {("org-1", "company-1")}

    foreign = next(id_ for id_ in everything if id_ not in own)
    be(issuer, **{**GUEST, "org_id": "org-2", "org_name": "Vest Kontroll AS", "company_id": "company-3"})
    express.sign_in()
    assert not set(documents(express.get("/"))) & set(everything)
    for path in ("/documents/{}", "/documents/{}/file", "/documents/{}/file?download=1"):
        answers = [express.get(path.format(id_)) for id_ in (foreign, own[0], "0" * 32, "x", "%27")]
        assert {answer.status_code for answer in answers} == {404}
        assert len({re.sub(r"/documents/[^\"?]*", "", answer.text) for answer in answers}) == 1
    assert all_rows(express, "SELECT count(*) FROM opening") == [(0,)]


def test_the_claims_are_asked_again_when_they_change(express: Browser, issuer: Issuer, later: Any) -> None:
    """Another company at the next refresh: what was open a moment ago is gone."""
    be(issuer, **GUEST)
    issuer.lifetime = 1
    express.sign_in()
    mine = documents(express.get("/"))[0]
    assert express.get(f"/documents/{mine}").status_code == 200
    be(issuer, company_id="company-2", company_name="Bølgen Entreprenør AS")
    issuer.lifetime = 300
    later(2)
    assert express.get(f"/documents/{mine}/file").status_code == 404
    assert "Documents for Bølgen" in express.get("/").text


@pytest.mark.parametrize(
    "claims", [{"company_id": None}, {"member_type": "bidder"}, {"privileges": ["express:access"]}]
)
def test_access_without_anything_to_read(express: Browser, issuer: Issuer, claims: dict[str, Any]) -> None:
    express.sign_in()
    one = documents(express.get("/"))[0]
    be(issuer, **{**GUEST, **claims})
    express.sign_in()
    page = express.get("/")
    assert page.status_code == 200 and documents(page) == []
    assert "but not to its documents" in page.text
    expected = 403 if claims.get("privileges") else 404
    for path in (f"/documents/{one}", f"/documents/{one}/file", "/log"):
        assert express.get(path).status_code == expected, path


def test_a_document_is_served_as_what_it_is(express: Browser, issuer: Issuer) -> None:
    """The type of its bytes, nosniff, and a policy under which nothing runs; only its own page may frame it."""
    express.sign_in()
    kinds = dict(all_rows(express, "SELECT id, media_type FROM document")) or {}
    express.get("/")
    kinds = dict(all_rows(express, "SELECT id, media_type FROM document"))
    assert set(kinds.values()) == {"application/pdf", "image/png", "image/jpeg"}
    for id_, media_type in list(kinds.items())[:3]:
        for query, how in (("", "inline"), ("?download=1", "attachment")):
            answer = express.get(f"/documents/{id_}/file{query}")
            assert answer.status_code == 200 and answer.mimetype == media_type
            head = answer.headers
            assert head["X-Content-Type-Options"] == "nosniff" and head["Cache-Control"] == "no-store"
            assert head["Content-Disposition"].startswith(how) and '"' in head["Content-Disposition"]
            assert (
                "default-src 'none'" in head["Content-Security-Policy"]
                and "script" not in head["Content-Security-Policy"]
            )
            assert "frame-ancestors 'self'" in head["Content-Security-Policy"]
            assert head["Cross-Origin-Resource-Policy"] == "same-origin"
        page = express.get(f"/documents/{id_}")
        policy = page.headers["Content-Security-Policy"]
        assert "frame-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert ("<iframe" in page.text) == (media_type == "application/pdf")
    assert "frame-src" not in express.get("/").headers["Content-Security-Policy"]


def test_search(express: Browser) -> None:
    express.sign_in()
    assert len(documents(express.get("/?q=overhead+crane"))) == 6
    assert len(documents(express.get("/?q=CRANE&kind=certificate"))) == 2
    assert len(documents(express.get("/?q=crane&kind=certificate&company=company-2"))) == 1
    number = re.search(r"C-\d{4}-\w+", express.get("/?kind=certificate").text)
    assert number is not None and len(documents(express.get(f"/?q={number[0]}"))) == 1
    for nothing in ("q=%25", "q=_", "q=%5C", "q='", "q=nobody", "company=company-3", "q=" + "x" * 5000):
        page = express.get(f"/?{nothing}")
        assert page.status_code == 200 and documents(page) == [], nothing
    assert len(documents(express.get("/?kind=nonsense&page=x"))) == 18
    assert documents(express.get("/?page=999999")) == []


def test_what_was_opened_is_written_down(express: Browser, issuer: Issuer) -> None:
    """Once for a look and once for a download; the supplier reads all of it, a guest its own."""
    be(issuer, **GUEST)
    express.sign_in()
    one, two = documents(express.get("/"))[:2]
    express.client.head(f"/documents/{one}/file", base_url="http://localhost:8001")
    assert all_rows(express, "SELECT count(*) FROM opening") == [(0,)], "nobody saw anything"
    for path in (
        f"/documents/{one}/file",
        f"/documents/{one}/file",
        f"/documents/{one}/file?download",
        f"/documents/{two}/file",
    ):
        assert express.get(path).status_code == 200
    assert all_rows(express, "SELECT how, count(*) FROM opening GROUP BY how") == [("downloaded", 1), ("opened", 2)]
    assert documents(express.get("/log")) == [two, one, one]

    issuer.sub = "person-2"
    express.sign_in()
    assert documents(express.get("/log")) == [], "a colleague's reading is the colleague's"
    be(issuer, member_type="employee", company_id=None, company_name=None)
    express.sign_in()
    page = express.get("/log")
    assert documents(page) == [two, one, one] and "Kari Nordmann" in page.text and "Havgap Rederi AS" in page.text
    assert documents(express.get("/log?company=company-2")) == []
    be(issuer, org_id="org-2", org_name="Vest Kontroll AS")
    express.sign_in()
    assert documents(express.get("/log")) == []


def test_one_click_to_another_supplier(express: Browser, issuer: Issuer) -> None:
    """Where the person has been stands on the page; what is asked is the provider's to answer."""
    be(issuer, **GUEST)
    express.sign_in()
    express.get("/")
    be(issuer, org_id="org-2", org_name="Vest Kontroll AS", company_id="company-3")
    express.sign_in()
    page = express.get("/").text
    assert 'href="/login?organization=org-1"' in page and "Fjord" not in text_of(page).split("Your suppliers")[0]
    asked = express.get("/login?organization=org-1").location
    assert "organization=org-1" in asked
    issuer.sub = "person-2"
    express.sign_in()
    assert "organization=org-1" not in express.get("/").text


@pytest.mark.parametrize("name", ["fjord-inspection", 'x"><script>alert(1)</script>', "", "A B/../?&=#"])
def test_the_button_for_a_suppliers_site(express: Browser, name: str) -> None:
    """A plain link that begins a sign-in for that supplier, whatever is typed; open to everybody."""
    page = express.get("/button", query_string={"organization": name})
    assert page.status_code == 200 and "<script>" not in page.text
    link = re.search(
        r"http://localhost:8001/login\?organization=([a-z0-9-]*)&#34;|http://localhost:8001/login\?organization=([a-z0-9-]*)\"",
        page.text,
    )
    assert link is not None
    if name == "fjord-inspection":
        asked = express.get("/login?organization=fjord-inspection")
        assert asked.status_code == 303 and "organization=fjord-inspection" in asked.location


def deliver(tmp_path: Path, name: str = "org-1.1.json", content: bytes = PDF, **changes: Any) -> Path:
    folder = tmp_path / "deliveries"
    folder.mkdir(exist_ok=True)
    told = {
        "company_id": "company-1", "company_name": "Havgap", "number": "W-1", "title": "Report: hook",
        "kind": "report", "equipment": "Hook", "issued_at": 1_700_000_000, "media_type": "application/pdf",
        "content": base64.b64encode(content).decode(), **changes,
    }  # fmt: skip
    file = folder / name
    file.write_text(json.dumps(told))
    return file


def test_a_delivery_arrives_once(express: Browser, issuer: Issuer, tmp_path: Path) -> None:
    good = deliver(tmp_path)
    other = deliver(tmp_path, "org-2.1.json", company_id="company-3")
    be(issuer, **GUEST)
    express.sign_in()
    assert len(documents(express.get("/?q=W-1"))) == 1
    assert not good.exists() and other.exists(), "each supplier's are taken when that supplier is opened"
    deliver(tmp_path)
    assert len(documents(express.get("/?q=W-1"))) == 1, "the same number is the same document"
    assert good.with_suffix(".refused").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"content": b"<html><script>alert(1)</script>"},
        {"content": b""},
        {"content": PDF, "media_type": "image/png"},
        {"content": picture("x", "PNG")},
        {"kind": "program"},
        {"number": ""},
        {"title": ["a"]},
        {"issued_at": "soon"},
        {"company_id": None},
    ],
)
def test_a_delivery_that_does_not_fit_is_put_aside(express: Browser, tmp_path: Path, changes: dict[str, Any]) -> None:
    content = changes.pop("content", PDF)
    file = deliver(tmp_path, content=content, **changes)
    express.sign_in()
    assert len(documents(express.get("/"))) == 18
    assert not file.exists() and file.with_suffix(".refused").exists()


def test_nothing_comes_from_nowhere(express: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the demo's setting there are no samples."""
    monkeypatch.delenv("RP_SAMPLES")
    express.sign_in()
    assert "No documents have been delivered here yet." in express.get("/").text
