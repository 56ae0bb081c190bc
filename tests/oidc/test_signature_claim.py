"""A signature by reference: a scope, a privilege, an address for some minutes and a hash; otherwise nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator

from idp.accounts import images
from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.kernel.database import unit_of_work
from idp.kernel.secrets import sign_link
from idp.oidc.client_metadata import MetadataError
from idp.organizations import service as organizations
from idp.organizations.models import RolePrivilege
from tests.support.databases import one_database
from tests.support.needs import ROOT
from tests.support.protocol import claims_of

SCHEMA = json.loads((ROOT / "idp/oidc/signature.schema.json").read_text())
SCOPE = "openid signature"
IN_ID_TOKEN = {"id_token": {"signature": None}}


@pytest.fixture
def signer(protocol: Any) -> Any:
    """Somebody with a signature, whose role in Tag includes signing."""
    person = protocol.world.user(
        protocol.organization_id, privileges=["tag:access", "tag:signature.read"], given_name="Ida", family_name="Vik"
    )
    with protocol.app.app_context():
        drawn = images.from_text("Ida Vik", "flowing")
        with unit_of_work():
            accounts.set_signature(person.account_id, "typed", drawn)
    protocol.extra["png"] = drawn.png
    return person


def told(protocol: Any, person: Any, **values: Any) -> Any:
    token = protocol.tokens(person=person, **{"scope": SCOPE, **values})["access_token"]
    return protocol.userinfo(token).json.get("signature")


def path(reference: dict[str, Any]) -> str:
    return urlsplit(str(reference["url"])).path


def test_userinfo_tells_where_it_is(protocol: Any, signer: Any, statements: Any) -> None:
    """Two statements with the scope as without it; the address gives the very file whose hash was told."""
    token = protocol.tokens(person=signer, scope=SCOPE)["access_token"]
    protocol.userinfo(token)
    with statements() as sent:
        said = protocol.userinfo(token).json["signature"]
    assert len(sent) <= 2, sent
    Draft202012Validator(SCHEMA).validate(said)
    assert signer.account_id not in said["url"] and 0 < said["expires_at"] - claims_of(token)["iat"] <= 300
    with statements() as sent:
        answer = protocol.app.test_client().get(path(said))
    assert len(sent) <= 2, sent
    assert answer.status_code == 200 and answer.content_type == "image/png"
    assert answer.data == protocol.extra["png"] and hashlib.sha256(answer.data).hexdigest() == said["sha256"]
    assert answer.headers["Cache-Control"] == "private, no-store" and "Set-Cookie" not in answer.headers
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@one_database
def test_the_id_token_tells_when_it_is_asked(protocol: Any, signer: Any) -> None:
    """Also the one of a refresh, with an address of its own."""
    tokens = protocol.tokens(person=signer, scope=SCOPE, claims_request=IN_ID_TOKEN)
    claims = claims_of(tokens["id_token"])
    assert claims["signature"]["expires_at"] == claims["exp"]
    renewed = claims_of(protocol.refresh(tokens["refresh_token"]).json["id_token"])
    assert protocol.http.get(path(renewed["signature"])).status_code == 200
    assert "signature" not in claims_of(protocol.tokens(person=signer, scope=SCOPE)["id_token"])
    assert "signature" not in claims_of(tokens["access_token"])


@one_database
def test_without_scope_privilege_or_signature_there_is_no_address(protocol: Any, signer: Any) -> None:
    assert told(protocol, signer) is not None
    assert told(protocol, signer, scope="openid profile") is None
    asked_alone = protocol.tokens(person=signer, scope="openid", claims_request=IN_ID_TOKEN)
    assert "signature" not in claims_of(asked_alone["id_token"])

    with protocol.app.app_context():
        drawn = images.from_text("Ada", "plain")
        with unit_of_work():
            accounts.set_signature(protocol.person.account_id, "typed", drawn)
    assert told(protocol, protocol.person) is None, "the role does not include signing"
    without = protocol.tokens(scope=SCOPE, claims_request=IN_ID_TOKEN)
    assert "signature" not in claims_of(without["id_token"])

    nobody = protocol.world.user(protocol.organization_id, privileges=["tag:access", "tag:signature.read"])
    assert told(protocol, nobody) is None, "there is none"
    protocol.register("pp", app_id="pickandpack", deny_mode="token")
    assert told(protocol, signer, client_id="pp") is None, "the app has no such privilege"


@one_database
def test_only_clients_of_an_app_may_register_the_scope(protocol: Any) -> None:
    with pytest.raises(MetadataError):
        protocol.register("partner", scope="openid signature")
    protocol.register("other")
    with protocol.app.app_context():
        from idp.oidc.clients import find_client

        other, family = find_client("other"), find_client("tag")
    assert other is not None and "signature" not in other.scopes
    assert family is not None and "signature" in family.scopes
    known = protocol.http.get("/.well-known/openid-configuration").json
    assert "signature" in known["scopes_supported"] and "signature" in known["claims_supported"]


@one_database
def test_an_old_address_stops_working(protocol: Any, signer: Any, clock: Any) -> None:
    """By time, by another signature, by none, and by whatever the token itself would fall with."""

    def fresh() -> str:
        found = path(told(protocol, signer))
        assert protocol.http.get(found).status_code == 200
        return found

    def ends(address: str) -> None:
        answer = protocol.http.get(address)
        assert answer.status_code == 404 and answer.is_json and b"\x89PNG" not in answer.data

    with protocol.app.app_context():
        late = fresh()
        clock.advance(299)
        assert protocol.http.get(late).status_code == 200
        clock.advance(1)
        ends(late)

        replaced = fresh()
        drawn = images.from_text("I. Vik", "formal")
        with unit_of_work():
            accounts.set_signature(signer.account_id, "typed", drawn)
        ends(replaced)
        assert fresh() != replaced

        removed = fresh()
        with unit_of_work():
            accounts.remove_signature(signer.account_id)
        ends(removed)
        earlier = accounts.signatures_of(signer.account_id)[1][0].id
        with unit_of_work():
            accounts.bring_back_signature(signer.account_id, earlier)

        token = protocol.tokens(person=signer, scope=SCOPE)
        withdrawn = path(protocol.userinfo(token["access_token"]).json["signature"])
        protocol.revoke(token["refresh_token"])
        ends(withdrawn)

        weak = fresh()
        with unit_of_work():
            organizations.require_second_factor(protocol.organization_id, True)
        ends(weak)
        with unit_of_work():
            organizations.require_second_factor(protocol.organization_id, False)

        lost = fresh()
        with unit_of_work() as session:
            session.query(RolePrivilege).filter_by(privilege="tag:signature.read").delete()
        ends(lost)

        with unit_of_work() as session:
            row = session.get(Account, signer.account_id)
            row.status = "disabled"
        ends(lost)


@one_database
def test_an_address_of_somebodys_own_making(protocol: Any, signer: Any) -> None:
    """Not by an id, not by another purpose's signature, not by a signature changed by one letter."""
    good = path(told(protocol, signer))
    with protocol.app.app_context():
        own = accounts.signatures_of(signer.account_id)[0]
        assert own is not None
        authorization = protocol.grant(scope=SCOPE).authorization_id
        forged = [
            sign_link("mailbox", [authorization, "tag", own.id, 2**33]),
            sign_link("signature", [authorization, "tag", own.id, 2**33]),  # of another person's authorization
            sign_link("signature", ["x", "nosuchapp", own.id, 2**33]),
            sign_link("signature", {"a": 1}),
            sign_link("signature", [authorization]),
            good.removeprefix("/signatures/")[:-2] + "AA",
            own.id,
            "x" * 2000,
            "%00",
        ]
    for link in forged:
        assert protocol.http.get(f"/signatures/{link}").status_code == 404, link
    assert protocol.http.get(good).status_code == 200
    assert protocol.http.post(good).status_code == 405
