"""The section Security: a checklist, naming and removing; never the last way in, never by a stolen session."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from idp.accounts.credentials import events
from idp.accounts.credentials.models import Authenticator, Passkey, RecoveryCode
from idp.accounts.models import Account
from idp.kernel.database import db
from idp.outbox.models import Delivery
from tests.accounts.steps import last, listen
from tests.support.authenticators import SoftKey, add_passkey, press, set_up_app, show_passkey, token_of
from tests.support.forms import browser_of, log_in, submit

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HERE = "/account/security"


@pytest.fixture
def person(world: Any) -> Any:
    return world.account()


@pytest.fixture
def owner(app: Any, world: Any, person: Any) -> Any:
    return browser_of(app, world, person)


def rows(app: Any, model: Any) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def only_passkey(app: Any) -> Passkey:
    with app.app_context():
        return db.session.scalars(select(Passkey)).one()


def mails(app: Any) -> list[str]:
    with app.app_context():
        return [row.kind for row in db.session.scalars(select(Delivery).order_by(Delivery.id))]


def test_naming_and_removing_a_passkey(app: Any, owner: Any) -> None:
    heard = listen(app)
    _key, done = add_passkey(owner, aaguid=bytes.fromhex("bada5566a7aa401fbd9645619a55120d"))
    assert "1Password is added" in done.text
    path = f"{HERE}/passkeys/{only_passkey(app).id}"
    assert press(owner, path, path, name="  My\tphone ").headers["Location"] == HERE
    assert "My phone" in owner.get(HERE).text and last(heard, events.PasskeyRenamed)
    empty = press(owner, path, path, name=" \u202e ")
    assert empty.status_code == 400 and "Fill in this field." in empty.text
    assert "<b>&lt;i&gt;" not in owner.get(HERE).text
    removed = press(owner, path, "/remove")
    assert removed.headers["Location"] == HERE and "My phone is removed" in owner.get(HERE).text
    assert rows(app, Passkey) == rows(app, RecoveryCode) == 0, "nothing to recover any more"
    assert [one for one in mails(app) if one != "password_changed"] == [
        "passkey_added", "recovery_codes_made", "passkey_removed",
    ]  # fmt: skip
    assert owner.get(path).status_code == 404


def test_the_second_passkey_of_a_kind_gets_a_number_and_no_new_codes(app: Any, owner: Any) -> None:
    key, first = add_passkey(owner)
    _other, second = add_passkey(owner)
    assert first.status_code == 200 and second.status_code == 303
    assert "Passkey 2" in owner.get(HERE).text
    token = token_of(owner, f"{HERE}/passkeys/new")
    begun = owner.post(f"{HERE}/passkeys/options", data={"csrf_token": token}).json
    assert len(begun["publicKey"]["excludeCredentials"]) == 2
    assert begun["publicKey"]["authenticatorSelection"]["userVerification"] == "required"
    data = {"ceremony": begun["ceremony"], "credential": key.make(begun["publicKey"]), "csrf_token": token}
    again = owner.post(f"{HERE}/passkeys", data=data)
    assert again.status_code == 409 and "registered already" in again.text


def test_there_is_an_end_to_passkeys(app: Any, owner: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("idp.accounts.credentials.policy.MOST_PASSKEYS", 1)
    add_passkey(owner)
    _key, answer = add_passkey(owner)
    assert answer.status_code == 409 and rows(app, Passkey) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://evil.example"},
        {"rp_id": "evil.example"},
        {"verified": False},
        {"challenge": "A" * 86},
    ],
)
def test_hostile_creations(app: Any, owner: Any, wrong: dict[str, Any]) -> None:
    _key, answer = add_passkey(owner, **wrong)
    assert answer.status_code == 400 and rows(app, Passkey) == 0


def test_a_creation_is_the_accounts_that_began_it(app: Any, world: Any, owner: Any) -> None:
    """The same browser, meanwhile somebody else's: what the first began is nothing to the second."""
    token = token_of(owner, f"{HERE}/passkeys/new")
    begun = owner.post(f"{HERE}/passkeys/options", data={"csrf_token": token}).json
    log_in(owner, world.account().address, world.password, "/login/another")
    data = {"ceremony": begun["ceremony"], "credential": SoftKey().make(begun["publicKey"])}
    answer = owner.post(f"{HERE}/passkeys", data={**data, "csrf_token": token_of(owner)})
    assert answer.status_code == 400 and rows(app, Passkey) == 0


