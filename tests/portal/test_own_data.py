"""Two promises about a person's own data (R47): the archive holds all of it and nothing of others, an erasure leaves
none.
"""

from __future__ import annotations

import io
import json
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import select, update

from idp import jobs
from idp.accounts import service as accounts
from idp.accounts.exports import NOT_TAKEN
from idp.accounts.models import Account, EmailAddress
from idp.audit.models import AuditEntry
from idp.express.models import GuestRequest, LadderMail
from idp.kernel import continuation, exports
from idp.kernel.database import db, unit_of_work
from idp.kernel.secrets import digest
from idp.oidc.models import AuthorizationRequest
from idp.organizations.models import Member
from idp.organizations.service import note_use
from idp.organizations.service import requests as access_requests
from idp.outbox import service as outbox
from idp.outbox import worker
from idp.portal.account import archive
from idp.sessions.models import Session
from tests.support import lives
from tests.support.forms import browser_of, forms_of, log_in, submit, text_of
from tests.support.mail import Sink
from tests.support.protocol import CALLBACK

DATA = "/account/data"
WORDS = ("zebulon", "quistgaard", "zq-private", "+4799990000")
ADDRESSES = ("zebulon.quistgaard@privat.example", "zq@second.example")
NO_WORDS = {"member", "client_owner", "pin", "last_choice", "authenticator", "recovery_code", "session"}
"""Tables whose rows here hold ids, times and secrets alone, or an organization's own words."""
EVERY = (*WORDS, *ADDRESSES, *map(digest, ADDRESSES))


@pytest.fixture
def app_settings(sink: Sink) -> dict[str, Any]:
    return {"mail_url": sink.url}


@pytest.fixture
def signed_in(app: Any) -> Any:
    """The person's browser. Nobody knows the secret of the second factor, so its session is told that it was shown."""
    return app.test_client()


@pytest.fixture
def person(app: Any, world: Any, protocol: Any, signed_in: Any) -> Any:
    """Somebody with a life here: a row in every table, mails, a request, and two organizations, to one a contact.

    What the organizations typed is in words of their own.
    """
    place = world.organization(name="Nordic Kran AS")
    found = world.user(
        place, address=ADDRESSES[0].title(), given_name="Zebulon", family_name="Quistgaard", middle_name="ZQ-private",
        nickname="zq-private", preferred_username="zq-private", profile="https://zq-private.example",
        website="https://zq-private.example", gender="zq-private", phone_number="+4799990000",
    )  # fmt: skip
    world.change(Account, found.account_id, address={"formatted": "ZQ-private 1"})
    world.change(Member, found.member_id, given_name="Kranfører", family_name="Tre", email="tre@kran.example")
    secret = world.organization(name="Hemmelig Lager AS")
    world.member(secret, found.account_id, status="contact", given_name="Lagermann")
    boss = world.account(given_name="Boss", family_name="Andersdatter")
    world.role(
        place, ["account:people.manage", "account:requests.manage"], members=[world.member(place, boss.account_id)]
    )
    with app.app_context():
        now = db.session.get_one(Account, found.account_id).created_at
        with unit_of_work() as session:
            session.add(
                EmailAddress(
                    account_id=found.account_id, address=ADDRESSES[1], normalized=ADDRESSES[1], verified_at=now,
                    created_at=now,
                )
            )  # fmt: skip
            note_use(found.member_id, None)
        with unit_of_work():
            access_requests.request_access(
                found.account_id, "pickandpack", organization=place, message="ZQ-private, please let Zebulon in"
            )
        with unit_of_work():
            accounts.request_reset(ADDRESSES[1], "en")
            accounts.request_activation(ADDRESSES[0], "en")
        log_in(signed_in, ADDRESSES[0], world.password)
        with unit_of_work() as session:
            session.add(
                GuestRequest(
                    organization_id=place, given_name="Zebulon", family_name="Quistgaard", address=ADDRESSES[1],
                    normalized=ADDRESSES[1], company_name="ZQ-private", created_at=now, expires_at=now,
                    confirmed_at=now,
                )
            )  # fmt: skip
            session.add(
                LadderMail(
                    organization_id=place, member_id=found.member_id, kind="inactivity", period="1", days=7,
                    sent_at=now, ends_at=now,
                )
            )  # fmt: skip
        lives.live(found.account_id, "ZQ-private")
        with unit_of_work() as session:
            session.execute(
                update(Session)
                .where(Session.account_id == found.account_id)
                .values(acr="urn:onix:acr:2", amr=["pwd", "otp", "mfa"])
            )
    browser = app.test_client()
    log_in(browser, ADDRESSES[0], "wrong")
    asked = {
        "client_id": "tag",
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": CALLBACK,
        "login_hint": ADDRESSES[0].upper(),
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
    }
    assert browser.get("/oauth2/authorize", query_string=asked).status_code == 303
    with app.app_context():
        assert db.session.scalar(select(AuthorizationRequest.id)) and db.session.scalar(
            select(continuation.Continuation.path)
        )
    return found


