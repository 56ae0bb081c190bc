"""What every page keeps: no inline script or style, our own files only, words for every error."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
from werkzeug.exceptions import abort

from idp.kernel.refusal import Refusal
from idp.settings import ROOT
from tests.support.forms import text_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STATIC = ROOT / "idp" / "static"
TEMPLATES = sorted(
    path for path in (ROOT / "templates").rglob("*.html") if "mail" not in path.relative_to(ROOT / "templates").parts
)


@pytest.fixture
def errors(app: Any) -> Any:
    """A browser on which `/fail/<status>` fails so."""

    @app.get("/fail/<int:status>")
    def fail(status: int) -> str:
        if status == 429:
            raise Refusal("throttled", "Too many failed sign-ins.", status=429, retry_after=840)
        if status == 500:
            raise ValueError("a bug")
        abort(status)

    app.config["PROPAGATE_BUGS"] = False
    return app.test_client()


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        (400, "This request can’t be used"),
        (403, "You can’t open this page"),
        (404, "There is no such page"),
        (405, "This page can’t be used that way"),
        (409, "This could not be done"),
        (413, "That is too large"),
        (429, "Too many attempts"),
        (500, "Something went wrong on our side"),
        (503, "Onix Account is resting for a moment"),
    ],
)
def test_each_error_has_a_page_that_says_what_to_do(errors: Any, status: int, headline: str) -> None:
    answer = errors.get(f"/fail/{status}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == status and answer.mimetype == "text/html"
    assert f"<h1>{headline}</h1>" in page and "Reference:" in page
    assert "a bug" not in page and "Traceback" not in page


def test_429_says_when_to_try_again(errors: Any) -> None:
    answer = errors.get("/fail/429")
    assert answer.headers["Retry-After"] == "840"
    assert "You can try again in 14 minutes." in text_of(answer.get_data(as_text=True))


def test_an_expired_form_says_how_to_go_on(app: Any) -> None:
    answer = app.test_client().post("/login", data={"identifier": "a@b.example"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 400 and "Your browser may still have what you typed" in page
    assert 'href="/login">Open a fresh form' in page


def test_errors_speak_bokmål(errors: Any) -> None:
    page = errors.get("/fail/404", headers={"Accept-Language": "nb"}).get_data(as_text=True)
    assert '<html lang="nb">' in page and "Siden finnes ikke" in page


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_template_holds_script_or_style(path: Any, database_url: str) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+\s*=\s*[\"']|javascript:", text, re.I)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text, re.I)
    assert not re.search(r"(src|href)=[\"'](https?:)?//", text, re.I), "no request to another host"


def test_signing_in_weighs_little(app: Any) -> None:
    page = app.test_client().get("/login").get_data()
    total = len(gzip.compress(page))
    for name in re.findall(rb'(?:href|src)="/static/([^"?]+)', page):
        total += len(gzip.compress((STATIC / name.decode()).read_bytes()))
    total += sum(len(gzip.compress(path.read_bytes())) for path in (STATIC / "img").iterdir())
    assert total < 40_000, f"{total} bytes compressed; the budget is 100 kB, and we mean to stay far below"


def test_every_app_has_an_icon(app: Any) -> None:
    for catalogued in app.extensions["onix_catalog"].apps.values():
        assert (STATIC / "icons" / f"{catalogued.icon}.svg").is_file()


def test_static_files_are_served_for_a_year(app: Any) -> None:
    page = app.test_client().get("/login").get_data(as_text=True)
    found = re.findall(r'"(/static/[^"]+)"', page)
    assert len(found) >= 3
    for address in found:
        answer = app.test_client().get(address)
        assert answer.status_code == 200 and "max-age=31536000" in answer.headers["Cache-Control"]


def test_the_policy_forbids_what_the_templates_leave_out(app: Any) -> None:
    policy = app.test_client().get("/login").headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