def test_the_last_way_in_stays(app: Any, world: Any, person: Any, owner: Any) -> None:
    add_passkey(owner)
    world.change(Account, person.account_id, password_hash=None)
    path = f"{HERE}/passkeys/{only_passkey(app).id}"
    page = owner.get(path)
    assert "the only way into your account" in page.text and "/remove" not in page.text
    refused = owner.post(f"{path}/remove", data={"csrf_token": token_of(owner, path)})
    assert refused.status_code == 409 and rows(app, Passkey) == 1
    add_passkey(owner)
    assert press(owner, path, "/remove").status_code == 303 and rows(app, Passkey) == 1


def test_removing_the_password_and_choosing_one_again(app: Any, world: Any, person: Any, owner: Any) -> None:
    """Only who has a passkey can; it signs in no more, the passkey does, and a new one is chosen on the same page."""
    assert "/password/remove" not in owner.get(HERE).text
    owner.post(f"{HERE}/password/remove", data={"csrf_token": token_of(owner, HERE)})
    assert "The password is the only way into your account." in owner.get(HERE).text
    key, _done = add_passkey(owner)
    assert "password_removed" not in mails(app)
    heard = listen(app)
    assert press(owner, HERE, "/password/remove").headers["Location"] == HERE
    page = owner.get(HERE).text
    assert "Your password is removed." in page and "You have no password." in page
    assert last(heard, events.PasswordRemoved).account_id == person.account_id
    assert mails(app).count("password_removed") == 1
    assert log_in(app.test_client(), person.address, world.password).status_code == 400
    assert show_passkey(app.test_client(), key).headers["Location"] == "/"
    owner.post(f"{HERE}/password/remove", data={"csrf_token": token_of(owner, HERE)})
    assert mails(app).count("password_removed") == 1, "what is not there is not removed twice"

    chosen = "seven green ladders at dusk"
    page = owner.get(f"{HERE}/password")
    assert submit(owner, page, "password", password=chosen).status_code == 303
    assert log_in(app.test_client(), person.address, chosen).headers["Location"].startswith("/login/code")


def test_another_persons_passkey_is_none(app: Any, world: Any, owner: Any) -> None:
    add_passkey(owner)
    path = f"{HERE}/passkeys/{only_passkey(app).id}"
    thief = browser_of(app, world, world.account())
    token = token_of(thief, HERE)
    assert thief.get(path).status_code == 404
    assert thief.post(path, data={"csrf_token": token, "name": "Mine"}).status_code == 404
    assert thief.post(f"{path}/remove", data={"csrf_token": token}).status_code == 404
    assert rows(app, Passkey) == 1


def test_removing_the_app(app: Any, world: Any, person: Any, owner: Any, clock: Any) -> None:
    set_up_app(owner, clock.now())
    assert press(owner, HERE, "/authenticator/remove").headers["Location"] == HERE
    assert rows(app, Authenticator) == rows(app, RecoveryCode) == 0
    assert "authenticator_removed" in mails(app)
    assert log_in(app.test_client(), person.address, world.password).headers["Location"] == "/"


def test_codes_without_a_second_factor_are_refused(app: Any, owner: Any) -> None:
    answer = owner.post(f"{HERE}/recovery-codes", data={"csrf_token": token_of(owner, HERE)})
    assert answer.status_code == 409 and rows(app, RecoveryCode) == 0


