"""DESIGN §3 *Loss*: what a loss does to authorizations, and which clients hear of it."""

from __future__ import annotations

import pytest

from idp.kernel import clock as kernel_clock
from idp.kernel.database import db, unit_of_work
from idp.kernel.events import emit
from idp.oidc import authorizations
from idp.oidc.events import AuthorizationWithdrawn, ConsentWithdrawn, LogoutDue
from idp.organizations.events import EntitlementChanged
from tests.support.protocol import claims_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def heard(protocol):
    """LogoutDue and AuthorizationWithdrawn, as they were emitted."""
    protocol.register("tag-bc", app_id="tag", deny_mode="token", backchannel_logout_uri="http://localhost:9999/bc")
    protocol.register(
        "pick-bc", app_id="pickandpack", deny_mode="token", backchannel_logout_uri="http://localhost:9999/bc"
    )
    news = []
    protocol.app.extensions["onix_events"].subscribe([LogoutDue, AuthorizationWithdrawn], news.append)
    return news


@pytest.fixture
def bystander(protocol, heard):
    """Somebody else of the same organization at the same client, signed in and while away: loses and hears nothing."""
    person = protocol.world.user(protocol.organization_id)
    who = {"person": person, "member_id": person.member_id}
    theirs = [
        protocol.tokens("tag-bc", **who),
        protocol.tokens("tag-bc", scope="openid offline_access", offline=True, **who),
    ]
    yield person
    assert [protocol.refresh(token["refresh_token"], "tag-bc").status_code for token in theirs] == [200, 200]
    assert person.account_id not in {event.sub for event in heard if isinstance(event, LogoutDue)}


def changed(protocol, member_ids=None):
    with protocol.app.app_context(), unit_of_work():
        emit(EntitlementChanged(at=kernel_clock.now(), organization_id=protocol.organization_id, member_ids=member_ids))


def logouts(heard):
    return [(event.client_id, event.sid) for event in heard if isinstance(event, LogoutDue)]


def test_a_lost_seat_is_told_to_the_clients_that_had_it_and_to_no_other(protocol, heard):
    from idp.organizations.models import Seat

    grant = protocol.grant("tag-bc")
    protocol.redeem(grant, "tag-bc")
    protocol.tokens("pick-bc")  # told a denial: nothing to lose
    protocol.tokens("tag")  # no address for logout tokens
    with protocol.app.app_context(), unit_of_work():
        db.session.execute(db.delete(Seat))
    changed(protocol, (protocol.person.member_id,))
    assert logouts(heard) == [("tag-bc", grant.sid)]
    changed(protocol, (protocol.person.member_id,))
    assert len(logouts(heard)) == 1  # told once
    assert not [event for event in heard if isinstance(event, AuthorizationWithdrawn)]


def test_a_smaller_set_of_privileges_is_a_loss_and_a_gain_is_none(protocol, heard, bystander):
    from idp.organizations.models import RolePrivilege

    protocol.tokens("tag-bc")
    protocol.world.role(protocol.organization_id, ["tag:print.read"], members=[protocol.person.member_id])
    changed(protocol, (protocol.person.member_id,))
    assert logouts(heard) == []
    with protocol.app.app_context(), unit_of_work():
        db.session.execute(db.delete(RolePrivilege).where(RolePrivilege.privilege == "tag:equipment.read"))
    changed(protocol, (protocol.person.member_id,))
    assert len(logouts(heard)) == 1


def test_a_whole_organizations_loss_is_expanded_by_the_worker_in_pages(protocol, heard, monkeypatch):
    from idp.organizations.models import Organization

    monkeypatch.setattr(authorizations.losing, "PAGE", 2)
    for _ in range(5):
        protocol.tokens("tag-bc")
    protocol.world.change(Organization, protocol.organization_id, status="suspended")
    changed(protocol)
    assert logouts(heard) == []
    pages = []
    with protocol.app.app_context():
        while True:
            with unit_of_work():
                pages.append(authorizations.expand_losses())
            if pages[-1] is None:
                break
    assert pages.pop() is None
    assert sum(pages) == 5 and max(pages) <= 2
    assert len(logouts(heard)) == 5


