"""Onix Work: the notice on orders and inspections, and the window that invites, by an API that answers as a test says.

The real API answers in tests/journeys/test_documents.py.
"""

from __future__ import annotations

import io
import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from clients.relying_party import provider
from tests.clients.conftest import Browser
from tests.clients.issuer import Issuer

STANDING = {
    "company_id": "c-1", "work_customer": False, "active_users": 0, "open_invitations": 0, "limit": 25, "left": 25,
    "offer_invitations": True,
}  # fmt: skip


class Api:
    """One company, as a test says that it stands; `heard` is what was asked."""

    def __init__(self, issuer: Issuer) -> None:
        self.standing = dict(STANDING)
        self.companies = [{"id": "c-1", "name": "Havgap Rederi AS", "organization_number": "945678901"}]
        self.outcomes: list[str] = []
        self.heard: list[tuple[str, str, Any, dict[str, str]]] = []
        self.refuse: list[tuple[int, str]] = []
        issuer.api = self

    def __call__(self, method: str, path: str, query: Any, body: Any, headers: Any) -> tuple[int, dict[str, Any]]:
        self.heard.append((method, path, body, dict(headers)))
        if self.refuse:
            status, code = self.refuse.pop(0)
            return status, {"code": code, "detail": f"Because {code}."}
        if path == "companies":
            found = [
                one
                for one in self.companies
                if query.get("organization_number", one["organization_number"]) == one["organization_number"]
                and query.get("q", "") in str(one["name"])
            ]
            return 200, {"items": found, "page": 1, "more": False}
        if method == "GET":
            return 200, self.standing
        results = []
        for number, person in enumerate(body["people"], start=1):
            bad = "@" not in person["email"]
            said = self.outcomes.pop(0) if self.outcomes else "invited"
            outcome = {"outcome": "invalid_email" if bad else said, "done": not bad}
            results.append(
                {"row": number, "message": "Bad address." if bad else "", "field": "email" if bad else None, **outcome}
            )
        return 200, {"results": results, "express": self.standing}


@pytest.fixture
def api(issuer: Issuer) -> Api:
    return Api(issuer)


def order_of(browser: Browser, number: str = "2001") -> str:
    with sqlite3.connect(browser.app.extensions["onix_settings"].database) as connection:
        return str(connection.execute("SELECT id FROM orders WHERE number = ?", (number,)).fetchone()[0])


def opened(browser: Browser, number: str = "2001") -> str:
    browser.sign_in()
    browser.get("/")
    return f"/orders/{order_of(browser, number)}"


def window(browser: Browser, address: str) -> dict[str, str]:
    page = browser.get(f"{address}/invite").text
    return {name: re.search(f'name="{name}" value="([^"]+)"', page)[1] for name in ("csrf_token", "key")}  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "offers", "words"),
    [
        ({}, True, "is not an Onix Work customer and has no active Onix Express user"),
        ({"open_invitations": 3, "left": 22}, True, "Invitations that are open: 3"),
        ({"work_customer": True, "left": 0, "offer_invitations": False}, False, "is an Onix Work customer"),
        (
            {"active_users": 2, "left": 23, "offer_invitations": False},
            False,
            "Users: 2. Open invitations: 0. 23 of 25 left.",
        ),
        ({"open_invitations": 25, "left": 0}, False, "0 of 25 left"),
    ],
)
def test_the_notice(work: Browser, api: Api, changes: dict[str, Any], offers: bool, words: str) -> None:
    api.standing |= changes
    page = work.get(opened(work)).text
    assert ('id="offer"' in page) == offers and words in page
    declined = work.get(opened(work) + "?later=1").text
    assert 'id="offer"' not in declined


def test_a_customer_that_is_not_in_companies(work: Browser, api: Api) -> None:
    page = work.get(opened(work, "2004")).text
    assert "not in your Companies" in page and 'id="offer"' not in page
    assert "not in your Companies" in work.get(opened(work, "2004") + "/invite").text
    # By its number, else by its very name; whoever has another number there is somebody else
    api.companies[0]["organization_number"] = None
    assert 'id="offer"' in work.get(opened(work)).text
    api.companies[0]["organization_number"] = "999999999"
    assert "not in your Companies" in work.get(opened(work)).text


