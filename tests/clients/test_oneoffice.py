"""OneOffice: which part opens to whom, by privileges; each function acts, is read-only, or is absent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from clients.oneoffice import parts
from clients.oneoffice.app import RECORDS
from clients.oneoffice.bids import kroner
from clients.oneoffice.data.legacy import KINDS
from clients.oneoffice.words import NB
from clients.relying_party import words
from tests.clients.conftest import Browser
from tests.clients.issuer import Issuer, deny
from tests.clients.test_functions import first_id, hold, rows
from tests.support.forms import text_of

TABLES = ("projects", "documents", "folders", "forms", "calls")
OPEN = {
    "site": ("/projects", "/documents"),
    "legacy": ("/archive", "/forms"),
    "bids": ("/bids",),
    "admin": ("/administration",),
}
KNOWN = {**words.NB, **NB}
PATHS = [path for paths in OPEN.values() for path in paths]


def all_rows(browser: Browser) -> dict[str, list[Any]]:
    found = {table: rows(browser, table) for table in TABLES}
    with browser.app.extensions["onix_rp"].store.open() as connection:
        found["bids"] = [tuple(row) for row in connection.execute("SELECT * FROM bids ORDER BY member_id")]
    return found


def navigation(browser: Browser) -> list[str]:
    page = browser.get("/").text
    return re.findall(r'<a href="(/\w+)" data-part', page)


def posts(browser: Browser) -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Every act of each part, with a form that would be accepted."""
    project = first_id(browser, "projects", "status = 'planned'")
    moving = first_id(browser, "projects", "status = 'under way'")
    draft = first_id(browser, "documents", "published_by IS NULL")
    there = first_id(browser, "folders", "taken_by IS NULL")
    away = first_id(browser, "folders", "taken_by IS NOT NULL")
    waiting = first_id(browser, "forms", "handled_by IS NULL")
    call = first_id(browser, "calls", "number = 'K-21'")
    return {
        "site": [
            ("/projects", {"number": "P-1", "name": "A", "customer": "B"}),
            (f"/projects/{project}/start", {}),
            (f"/projects/{moving}/finish", {}),
            ("/documents", {"project": "P-310", "title": "A"}),
            (f"/documents/{draft}/publish", {}),
        ],
        "legacy": [
            (f"/archive/{there}/out", {}),
            (f"/archive/{away}/back", {}),
            ("/forms", {"kind": "leave", "about": "A"}),
            (f"/forms/{waiting}/handle", {}),
        ],
        "bids": [(f"/bids/{call}", {"amount": "125 000"})],
    }


@pytest.mark.parametrize(
    ("held", "extent"),
    [
        ({"site"}, "The site"),
        ({"legacy"}, "The legacy site"),
        ({"site", "legacy"}, "The full site"),
        ({"bids"}, "Bids"),
        ({"admin"}, "Administration"),
        ({"site", "legacy", "admin", "bids"}, "The full site"),
    ],
)
@pytest.mark.parametrize("verbs", [("read",), ("read", "write"), ("write",)])
def test_each_part_opens_by_its_privileges(
    oneoffice: Browser, issuer: Issuer, held: set[str], extent: str, verbs: tuple[str, ...]
) -> None:
    hold(issuer, "oneoffice:access", *(f"oneoffice:{part}.{verb}" for part in held for verb in verbs))
    oneoffice.sign_in()
    expected = [path for part, paths in OPEN.items() for path in paths if part in held]
    assert navigation(oneoffice) == expected
    home = oneoffice.get("/").text
    assert f'id="extent">{extent}<' in home
    assert home.count("Read only") == (len(expected) if verbs == ("read",) else 0)
    for path in PATHS:
        page = oneoffice.get(path)
        assert page.status_code == (200 if path in expected else 403), path
        if path in expected:
            assert 'aria-current="page"' in page.text
            assert ("Read only" in page.text) == (verbs == ("read",))


def test_the_name_of_a_role_opens_nothing(oneoffice: Browser, issuer: Issuer) -> None:
    hold(issuer, "oneoffice:access")
    issuer.organization["roles"] = ["OneOffice", "OneOffice-legacy", "Admin", "Bidder"]
    oneoffice.sign_in()
    page = oneoffice.get("/")
    assert page.status_code == 200 and "but to no part of it" in page.text and navigation(oneoffice) == []
    assert [oneoffice.get(path).status_code for path in PATHS] == [403] * len(PATHS)