@pytest.mark.parametrize("taken", ["a privilege", "the role", "nothing"])
def test_what_the_catalog_takes_from_a_system_role_is_told(protocol, heard, statements, taken):
    """An upgrade brings a smaller role: the clients of all who held it hear of it, in any organization."""
    from dataclasses import replace

    from idp import jobs
    from idp.organizations import service
    from idp.organizations.catalog import current_catalog

    protocol.register("other-bc", app_id="tag", deny_mode="token", backchannel_logout_uri="http://localhost:9999/bc")
    with protocol.app.app_context():
        catalog = current_catalog()
        with unit_of_work():
            service.sync_system_roles(catalog)
            role_id = service.find_role("Inspector").id
        for number in range(3):
            place = protocol.world.organization()
            person = protocol.world.user(place, privileges=["tag:access"])
            if number < 2:
                with unit_of_work():
                    service.assign_role(person.member_id, role_id)
            protocol.tokens(
                ("tag-bc", "other-bc", "tag-bc")[number],
                person=person, member_id=person.member_id, organization_id=place,
            )  # fmt: skip
        jobs.losses()
        inspector = catalog.roles["Inspector"]
        held = inspector.privileges
        if taken == "a privilege":
            held -= {"tag:equipment.read"}
        elif taken == "nothing":
            held |= {"pickandpack:access"}
        roles = {**catalog.roles, "Inspector": replace(inspector, privileges=held)}
        if taken == "the role":
            del roles["Inspector"]
        with statements() as seen, unit_of_work():
            assert service.sync_system_roles(replace(catalog, roles=roles)) == 1
        assert sum("INSERT INTO loss_check" in statement for statement in seen.texts) == (taken != "nothing")
        assert logouts(heard) == []
        jobs.losses()
    assert sorted(client_id for client_id, _ in logouts(heard)) == (
        ["other-bc", "tag-bc"] if taken != "nothing" else []
    )


def test_a_page_is_compared_with_one_reading_of_the_facts_and_one_writing(protocol, heard, statements):
    from idp.organizations.models import Member, Seat

    people = [protocol.world.user(protocol.organization_id) for _ in range(5)]
    grants = [
        protocol.grant("tag-bc", person=person, member_id=person.member_id, organization_id=protocol.organization_id)
        for person in people
        for _ in range(2)
    ]
    for grant in grants:
        protocol.redeem(grant, "tag-bc")
    members = tuple(person.member_id for person in people)
    with statements() as unchanged:
        changed(protocol, members)
    assert sum("WITH mine" in text for text in unchanged.texts) == 1 and logouts(heard) == []
    somebody_else = protocol.world.account()
    protocol.world.change(Member, people[0].member_id, account_id=somebody_else.account_id)
    with protocol.app.app_context(), unit_of_work():
        db.session.execute(db.delete(Seat).where(Seat.member_id == people[1].member_id))
    with statements() as seen:
        changed(protocol, members)
    assert sorted(logouts(heard)) == sorted(("tag-bc", grant.sid) for grant in grants[:4]), (
        "those two, all their grants"
    )
    assert sum("UPDATE authorization SET" in text.replace('"', "") for text in seen.texts) == 1
    assert sum("WITH mine" in text for text in seen.texts) == 1


