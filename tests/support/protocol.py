"""The machine's side of the protocol without a browser: authorizations as the authorize endpoint opens them.

The fixture `protocol` is one of these; everything is asked over HTTP but the sign-in.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from idp.kernel import clock
from idp.kernel.database import db, new_id, unit_of_work
from idp.kernel.secrets import digest, random_handle

from .flow import pkce

CALLBACK = "http://localhost:9999/callback"
SECRET = "a-fixed-secret-for-tests-0123456789abcdef"


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, unchecked."""
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def header_of(token: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))


def basic(client_id: str, secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


@dataclass
class Grant:
    """A code that was issued and not yet redeemed."""

    code: str
    verifier: str
    authorization_id: str
    sid: str


@dataclass
class Protocol:
    """One family client (`tag`, denials as tokens), one organization, one person who may use Tag."""

    app: Any
    world: Any
    http: Any
    client_id: str = "tag"
    organization_id: str = ""
    person: Any = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.organization_id = self.world.organization(name="Nordic Lift AS")
        self.person = self.world.user(
            self.organization_id, privileges=["tag:access", "tag:equipment.read"], given_name="Ada", family_name="Berg"
        )
        self.register(self.client_id, app_id="tag", deny_mode="token")

    def register(self, client_id: str, **values: Any) -> Any:
        values.setdefault("secret", SECRET)
        return self.world.client(client_id.title(), client_id=client_id, **values)

    def session(self, account_id: str | None = None, **values: Any) -> str:
        """A signed-in browser of the person; gives its sid."""
        from idp.sessions.models import Session

        now = clock.now()
        with self.app.app_context(), unit_of_work() as session:
            row = Session(
                **{
                    "id": new_id(), "handle_digest": digest(random_handle()),
                    "account_id": account_id or self.person.account_id, "auth_time": now - 5,
                    "acr": "urn:onix:acr:1", "amr": ["pwd"], "created_at": now, "last_seen_at": now,
                    "expires_at": now + 30 * 86400, **values,
                }
            )  # fmt: skip
            session.add(row)
            return row.id

    def grant(
        self, client_id: str | None = None, *, scope: str = "openid profile email", sid: str | None = None,
        person: Any = None, member_id: str | None = None, organization_id: str | None = None,
        challenge: bool = True, **values: Any,
    ) -> Grant:  # fmt: skip
        """What the authorize endpoint does last: an authorization and its code."""
        from idp.oidc.authorizations import open_authorization
        from idp.oidc.clients import app_of, find_client
        from idp.organizations.facts import load_facts
        from idp.organizations.policy import entitlement
        from idp.sessions.models import Session

        person = person or self.person
        sid = sid or self.session(person.account_id)
        verifier, code_challenge = pkce()
        with self.app.app_context():
            row = self.world.get(Session, sid)
            with unit_of_work():
                client, member = find_client(client_id or self.client_id), member_id or person.member_id
                app = app_of(client, values.get("resource"))
                facts = load_facts(db.session(), person.account_id, app.id if app else None, member)
                decision = entitlement(facts, next(iter(facts.members), None), app, clock.now()) if facts else None
                parameters = {"redirect_uri": CALLBACK, **({"code_challenge": code_challenge} if challenge else {})}
                authorization = open_authorization(
                    SimpleNamespace(parameters=parameters),  # type: ignore[arg-type]
                    client=client, account_id=person.account_id, member_id=member,
                    organization_id=organization_id or self.organization_id, session=row, scope=scope,
                    decision=decision, **values,
                )  # fmt: skip
        return Grant(authorization.code, verifier, authorization.id, sid)

    def post(self, form: Any, client_id: str | None = None, *, path: str = "/oauth2/token", **options: Any) -> Any:
        """A form posted by a confidential client with its secret in the header."""
        options.setdefault("headers", basic(client_id or self.client_id))
        return self.http.post(path, data=form, **options)

    def redeem(self, grant: Grant, client_id: str | None = None, **over: Any) -> Any:
        form = {
            "grant_type": "authorization_code", "code": grant.code, "redirect_uri": CALLBACK,
            "code_verifier": grant.verifier, **over,
        }  # fmt: skip
        return self.post({name: value for name, value in form.items() if value is not None}, client_id)

    def tokens(self, client_id: str | None = None, **values: Any) -> dict[str, Any]:
        """A whole code flow; gives the token answer."""
        answer = self.redeem(self.grant(client_id, **values), client_id)
        assert answer.status_code == 200, answer.text
        return answer.json

    def refresh(self, refresh_token: str, client_id: str | None = None, **over: Any) -> Any:
        return self.post({"grant_type": "refresh_token", "refresh_token": refresh_token, **over}, client_id)

    def userinfo(self, access_token: str, **options: Any) -> Any:
        return self.http.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {access_token}"}, **options)

    def introspect(self, token: str, client_id: str | None = None, **over: Any) -> Any:
        return self.post({"token": token, **over}, client_id, path="/oauth2/introspect")

    def revoke(self, token: str, client_id: str | None = None, **over: Any) -> Any:
        return self.post({"token": token, **over}, client_id, path="/oauth2/revoke")


def no_store(answer: Any) -> bool:
    return "no-store" in answer.headers["Cache-Control"]