def test_every_function_acts_once(oneoffice: Browser, issuer: Issuer) -> None:
    hold(issuer, "oneoffice:access", *(f"oneoffice:{part}.{verb}" for part in OPEN for verb in ("read", "write")))
    oneoffice.sign_in()
    oneoffice.get("/")
    token = oneoffice.csrf("/projects")
    for acts in posts(oneoffice).values():
        for path, form in acts:
            before = all_rows(oneoffice)
            answer = oneoffice.post(path, {"csrf_token": token, **form})
            assert answer.status_code == 303 and "done=late" not in answer.location, path
            assert all_rows(oneoffice) != before, path
            told = oneoffice.get(answer.location).text
            assert 'class="notice"' in told, answer.location
            if not form:
                before = all_rows(oneoffice)
                again = oneoffice.post(path, {"csrf_token": token})
                assert again.location.endswith("done=late") and all_rows(oneoffice) == before, path
                assert "Somebody was faster" in oneoffice.get(again.location).text


@pytest.mark.parametrize("part", ["site", "legacy", "bids"])
@pytest.mark.parametrize("holds", ["read", "nothing", "the other parts"])
@pytest.mark.parametrize("with_token", [True, False])
def test_without_the_privilege_a_post_is_refused(
    oneoffice: Browser, issuer: Issuer, part: str, holds: str, with_token: bool
) -> None:
    others = [f"oneoffice:{name}.{verb}" for name in OPEN if name != part for verb in ("read", "write")]
    held = {"read": [f"oneoffice:{part}.read"], "nothing": [], "the other parts": others}[holds]
    hold(issuer, "oneoffice:access", *held)
    oneoffice.sign_in()
    oneoffice.get("/")
    if holds == "read":
        for path in OPEN[part]:
            page = oneoffice.get(path).text
            assert "Read only" in page and "<form" not in page and "<table" in page
    form = {"csrf_token": oneoffice.csrf("/logout")} if with_token else {}
    before = all_rows(oneoffice)
    for path, values in posts(oneoffice)[part]:
        assert oneoffice.post(path, {**values, **form}).status_code == 403, path
    assert all_rows(oneoffice) == before


def test_denied_and_signed_out_people_change_nothing(oneoffice: Browser, issuer: Issuer) -> None:
    oneoffice.sign_in()
    oneoffice.get("/")
    before = all_rows(oneoffice)
    acts = [act for found in posts(oneoffice).values() for act in found]
    for path, values in acts:
        assert Browser(oneoffice.app, issuer).post(path, values).status_code == 303
    issuer.organization = deny("license_missing")
    oneoffice.sign_in()
    token = oneoffice.csrf("/logout")
    for path, values in acts:
        assert oneoffice.post(path, {"csrf_token": token, **values}).status_code == 403
    for path in ("/", *PATHS):
        page = oneoffice.get(path)
        assert page.status_code == 403 and 'data-code="license_missing"' in page.text and "Ada Berg" in page.text
        assert "The cause." in page.text and "The remedy." in page.text and "data-part" not in page.text
    assert all_rows(oneoffice) == before


@pytest.mark.parametrize("privileges", [("tag:access", "oneoffice:site.read"), ("oneoffice:site.read",), ()])
def test_it_opens_on_its_own_access_only(oneoffice: Browser, issuer: Issuer, privileges: tuple[str, ...]) -> None:
    hold(issuer, *privileges)
    oneoffice.sign_in()
    for path in ("/", "/projects"):
        page = oneoffice.get(path)
        assert page.status_code == 403 and 'data-code="privilege_missing"' in page.text


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/projects", {"number": " ", "name": "kept <text>", "customer": "y"}, 422),
        ("/projects", {"number": "n" * 41, "name": "kept <text>", "customer": "y"}, 422),
        ("/projects", {"number": "P-310", "name": "kept <text>", "customer": "y"}, 409),
        ("/documents", {"project": "P-999", "title": "kept <text>"}, 422),
        ("/documents", {"project": "P-310", "title": ""}, 422),
        ("/forms", {"kind": "marriage", "about": "kept <text>"}, 422),
        ("/forms", {"about": "kept <text>"}, 422),
        ("/forms", {"kind": "leave", "about": "t" * 121}, 422),
        ("/bids/K-21", {"amount": "kept <text>"}, 422),
        ("/bids/K-21", {"amount": "0"}, 422),
        ("/bids/K-21", {"amount": "-5"}, 422),
        ("/bids/K-21", {"amount": "9" * 13}, 422),
        ("/bids/K-21", {"amount": "٣"}, 422),
        ("/bids/K-21", {}, 422),
        ("/bids/K-19", {"amount": "5000"}, 409),
    ],
)
def test_bad_input_changes_nothing_and_keeps_what_was_typed(
    oneoffice: Browser, issuer: Issuer, path: str, form: dict[str, str], status: int
) -> None:
    hold(issuer, "oneoffice:access", *(f"oneoffice:{part}.{verb}" for part in OPEN for verb in ("read", "write")))
    oneoffice.sign_in()
    oneoffice.get("/")
    if path.startswith("/bids/"):
        path = "/bids/" + first_id(oneoffice, "calls", f"number = '{path.removeprefix('/bids/')}'")
    token, before = oneoffice.csrf("/projects"), all_rows(oneoffice)
    for language in ("en", "nb"):
        answer = oneoffice.post(f"{path}?lang={language}", {"csrf_token": token, **form})
        assert answer.status_code == status
        assert 'aria-invalid="true"' in answer.text and 'role="alert"' in answer.text
        if "kept <text>" in form.values():
            assert 'value="kept &lt;text&gt;"' in answer.text
        for sentence in re.findall(r'-error">(.*?) *</p>', answer.text):
            assert sentence in (KNOWN if language == "en" else KNOWN.values())
    assert all_rows(oneoffice) == before


