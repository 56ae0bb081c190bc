"""The signature: drawn, typed, uploaded; an earlier one brought back or deleted; nobody else's ever (P16)."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select

from idp.accounts.models import Signature
from idp.kernel.database import db
from tests.support import images as made
from tests.support.forms import browser_of, form_with, log_in, text_of

HERE = "/account/signature"
STROKES = [[[20 + x * 3, 60 + (x * 37) % 50, 2] for x in range(80)], [[20, 130, 2], [260, 128, 2]]]
pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning"),
]


def send(client: Any, way: str, **fields: Any) -> Any:
    form = form_with(client.get(f"{HERE}?way={way}").text, "way", HERE)
    return client.post(HERE, data={**form.fields, **fields}, content_type="multipart/form-data")


def act(client: Any, path: str) -> Any:
    return client.post(f"{HERE}/{path}", data=form_with(client.get(HERE).text, "csrf_token", HERE).fields)


def ids(app: Any) -> list[str]:
    with app.app_context():
        rows = db.session.scalars(select(Signature).order_by(Signature.created_at, Signature.id))
        return [row.id for row in rows]


def test_three_ways_to_a_signature_and_back_to_an_earlier_one(app: Any, client: Any, world: Any, clock: Any) -> None:
    person = world.account(given_name="Bjørn", family_name="Ødegård")
    log_in(client, person.address, world.password)
    assert "Make your signature" in client.get(HERE).text
    typing = client.get(f"{HERE}?way=type").text
    assert 'value="Bjørn Ødegård"' in typing and "style=formal" in typing
    preview = client.get(f"{HERE}/preview?name=Bj%C3%B8rn&style=plain")
    assert preview.content_type == "image/png" and preview.data.startswith(b"\x89PNG")

    for way, fields in (
        ("draw", {"strokes": json.dumps(STROKES)}),
        ("type", {"name": "Bjørn Ødegård", "style": "formal"}),
        ("upload", {"file": (io.BytesIO(made.handwriting()), "me.svg")}),
    ):
        clock.advance(60)
        answer = send(client, way, **fields)
        assert answer.status_code == 303 and answer.headers["Location"] == HERE, text_of(answer.text)
        assert "Your signature is saved." in client.get(HERE).text
    page = client.get(HERE).text
    drawn, typed, uploaded = ids(app)
    shown = re.findall(r"/account/signature/([0-9a-f-]{36})\.png", page)
    assert shown == [uploaded, uploaded, typed, drawn], "on light, on dark, and the earlier ones, the last first"

    image = client.get(f"{HERE}/{drawn}.png")
    assert Image.open(io.BytesIO(image.data)).format == "PNG"
    assert image.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert image.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert image.headers["X-Content-Type-Options"] == "nosniff" and "no-cache" in image.headers["Cache-Control"]

    clock.advance(60)
    assert act(client, f"{drawn}/again").status_code == 303
    assert re.findall(r"/account/signature/([0-9a-f-]{36})\.png", client.get(HERE).text)[0] == drawn
    assert act(client, f"{typed}/delete").status_code == 303
    assert client.get(f"{HERE}/{typed}.png").status_code == 404
    assert act(client, f"{drawn}/delete").status_code == 404, "the one in use is removed, not deleted"
    assert act(client, "remove").status_code == 303
    page = client.get(HERE).text
    assert "Make your signature" in page and "Use again" in page

    for number in range(8):
        clock.advance(60)
        assert send(client, "type", name=f"Bjørn {number}", style="plain").status_code == 303
    assert len(ids(app)) == 6, "one in use and the last five"


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("draw", {}, "Draw your signature first."),
    ("draw", {"strokes": "[[["}, "The drawing can't be read."),
    ("draw", {"strokes": "[" * 5000}, "The drawing can't be read."),
    ("draw", {"strokes": "data:image/png;base64,iVBORw0KGgo="}, "The drawing can't be read."),
    ("draw", {"strokes": "[[[0,0,1e999],[50,50,2]]]"}, "The drawing can't be read."),
    ("draw", {"strokes": json.dumps([[[x % 300, 5, 2] for x in range(30_000)]])}, "more lines than a signature"),
    ("draw", {"strokes": json.dumps([[[x % 300, 5, 2] for x in range(100_000)]])}, "more lines than a signature"),
    ("type", {"name": " "}, "Type your name first."),
    ("type", {"name": "x" * 5000}, "Use at most 60 characters."),
    ("type", {"name": "王小明"}, "A letter of this name can't be written here"),
    ("type", {"name": "Ada", "style": "comic"}, "Choose how the name is written."),
    ("upload", {}, "Choose an image first."),
    ("upload", {"file": (io.BytesIO(made.svg()), "a.png", "image/png")}, "This is no PNG, JPEG or WebP image"),
]


def test_what_is_no_signature_is_refused_and_leaves_nothing(app: Any, client: Any, world: Any) -> None:
    person = world.account()
    log_in(client, person.address, world.password)
    for way, fields, said in REFUSED:
        answer = send(client, way, **fields)
        assert answer.status_code == 400 and said in text_of(answer.text), said
        assert 'id="form-errors"' in answer.text and f'name="way" value="{way}"' in answer.text
    assert ids(app) == []


def test_nobody_elses_signature_and_no_form_of_anybody_else(app: Any, client: Any, world: Any) -> None:
    """By id, by another's button, or by a field that says whose it is: never; in base64 neither."""
    person, other = world.account(), world.account()
    assert client.get(HERE).status_code == 303
    log_in(client, person.address, world.password)
    assert send(client, "draw", strokes=json.dumps(STROKES), account_id=other.account_id).status_code == 303
    (mine,) = ids(app)
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(Signature.account_id == other.account_id)) == 0

    stranger = app.test_client()
    assert stranger.get(f"{HERE}/{mine}.png").status_code == 303
    theirs = browser_of(app, world, other)
    assert theirs.get(f"{HERE}/{mine}.png").status_code == 404
    for path in (f"{mine}/again", f"{mine}/delete"):
        assert act(theirs, path).status_code == 404
    for path, status in (("x.png", 404), ("%00.png", 400), ("9" * 3000 + ".png", 404)):
        assert client.get(f"{HERE}/{path}").status_code == status
    assert client.get(f"{HERE}/{mine}.png").status_code == 200

    form = form_with(client.get(HERE).text, "way", HERE)
    as_text = {**form.fields, "strokes": "A" * 600_000}
    assert client.post(HERE, data=as_text).status_code in (400, 413)
    large = client.post(HERE, data={**as_text, "strokes": "A" * 6_000_000}, content_type="multipart/form-data")
    assert large.status_code == 413
    assert client.post(HERE, data={**form.fields, "way": "steal"}).status_code == 400
    assert client.post(HERE, data={"way": "draw", "strokes": json.dumps(STROKES)}).status_code == 400
    assert client.get(f"{HERE}/preview?name=&style=plain").status_code == 400
    assert client.get(f"{HERE}/preview?name=%F0%9F%98%80&style=plain").status_code == 400
    assert ids(app) == [mine]


