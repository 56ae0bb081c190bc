"""The demo: durations, the mail viewer, the clock, and the whole of it as processes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from idp.demo import durations, sink

START = int(datetime(2027, 1, 31, 12, tzinfo=UTC).timestamp())
DAY = 86400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P28D", 28 * DAY),
        ("P2W", 14 * DAY),
        ("PT90M", 5400),
        ("P1DT1H1M1S", DAY + 3661),
        ("P1M", 28 * DAY),  # from 31 January to 28 February
        ("P1Y", 365 * DAY),
        ("PT0S", 0),
    ],
)
def test_durations(text: str, expected: int) -> None:
    assert durations.seconds(text, START) == expected


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "28D", "P-1D", "P1.5D", "P1DT", "p1d", "P1W1D", "P51Y", "P999Y", "P٣D", None, 5, ["P1D"], {}],
)
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(ValueError):
        durations.seconds(text, START)


@pytest.fixture
def pages(make_app: Any, databases: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ONIX_DEMO_MAIL", str(tmp_path / "mail.jsonl"))
    with databases.fresh("sqlite") as url:
        yield make_app(url, environment="demo").test_client()


def _mail(tmp_path: Path, number: int, text: str = "Hello.\n\nClick here:\nhttp://localhost/activate/x\n") -> None:
    import json

    with (tmp_path / "mail.jsonl").open("a") as file:
        entry = {
            "id": str(number),
            "to": "a@b.example",
            "from": "Onix Work <n@o.example>",
            "subject": f"<i>{number}</i>",
            "text": text,
            "html": "",
            "sent_at": START,
        }
        file.write(json.dumps(entry) + "\n")


def test_the_viewer_shows_links_newest_first_and_scripts_get_oldest_first(pages: Any, tmp_path: Path) -> None:
    assert pages.get("/demo/mail.json").json == []
    assert pages.get("/demo/mail").status_code == 200
    for number in range(30):
        _mail(tmp_path, number)
    assert [entry["id"] for entry in pages.get("/demo/mail.json").json] == [str(number) for number in range(30)]
    page = pages.get("/demo/mail").text
    assert 'href="http://localhost/activate/x">Click here</a>' in page
    assert "<i>" not in page and page.index("&lt;i&gt;29") < page.index("&lt;i&gt;28")
    assert "&lt;i&gt;3&lt;" not in page and "&lt;i&gt;3&lt;" in pages.get("/demo/mail?page=2").text
    assert pages.get("/demo/mail?page=abc").status_code == pages.get("/demo/mail?page=-9").status_code == 200


def test_a_mail_is_shown_as_html_in_a_frame_without_scripts(pages: Any, tmp_path: Path) -> None:
    _mail(tmp_path, 1)
    page = pages.get("/demo/mail?view=html")
    assert (
        "frame-src 'self'" in page.headers["Content-Security-Policy"]
        and "script-src 'self'" in page.headers["Content-Security-Policy"]
    )
    letter = pages.get("/demo/mail/1")
    policy = letter.headers["Content-Security-Policy"]
    assert letter.status_code == 200 and "default-src 'none'" in policy and "sandbox" in policy
    assert "script" not in policy and letter.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert pages.get("/demo/mail/2").status_code == 404


def test_a_link_of_another_scheme_is_text(pages: Any, tmp_path: Path) -> None:
    _mail(tmp_path, 1, "Click here:\njavascript:alert(1)\n")
    assert 'href="javascript' not in pages.get("/demo/mail").text


def test_the_clock_moves_ahead_only(pages: Any, clock: Any) -> None:
    before = clock.now()
    answer = pages.post("/demo/clock", json={"advance": "P28D"})
    assert answer.status_code == 200 and answer.json["now"] == before + 28 * DAY
    assert clock.now() == before + 28 * DAY
    for bad in ({"advance": "P-1D"}, {"advance": 5}, {}, [], "x", None):
        assert pages.post("/demo/clock", json=bad).status_code == 400
    assert pages.post("/demo/clock", data=b"\xff{", content_type="application/json").status_code == 400
    assert clock.now() == before + 28 * DAY


def test_nothing_of_it_is_reachable_elsewhere(client: Any) -> None:
    for path in ("/demo/mail", "/demo/mail.json", "/demo/clock"):
        assert client.get(path).status_code == 404
    assert client.post("/demo/clock", json={"advance": "P1D"}).status_code == 404


def test_a_half_written_line_is_left_for_later(tmp_path: Path) -> None:
    _mail(tmp_path, 1)
    with (tmp_path / "mail.jsonl").open("a") as file:
        file.write('{"id": "2", "to"')
    assert [entry["id"] for entry in sink.read(tmp_path / "mail.jsonl")] == ["1"]