CHANGES = [
    ("passkeys/options", {}),
    ("passkeys", {"ceremony": "x", "credential": "{}"}),
    ("passkeys/{passkey}", {"name": "Thief"}),
    ("passkeys/{passkey}/remove", {}),
    ("authenticator", {"code": "{code}"}),
    ("authenticator/remove", {}),
    ("recovery-codes", {}),
    ("password/remove", {}),
]


def test_a_stolen_old_session_changes_nothing(app: Any, world: Any, person: Any, owner: Any, clock: Any) -> None:
    add_passkey(owner)
    authenticator, _done = set_up_app(owner, clock.now())
    clock.advance(301)
    passkey, token = only_passkey(app), token_of(owner, HERE)
    before = (rows(app, Passkey), rows(app, Authenticator), rows(app, RecoveryCode), len(mails(app)))
    for path, data in CHANGES:
        path = f"{HERE}/{path.format(passkey=passkey.id)}"
        filled = {
            name: value.format(code=authenticator.at(clock.now())) for name, value in data.items() if value != "{}"
        }
        answer = owner.post(path, data={**data, **filled, "csrf_token": token})
        assert answer.status_code == 303 and answer.headers["Location"].startswith("/login/again?"), path
    assert before == (rows(app, Passkey), rows(app, Authenticator), rows(app, RecoveryCode), len(mails(app)))
    assert only_passkey(app).name == passkey.name
    with app.app_context():
        assert db.session.get_one(Account, person.account_id).password_hash is not None


def test_other_sessions_end_with_a_new_password_only_when_asked(app: Any, world: Any, person: Any, owner: Any) -> None:
    other = browser_of(app, world, person)
    new = "five-quiet-otters-under-the-bridge"
    page = owner.get(f"{HERE}/password")
    assert 'name="everywhere"' in page.text and "checked" in page.text
    form_without = {
        "current_password": world.password,
        "password": new,
        "csrf_token": token_of(owner, f"{HERE}/password"),
    }
    assert owner.post(f"{HERE}/password", data=form_without).headers["Location"] == HERE
    assert other.get("/account/").status_code == 200, "the box was not ticked"
    submit(owner, owner.get(f"{HERE}/password"), "current_password", current_password=new, password=new + "-too")
    assert other.get("/account/").status_code == 303
    assert owner.get("/account/").status_code == 200


def test_a_passkey_is_offered_once(app: Any, world: Any, person: Any, owner: Any) -> None:
    assert "Sign in without a password next time" in owner.get("/").text
    assert press(owner, "/", "/passkeys/offer").headers["Location"] == "/"
    assert "Sign in without a password next time" not in owner.get("/").text
    assert "Sign in without a password next time" not in browser_of(app, world, person).get("/").text
    other = browser_of(app, world, world.account())
    add_passkey(other)
    assert "Sign in without a password next time" not in other.get("/").text


def test_where_password_managers_send_people(app: Any, client: Any, owner: Any) -> None:
    assert client.get("/.well-known/change-password").headers["Location"] == "/password/forgot"
    assert owner.get("/.well-known/change-password").headers["Location"] == f"{HERE}/password"
    answer = client.get("/.well-known/passkey-endpoints")
    assert answer.mimetype == "application/json"
    assert answer.json == {
        "enroll": f"http://localhost{HERE}/passkeys/new",
        "manage": f"http://localhost{HERE}",
    }
    for address in answer.json.values():
        assert owner.get(address).status_code == 200


def test_browsers_are_told_which_passkeys_count(app: Any, owner: Any) -> None:
    add_passkey(owner)
    page = owner.get(HERE).text
    assert only_passkey(app).credential_id in page.split("data-accepted=")[1].split(">")[0]


def test_the_checklist_costs_the_same_for_many_passkeys(app: Any, owner: Any, statements: Any) -> None:
    add_passkey(owner)
    with statements() as one:
        owner.get(HERE)
    for _ in range(3):
        add_passkey(owner)
    with statements() as four:
        owner.get(HERE)
    assert len(one) == len(four) <= 9, str(four)