def test_bids_are_sealed(oneoffice: Browser, issuer: Issuer, later: Any) -> None:
    hold(issuer, "oneoffice:access", "oneoffice:bids.read", "oneoffice:bids.write")
    oneoffice.sign_in()
    oneoffice.get("/")
    call = first_id(oneoffice, "calls", "number = 'K-21'")
    for amount in ("125.000", "118 000"):
        oneoffice.post(f"/bids/{call}", {"csrf_token": oneoffice.csrf(f"/bids/{call}"), "amount": amount})
    mine = text_of(oneoffice.get("/bids"))
    assert "118 000 kroner" in mine and "125" not in mine, "a new bid takes the old one's place"

    rival = Browser(oneoffice.app, issuer)
    issuer.sub, issuer.organization = "person-2", {**issuer.organization, "member_id": "member-2"}
    rival.sign_in()
    assert "118" not in text_of(rival.get("/bids")) + text_of(rival.get(f"/bids/{call}"))
    rival.post(f"/bids/{call}", {"csrf_token": rival.csrf(f"/bids/{call}"), "amount": "117000"})
    assert len(all_rows(oneoffice)["bids"]) == 2
    theirs = text_of(rival.get("/bids"))
    assert "117 000 kroner" in theirs and "118" not in theirs


def test_organizations_never_see_each_others_data(oneoffice: Browser, issuer: Issuer) -> None:
    hold(issuer, "oneoffice:access", *(f"oneoffice:{part}.{verb}" for part in OPEN for verb in ("read", "write")))
    oneoffice.sign_in()
    oneoffice.get("/")
    oneoffice.post(
        "/projects", {"csrf_token": oneoffice.csrf("/projects"), "number": "OURS", "name": "X", "customer": "X"}
    )
    ours = {path: values for acts in posts(oneoffice).values() for path, values in acts if path.count("/") > 1}
    issuer.organization = {**issuer.organization, "org_id": "org-2", "org_name": "Breim Kran AS"}
    oneoffice.sign_in()
    assert "OURS" not in text_of(oneoffice.get("/projects"))
    token, before = oneoffice.csrf("/projects"), all_rows(oneoffice)
    for path, values in ours.items():
        assert oneoffice.post(path, {"csrf_token": token, **values}).status_code == 404, path
    draft = {"csrf_token": token, "project": "OURS", "title": "X"}
    assert oneoffice.post("/documents", draft).status_code == 422
    assert all_rows(oneoffice) == before


def test_administration_leads_to_the_records_of_the_provider(oneoffice: Browser, issuer: Issuer) -> None:
    hold(issuer, "oneoffice:access", "oneoffice:admin.read", "oneoffice:admin.write")
    oneoffice.sign_in()
    page = oneoffice.get("/administration").text
    assert f'href="{issuer.issuer}/admin/records/core/user"' in page and f'href="{issuer.issuer}/admin/"' in page
    assert oneoffice.post("/administration").status_code == 405


def test_no_windows_application_is_offered(oneoffice: Browser) -> None:
    assert "/windows" not in oneoffice.get("/").text
    oneoffice.sign_in()
    assert "/windows" not in oneoffice.get("/").text
    assert oneoffice.get("/windows/oneoffice.pyz").status_code == 404


def test_every_word_that_is_looked_up_is_translated() -> None:
    said = {text for page in parts.PAGES for text in (page.label, page.about)} | set(KINDS.values())
    said |= {text for _, label, about in RECORDS for text in (label, about)}
    said |= {parts.extent([parts.Entry(page, True)]) for page in parts.PAGES}
    for file in Path(parts.__file__).parent.rglob("*.html"):
        for table in re.findall(r"{% set \w+ = ({.*?}) %}", file.read_text()):
            said |= set(re.findall(r": '([^']+)'", table))
    assert len(said) > 30 and not {sentence for sentence in said if sentence not in KNOWN}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("125000", 125000),
        ("125 000", 125000),
        ("125\u00a0000", 125000),
        ("1.250", 1250),
        ("", 0),
        ("1,5", 0),
    ],
)
def test_kroner(text: str, number: int) -> None:
    assert kroner(text) == number
