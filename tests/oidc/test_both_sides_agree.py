"""For every random world, `decide(claims_for(...))` equals `entitlement()` (idea 5 of DESIGN §5).

Also: whatever names the world holds, reserved claims stay the provider's, and `onix_access` fits its schema.
"""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from clients.relying_party.access import ASKABLE, decide
from idp.oidc.claims import Ground, claims_for
from idp.organizations.policy import CODES, NOBODY_TO_ASK, AccountFacts, entitlement
from tests.policy.random_worlds import APPS, members
from tests.policy.worlds import CATALOG, NOW

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).resolve().parents[2] / "idp/oidc/onix_access.schema.json").read_text())
)


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


def test_an_application_offers_to_ask_where_the_provider_knows_whom() -> None:
    assert frozenset(CODES) - NOBODY_TO_ASK == ASKABLE
