"""The demo world: what `config/demo.toml` tells, made by the rooms' own services.

`seed` fills an empty database, `retarget_clients` moves the demo's clients to today's block of ports, `people` lists
who can sign in. Only what time alone makes (an invitation that ran out, somebody who has not come for long) is written
past the services.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask_babel import get_locale
from flask_babel.speaklater import LazyString
from sqlalchemy import select

from idp.accounts import images
from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.passwords import hash_password
from idp.express import requests as guest_requests
from idp.kernel import clock
from idp.kernel.database import db, unit_of_work
from idp.oidc import clients
from idp.organizations import service as organizations
from idp.organizations.catalog import current_catalog
from idp.organizations.models import Company, License, Member, Organization
from idp.settings import ROOT, Settings, current_settings

from .portraits import portrait

DAY = 86400
WORLD = ROOT / "config" / "demo.toml"


@cache
def read_world(path: Path = WORLD) -> Mapping[str, Any]:
    """The demo world as its file reads."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def address_of(name: str, path: Path = WORLD) -> str:
    """The address that this demo person signs in with."""
    return f"{name}@{read_world(path)['domain']}"


def people(path: Path = WORLD) -> list[dict[str, Any]]:
    """Everyone the sign-in page offers, in the file's order: `address`, and `label` in the reader's language."""
    return [
        {
            "address": address_of(name, path),
            "label": LazyString(_in_language, {"en": person["en"], "nb": person["nb"]}),
        }
        for name, person in read_world(path)["people"].items()
    ]


def customers() -> dict[str, dict[str, str]]:
    """Names of the companies by id, for each supplier's id."""
    found: dict[str, dict[str, str]] = {}
    for company in db.session.scalars(select(Company).order_by(Company.organization_id, Company.name).limit(1000)):
        found.setdefault(company.organization_id, {})[company.id] = company.name
    return found


def _in_language(label: Mapping[str, str]) -> str:
    return label["nb" if str(get_locale() or "en").startswith(("nb", "no")) else "en"]


def seed(settings: Settings, port: int) -> bool:
    """Fill an empty database with the demo world; whether it did. Call in an application context, outside a unit."""
    world = read_world(settings.demo_world)
    if db.session.scalar(select(Organization.id).limit(1)) is not None:
        return False
    password_hash = hash_password(world["passphrase"])
    pictures = {
        name: images.make_picture(portrait(name)) for name, entry in world["people"].items() if entry.get("picture")
    }
    with unit_of_work():
        if db.session.scalar(select(Organization.id).limit(1)) is not None:
            return False  # another process was quicker
        organizations.sync_system_roles(current_catalog())
        _Maker(world, clock.now(), pictures).make(password_hash, port)
    return True


def retarget_clients(port: int) -> int:
    """Give the demo's clients the addresses of the block of ports that begins at `port`; how many had others."""
    moved = 0
    with unit_of_work():
        for client_id, entry in read_world(current_settings().demo_world)["clients"].items():
            client, wanted = clients.load_client(client_id), _addresses(entry, port)
            if client is not None and any(client.metadata.get(key) != value for key, value in wanted.items()):
                clients.change_metadata(client_id, **wanted)
                moved += 1
    return moved


def _addresses(entry: Mapping[str, Any], port: int) -> dict[str, Any]:
    """Where a demo client lives: an app at its place in the block, a script's callback, a native client's loopback."""
    if entry["kind"] == "machine":
        return {}
    if entry["kind"] == "native":
        return {"redirect_uris": ["http://127.0.0.1/callback"]}
    if "callback_port" in entry:
        base = f"http://localhost:{port + entry['callback_port']}"
        return {"redirect_uris": [f"{base}/callback"], "post_logout_redirect_uris": [f"{base}/"]}
    bases = [f"http://{host}:{port + entry['app_port']}" for host in ("localhost", "127.0.0.1")]
    return {
        "redirect_uris": [f"{base}/callback" for base in bases],
        "post_logout_redirect_uris": [f"{base}/" for base in bases],
        "backchannel_logout_uri": f"{bases[0]}/backchannel-logout",
        "initiate_login_uri": f"{bases[0]}/login",
        "client_uri": f"{bases[0]}/",
    }