@pytest.mark.parametrize("app_settings", [{"throttle": {"images_per_hour": 3}}])
def test_images_are_made_so_often_and_no_more(client: Any, world: Any, clock: Any) -> None:
    """Previews, signatures and pictures together; another person is not held up, and an hour later all is as before."""
    log_in(client, world.account(given_name="Kari").address, world.password)
    for style in ("plain", "formal", "flowing"):
        assert client.get(f"{HERE}/preview?name=Kari&style={style}").status_code == 200
    late = client.get(f"{HERE}/preview?name=Kari&style=plain")
    assert late.status_code == 429 and int(late.headers["Retry-After"]) > 0
    typed = send(client, "type", name="Kari Nordmann", style="formal")
    assert typed.status_code == 429 and 'value="Kari Nordmann"' in typed.text
    assert "You have made many images within the last hour." in text_of(typed.text)
    picture = form_with(client.get("/account/picture").text, "csrf_token", "/account/picture")
    data = {**picture.fields, "file": (io.BytesIO(made.picture()), "me.jpg")}
    refused = client.post("/account/picture", data=data, content_type="multipart/form-data")
    assert refused.status_code == 429 and refused.headers["Retry-After"]
    clock.advance(3601)
    assert send(client, "type", name="Kari Nordmann", style="formal").status_code == 303