def test_good_rows_go_and_bad_ones_stay(work: Browser, api: Api) -> None:
    """Each with its own error; sent again, only what is left is asked, under another key."""
    address = opened(work)
    form = window(work, address)
    names, emails = ["Kari", "", "Ola", "Per"], ["kari@x.example", "", "nonsense", "per@x.example"]
    answer = work.post(f"{address}/invite", {**form, "name": names, "email": emails})
    assert answer.status_code == 422
    assert 'value="nonsense"' in answer.text and 'value="kari@x.example"' not in answer.text
    assert "Bad address." in answer.text and 'aria-invalid="true"' in answer.text
    assert "Invited to Onix Express: 2" in answer.text
    posted = [(body, headers) for method, _, body, headers in api.heard if method == "POST"]
    assert [person["name"] for person in posted[0][0]["people"]] == ["Kari", "Ola", "Per"]
    assert posted[0][1]["Idempotency-Key"] == form["key"]
    key = re.search('name="key" value="([^"]+)"', answer.text)
    assert key is not None and key[1] != form["key"]
    done = work.post(f"{address}/invite", {**form, "key": key[1], "name": ["Ola"], "email": ["ola@x.example"]})
    assert done.status_code == 303 and "done=invited&invited=1" in done.location
    assert "Invited to Onix Express: 1" in work.get(done.location).text
    api.outcomes = ["already_user", "duplicate"]
    two = {"name": ["Ola", "Ola"], "email": ["ola@x.example"] * 2}
    none = work.post(f"{address}/invite", {**window(work, address), **two})
    assert "They are all users or already invited." in work.get(none.location).text, "nobody was invited"


def test_more_rows_without_a_script(work: Browser, api: Api) -> None:
    address = opened(work)
    page = work.get(f"{address}/invite").text
    assert page.count('name="email"') == 5 and "25 of 25 left" in page
    more = work.post(
        f"{address}/invite", {**window(work, address), "name": "Kari", "email": "k@x.example", "more": "1"}
    )
    assert more.status_code == 200 and more.text.count('name="email"') == 6 and "24 of 25 left" in more.text
    assert not [method for method, *_ in api.heard if method == "POST"]
    api.standing |= {"left": 2}
    assert work.get(f"{address}/invite").text.count('name="email"') == 2
    empty = work.post(f"{address}/invite", window(work, address))
    assert empty.status_code == 422 and "Fill in at least one row." in empty.text


@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [(409, "work_customer", 422), (403, "privilege_missing", 422), (429, "too_many_requests", 422), (503, "busy", 503)],
)
def test_when_the_api_says_no(work: Browser, api: Api, status: int, code: str, shown: int) -> None:
    """The rows stay as they were typed. After a *no* the act gets a new key; when it is not known what came of it, the
    same key asks again."""
    address = opened(work)
    form = window(work, address)
    data = {**form, "name": "Kari <b>", "email": "kari@x.example"}
    api.refuse = []
    real = api.__call__

    def only_posts(method: str, *rest: Any) -> tuple[int, dict[str, Any]]:
        return (status, {"code": code, "detail": f"Because {code}."}) if method == "POST" else real(method, *rest)

    work.issuer.api = only_posts
    answer = work.post(f"{address}/invite", data)
    assert answer.status_code == shown
    assert "Kari &lt;b&gt;" in answer.text and 'value="kari@x.example"' in answer.text
    assert (f'value="{form["key"]}"' in answer.text) == (shown == 503)
    if shown == 422:
        assert f"Because {code}." in answer.text


def test_an_order_opens_without_the_api(work: Browser, api: Api, issuer: Issuer) -> None:
    address = opened(work)
    for status, code, words in (
        (500, "server_error", "does not answer right now"),
        (403, "privilege_missing", "Your role does not let you see"),
    ):
        api.refuse = [(status, code)] * 4
        page = work.get(address)
        assert page.status_code == 200 and words in page.text
    api.refuse = []
    assert 'id="offer"' in work.get(address).text


