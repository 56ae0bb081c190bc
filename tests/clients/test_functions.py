"""What the applications do: each function acts, is read-only, or is absent, by privileges; a POST without is 403."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from typing import Any

import pytest

from clients.express.words import NB as EXPRESS_NB
from clients.oneoffice.words import NB as ONEOFFICE_NB
from clients.pick_and_pack.words import NB as PICK_AND_PACK_NB
from clients.relying_party import words
from clients.tag.words import NB as TAG_NB
from clients.work.words import NB as WORK_NB
from tests.clients.conftest import BASE, Browser
from tests.clients.issuer import Issuer, deny


def rows(browser: Browser, table: str) -> list[Any]:
    with sqlite3.connect(browser.app.extensions["onix_settings"].database) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def first_id(browser: Browser, table: str, where: str) -> str:
    with sqlite3.connect(browser.app.extensions["onix_settings"].database) as connection:
        return str(connection.execute(f"SELECT id FROM {table} WHERE {where} ORDER BY id").fetchone()[0])


def hold(issuer: Issuer, *privileges: str) -> None:
    issuer.organization = {**Issuer().organization, "privileges": list(privileges)}


READS = ("tag:access", "tag:equipment.read", "tag:tag.read", "tag:print.read")


def test_tag_acts(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    token = tag.csrf()
    form = {"csrf_token": token, "number": "E-2000", "name": "Hook <b>", "location": "Quay"}
    assert tag.post("/equipment", form).status_code == 303
    assert "Hook &lt;b&gt;" in tag.get("/").text
    id_ = first_id(tag, "equipment", "number = 'E-2000'")
    assert tag.get(f"/equipment/{id_}/label").status_code == 404, "no tag, no label"
    assert tag.post(f"/equipment/{id_}/tag", {"csrf_token": token}).location == "/?done=tagged"
    assert tag.post(f"/equipment/{id_}/tag", {"csrf_token": token}).location == "/?done=already"
    assert tag.get(f"/equipment/{id_}/label").status_code == 200
    assert tag.post(f"/equipment/{id_}/label", {"csrf_token": token}).status_code == 303
    assert "Printed once" in tag.get(f"/equipment/{id_}/label?printed=1").text


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"number": "", "name": "x", "location": "y"}, 422),
        ({"number": "  ", "name": "x", "location": "y"}, 422),
        ({"number": "n" * 41, "name": "kept text", "location": "y"}, 422),
        ({"number": "E-1001", "name": "kept text", "location": "y"}, 409),
    ],
)
def test_bad_equipment_changes_nothing_and_keeps_what_was_typed(
    tag: Browser, form: dict[str, str], status: int
) -> None:
    tag.sign_in()
    token, before = tag.csrf(), rows(tag, "equipment")
    for language in ("en", "nb"):
        answer = tag.post(f"/equipment?lang={language}", {"csrf_token": token, **form})
        assert answer.status_code == status
        assert 'aria-invalid="true"' in answer.text and f'value="{form["name"]}"' in answer.text
    assert rows(tag, "equipment") == before


POSTS = ("/equipment", "/equipment/{id}/tag", "/equipment/{id}/label")


@pytest.mark.parametrize("post", POSTS)
@pytest.mark.parametrize("with_token", [True, False])
def test_reader_of_tag_reads_only(tag: Browser, issuer: Issuer, post: str, with_token: bool) -> None:
    hold(issuer, *READS)
    tag.sign_in()
    page = tag.get("/")
    assert "Chain hoist" in page.text and "Read only" in page.text
    assert "<form" not in page.text and "Register" not in page.text
    tagged = first_id(tag, "equipment", "tag IS NOT NULL")
    label = tag.get(f"/equipment/{tagged}/label")
    assert label.status_code == 200 and "Print label" not in label.text
    before = rows(tag, "equipment")
    form = {"number": "X", "name": "X", "location": "X"}
    if with_token:
        form["csrf_token"] = tag.csrf("/logout")
    untagged = first_id(tag, "equipment", "tag IS NULL")
    answer = tag.post(post.replace("{id}", tagged if "label" in post else untagged), form)
    assert answer.status_code == 403
    assert rows(tag, "equipment") == before


def test_without_any_privilege_a_function_is_not_there(tag: Browser, issuer: Issuer) -> None:
    hold(issuer, "tag:access")
    tag.sign_in()
    page = tag.get("/")
    assert page.status_code == 200 and "Chain hoist" not in page.text and "<table" not in page.text
    assert tag.get(f"/equipment/{first_id(tag, 'equipment', 'tag IS NOT NULL')}/label").status_code == 403


@pytest.mark.parametrize("post", POSTS)
def test_denied_and_signed_out_people_change_nothing(tag: Browser, issuer: Issuer, post: str) -> None:
    tag.sign_in()
    tag.get("/")
    post, before = post.replace("{id}", first_id(tag, "equipment", "1")), rows(tag, "equipment")
    assert Browser(tag.app, issuer).post(post).status_code == 303
    issuer.organization = deny("license_missing")
    tag.sign_in()
    assert tag.post(post, {"csrf_token": tag.csrf("/logout")}).status_code == 403
    assert rows(tag, "equipment") == before


def test_forms_carry_their_proof(tag: Browser) -> None:
    tag.sign_in()
    tag.get("/")
    before = rows(tag, "equipment")
    for token in ({}, {"csrf_token": "made-up"}):
        answer = tag.post("/equipment", {"number": "X", "name": "X", "location": "X", **token})
        assert answer.status_code == 400 and "This form has expired" in answer.text
    assert rows(tag, "equipment") == before


def test_organizations_never_see_each_others_data(tag: Browser, issuer: Issuer) -> None:
    tag.sign_in()
    tag.post("/equipment", {"csrf_token": tag.csrf(), "number": "ONLY-OURS", "name": "X", "location": "X"})
    ours = first_id(tag, "equipment", "number = 'ONLY-OURS'")
    issuer.organization = {**issuer.organization, "org_id": "org-2", "org_name": "Breim Kran AS"}
    tag.sign_in()
    page = tag.get("/")
    assert "ONLY-OURS" not in page.text and "Chain hoist" in page.text
    token, before = tag.csrf(), rows(tag, "equipment")
    assert tag.post(f"/equipment/{ours}/tag", {"csrf_token": token}).status_code == 404
    assert tag.post(f"/equipment/{ours}/label", {"csrf_token": token}).status_code == 404
    assert tag.get(f"/equipment/{ours}/label").status_code == 404
    assert rows(tag, "equipment") == before


@pytest.mark.parametrize("page", ["-1", "0", "99999999999999999999999", "x", "2"])
def test_any_page_number_answers(tag: Browser, page: str) -> None:
    tag.sign_in()
    assert tag.get(f"/?page={page}").status_code == 200


# Onix Pick and Pack


def order(browser: Browser, status: str) -> str:
    return first_id(browser, "orders", f"status = '{status}'")


def test_orders_move_one_step_at_a_time(pick_and_pack: Browser, issuer: Issuer) -> None:
    issuer.organization["privileges"].append("pickandpack:ship.write")
    pick_and_pack.sign_in()
    token = pick_and_pack.csrf()
    id_ = order(pick_and_pack, "new")

    def status() -> str:
        return str(next(row for row in rows(pick_and_pack, "orders") if row[0] == id_)[5])

    def post(step: str) -> Any:
        return pick_and_pack.post(f"/orders/{id_}/{step}", {"csrf_token": token})

    for step in ("pack", "ship"):
        assert post(step).location == "/?done=late" and status() == "new"
    for step, after in (("pick", "picked"), ("pack", "packed"), ("ship", "shipped")):
        assert post(step).location == f"/?done={step}" and status() == after
        assert post(step).location == "/?done=late" and status() == after
    for step in ("pick", "pack", "ship"):
        assert pick_and_pack.post(f"/orders/none/{step}", {"csrf_token": token}).status_code == 404


def test_a_step_without_its_privilege_is_refused(pick_and_pack: Browser, issuer: Issuer) -> None:
    pick_and_pack.sign_in()
    page = pick_and_pack.get("/").text
    assert 'aria-label="Pick order 5001"' in page and 'aria-label="Pack order 5003"' in page
    assert 'aria-label="Ship order' not in page and "Ship orders: read only" in page
    before = rows(pick_and_pack, "orders")
    packed = order(pick_and_pack, "packed")
    assert pick_and_pack.post(f"/orders/{packed}/ship", {"csrf_token": pick_and_pack.csrf()}).status_code == 403
    assert pick_and_pack.post(f"/orders/{packed}/ship").status_code == 403
    assert rows(pick_and_pack, "orders") == before


def test_reader_of_pick_and_pack_reads_only(pick_and_pack: Browser, issuer: Issuer) -> None:
    issuer.organization["privileges"] = [
        "pickandpack:access", "pickandpack:orders.read", "pickandpack:pick.read"
    ]  # fmt: skip
    pick_and_pack.sign_in()
    page = pick_and_pack.get("/").text
    assert "Havn &amp; Last" in page and "<form" not in page and "Pick orders: read only" in page
    assert 'data-step="ship"' not in page, "a function without any privilege is not there"
    for step, status in (("pick", "new"), ("pack", "picked"), ("ship", "packed")):
        assert pick_and_pack.post(f"/orders/{order(pick_and_pack, status)}/{step}").status_code == 403


def test_an_app_opens_on_its_own_privilege_only(pick_and_pack: Browser, issuer: Issuer) -> None:
    issuer.organization["privileges"] = ["tag:access", "pickandpack:orders.read"]
    pick_and_pack.sign_in()
    page = pick_and_pack.get("/")
    assert page.status_code == 403 and 'data-code="privilege_missing"' in page.text


# both languages, all texts


def test_every_text_of_every_page_is_translated() -> None:
    root = words.__file__.rsplit("/relying_party/", 1)[0]
    from pathlib import Path

    known = {**words.NB, **TAG_NB, **PICK_AND_PACK_NB, **ONEOFFICE_NB, **EXPRESS_NB, **WORK_NB}
    missing: set[str] = set()
    for file in (*Path(root).rglob("*.html"), *Path(root).rglob("*.py")):
        if "desktop" in file.parts:
            continue
        text = file.read_text()
        for quote, sentence in re.findall(r"""\bt\((['"])(.+?)\1[,)]""", text) if file.suffix == ".html" else []:
            del quote
            if sentence not in (words.NB if "relying_party" in file.parts else known):
                missing.add(sentence)
    assert not missing
    for product in (
        "clients.tag.app",
        "clients.pick_and_pack.app",
        "clients.oneoffice.app",
        "clients.express.app",
        "clients.work.app",
    ):
        described = __import__(product, fromlist=["product"]).product()
        for sentence in (described.slogan, described.pitch, *described.points):
            assert sentence in described.translations
    roles = tomllib.loads((Path(root).parent / "config" / "catalog.toml").read_text())["roles"]
    assert {name: role["nb"] for name, role in roles.items() if role["nb"] != name} == words.ROLES


@pytest.mark.parametrize("app", ["tag", "pick_and_pack", "oneoffice", "express", "work"])
def test_every_page_in_norwegian(app: str, request: pytest.FixtureRequest, issuer: Issuer, later: Any) -> None:
    browser: Browser = request.getfixturevalue(app)
    for path in (
        "/?lang=nb",
        "/windows",
        "/nowhere",
        "/callback?state=x",
        "/login?iss=x",
        "/login?target_link_uri=//x",
    ):
        page = browser.get(path)
        assert 'lang="nb"' in page.text and "Norsk bokmål" in page.text
    browser.sign_in()
    for path in ("/", "/logout", "/windows", "/?done=tagged", "/?done=late"):
        assert 'lang="nb"' in browser.get(path).text
    assert browser.post("/logout").status_code == 400
    issuer.organization = deny("license_missing")
    browser.sign_in()
    assert "Du har ikke tilgang til Nordic Lift AS fra denne appen." in browser.get("/").text
    issuer.stop()
    later(400)
    assert "Innloggingstjenesten svarer ikke" in browser.get("/").text


def test_windows_application_is_offered(tag: Browser) -> None:
    assert "/windows" in tag.get("/").text
    download = tag.get("/windows/onix-tag.pyz")
    assert download.status_code == 200 and download.data[:2] == b"PK"
    assert "attachment" in download.headers["Content-Disposition"]
    assert tag.get("/windows/other.pyz").status_code == 404
    assert tag.get(f"{BASE}/windows").status_code == 200