def test_sign_out_ends_online_grants_and_tells_every_client_of_the_session(protocol, heard, bystander):
    from idp.sessions.events import SessionEnded

    sid = protocol.session()
    online = protocol.tokens("tag-bc", sid=sid)
    offline = protocol.tokens("pick-bc", sid=sid, scope="openid offline_access", offline=True)
    with protocol.app.app_context(), unit_of_work():
        emit(SessionEnded(at=kernel_clock.now(), account_id=protocol.person.account_id, sid=sid, reason="signed_out"))
    assert sorted(logouts(heard)) == [("pick-bc", sid), ("tag-bc", sid)]
    assert protocol.refresh(online["refresh_token"], "tag-bc").json["error"] == "invalid_grant"
    assert protocol.userinfo(online["access_token"]).status_code == 401
    assert protocol.refresh(offline["refresh_token"], "pick-bc").status_code == 200


@pytest.mark.parametrize("lost", ["AccountDisabled", "AccountClosing", "PasswordChanged"])
def test_a_disabled_account_and_a_new_password_end_online_and_offline(protocol, heard, lost, bystander):
    from idp.accounts import events

    online = protocol.tokens("tag-bc")
    offline = protocol.tokens("tag-bc", scope="openid offline_access", offline=True)
    extra = {"AccountClosing": {"closes_at": 2**40}, "PasswordChanged": {"by_reset": False}}.get(lost, {})
    with protocol.app.app_context(), unit_of_work():
        emit(getattr(events, lost)(at=kernel_clock.now(), account_id=protocol.person.account_id, **extra))
    for token in (online, offline):
        assert protocol.refresh(token["refresh_token"], "tag-bc").json["error"] == "invalid_grant"
        assert protocol.userinfo(token["access_token"]).status_code == 401
        assert protocol.introspect(token["access_token"], "tag-bc").json == {"active": False}
    assert len(set(logouts(heard))) == 2


def test_a_new_password_ends_no_grant_where_the_person_wants_to_stay_signed_in(protocol, heard):
    """docs/decisions/0024."""
    from idp.accounts.events import PasswordChanged

    token = protocol.tokens("tag-bc")
    with protocol.app.app_context(), unit_of_work():
        account_id = protocol.person.account_id
        emit(PasswordChanged(at=kernel_clock.now(), account_id=account_id, by_reset=False, everywhere=False))
    assert protocol.refresh(token["refresh_token"], "tag-bc").status_code == 200 and logouts(heard) == []


def test_a_withdrawn_consent_ends_the_clients_grants_only(protocol, heard, bystander):
    mine, other = protocol.tokens("tag-bc"), protocol.tokens("tag")
    with protocol.app.app_context(), unit_of_work():
        emit(ConsentWithdrawn(at=kernel_clock.now(), account_id=protocol.person.account_id, client_id="tag-bc"))
    assert protocol.userinfo(mine["access_token"]).status_code == 401
    assert protocol.userinfo(other["access_token"]).status_code == 200


def test_reuse_is_told_to_the_client(protocol, heard, bystander):
    """Withdrawal for any reason queues a logout token."""
    grant = protocol.grant("tag-bc", nonce="one")
    protocol.redeem(grant, "tag-bc")
    others = [
        ("tag-bc", protocol.tokens("tag-bc", sid=grant.sid, nonce="another")),
        ("tag", protocol.tokens("tag", sid=grant.sid, nonce="one")),
        ("tag-bc", protocol.tokens("tag-bc", nonce="one")),
    ]
    protocol.redeem(grant, "tag-bc")
    assert logouts(heard) == [("tag-bc", grant.sid)]
    for client_id, other in others:
        assert protocol.refresh(other["refresh_token"], client_id).status_code == 200, "of another sign-in or request"
    assert [event.reason for event in heard if isinstance(event, AuthorizationWithdrawn)] == ["code_reused"]