def test_the_api_gets_a_token_of_its_own_from_the_one_sign_in(work: Browser, api: Api, issuer: Issuer) -> None:
    """RFC 8707: the refresh token, asked for the API; kept until it ends, and asked anew when the API refuses it."""
    address = opened(work)
    work.get(address)
    work.get(address)
    asked = [form for path, form in issuer.seen if path == "/oauth2/token" and form["grant_type"] == "refresh_token"]
    assert [form["resource"] for form in asked] == [f"{issuer.issuer}/api/v1"], "one token serves many questions"
    bearer = {headers["Authorization"] for *_, headers in api.heard}
    assert len(bearer) == 1

    api.refuse = [(401, "invalid_token")]
    assert 'id="offer"' in work.get(address).text
    assert len({headers["Authorization"] for *_, headers in api.heard}) == 2
    api.refuse = [(401, "invalid_token")] * 3
    assert "does not answer" in work.get(address).text
    assert work.get("/me.json").json["claims"]["aud"] == "urn:onix:work", "the application keeps its own"
    assert "openid profile email companies.read" in work.get("/login").location.replace("+", " ")


def test_many_requests_at_once_ask_for_one_token(work: Browser, api: Api, issuer: Issuer) -> None:
    """Threads that want the API's token at the same moment share one refresh: a spent token never comes twice."""
    work.sign_in()
    rp = work.app.extensions["onix_rp"]
    session = rp.store.find_session(work.cookie("session"))
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: rp.api_token(session), range(16)))
    assert len(set(tokens)) == 1 and tokens[0]
    refreshes = [form for path, form in issuer.seen if form.get("grant_type") == "refresh_token"]
    assert len(refreshes) == 1
    assert rp.api_token(session, fresh=True) != tokens[0]


def test_a_sign_in_that_ended_meanwhile(work: Browser, api: Api, issuer: Issuer) -> None:
    """The refresh token is gone: the page opens without an answer, and the next one signs in anew."""
    address = opened(work)
    issuer.refresh_tokens.clear()
    assert work.get(address).status_code == 200
    assert work.get(address).status_code == 303


def upload(browser: Browser, content: bytes, name: str = "report.pdf", **fields: str) -> Any:
    form = {
        "csrf_token": browser.csrf("/inspections"), "number": "I-1", "customer": "Havgap Rederi AS",
        "customer_number": "945678901", "equipment": "Hook", "file": (io.BytesIO(content), name), **fields,
    }  # fmt: skip
    return browser.post("/inspections", form, content_type="multipart/form-data")