class _Maker:
    """Makes the world once, in one unit of work; `now` is the moment that its dates count from."""

    def __init__(self, world: Mapping[str, Any], now: int, pictures: Mapping[str, Mapping[int, bytes]]) -> None:
        self.world, self.now, self.pictures = world, now, pictures
        self.organizations: dict[str, Organization] = {}
        self.licenses: dict[tuple[str, str], License] = {}
        self.companies: dict[tuple[str, str], Company] = {}

    def make(self, password_hash: str, port: int) -> None:
        for slug, entry in self.world["organizations"].items():
            self.organizations[slug] = organizations.create_organization(
                slug,
                entry["name"],
                kind=entry.get("kind", "customer"),
                directory=entry.get("directory"),
                organization_number=entry.get("organization_number"),
            )
            for license_ in entry.get("licenses", ()):
                self.license(slug, license_)
        for slug, entry in self.world["organizations"].items():
            for company in entry.get("companies", ()):
                self.company(slug, company)
        for name, entry in self.world["people"].items():
            self.person(name, entry, password_hash)
        for slug, entry in self.world["organizations"].items():
            for contact in entry.get("contacts", ()):
                self.contact(slug, contact)
            for request in entry.get("guest_requests", ()):
                row = guest_requests.ask(self.organizations[slug].id, **request)
                guest_requests.confirm(guest_requests.confirmation_link(row).rpartition("/")[2])
        for slug, entry in self.world["organizations"].items():
            self.let_time_pass(slug, entry)
        for client_id, entry in self.world["clients"].items():
            self.client(client_id, entry, port)

    def license(self, slug: str, entry: Mapping[str, Any]) -> None:
        ends_in = 365 if "ended_days_ago" in entry else entry.get("ends_in_days")
        self.licenses[slug, entry["key"]] = organizations.sell_license(
            self.organizations[slug].id,
            entry["edition"],
            entry["seats"],
            starts_at=self.now - 400 * DAY,
            ends_at=None if ends_in is None else self.now + ends_in * DAY,
        )

    def company(self, slug: str, entry: Mapping[str, Any]) -> None:
        linked = entry.get("linked")
        self.companies[slug, entry["name"]] = organizations.add_company(
            self.organizations[slug].id,
            entry["name"],
            organization_number=entry["organization_number"],
            linked_organization_id=self.organizations[linked].id if linked else None,
        )

    def contact(self, slug: str, entry: Mapping[str, Any]) -> None:
        company = self.companies[slug, entry["company"]]
        member = organizations.add_contact(company.id, name=entry["name"], email=entry.get("email"))
        if "invited_days_ago" in entry:
            invitation = organizations.invite_guest(member.id)
            invitation.created_at -= entry["invited_days_ago"] * DAY
            invitation.expires_at -= entry["invited_days_ago"] * DAY
            db.session.flush()

    def person(self, name: str, entry: Mapping[str, Any], password_hash: str) -> None:
        unproven = entry.get("unproven", False)
        account = accounts.create_account(
            address=f"{name}@{self.world['domain']}",
            given_name=entry["given_name"],
            family_name=entry["family_name"],
            password_hash=password_hash,
            verified=not unproven,
            must_change_password=unproven,
            locale=entry.get("locale"),
            **entry.get("claims", {}),
        )
        if name in self.pictures:
            accounts.set_picture(account.id, self.pictures[name])
        if "signature" in entry:
            accounts.set_signature(account.id, "typed", images.from_text(account.name, entry["signature"]))
        for member in entry.get("members", ()):
            self.member(f"{name}@{self.world['domain']}", entry, account, member)
        if entry.get("disabled"):
            accounts.disable_account(account.id)

    def member(self, address: str, person: Mapping[str, Any], account: Account, entry: Mapping[str, Any]) -> None:
        slug = entry["organization"]
        company = self.companies[slug, entry["company"]] if "company" in entry else None
        member = organizations.add_member(
            self.organizations[slug].id,
            email=address,
            given_name=person["given_name"],
            family_name=person["family_name"],
            type=entry.get("type", "employee"),
            status=entry.get("status", "active"),
            company_id=company.id if company else None,
            account_id=account.id,
            source=entry.get("source", "local"),
            external_id=entry.get("external_id"),
        )
        for role_name in entry.get("roles", ()):
            role = organizations.find_role(role_name, member.organization_id)
            if role is None:
                raise LookupError(f"the demo world names a role that is not there: {role_name}")
            organizations.assign_role(member.id, role.id)
        for key in entry.get("seats", ()):
            organizations.assign_seat(self.licenses[slug, key].id, member.id)
        self.fate(member, entry)

    def fate(self, member: Member, entry: Mapping[str, Any]) -> None:
        """What became of the member since it was recorded."""
        match entry.get("becomes"):
            case "ended" | "inactive" as reason:
                organizations.end_member(member.id, reason=reason)
            case "disabled":
                organizations.disable_member(member.id)
        if "used_days_ago" in entry:
            member.last_used_at = member.active_since = member.created_at = self.now - entry["used_days_ago"] * DAY
            db.session.flush()
        if "invitation" in entry:
            invitation = organizations.invite(member.id)
            if entry["invitation"] == "expired":
                lifetime = invitation.expires_at - invitation.created_at
                invitation.created_at, invitation.expires_at = self.now - lifetime - DAY, self.now - DAY
                db.session.flush()

    def let_time_pass(self, slug: str, entry: Mapping[str, Any]) -> None:
        for license_ in entry.get("licenses", ()):
            if "ended_days_ago" in license_:
                organizations.change_license(
                    self.licenses[slug, license_["key"]].id, ends_at=self.now - license_["ended_days_ago"] * DAY
                )
        if entry.get("suspended"):
            organizations.suspend_organization(self.organizations[slug].id)

    def client(self, client_id: str, entry: Mapping[str, Any], port: int) -> None:
        owner = entry.get("organization")
        clients.register(
            kind=entry["kind"],
            name=entry["name"],
            app_id=entry.get("app"),
            organization_id=self.organizations[owner].id if owner else None,
            client_id=client_id,
            secret=None if entry["kind"] == "native" else f"{client_id}-secret",
            deny_mode=entry.get("deny_mode", "error"),
            **({"scope": entry["scope"]} if "scope" in entry else {}),
            **_addresses(entry, port),
        )
