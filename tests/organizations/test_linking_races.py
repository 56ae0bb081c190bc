"""An address is typed on a member and proven by its account at the same moment: the member is linked (*Linking*)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.models import Member
from tests.support.races import at_once

ADDRESS = "kari@work.example"


@pytest.fixture
def place(world: Any) -> str:
    return str(world.organization())


def overlapping(app: Any, first: Callable[[], Any], second: Callable[[], Any]) -> None:
    """Run `second` while the unit of `first` is still open: until it is through, or waits for what `first` holds."""
    written, through, faults = threading.Event(), threading.Event(), []

    def run(work: Callable[[], Any], after: Callable[[], Any]) -> None:
        with app.app_context():
            try:
                with unit_of_work():
                    work()
                    db.session.flush()
                    after()
            except Exception as fault:
                faults.append(fault)
            finally:
                db.session.remove()

    def hold() -> None:
        written.set()
        through.wait(0.7)

    threads = [
        threading.Thread(target=run, args=(first, hold)),
        threading.Thread(target=run, args=(second, through.set)),
    ]
    threads[0].start()
    assert written.wait(20)
    threads[1].start()
    for thread in threads:
        thread.join(20)
    assert faults == []


@pytest.fixture(params=["added", "edited"])
def typing(request: pytest.FixtureRequest, app: Any, world: Any, place: str) -> Callable[[], Any]:
    """An administrator types the address: on a new member, or on one that had another."""
    if request.param == "added":
        return lambda: service.add_member(place, email="Kari@Work.example", given_name="Kari")
    spare = world.member(place, email="old@work.example", email_normalized="old@work.example", status="contact")
    return lambda: service.edit_member(spare, given_name="Kari", family_name="", email=ADDRESS)


@pytest.fixture(params=["account created", "mailbox proven"])
def proving(request: pytest.FixtureRequest, app: Any, world: Any) -> Callable[[], Any]:
    """The person proves it: by activating, or on an account that has it unproven."""
    if request.param == "account created":
        return lambda: accounts.create_account(
            address=ADDRESS, given_name="Kari", family_name="Nord", password_hash="unused", verified=True
        )
    person = world.account(ADDRESS, verified=False)
    with app.app_context(), unit_of_work():
        link = accounts.link_for(accounts.request_mailbox_proof(db.session.get_one(Account, person.account_id)))
    return lambda: accounts.prove_mailbox(link.rpartition("/")[2])


@pytest.mark.parametrize("order", ["typed first", "proven first"])
def test_typed_and_proven_at_once_is_linked(
    app: Any, world: Any, typing: Callable[[], Any], proving: Callable[[], Any], order: str
) -> None:
    overlapping(app, *((typing, proving) if order == "typed first" else (proving, typing)))
    with app.app_context():
        owner = accounts.find_by_address(ADDRESS)
        member = db.session.scalar(db.select(Member).where(Member.email_normalized == ADDRESS))
        assert owner is not None and member is not None
        assert member.account_id == owner.id


def test_many_at_once_are_all_linked(app: Any, world: Any) -> None:
    """Twenty people, each typed in two organizations and proven at the same moment; nobody waits for ever."""
    places = sorted(world.organization() for _ in range(2))
    with app.app_context():
        if db.engine.dialect.name == "sqlite":  # which serves whoever comes, and lets some wait long on a busy machine
            db.session.remove()
            db.engine.dispose()
            event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=200000"))

    def run(number: int) -> None:
        with app.app_context():
            for person in range(20):
                address = f"person-{person}@work.example"
                with unit_of_work():
                    if number == 0:
                        accounts.create_account(address=address, given_name="Kari", family_name="Nord", verified=True)
                    elif number < 3:
                        service.add_member(places[number - 1], email=address, given_name="Kari")
                    else:
                        service.add_member(places[number % 2], given_name=f"Other {number}")

    at_once([partial(run, number) for number in range(12)])
    with app.app_context():
        members = list(db.session.scalars(db.select(Member).where(Member.email.is_not(None))))
        assert len(members) == 40
        assert [member.email for member in members if member.account_id is None] == []
