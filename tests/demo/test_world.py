"""The demo world is what DESIGN §7 promises: one person for every code, told the same in Tag and in Pick and Pack."""

from __future__ import annotations

from typing import Any

import pytest

from idp.accounts.service import find_by_address
from idp.demo import world as demo
from idp.kernel import clock
from idp.kernel.database import db
from idp.oidc.clients import load_client
from idp.organizations.catalog import current_catalog
from idp.organizations.facts import load_facts
from idp.organizations.models import Organization
from idp.organizations.policy import CODES, Choices, choose

PORT = 8000


@pytest.fixture
def app_settings() -> dict[str, Any]:
    return {"issuer": f"http://localhost:{PORT}"}


@pytest.fixture
def seeded(context: Any) -> Any:
    assert demo.seed(context.extensions["onix_settings"], PORT)
    return context


def told(name: str, app: str) -> str:
    account = find_by_address(demo.address_of(name))
    assert account is not None, name
    facts = load_facts(db.session, account.id, app)
    assert facts is not None
    found = choose(facts, current_catalog().apps[app], clock.now())
    return f"{len(found.decisions)} to choose from" if isinstance(found, Choices) else found.code or "allow"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_world_is_what_was_promised(seeded: Any) -> None:
    for code in CODES:
        for app in ("tag", "pickandpack"):
            assert told(code.replace("_", "-"), app) == code
    names = ("allow", "tag-read", "norsk", "claims", "admin", "no-role", "many")
    assert {name: told(name, "tag") for name in names} == {
        "allow": "allow", "tag-read": "allow", "norsk": "allow", "claims": "allow", "admin": "allow",
        "no-role": "privilege_missing", "many": "3 to choose from",
    }  # fmt: skip
    assert told("allow", "pickandpack") == "allow" and told("many", "pickandpack") == "3 to choose from"
    assert told("guest", "express") == "2 to choose from"
    assert told("employee", "oneoffice") == told("root", "oneoffice") == told("root", "account") == "allow"
    assert {name: told(f"oneoffice-{name}", "oneoffice") for name in ("site", "legacy", "admin", "unlicensed")} == {
        "site": "allow", "legacy": "allow", "admin": "allow", "unlicensed": "license_missing",
    }  # fmt: skip
    assert told("bidder", "oneoffice") == told("consultant", "oneoffice") == "allow"
    assert told("supplier", "account") == told("admin2", "account") == "allow"
    _has_languages_and_claims()
    _has_clients_that_move_with_the_block()


def test_world_is_made_once(seeded: Any) -> None:
    assert not demo.seed(seeded.extensions["onix_settings"], PORT)
    slugs = {row.slug for row in db.session.query(Organization)}
    assert slugs >= {"nordic-lift", "breim-kran", "fjord-inspection", "onix-works", "suspendert-heis", "connex"}
    with seeded.test_request_context(headers={"Accept-Language": "nb"}):
        people = demo.people()
        assert all(find_by_address(one["address"]) for one in people), "the sign-in page offers them"
        assert all(str(one["label"]) for one in people)


def _has_languages_and_claims() -> None:
    stored = {name: find_by_address(demo.address_of(name)).locale for name in ("norsk", "allow", "many")}  # type: ignore[union-attr]
    assert stored == {"norsk": "nb", "allow": None, "many": None}
    claims = find_by_address(demo.address_of("claims"))
    assert claims is not None and claims.address and claims.address["country"] == "Norway"
    for name in ("middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender",
                 "birthdate", "zoneinfo", "locale", "phone_number"):  # fmt: skip
        assert getattr(claims, name), name


def _has_clients_that_move_with_the_block() -> None:
    assert demo.retarget_clients(PORT) == 0
    assert demo.retarget_clients(9000) == 8
    tag, probe = load_client("onix-tag"), load_client("demo-probe")
    assert tag is not None and "http://localhost:9001/callback" in tag.redirect_uris
    assert tag.backchannel_logout_uri == "http://localhost:9001/backchannel-logout"
    assert probe is not None and probe.redirect_uris == {"http://localhost:9010/callback"}
    assert probe.accepts_secret("demo-probe-secret", clock.now()) and probe.deny_mode == "token"
    strict, partner, machine = (load_client(f"demo-{name}") for name in ("strict", "partner", "machine"))
    assert strict is not None and (strict.app_id, strict.deny_mode) == ("tag", "error")
    assert partner is not None and partner.app_id is None
    assert machine is not None and machine.grant_types == {"client_credentials"}