def test_what_a_client_was_told_of_its_app_is_compared_with_its_app(protocol, heard):
    """An authorization for the provider's API whose client also asks for its app: nobody lost anything."""
    api = f"{protocol.app.extensions['onix_settings'].issuer}/api/v1"
    first = protocol.tokens("tag-bc", resource=api)
    other = protocol.world.organization(slug="breim", name="Breim Kran AS")
    member_id = protocol.world.member(other, protocol.person.account_id)
    protocol.world.role(other, ["tag:access", "account:access"], members=[member_id])
    protocol.world.role(protocol.organization_id, ["account:access"], members=[protocol.person.member_id])
    protocol.world.license(other, holders=[member_id])
    sibling = protocol.refresh(first["refresh_token"], "tag-bc", organization="breim").json
    assert claims_of(sibling["access_token"])["privileges"] == ["account:access"]
    protocol.refresh(first["refresh_token"], "tag-bc", resource="urn:onix:tag")
    changed(protocol, (protocol.person.member_id, member_id))
    assert logouts(heard) == []


def test_an_address_registered_elsewhere_meanwhile_hears_of_a_loss(protocol, heard, make_app, database_url):
    """Another process changed the client: what this one remembers of it is no ground to tell nobody."""
    from idp.oidc.clients import change_metadata
    from idp.organizations.models import Seat

    protocol.tokens("tag")
    elsewhere = make_app(database_url)
    with elsewhere.app_context(), unit_of_work():
        change_metadata("tag", backchannel_logout_uri="http://localhost:9999/bc")
    with protocol.app.app_context(), unit_of_work():
        db.session.execute(db.delete(Seat))
    changed(protocol, (protocol.person.member_id,))
    assert [client_id for client_id, _ in logouts(heard)] == ["tag"]


def test_the_first_second_factor_ends_what_a_password_has_opened_for_use_while_away(protocol, heard, bystander):
    """What a thief with the password took along before, signed out since or not; two factors' own grants go on."""
    from idp.sessions import service
    from idp.sessions.models import Session

    away = {"scope": "openid offline_access", "offline": True}
    thief, strong = protocol.session(), protocol.session(acr="urn:onix:acr:2", amr=["pwd", "otp", "mfa"])
    stolen, own = protocol.tokens("tag-bc", sid=thief, **away), protocol.tokens("tag-bc", sid=strong, **away)
    mine = protocol.session()
    kept = protocol.tokens("pick-bc", sid=mine, **away)
    with protocol.app.app_context(), unit_of_work():
        service.end_session(thief, "signed_out")
        service.end_weaker_sessions(db.session.get(Session, mine))
    assert protocol.refresh(stolen["refresh_token"], "tag-bc").json["error"] == "invalid_grant"
    assert protocol.userinfo(stolen["access_token"]).status_code == 401
    assert protocol.refresh(own["refresh_token"], "tag-bc").status_code == 200
    assert protocol.refresh(kept["refresh_token"], "pick-bc").status_code == 200
    assert ("tag-bc", thief) in logouts(heard) and ("tag-bc", strong) not in logouts(heard)


@pytest.mark.parametrize("reason", ["password_changed", "account_disabled", "by_owner", "by_admin", "factor_added"])
def test_an_offline_grant_that_overtakes_a_new_password_ends_all_the_same(protocol, reason):
    """It was being opened, from a session seen alive, while every grant of the account was withdrawn."""
    from idp.sessions.models import Session

    sid = protocol.session()
    late = protocol.tokens("tag", sid=sid, scope="openid offline_access", offline=True)
    kept = protocol.tokens("tag", scope="openid offline_access", offline=True)
    protocol.world.change(Session, sid, ended_at=kernel_clock.now(), ended_reason=reason)
    assert protocol.refresh(late["refresh_token"], "tag").json["error"] == "invalid_grant"
    assert protocol.userinfo(late["access_token"]).status_code == 401
    assert protocol.refresh(kept["refresh_token"], "tag").status_code == 200


def test_a_worker_that_finds_a_loss_taken_by_another_does_not_spin(protocol, monkeypatch):
    from idp import jobs

    changed(protocol)
    asked = []
    monkeypatch.setattr(authorizations, "expand_losses", lambda: asked.append(1) if len(asked) < 50 else 0 / 0)
    with protocol.app.app_context():
        assert jobs.losses() == 0
    assert len(asked) == 1