def test_an_inspection_is_uploaded_and_delivered(
    work: Browser, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RP_DELIVERIES", str(tmp_path / "deliveries"))
    work.sign_in()
    answer = upload(work, b"%PDF-1.7 a report", name="../../etc/<b>.pdf")
    assert answer.status_code == 303
    page = work.get(answer.location).text
    assert 'id="offer"' in page and "&lt;b&gt;" in page and "Delivered" in page
    files = list((tmp_path / "deliveries").iterdir())
    assert len(files) == 1 and files[0].name.startswith("org-1.")
    told = json.loads(files[0].read_text())
    assert (told["company_id"], told["kind"], told["number"]) == ("c-1", "report", "I-1")
    assert upload(work, b"%PDF-1.7 another").status_code == 409
    assert len(list((tmp_path / "deliveries").iterdir())) == 1, "what was refused is not delivered"
    stranger = upload(work, b"%PDF-1.7 a report", number="I-2", customer="Nobody AS", customer_number="")
    page = work.get(stranger.location).text
    assert "Not delivered" in page and "waits until" in page and "/deliver" not in page
    late = f"{stranger.location.partition('?')[0]}/deliver"
    token = {"csrf_token": work.csrf("/inspections")}
    answer = work.post(late, token)
    assert answer.location.endswith("done=undelivered") and len(list((tmp_path / "deliveries").iterdir())) == 1
    assert "It could not be delivered yet." in work.get(answer.location).text

    # Once the customer is in Companies it can be delivered, and that once
    api.companies.append({"id": "c-2", "name": "Nobody AS", "organization_number": None})
    assert f'action="{late}"' in work.get(stranger.location).text
    monkeypatch.setenv("RP_DELIVERIES", str(tmp_path / "tag.sqlite3"))
    assert work.post(late, token).location.endswith("done=undelivered"), "no folder to write to"
    monkeypatch.setenv("RP_DELIVERIES", str(tmp_path / "deliveries"))
    for _ in range(2):
        assert work.post(late, token).location.endswith("done=delivered")
    assert "delivered to Onix Express." in work.get(f"{stranger.location.partition('?')[0]}?done=delivered").text
    later = [json.loads(file.read_text()) for file in (tmp_path / "deliveries").iterdir()]
    assert [told["number"] for told in later if told["number"] != "I-1"] == ["I-2"]
    monkeypatch.delenv("RP_DELIVERIES")
    nowhere = upload(work, b"%PDF-1.7 a report", number="I-3")
    page = work.get(nowhere.location).text
    assert "Not delivered" in page and "/deliver" not in page

    # What was uploaded while there was no folder is not kept, so it is not offered later; nor what waited too long
    monkeypatch.setenv("RP_DELIVERIES", str(tmp_path / "deliveries"))
    page = work.get(nowhere.location).text
    assert "waits until" not in page and "/deliver" not in page
    unknown = {"customer": "Unknown AS", "customer_number": ""}
    assert upload(work, b"%PDF-1.7 a report", number="I-4", **unknown).status_code == 303
    with sqlite3.connect(work.app.extensions["onix_settings"].database) as connection:
        connection.execute("UPDATE inspection SET at = at - ?", (31 * 86400,))
    assert upload(work, b"%PDF-1.7 a report", number="I-5", **unknown).status_code == 303
    with sqlite3.connect(work.app.extensions["onix_settings"].database) as connection:
        waiting = connection.execute(
            "SELECT i.number FROM undelivered u JOIN inspection i ON i.id = u.inspection_id"
        ).fetchall()
    assert waiting == [("I-5",)]


@pytest.mark.parametrize(
    ("content", "fields", "words"),
    [
        (b"", {}, "Choose a file."),
        (b"MZ a program", {}, "Only PDF, PNG and JPEG"),
        (b"<svg onload=alert(1)>", {}, "Only PDF, PNG and JPEG"),
        (b"%PDF-1.7", {"number": " "}, "This field is required."),
    ],
)
def test_what_can_not_be_uploaded(work: Browser, api: Api, content: bytes, fields: dict[str, str], words: str) -> None:
    work.sign_in()
    answer = upload(work, content, **fields)
    assert answer.status_code == 422 and words in answer.text
    assert "No inspections have been uploaded yet." in work.get("/inspections").text


def test_a_file_that_is_too_large(work: Browser, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    work.sign_in()
    assert upload(work, b"%PDF-1.7" + b"x" * (11 * 1024 * 1024)).status_code == 413
    assert work.post("/orders", {"number": "x" * 100_000}).status_code == 413, "other forms stay small"


def test_orders_of_one_organization_only(work: Browser, api: Api, issuer: Issuer) -> None:
    address = opened(work)
    issuer.organization = {**issuer.organization, "org_id": "org-2", "org_name": "Vest Kontroll AS"}
    work.sign_in()
    work.get("/")
    token = work.csrf()
    assert work.get(address).status_code == work.get("/orders/none").status_code == 404
    for path in (f"{address}/process", f"{address}/invite"):
        assert work.post(path, {"csrf_token": token}).status_code == 404


def test_reading_only(work: Browser, api: Api, issuer: Issuer) -> None:
    """What somebody can't do is not on the page, and its address refuses."""
    issuer.organization = {**issuer.organization, "privileges": ["work:access", "work:orders.read"]}
    address = opened(work)
    page = work.get("/").text
    assert 'id="add"' not in page and "/inspections" not in page and "Read only" in page
    for path in ("/orders", f"{address}/process", f"{address}/finish", "/inspections", "/inspections/x/deliver"):
        assert work.post(path).status_code == 403, path
    assert work.get("/inspections").status_code == 403


def test_an_order_moves_one_step_at_a_time(work: Browser, api: Api) -> None:
    address = opened(work)
    token = work.csrf(address)
    for step, done in (("finish", "late"), ("process", "process"), ("process", "late"), ("finish", "finish")):
        answer = work.post(f"{address}/{step}", {"csrf_token": token})
        assert answer.status_code == 303 and f"done={done}" in answer.location
    form = {"csrf_token": token, "number": "2001", "customer": "X", "customer_number": "", "task": "Y"}
    assert work.post("/orders", form).status_code == 409
    assert work.post("/orders", {**form, "number": "2100"}).status_code == 303


def test_an_answer_that_is_none(work: Browser, api: Api, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list, nonsense, silence: the page opens all the same."""
    address = opened(work)
    monkeypatch.setattr(provider, "TIMEOUT", (0.5, 0.5))
    issuer.api = lambda *_: (200, ["not", "an", "object"])  # type: ignore[assignment, return-value]
    assert "does not answer right now" in work.get(address).text
