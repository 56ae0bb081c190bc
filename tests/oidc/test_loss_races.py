"""A token is issued while its ground is being lost (DESIGN §3 *Loss*): the client hears of it, once, and no other does.

The loss is committed by another process between two statements of the issuing one: after the facts were read and
judged, before what the client is told is written down.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event, func, select

from idp import jobs
from idp.kernel.database import db, unit_of_work
from idp.oidc import authorizations
from idp.oidc.authorizations.withdrawing import withdraw_where
from idp.oidc.models import Authorization, LossCheck
from idp.organizations import service as organizations
from idp.organizations.models import Seat
from idp.outbox.models import Delivery
from tests.support.protocol import Protocol, claims_of

DELAY = 2
ISSUING = "INSERT INTO refresh_token"
overlapping = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite's writers queue


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return {"lifetimes": {"loss_recheck": DELAY}}


class Elsewhere:
    """Another process on the same database: it takes things away, and its worker looks at what that means."""

    def __init__(self, protocol: Protocol, app: Any, clock: Any) -> None:
        self.protocol, self.app, self.clock = protocol, app, clock

    def _do(self, work: Callable[[], Any]) -> None:
        with self.app.app_context(), unit_of_work():
            work()

    def take_seat(self, member_id: str) -> None:
        def take() -> None:
            seat = db.session.scalars(select(Seat).where(Seat.member_id == member_id)).one()
            organizations.unassign_seat(seat.license_id, member_id)

        self._do(take)

    def suspend(self) -> None:
        self._do(lambda: organizations.suspend_organization(self.protocol.organization_id))

    def end_all(self, account_id: str) -> None:
        self._do(lambda: withdraw_where(Authorization.account_id == account_id, "by_owner"))

    def owed(self) -> list[str]:
        """Whom logout tokens are owed to once the worker has looked at what is due."""
        with self.app.app_context():
            jobs.losses()
            found = list(db.session.scalars(select(Delivery.destination).where(Delivery.lane == "logout")))
            db.session.rollback()
        return sorted(found)

    def owed_later(self) -> list[str]:
        """The same after the second comparison, of which nothing is left over."""
        self.clock.advance(DELAY)
        found = self.owed()
        with self.app.app_context():
            assert db.session.scalar(select(LossCheck.id)) is None
            db.session.rollback()
        return found


@pytest.fixture
def elsewhere(protocol: Protocol, make_app: Any, database_url: str, app_settings: Any, clock: Any) -> Elsewhere:
    for client_id, app_id in (("tag-bc", "tag"), ("tag-too", "tag"), ("pick-bc", "pickandpack")):
        protocol.register(
            client_id, app_id=app_id, deny_mode="token", backchannel_logout_uri="http://localhost:9999/bc"
        )
    return Elsewhere(protocol, make_app(database_url, **app_settings), clock)


@pytest.fixture
def before(app: Any) -> Iterator[Callable[[str, Callable[[], None]], None]]:
    """`before("INSERT INTO …", work)`: once, before this process's next statement of the kind."""
    waiting: list[tuple[str, Callable[[], None]]] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if waiting and statement.startswith(waiting[0][0]):
            waiting.pop()[1]()

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", look)
    yield lambda statement, work: waiting.append((statement, work))
    assert waiting == [], "the moment came"


@overlapping
@pytest.mark.parametrize("loses", ["a seat", "the organization"])
def test_a_code_redeemed_during_a_loss(protocol: Protocol, elsewhere: Elsewhere, before: Any, loses: str) -> None:
    protocol.tokens("pick-bc")  # told a denial, so it can lose nothing
    grant = protocol.grant("tag-bc")
    before(ISSUING, elsewhere.suspend if loses != "a seat" else lambda: elsewhere.take_seat(protocol.person.member_id))
    token = protocol.redeem(grant, "tag-bc").json
    assert claims_of(token["access_token"])["onix_access"]["decision"] == "allow", "on the facts of before"
    assert elsewhere.owed() == ["tag-bc"], "the authorization says what its first token is going to tell"
    again = ["tag-bc"] if loses == "a seat" else []  # that notice may have come before there was a session to end
    assert elsewhere.owed_later() == ["tag-bc", *again]


@overlapping
@pytest.mark.parametrize("again", ["", "within the grace"])
def test_a_refresh_during_a_loss(protocol: Protocol, elsewhere: Elsewhere, before: Any, again: str) -> None:
    """What the client was told is the same before and after; the logout token of the loss is older than the answer."""
    held = protocol.tokens("tag-bc")["refresh_token"]
    protocol.tokens("tag-too")
    if again:
        protocol.refresh(held, "tag-bc")
    before(ISSUING, lambda: elsewhere.take_seat(protocol.person.member_id))
    token = protocol.refresh(held, "tag-bc").json
    assert claims_of(token["access_token"])["onix_access"]["decision"] == "allow", "on the facts of before"
    assert elsewhere.owed() == ["tag-bc", "tag-too"], "at once"
    assert elsewhere.owed_later() == ["tag-bc", "tag-bc", "tag-too"], "and once more to who was told anew"
    assert claims_of(protocol.refresh(token["refresh_token"], "tag-bc").json["access_token"])["privileges"] == []
    assert elsewhere.owed_later() == ["tag-bc", "tag-bc", "tag-too"]


