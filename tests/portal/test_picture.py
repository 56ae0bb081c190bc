"""The picture: sent, cropped, served, removed and brought back; and what a form may not do (R43 to R45, P16)."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select

from idp.accounts.models import Account, Picture
from idp.accounts.service import set_picture
from idp.kernel.database import db, unit_of_work
from tests.support import images as made
from tests.support.databases import one_database
from tests.support.forms import browser_of, form_with, log_in, text_of
from tests.support.races import outcomes_at_once

HERE = "/account/picture"
pytestmark = pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")


def send(client: Any, content: bytes, name: str = "me.jpg", **fields: str) -> Any:
    form = form_with(client.get(HERE).text, "crop_left", HERE)
    data = {**form.filled(**fields), "file": (io.BytesIO(content), name)}
    return client.post(HERE, data=data, content_type="multipart/form-data")


def address_of(app: Any, account_id: str) -> str | None:
    with app.app_context():
        return db.session.scalar(select(Account.picture).where(Account.id == account_id))


def counted(app: Any) -> int:
    with app.app_context():
        return int(db.session.scalar(select(func.count()).select_from(Picture)) or 0)


def test_a_picture_is_sent_shown_replaced_removed_and_brought_back(
    app: Any, client: Any, world: Any, clock: Any
) -> None:
    person = world.account(given_name="Ada", family_name="Berg")
    log_in(client, person.address, world.password)
    before = client.get(HERE).text
    assert "Your initials are shown instead." in before and ">AB</span>" in before and "20 million pixels" in before

    saved = send(client, made.picture(size=(900, 300)), crop_left="0", crop_top="0", crop_side="1")
    assert saved.status_code == 303 and saved.headers["Location"] == HERE
    page = client.get(HERE).text
    assert "Your picture is saved." in page and ">AB</span>" not in page
    address = address_of(app, person.account_id)
    assert address is not None and len(address) > 30 and person.account_id not in address
    assert f'src="{address}?size=64&amp;v=' in client.get("/").text, "in the menu"

    stranger = app.test_client()
    for size in (64, 192, 512):
        answer = stranger.get(f"{address}?size={size}")
        assert Image.open(io.BytesIO(answer.data)).size == (size, size)
    first = stranger.get(address).data
    assert len(first) < len(answer.data)
    head = answer.headers
    assert head["Content-Type"] == "image/jpeg" and head.getlist("X-Content-Type-Options") == ["nosniff"]
    assert head["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert head["Cross-Origin-Resource-Policy"] == "cross-origin" and "Set-Cookie" not in head
    assert head["Cache-Control"] == "private, max-age=300, must-revalidate"
    assert "immutable" in stranger.get(f"{address}?size=64&v=2").headers["Cache-Control"]
    again = stranger.get(f"{address}?size=512", headers={"If-None-Match": head["ETag"]})
    assert again.status_code == 304 and not again.data

    clock.advance(10)
    send(client, made.picture(size=(300, 900)))
    assert address_of(app, person.account_id) == address, "the address stays"
    changed = stranger.get(f"{address}?size=512", headers={"If-None-Match": head["ETag"]})
    assert changed.status_code == 200 and changed.data != answer.data
    assert client.get("/account/picture/earlier").data == first and counted(app) == 2

    removed = client.post("/account/picture/remove", data=form_with(client.get(HERE).text, "csrf_token", HERE).fields)
    assert removed.status_code == 303 and stranger.get(address).status_code == 404
    page = client.get(HERE).text
    assert "You can bring it back for a day." in page and "The one before" in page and ">AB</span>" in page
    client.post("/account/picture/undo", data=form_with(page, "csrf_token", HERE).fields)
    assert stranger.get(f"{address}?size=512").data == changed.data and counted(app) == 1

    client.post("/account/picture/remove", data=form_with(client.get(HERE).text, "csrf_token", HERE).fields)
    clock.advance(86401)
    log_in(client, person.address, world.password)
    late = client.post("/account/picture/undo", data=form_with(client.get(HERE).text, "csrf_token", HERE).fields)
    assert late.status_code == 303 and "There is no earlier picture any more." in client.get(HERE).text
    assert client.get("/account/picture/earlier").status_code == 404
    from idp.jobs import tidy

    with app.app_context():
        tidy()
    assert counted(app) == 0


REFUSED = {
    "an SVG": "This is no PNG, JPEG or WebP image",
    "nothing": "Choose an image first.",
    "a JPEG cut off": "The image is damaged or incomplete.",
    "5,000 by 5,000": "more than 20 million pixels",
    "one pixel": "smaller than 64 by 64 pixels",
}


@one_database
def test_a_refused_file_says_why_beside_its_field_and_leaves_nothing(app: Any, client: Any, world: Any) -> None:
    person = world.account()
    log_in(client, person.address, world.password)
    for name, said in REFUSED.items():
        answer = send(client, made.REFUSED[name][1](), "../../<script>\u202egpj.exe")
        assert answer.status_code == 400 and said in answer.text and "script>\u202e" not in answer.text, name
        assert 'aria-invalid="true"' in answer.text and 'id="file-error"' in answer.text
    assert counted(app) == 0 and address_of(app, person.account_id) is None


@one_database
def test_what_a_form_may_not_do(app: Any, client: Any, world: Any) -> None:
    """Too much is 413 with the limit, more fields change nothing, no token no change; nothing of it is a 5xx."""
    person, other = world.account(), world.account()
    assert client.get(HERE).status_code == 303
    log_in(client, person.address, world.password)
    many = send(client, made.REFUSED["26 MB"][1]())
    assert many.status_code == 413 and "at most 5 MB" in text_of(many.text)
    form = form_with(client.get(HERE).text, "crop_left", HERE)
    for crop in (
        ("x", "0", "1"),
        ("nan", "0", "1"),
        ("0", "inf", "1"),
        ("0", "0", "-1"),
        ("", "", "1"),
        ("9" * 400,) * 3,
    ):
        fields = dict(zip(("crop_left", "crop_top", "crop_side"), crop, strict=True))
        refused = send(client, made.picture(), **fields)
        assert refused.status_code == 400 and "can't be read" in text_of(refused.text)
    as_text = client.post(HERE, data={**form.fields, "file": "data:image/png;base64,iVBORw0KGgo="})
    assert as_text.status_code == 400 and "Choose an image first." in as_text.text
    in_base64 = client.post(
        HERE, data={**form.fields, "file": "x" * 900_000}, content_type="application/x-www-form-urlencoded"
    )
    assert in_base64.status_code == 400
    parts = {f"file{number}": (io.BytesIO(b"x"), "x") for number in range(200)}
    assert client.post(HERE, data={**form.fields, **parts}, content_type="multipart/form-data").status_code == 413
    without = client.post(
        HERE, data={"file": (io.BytesIO(made.picture()), "a.jpg")}, content_type="multipart/form-data"
    )
    assert without.status_code == 400
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert client.post("/account/picture/remove", data=form.fields, headers=elsewhere).status_code == 403
    assert counted(app) == 0

    more = {"account_id": other.account_id, "handle": "chosen", "picture": "https://evil.example/x.png", "size": "9"}
    assert send(client, made.picture(), **more).status_code == 303
    assert address_of(app, other.account_id) is None
    assert "chosen" not in str(address_of(app, person.account_id))
    mine = address_of(app, person.account_id)
    for path in (
        "/pictures/x",
        f"{mine}?size=65",
        f"{mine}?size=",
        f"{mine}?size=64%00",
        f"{mine}/x",
        "/pictures/" + "x" * 5000,
    ):
        assert client.get(path).status_code == 404, path
    assert client.post(str(mine)).status_code == 405
    assert browser_of(app, world, other).get("/account/picture/earlier").status_code == 404


@one_database
def test_a_disabled_account_shows_no_picture(app: Any, world: Any) -> None:
    from idp.accounts.service import disable_account

    person = world.account()
    with app.app_context():
        with unit_of_work():
            address = set_picture(person.account_id, dict.fromkeys((64, 192, 512), b"jpeg")).path
        assert app.test_client().get(address).status_code == 200
        with unit_of_work():
            disable_account(person.account_id)
        assert app.test_client().get(address).status_code == 404


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_pictures_at_once_are_one_after_the_other(app: Any, world: Any) -> None:
    person = world.account()
    files = [dict.fromkeys((64, 192, 512), b"%d" % number) for number in range(6)]
    assert outcomes_at_once(app, [partial(set_picture, person.account_id, one) for one in files]) == ["done"] * 6
    assert counted(app) == 2, "the last one, and the one before it"
