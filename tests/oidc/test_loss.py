"""DESIGN §3 *Loss*: what a loss does to authorizations, and which clients hear of it."""

from __future__ import annotations

import pytest

from idp.kernel import clock as kernel_clock
from idp.kernel.database import db, unit_of_work
from idp.kernel.events import emit
from idp.oidc import authorizations
from idp.oidc.events import AuthorizationWithdrawn, ConsentWithdrawn, LogoutDue
from idp.organizations.events import EntitlementChanged

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


def test_a_smaller_set_of_privileges_is_a_loss_and_a_gain_is_none(protocol, heard):
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

    monkeypatch.setattr(authorizations, "PAGE", 2)
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
            if pages[-1] == 0:
                break
    assert sum(pages) == 5 and max(pages) <= 2
    assert len(logouts(heard)) == 5


def test_sign_out_ends_online_grants_and_tells_every_client_of_the_session(protocol, heard):
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


@pytest.mark.parametrize("lost", ["AccountDisabled", "PasswordChanged"])
def test_a_disabled_account_and_a_new_password_end_online_and_offline(protocol, heard, lost):
    from idp.accounts import events

    online = protocol.tokens("tag-bc")
    offline = protocol.tokens("tag-bc", scope="openid offline_access", offline=True)
    extra = {"by_reset": False} if lost == "PasswordChanged" else {}
    with protocol.app.app_context(), unit_of_work():
        emit(getattr(events, lost)(at=kernel_clock.now(), account_id=protocol.person.account_id, **extra))
    for token in (online, offline):
        assert protocol.refresh(token["refresh_token"], "tag-bc").json["error"] == "invalid_grant"
        assert protocol.userinfo(token["access_token"]).status_code == 401
        assert protocol.introspect(token["access_token"], "tag-bc").json == {"active": False}
    assert len(set(logouts(heard))) == 2


def test_a_withdrawn_consent_ends_the_clients_grants_only(protocol, heard):
    mine, other = protocol.tokens("tag-bc"), protocol.tokens("tag")
    with protocol.app.app_context(), unit_of_work():
        emit(ConsentWithdrawn(at=kernel_clock.now(), account_id=protocol.person.account_id, client_id="tag-bc"))
    assert protocol.userinfo(mine["access_token"]).status_code == 401
    assert protocol.userinfo(other["access_token"]).status_code == 200


def test_reuse_is_told_to_the_client(protocol, heard):
    """Withdrawal for any reason queues a logout token."""
    grant = protocol.grant("tag-bc")
    protocol.redeem(grant, "tag-bc")
    protocol.redeem(grant, "tag-bc")
    assert logouts(heard) == [("tag-bc", grant.sid)]
    assert [event.reason for event in heard if isinstance(event, AuthorizationWithdrawn)] == ["code_reused"]
