"""For every random world, `decide(claims_for(...))` equals `entitlement()` (idea 5 of DESIGN §5).

Also: whatever names the world holds, reserved claims stay the provider's, and `onix_access` fits its schema.
"""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from clients.relying_party.access import decide
from idp.oidc.claims import Ground, claims_for
from idp.organizations.policy import (
    AccountFacts,
    LicenseFacts,
    MemberFacts,
    OrganizationFacts,
    RoleFacts,
    entitlement,
)
from tests.policy.worlds import CATALOG, NOW

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).resolve().parents[2] / "idp/oidc/onix_access.schema.json").read_text())
)
APPS = sorted(name for name, app in CATALOG.apps.items() if app.resource == f"urn:onix:{name}")
PRIVILEGES = sorted(name for app in CATALOG.apps.values() for name in app.privileges)
EDITIONS = sorted(name for app in CATALOG.apps.values() for name in app.editions)
names = st.text(min_size=1, max_size=20).filter(str.strip) | st.sampled_from(
    ["iss", "exp", '{"sub":"x"}', "{app}", "Ørn"]
)
instants = st.integers(NOW - 5, NOW + 5)

licenses = st.builds(
    lambda number, edition, seats, held, starts_at, ends_at: LicenseFacts(
        f"l{number}", edition.partition(":")[0], edition, seats, held, starts_at, ends_at
    ),
    st.integers(0, 3), st.sampled_from(EDITIONS), st.integers(0, 2), st.integers(0, 2), instants, st.none() | instants,
)  # fmt: skip
roles = st.builds(
    RoleFacts, st.uuids().map(str), names, st.booleans(),
    st.frozensets(st.sampled_from([*PRIVILEGES, *(f"{app}:access" for app in APPS), "nobody:knows"]), max_size=8),
)  # fmt: skip
members = st.builds(
    MemberFacts,
    id=st.uuids().map(str),
    type=st.sampled_from(["employee", "express", "bidder", "consultant"]),
    status=st.sampled_from(["active", "active", "active", "contact", "disabled", "ended"]),
    organization=st.builds(
        OrganizationFacts, st.uuids().map(str), st.just("slug"), names, st.sampled_from(["customer", "self"]),
        st.sampled_from(["active", "active", "suspended"]), st.integers(1, 9),
    ),
    ended_reason=st.sampled_from([None, "ended", "inactive"]),
    account_linked=st.sampled_from([True, True, True, False]),
    invitation=st.sampled_from(["none", "pending", "expired"]),
    company_id=st.none() | st.just("c"),
    company_name=names,
    roles=st.lists(roles, max_size=3).map(tuple),
    seats=st.frozensets(st.sampled_from(["l0", "l1", "l2", "l3"])),
    licenses=st.lists(licenses, max_size=4, unique_by=lambda one: one.id).map(tuple),
    administrators=st.lists(names, max_size=5).map(tuple),
)  # fmt: skip


@settings(max_examples=500)
@given(member=st.none() | members, disabled=st.sampled_from([False, False, False, True]), app_id=st.sampled_from(APPS),
       language=st.sampled_from(["en", "nb"]))  # fmt: skip
def test_what_the_provider_decides_is_what_the_application_reads(member, disabled, app_id, language) -> None:
    app = CATALOG.apps[app_id]
    account = AccountFacts("account", disabled, (member,) if member else ())
    decision = entitlement(account, member, app, NOW)
    ground = Ground(
        "a", "account", "client", "openid", organization=True, app_id=app_id, app_name=app.name, language=language
    )
    claims = claims_for("access_token", ground, decision, issuer="https://id.example", audience=app.resource, now=NOW,
                        expires_at=NOW + 300, jti="a.b")  # fmt: skip
    claims = json.loads(json.dumps(claims))
    read = decide(claims, app_id, NOW, language)

    assert read.allowed == decision.allowed
    if decision.allowed:
        assert decision.member is not None
        assert (read.member_id, read.organization_id) == (decision.member.id, decision.member.organization.id)
        assert read.privileges == frozenset(decision.privileges)
        assert read.roles == decision.roles and read.entitlements == decision.entitlements
        assert read.edition == (decision.license.edition if decision.license else None)
    else:
        assert read.code == decision.code and read.ask == decision.ask
        assert claims["roles"] == claims["entitlements"] == claims["privileges"] == []
    assert (claims["iss"], claims["sub"], claims["aud"], claims["exp"]) == (
        "https://id.example",
        "account",
        app.resource,
        NOW + 300,
    )
    SCHEMA.validate(claims["onix_access"])
    other = next(name for name in APPS if name != app_id)
    assert not decide(claims, other, NOW).allowed and not decide(claims, app_id, NOW + 300).allowed
