"""A supplier with Onix Express, its companies, and an employee whose application asks the API in her name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.protocol import Protocol

SCOPE = "openid companies.read invitations.read invitations.write"
PRIVILEGES = ("account:access", "account:companies.manage")


class Caller:
    """Asks the API with a token of `person`, and reads what comes."""

    def __init__(self, protocol: Protocol, token: str) -> None:
        self.protocol, self.token = protocol, token

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if body is not None:
            options["json"] = body
        return self.protocol.http.open("/api/v1" + path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.ask("GET", path, **options)

    def invite(self, company_id: str, *people: tuple[str, str], key: str | None = None, **options: Any) -> Any:
        body = {"people": [{"name": name, "email": email} for name, email in people]}
        headers = {"Idempotency-Key": key} if key else {}
        return self.ask("POST", f"/companies/{company_id}/invitations", body, headers=headers, **options)


class Supplier:
    """Fjord Inspection: `company_id` is a customer without users, `another` a second one; `elsewhere` is another
    supplier's."""

    def __init__(self, protocol: Protocol, world: Any) -> None:
        self.protocol, self.world = protocol, world
        self.organization_id = world.organization(name="Fjord Inspection AS")
        world.license(self.organization_id, "express:standard", seats=0)
        self.company_id = world.company(self.organization_id, name="Havgap Rederi AS", organization_number="945678901")
        self.another = world.company(self.organization_id, name="Bølgen Entreprenør AS")
        foreign = world.organization(name="Vest Kontroll AS")
        world.license(foreign, "express:standard", seats=0)
        self.elsewhere = world.company(foreign, name="Havgap Rederi AS")
        self.foreign = foreign
        protocol.register("work", app_id="work", deny_mode="token", scope=f"{SCOPE} profile email")

    def person(self, privileges: tuple[str, ...] = PRIVILEGES, organization_id: str | None = None) -> Any:
        """An employee with a seat of Onix Work and these privileges."""
        organization_id = organization_id or self.organization_id
        made = self.world.user(organization_id, app="work", privileges=["work:access", "work:orders.read", *privileges])
        return made

    def caller(self, person: Any = None, *, scope: str = SCOPE, resource: str | None = None) -> Caller:
        """Her application signs her in for itself, and asks for a token for the API with the refresh token it got."""
        person = person or self.person()
        token = self.protocol.tokens("work", scope=scope, person=person, organization_id=self.organization_id)
        resource = resource or f"{self.protocol.app.extensions['onix_settings'].issuer}/api/v1"
        answer = self.protocol.refresh(token["refresh_token"], "work", resource=resource)
        assert answer.status_code == 200, answer.text
        return Caller(self.protocol, answer.json["access_token"])


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The answer is this problem (RFC 9457), and nobody keeps it."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    told: dict[str, Any] = json.loads(answer.text)
    assert (told["code"], told["status"]) == (code, status), told
    assert told["type"].endswith(f"/api#{code}") and told["title"] and told["detail"]
    return told


@pytest.fixture
def supplier(protocol: Protocol, world: Any) -> Supplier:
    return Supplier(protocol, world)


@pytest.fixture
def written(app: Any) -> Callable[[], tuple[int, int, int]]:
    """How many members, invitations and deliveries there are: what a refusal must leave as it was."""
    from sqlalchemy import func, select

    from idp.kernel.database import db
    from idp.organizations.models import Invitation, Member
    from idp.outbox.models import Delivery

    def count() -> tuple[int, int, int]:
        with app.app_context():
            found = [db.session.scalar(select(func.count()).select_from(row)) for row in (Member, Invitation, Delivery)]
            return (found[0] or 0, found[1] or 0, found[2] or 0)

    return count
