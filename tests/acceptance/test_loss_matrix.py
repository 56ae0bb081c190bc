"""DESIGN §3 *Loss*, whole: for each thing that can be lost, what each place answers, and who is told.

The provider, its worker, Onix Tag and Onix Pick and Pack run as processes; the loss is done by the service that an
administrator's command calls. Beside the two applications, a person has signed in to four clients that the test speaks
for: `token` (Tag, denials as tokens), `strict` (Tag, denials as errors), `pick` (Pick and Pack) and `partner` (no app).
R36, R33, R34; conformance 95, 98, 99.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.house import Ear, Guest, Shop, settled
from tests.support.flow import Application, claims_of
from tests.support.live import Live
from tests.support.needs import wait_until

pytestmark = pytest.mark.slow

DEAD = "dead"  # the authorization is withdrawn: invalid_grant, 401, inactive
ALLOW = "allow"
EVERYBODY = {"token", "strict", "pick", "partner", "shop-tag", "shop-pickandpack"}
TAG = {"token", "strict", "shop-tag"}
FAMILY = TAG | {"pick", "shop-pickandpack"}


@dataclass
class House:
    """Everything that runs."""

    live: Live
    shops: dict[str, Shop]
    ear: Ear
    applications: dict[str, Application]
    clock_file: Path

    @contextmanager
    def later(self, seconds: int) -> Iterator[None]:
        """The time of the provider, its worker and the applications runs ahead for as long as the block."""
        self.clock_file.write_text(str(seconds))
        yield
        self.clock_file.write_text("0")


@pytest.fixture(scope="module")
def house(lasting: Callable[..., Live], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("loss")
    clock_file = folder / "clock"
    live = lasting(database="sqlite", worker=True, ONIX_CLOCK_FILE=str(clock_file))
    with ExitStack() as stack:
        ear = Ear()
        stack.callback(ear.stop)
        shops = {app_id: Shop(live, app_id, folder, clock_file=clock_file) for app_id in ("tag", "pickandpack")}
        for shop in shops.values():
            stack.callback(shop.stop)
        applications = {
            "token": live.application("token", deny_mode="token", backchannel_logout_uri=ear.address("token")),
            "strict": live.application("strict", deny_mode="error", backchannel_logout_uri=ear.address("strict")),
            "pick": live.application(
                "pick", app_id="pickandpack", deny_mode="token", backchannel_logout_uri=ear.address("pick")
            ),
            "partner": live.application("partner", app_id=None, backchannel_logout_uri=ear.address("partner")),
            "offline": live.application("offline", deny_mode="token", scope="openid offline_access"),
        }
        yield House(live, shops, ear, applications, clock_file)


@dataclass
class Case:
    """A user of both apps, signed in everywhere, and the pieces that can be taken from them."""

    house: House
    person: Any
    organization_id: str
    roles: dict[str, str]
    licenses: dict[str, str]
    guest: Guest
    tokens: dict[str, dict[str, Any]]

    @property
    def member_id(self) -> str:
        return str(self.person.member_id)

    def do(self, work: Callable[[], Any]) -> None:
        """What an administrator does: one unit of work."""
        from idp.kernel.database import unit_of_work

        with self.house.live.app.app_context(), unit_of_work():
            work()

    def refresh(self, client_id: str) -> str:
        """What a refresh answers; the new tokens are kept."""
        answer = self.house.applications[client_id].refresh(self.tokens[client_id]["refresh_token"])
        if answer.status_code != 200:
            error = answer.json()
            if error["error"] != "invalid_grant":
                return str(error["error"])
            return DEAD if "_" not in error["error_description"].split()[0] else f"error {error['error_description']}"
        self.tokens[client_id] = answer.json()
        return verdict_of(claims_of(self.tokens[client_id]["access_token"]))

    def userinfo(self, client_id: str) -> str:
        answer = self.house.applications[client_id].userinfo(self.tokens[client_id]["access_token"])
        if answer.status_code == 401:
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
            return DEAD
        assert answer.status_code == 200
        return verdict_of(answer.json())

    def introspection(self, client_id: str) -> bool:
        return bool(self.house.applications[client_id].introspect(self.tokens[client_id]["access_token"])["active"])

    def told(self) -> set[str]:
        """Which clients heard that something of this person ended; the two applications by their forgotten cookies."""
        settled(self.house.live.app)
        heard = {client for client, claims in self.house.ear.heard if claims["sub"] == self.person.account_id}
        return heard | {
            shop.client_id for shop in self.house.shops.values() if self.guest.me(shop.base).status_code != 200
        }


def verdict_of(claims: dict[str, Any]) -> str:
    found = claims.get("onix_access")
    return ALLOW if found is None else str(found.get("reason") or found["decision"])


@pytest.fixture
def case(house: House) -> Case:
    world = house.live.world
    organization_id = world.organization()
    person = world.account()
    member_id = world.member(organization_id, person.account_id)
    apps = {
        "tag": ["tag:access", "tag:equipment.read", "tag:equipment.write"],
        "pickandpack": ["pickandpack:access", "pickandpack:orders.read"],
    }
    roles = {app: world.role(organization_id, names, members=[member_id]) for app, names in apps.items()}
    licenses = {app: world.license(organization_id, f"{app}:standard", seats=2, holders=[member_id]) for app in apps}
    person = type(person)(person.account_id, person.address, member_id)
    guest = Guest.of(person.address, world.password, house.live.issuer)
    for shop in house.shops.values():
        assert guest.open(shop.base).status_code == 200
    tokens = {
        name: application.tokens_for(guest.visitor)
        for name, application in house.applications.items()
        if name != "offline"
    }
    return Case(house, person, organization_id, roles, licenses, guest, tokens)


# ---- identity: the authorization is withdrawn


def _disable_account(case: Case) -> None:
    from idp.accounts import service

    case.do(lambda: service.disable_account(case.person.account_id))


def _delete_account(case: Case) -> None:
    from idp.accounts import service

    case.do(lambda: service.delete_account(case.person.account_id))


def _end_session(case: Case) -> None:
    from idp.sessions import service

    case.do(lambda: service.end_sessions_of(case.person.account_id, "ended"))


def _change_password(case: Case) -> None:
    from idp.accounts import passwords, service
    from idp.accounts.models import Account
    from idp.kernel.database import db, unit_of_work

    with case.house.live.app.app_context():
        hashed = passwords.hash_password("another-horse-another-battery")
        with unit_of_work():
            service.change_password(db.session.get_one(Account, case.person.account_id), hashed)


@pytest.mark.parametrize(
    ("lose", "offline_lives"),
    [(_disable_account, False), (_delete_account, False), (_change_password, False), (_end_session, True)],
    ids=["account disabled", "account deleted", "password changed", "session ended"],
)
def test_lost_identity_ends_every_grant(case: Case, lose: Callable[[Case], None], offline_lives: bool) -> None:
    """refresh invalid_grant, userinfo 401, introspection inactive, cookies worth nothing, every client told."""
    case.tokens["offline"] = case.house.applications["offline"].tokens_for(case.guest.visitor)
    lose(case)
    for client in ("token", "strict", "pick", "partner"):
        assert case.refresh(client) == DEAD, client
        assert case.userinfo(client) == DEAD, client
        assert case.introspection(client) is False, client
    assert case.refresh("offline") == (ALLOW if offline_lives else DEAD)
    assert case.told() == EVERYBODY
    for shop in case.house.shops.values():
        case.guest.look(shop.base)
        assert case.guest.verdict(shop.base) == "signed out", "a silent sign-in finds nobody"


def test_a_disabled_client_loses_its_own_grants(case: Case) -> None:
    """The others live on; enabled again, what it had stays ended."""
    from idp.oidc import clients

    held = case.tokens["token"]
    case.do(lambda: clients.disable_client("token"))
    try:
        assert case.refresh("token") == "invalid_client"
        assert case.userinfo("token") == DEAD
        assert case.house.applications["strict"].introspect(held["access_token"]) == {"active": False}
        for other in ("strict", "pick", "partner"):
            assert case.userinfo(other) == ALLOW and case.introspection(other) is True
        assert case.told() == set()
    finally:
        case.do(lambda: clients.enable_client("token"))
    assert case.refresh("token") == DEAD
    assert case.userinfo("token") == DEAD


def test_a_withdrawn_consent_ends_the_grants_of_that_client(case: Case) -> None:
    from idp.oidc import consents

    case.do(lambda: consents.withdraw(case.person.account_id, "partner"))
    assert case.refresh("partner") == DEAD
    assert case.userinfo("partner") == DEAD
    assert case.introspection("partner") is False
    assert case.refresh("token") == ALLOW
    assert case.told() == {"partner"}


# ---- entitlement: the authorization lives, and tells today's decision


def _members(verb: str, back: str, **values: str) -> tuple[Callable[[Case], None], Callable[[Case], None]]:
    from idp.organizations import service

    return (
        lambda case: case.do(lambda: getattr(service, verb)(case.member_id, **values)),
        lambda case: case.do(lambda: getattr(service, back)(case.member_id)),
    )


def _suspend(case: Case) -> None:
    from idp.organizations import service

    case.do(lambda: service.suspend_organization(case.organization_id))


def _resume(case: Case) -> None:
    from idp.organizations import service

    case.do(lambda: service.resume_organization(case.organization_id))


def _take_role(case: Case) -> None:
    from idp.organizations import service

    for role_id in case.roles.values():
        case.do(lambda role_id=role_id: service.unassign_role(case.member_id, role_id))


def _give_role(case: Case) -> None:
    from idp.organizations import service

    for role_id in case.roles.values():
        case.do(lambda role_id=role_id: service.assign_role(case.member_id, role_id))


def _change_role(case: Case) -> None:
    from idp.organizations import service

    case.do(lambda: service.set_role_privileges(case.roles["tag"], ["tag:equipment.read"]))


def _change_role_back(case: Case) -> None:
    from idp.organizations import service

    case.do(lambda: service.set_role_privileges(case.roles["tag"], ["tag:access", "tag:equipment.read"]))


def _take_seat(case: Case) -> None:
    from idp.organizations import service

    case.do(lambda: service.unassign_seat(case.licenses["tag"], case.member_id))


def _take_last_seat(case: Case) -> None:
    """Taken away and given to others, so that none is left."""
    from idp.organizations import service

    _take_seat(case)
    for _ in range(2):
        other = case.house.live.world.member(case.organization_id)
        case.do(lambda other=other: service.assign_seat(case.licenses["tag"], other))


def _more_seats(case: Case) -> None:
    from idp.organizations import service

    case.do(lambda: service.change_license(case.licenses["tag"], seats=3))
    _give_seat(case)


def _give_seat(case: Case) -> None:
    from idp.organizations import service

    case.do(lambda: service.assign_seat(case.licenses["tag"], case.member_id))


def _end_license(case: Case) -> None:
    from idp.kernel import clock
    from idp.organizations import service

    case.do(lambda: service.change_license(case.licenses["tag"], ends_at=clock.now()))


def _renew_license(case: Case) -> None:
    from idp.organizations import service

    case.do(lambda: service.change_license(case.licenses["tag"], without_end=True))


LOSSES = {
    "member set to contact": (*_members("set_contact_only", "set_active"), "contact_only", FAMILY, None),
    "member disabled": (*_members("disable_member", "enable_member"), "member_disabled", FAMILY, ALLOW),
    "member ended": (*_members("end_member", "end_member"), "membership_ended", FAMILY, None),
    "ended for inactivity": (
        *_members("end_member", "end_member", reason="inactive"), "terminated_inactive", FAMILY, None,
    ),
    "organization suspended": (_suspend, _resume, "organization_suspended", FAMILY, ALLOW),
    "roles taken": (_take_role, _give_role, "privilege_missing", FAMILY, ALLOW),
    "role changed": (_change_role, _change_role_back, "privilege_missing", TAG, ALLOW),
    "seat taken": (_take_seat, _give_seat, "license_missing", TAG, ALLOW),
    "seat taken, none left": (_take_last_seat, _more_seats, "seat_limit_reached", TAG, ALLOW),
    "license ended by a change": (_end_license, _renew_license, "license_expired", TAG, ALLOW),
}  # fmt: skip


@pytest.mark.parametrize(("lose", "give_back", "code", "told", "after"), LOSSES.values(), ids=LOSSES)
def test_lost_entitlement_is_told_and_the_grant_lives(
    case: Case,
    lose: Callable[[Case], None],
    give_back: Callable[[Case], None],
    code: str,
    told: set[str],
    after: str | None,
) -> None:
    """At once: inactive, userinfo tells today; refresh gives the denial (an error for who asked for errors).

    A logout token goes to those whose verdict changed and to nobody else; the provider's session lives on; a gain
    shows at the next refresh.
    """
    before = dict(case.tokens)
    lose(case)
    assert case.introspection("token") is False
    assert case.introspection("strict") is False
    assert case.userinfo("token") == code
    assert case.told() == told
    assert case.refresh("token") == code
    assert claims_of(case.tokens["token"]["access_token"])["privileges"] == []
    assert case.introspection("token") is True, "a token that says no carries nothing that could be lost"
    assert case.refresh("strict") == f"error {code}"
    assert case.tokens["strict"] == before["strict"], "a refused refresh spends nothing"

    untouched = FAMILY - told
    if untouched:
        assert case.userinfo("pick") == ALLOW and case.introspection("pick") is True
        assert case.refresh("pick") == ALLOW
    else:
        assert case.refresh("pick") == code
    # A client of no app that was told no organization has lost nothing.
    assert case.userinfo("partner") == ALLOW and case.introspection("partner") is True

    # The person opens the applications again: no second sign-in, and each says today's truth.
    for app, shop in case.house.shops.items():
        case.guest.visitor.seen.clear()
        page = case.guest.look(shop.base)
        expected = code if shop.client_id in told else ALLOW
        assert case.guest.verdict(shop.base) == expected, (app, page.url)
        assert page.status_code == (200 if expected == ALLOW else 403)

    if after is not None:
        give_back(case)
        assert case.refresh("token") == after
        assert case.refresh("strict") == after, "its refresh token was not spent by the refusal"
        tag = case.house.shops["tag"].base

        def opened() -> bool:
            case.guest.look(tag)
            return case.guest.verdict(tag) == after

        wait_until(opened, what="that the denial page, asking again every few seconds, opens")


def test_a_smaller_set_of_privileges_is_a_loss_to_its_app_alone(case: Case) -> None:
    """Still allowed, with fewer privileges: older tokens read inactive, new ones carry less."""
    from idp.organizations import service

    case.do(lambda: service.set_role_privileges(case.roles["tag"], ["tag:access", "tag:equipment.read"]))
    assert case.introspection("token") is False
    assert case.refresh("token") == ALLOW
    assert claims_of(case.tokens["token"]["access_token"])["privileges"] == ["tag:access", "tag:equipment.read"]
    assert case.introspection("token") is True
    assert case.told() == TAG


def test_a_gain_is_told_to_nobody_and_shows_at_refresh(case: Case) -> None:
    from idp.organizations import service

    more = ["tag:access", "tag:equipment.read", "tag:equipment.write", "tag:print.read"]
    case.do(lambda: service.set_role_privileges(case.roles["tag"], more))
    assert case.introspection("token") is True
    assert case.told() == set()
    assert case.refresh("token") == ALLOW
    assert claims_of(case.tokens["token"]["access_token"])["privileges"] == more


def test_a_license_that_ends_by_date_needs_no_job(case: Case) -> None:
    """No token outlives it: `exp` is the license's end, and nothing has to be told to anybody."""
    import time

    from idp.organizations.models import License

    ends_at = int(time.time()) + 200
    case.house.live.world.change(License, case.licenses["tag"], ends_at=ends_at)
    assert case.refresh("token") == ALLOW
    held = case.tokens["token"]
    assert claims_of(held["access_token"])["exp"] == ends_at == claims_of(held["id_token"])["exp"]
    assert held["expires_in"] <= 200
    with case.house.later(200):
        assert case.userinfo("token") == DEAD, "an expired token"
        assert case.introspection("token") is False
        assert case.introspection("strict") is False, "an older one that was to live longer"
        assert case.refresh("token") == "license_expired"
        assert case.refresh("strict") == "error license_expired"
        assert case.refresh("pick") == ALLOW
        assert case.told() == set()
