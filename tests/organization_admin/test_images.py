"""What an organization keeps to see of its people: uploaded, shown below the person's own, never given to an app."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from PIL import Image
from sqlalchemy import select

from idp.accounts import images
from idp.accounts.service import set_picture, set_signature
from idp.audit.models import AuditEntry
from idp.kernel.database import db, unit_of_work
from idp.organizations.models import Member, MemberImage
from tests.support import images as made
from tests.support.databases import one_database
from tests.support.forms import form_with, text_of

PEOPLE = "/org/nordic-lift/people"


def send(browser: Any, member_id: str, kind: str, content: bytes | None, act: str = "") -> Any:
    fields = form_with(browser.get("/logout").text, "csrf_token").fields
    file = {"file": (io.BytesIO(content), "../x.png")} if content is not None else {}
    return browser.post(
        f"{PEOPLE}/{member_id}/images/{kind}{act}", data={**fields, **file}, content_type="multipart/form-data"
    )


def test_a_contact_gets_a_picture_and_a_signature(
    app: Any, world: Any, place: str, administrator: Callable[..., Any]
) -> None:
    admin = administrator("account:people.manage")
    contact = world.member(place, status="contact", given_name="Nils", family_name="Dahl", email="nils@x.example")
    page = admin.get(f"{PEOPLE}/{contact}").text
    assert ">ND</span>" in page and "Picture and signature" in page
    version = world.get(Member, contact).version

    for kind, content in (("picture", made.turned()), ("signature", made.handwriting())):
        answer = send(admin, contact, kind, content)
        assert answer.status_code == 303, text_of(answer.text)
    picture = admin.get(f"{PEOPLE}/{contact}/images/picture")
    signature = admin.get(f"{PEOPLE}/{contact}/images/signature")
    assert Image.open(io.BytesIO(picture.data)).size == (192, 192) and made.SECRET not in picture.data
    assert Image.open(io.BytesIO(signature.data)).format == "PNG"
    assert (picture.content_type, signature.content_type) == ("image/jpeg", "image/png")
    assert picture.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    shown = f'src="{PEOPLE}/{contact}/images/picture?v='
    assert shown in admin.get(f"{PEOPLE}/{contact}").text and shown in admin.get(PEOPLE).text
    with app.app_context():
        told = db.session.scalars(select(AuditEntry.data).where(AuditEntry.event == "MemberEdited")).all()
        assert sorted(next(iter(data["changes"])) for data in told) == ["picture", "signature"]
        assert world.get(Member, contact).version == version, "an open form is not out of date by a picture"

    assert send(admin, contact, "picture", None, "/remove").status_code == 303
    assert admin.get(f"{PEOPLE}/{contact}/images/picture").status_code == 404
    assert ">ND</span>" in admin.get(f"{PEOPLE}/{contact}").text


@one_database
def test_refused_and_not_allowed_leaves_nothing(
    app: Any, world: Any, place: str, administrator: Callable[..., Any]
) -> None:
    admin, reader = administrator("account:people.manage"), administrator("account:people.read")
    elsewhere = world.organization("elsewhere")
    foreign = world.member(elsewhere, status="contact")
    contact = world.member(place, status="contact")
    refused = send(admin, contact, "picture", made.svg())
    assert refused.status_code == 400 and "This is no PNG, JPEG or WebP image" in text_of(refused.text)
    assert send(admin, contact, "signature", made.photograph()).status_code == 400
    assert send(admin, contact, "passport", made.picture()).status_code == 404
    assert send(admin, foreign, "picture", made.picture()).status_code == 404
    assert send(reader, contact, "picture", made.picture()).status_code == 403
    assert 'name="file"' not in reader.get(f"{PEOPLE}/{contact}").text
    assert send(admin, contact, "picture", made.REFUSED["26 MB"][1]()).status_code == 413
    with app.app_context():
        assert db.session.scalars(select(MemberImage)).all() == []
        with unit_of_work() as session:
            image = MemberImage(member_id=foreign, kind="picture", image=b"x", digest="0" * 64, created_at=1)
            session.add(image)
    assert admin.get(f"{PEOPLE}/{foreign}/images/picture").status_code == 404


@one_database
def test_the_persons_own_stands_above_and_an_uploaded_signature_is_never_the_persons(
    app: Any, world: Any, place: str, protocol: Any, administrator: Callable[..., Any]
) -> None:
    admin = administrator("account:people.manage")
    person = world.user(place, privileges=["tag:access", "tag:signature.read"])
    member = person.member_id
    assert send(admin, member, "picture", made.picture()).status_code == 303
    assert send(admin, member, "signature", made.handwriting()).status_code == 303

    def claim() -> Any:
        token = protocol.tokens(person=person, organization_id=place, scope="openid profile signature")
        return protocol.userinfo(token["access_token"]).json

    assert "signature" not in claim() and "picture" not in claim()
    with app.app_context():
        drawn = images.from_text("Kari Nord", "plain")
        with unit_of_work() as session:
            set_signature(person.account_id, "typed", drawn)
            own = set_picture(person.account_id, dict.fromkeys((64, 192, 512), b"jpeg")).path
            session.get(Member, member).last_used_at = None
    said = claim()
    assert said["signature"]["sha256"] == drawn.digest
    assert said["picture"] == f"{app.extensions['onix_settings'].issuer}{own}"

    assert f"{member}/images/picture" in admin.get(PEOPLE).text and own not in admin.get(PEOPLE).text, "not shared yet"
    with app.app_context(), unit_of_work() as session:
        session.get(Member, member).last_used_at = 1
    listed = admin.get(PEOPLE).text
    assert own in listed and f"{member}/images/picture" not in listed