@overlapping
def test_an_authorization_opened_during_a_loss(protocol: Protocol, elsewhere: Elsewhere, before: Any) -> None:
    """For another organization of the person: the comparison of the loss can't see it yet."""
    other = protocol.world.organization(slug="breim", name="Breim Kran AS")
    member_id = protocol.world.member(other, protocol.person.account_id)
    protocol.world.role(other, ["tag:access"], members=[member_id])
    protocol.world.license(other, holders=[member_id])
    held = protocol.tokens("tag-bc")["refresh_token"]
    protocol.tokens("tag-too")
    before('INSERT INTO "authorization"', lambda: elsewhere.take_seat(member_id))
    token = protocol.refresh(held, "tag-bc", organization="breim").json
    assert claims_of(token["access_token"])["privileges"] == ["tag:access"], "on the facts of before"
    assert elsewhere.owed() == []
    assert elsewhere.owed_later() == ["tag-bc"]


@overlapping
@pytest.mark.parametrize("first", ["the sibling", "the end"])
def test_everything_ends_while_a_sibling_is_opened(
    protocol: Protocol, elsewhere: Elsewhere, before: Any, first: str
) -> None:
    """Ending all that a person has granted leaves no authorization behind that a refresh was just opening."""
    other = protocol.world.organization(slug="breim", name="Breim Kran AS")
    member_id = protocol.world.member(other, protocol.person.account_id)
    protocol.world.role(other, ["tag:access"], members=[member_id])
    protocol.world.license(other, holders=[member_id])
    held = protocol.tokens("tag-bc")["refresh_token"]
    ending = threading.Thread(target=lambda: elsewhere.end_all(protocol.person.account_id))

    def end() -> None:
        ending.start()
        ending.join(60 if first == "the end" else 0.5)
        assert ending.is_alive() == (first == "the sibling"), "it waits for what is being opened"

    before('SELECT "authorization".withdrawn_at' if first == "the end" else ISSUING, end)
    answer = protocol.refresh(held, "tag-bc", organization="breim").json
    ending.join(60)
    if first == "the sibling":
        answer = protocol.refresh(answer["refresh_token"], "tag-bc").json
    assert answer["error"] == "invalid_grant"
    with elsewhere.app.app_context():
        alive = select(func.count()).select_from(Authorization).where(Authorization.withdrawn_at.is_(None))
        assert db.session.scalar(alive.where(Authorization.account_id == protocol.person.account_id)) == 0
        db.session.rollback()


def test_a_loss_that_nothing_overtook_is_told_once(protocol: Protocol, elsewhere: Elsewhere) -> None:
    protocol.tokens("tag-bc")
    elsewhere.take_seat(protocol.person.member_id)
    with elsewhere.app.app_context():
        checks = list(db.session.scalars(select(LossCheck)))
        assert [(check.member_ids, check.due_at - check.created_at) for check in checks] == [
            ([protocol.person.member_id], DELAY)
        ]
        assert jobs.losses() == 0, "not due yet"
    assert elsewhere.owed() == ["tag-bc"]
    assert elsewhere.owed_later() == ["tag-bc"]


def test_checks_of_many_changes_are_taken_together(
    protocol: Protocol, elsewhere: Elsewhere, statements: Any, clock: Any
) -> None:
    for _ in range(20):
        license_id = protocol.world.license(protocol.organization_id)
        with elsewhere.app.app_context():
            with unit_of_work():
                organizations.assign_seat(license_id, protocol.person.member_id)
            with unit_of_work():
                organizations.unassign_seat(license_id, protocol.person.member_id)
    clock.advance(DELAY)
    with elsewhere.app.app_context(), statements() as seen:
        assert jobs.losses() == 0
    assert len(seen) <= 8, str(seen)
    assert elsewhere.owed_later() == []


def test_named_members_with_many_authorizations_are_compared_in_pages(
    protocol: Protocol, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    grants = [protocol.tokens("tag-bc") for _ in range(5)]
    monkeypatch.setattr(authorizations.losing, "PAGE", 10)
    elsewhere.take_seat(protocol.person.member_id)
    assert elsewhere.owed() == ["tag-bc"] * len(grants)
    for grant in grants:  # as if each had been issued at the very moment of the loss
        authorization_id = claims_of(grant["access_token"])["jti"].partition(".")[0]
        protocol.world.change(Authorization, authorization_id, told=f"allow {protocol.person.member_id}")
    monkeypatch.setattr(authorizations.losing, "PAGE", 2)
    assert elsewhere.owed_later() == ["tag-bc"] * 2 * len(grants)