def take(browser: Any) -> tuple[dict[str, Any], str]:
    """The archive as (files by name, all text of it)."""
    answer = export(browser)
    assert answer.status_code == 200, text_of(answer.get_data(as_text=True))
    assert answer.mimetype == "application/zip" and answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=onix-account-")
    with ZipFile(io.BytesIO(answer.get_data())) as file:
        assert file.testzip() is None
        texts = {name: file.read(name).decode() for name in file.namelist()}
    return {name: json.loads(text) if name.endswith(".json") else text for name, text in texts.items()}, "\n".join(
        texts.values()
    )


def export(browser: Any) -> Any:
    page = browser.get(DATA)
    form = next(one for one in forms_of(page.get_data(as_text=True), DATA) if one.action.endswith("/export"))
    return browser.post(form.action, data=form.fields)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_table_that_leads_to_a_person_is_told_of(context: Any) -> None:
    """A room with rows of a person declares them in its `exports.py`, or leaves them out with a reason."""
    told = exports.declared().told
    missing = sorted(table.name for table in lives.personal() if table.name not in told)
    assert missing == [], "declare a Part (idp/kernel/exports.py) or leave the table out with a reason"
    assert told <= {table.name for table in lives.tables()}
    secret = ("hash", "digest", "secret", "seed", "private")
    taken = [column.name for column in Account.__table__.columns if column.name not in NOT_TAKEN]
    assert not [name for name in taken if any(part in name for part in secret)]


def test_the_archive_holds_all_of_a_person_and_nothing_of_others(app: Any, person: Any, signed_in: Any) -> None:
    with app.app_context():
        filled = {table.name for table in lives.personal()}
        secrets = lives.secrets_of(person.account_id)
    files, text = take(signed_in)
    small = text.lower()
    for word in (*WORDS, *ADDRESSES):
        assert word in small, word
    empty = sorted(name for name, rows in files.items() if rows == [])
    assert empty == ["invitations.json"], f"a row of each was there; {sorted(filled)}"
    assert [one["organization"] for one in files["organizations.json"]] == ["Nordic Kran AS"]
    written = files["organizations.json"][0]["written_by_the_organization"]
    assert written["given_name"] == "Kranfører"
    for foreign in ("Hemmelig", "Lagermann", "Boss", "Andersdatter"):
        assert foreign not in text, foreign
    assert secrets and not [secret for secret in secrets if secret in text]
    assert "Zebulon" not in files["README.txt"] and "account.json (1)" in files["README.txt"]
    kinds = {row["event"] for row in files["activity.json"]}
    assert {"SignedIn", "SignInFailed", "AccessRequested", "DataExported"} <= kinds
    mine = files["activity.json"]
    assert all(row["about"] == "you" or row["data"] is None for row in mine)
    assert {row["mail"] for row in files["mails.json"]} >= {"reset", "already_registered"}


def test_the_readme_speaks_the_persons_language(person: Any, signed_in: Any) -> None:
    signed_in.get("/?lang=nb")
    files, _text = take(signed_in)
    assert "Hva Onix Account har lagret om deg" in files["LESMEG.txt"]


def test_taking_a_copy_asks_for_a_recent_sign_in_and_is_limited(app: Any, client: Any, world: Any, clock: Any) -> None:
    one, other = world.account(), world.account()
    log_in(client, one.address, world.password)
    with app.app_context():
        limit = app.extensions["onix_settings"].throttle.exports_per_hour
    for _ in range(limit):
        assert export(client).status_code == 200
    refused = export(client)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert "You have taken several copies within the last hour." in text_of(refused.text)
    assert export(browser_of(app, world, other)).status_code == 200
    with app.app_context():
        entries = db.session.scalars(select(AuditEntry.account_id).where(AuditEntry.event == "DataExported")).all()
    assert entries.count(one.account_id) == limit
    clock.advance(3601)
    late = export(client)
    assert late.status_code == 303 and late.headers["Location"].startswith("/login/again?")
    confirmed = submit(client, client.get(late.headers["Location"]), "password", password=world.password)
    assert confirmed.headers["Location"] == DATA
    assert export(client).status_code == 200
    assert client.post(f"{DATA}/export").status_code == 400


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_long_life_takes_no_more_memory_than_a_short_one(app: Any, world: Any, monkeypatch: Any) -> None:
    """Rows are read in portions, and what is written goes to the disk."""
    person = world.account()
    with app.app_context():
        with unit_of_work() as session:
            session.add_all(
                AuditEntry(at=number, event="SignedIn", account_id=person.account_id, actor_id=person.account_id,
                           data={"n": number})
                for number in range(exports.PAGE * 3 + 1)
            )  # fmt: skip
        portions = []
        kept = exports.db.session.execute

        def counted(*args: Any, **values: Any) -> Any:
            portions.append(1)
            return kept(*args, **values)

        monkeypatch.setattr(archive, "IN_MEMORY", 1000)
        monkeypatch.setattr(exports.db.session, "execute", counted)
        with app.test_request_context("/"), archive.write(person.account_id, 1) as file:
            assert file._rolled  # type: ignore[attr-defined]
            with ZipFile(file) as taken:
                rows = json.loads(taken.read("activity.json"))
    assert [row["data"]["n"] for row in rows] == list(range(exports.PAGE * 3 + 1))
    assert len(portions) >= 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_room_adds_its_part_in_one_line(app: Any, world: Any) -> None:
    """Rows, and files beside them in a folder of the part's name; two parts of one name would hide one another."""
    person, other = world.account(), world.account()

    def files(account_id: str) -> Any:
        yield ("card.png", b"\x89PNG") if account_id == person.account_id else ("none", b"")

    part = exports.Part("postcards", "Your cards.", frozenset({"postcard"}), lambda _id: [{"kind": "card"}], files)
    exports.declare(app, part, left_out={"challenge": "It is gone within minutes."})
    assert {"postcard", "challenge"} <= app.extensions["onix_exports"].told
    with pytest.raises(ValueError, match="same name"):
        exports.declare(app, part)
    with ZipFile(io.BytesIO(export(browser_of(app, world, person)).get_data())) as taken:
        assert taken.read("postcards/card.png") == b"\x89PNG"
        assert json.loads(taken.read("postcards.json")) == [{"kind": "card"}]
        assert "postcards.json (1): Your cards." in taken.read("README.txt").decode()
    assert "Your cards." in browser_of(app, world, other).get(DATA).text


def test_after_the_erasure_no_word_of_the_person_is_left_anywhere(
    app: Any, person: Any, signed_in: Any, sink: Sink, clock: Any
) -> None:
    """Every column of every table is searched: names, addresses, free text, and digests that could be guessed."""
    with app.app_context():
        before = {place.partition(".")[0] for place in lives.found(EVERY)}
        personal = {table.name for table in lives.tables() if lives.references(table, "account")}
        assert personal - NO_WORDS <= before, "the test sees what it looks for"
        assert {"delivery", "authorization_request", "continuation"} <= before
    left = submit(signed_in, signed_in.get(f"{DATA}/close"), "address", address=ADDRESSES[0])
    assert left.status_code == 303
    clock.advance(14 * 86400)
    with app.app_context():
        assert jobs.closed_accounts() == 1
        jobs.tidy()
        # Until it is sent, one mail has to know where it goes.
        assert set(lives.found(EVERY)) == {"delivery.payload"}
        for destination in outbox.due(outbox.MAIL, clock.now()):
            with unit_of_work():
                claimed = outbox.claim(outbox.MAIL, destination, clock.now(), 60, limit=9)
            for delivery in claimed:
                db.session.expunge(delivery)
                assert worker.attempt(worker.LANES[0], delivery) in ("delivered", "dropped")
        assert lives.found(EVERY) == []
        member = db.session.get_one(Member, person.member_id)
        assert (member.given_name, member.family_name, member.email) == ("Kranfører", "Tre", "tre@kran.example")
        about = select(AuditEntry.id).where(AuditEntry.account_id == person.account_id)
        assert db.session.scalar(about.limit(1)), "the trail keeps the pseudonym"
    letters = [letter for letter in sink.letters if letter.subject == "Your Onix Account is erased"]
    assert sorted(letter.to.lower() for letter in letters) == sorted(ADDRESSES)


def test_the_platforms_delete_erases_the_same_way(app: Any, world: Any, person: Any) -> None:
    actor = world.account().account_id
    with app.app_context():
        with unit_of_work():
            accounts.delete_account(person.account_id, actor)
        left = {place for place in lives.found((*WORDS, *ADDRESSES)) if place != "delivery.payload"}
        assert left == set()


@pytest.mark.parametrize("reply", ["550 no such mailbox", None])
def test_the_last_mail_leaves_no_trace_either(app: Any, context: Any, sink: Sink, reply: str | None) -> None:
    """Whether it arrives or is refused."""
    sink.reply = reply
    with unit_of_work():
        outbox.queue_mail("account_erased", address="zq@second.example", language="nb")
    with unit_of_work():
        (delivery,) = outbox.claim(outbox.MAIL, "second.example", 2**40, 60)
    db.session.expunge(delivery)
    assert worker.attempt(worker.LANES[0], delivery) == ("given_up" if reply else "delivered")
    assert lives.found(["second.example"]) == []
