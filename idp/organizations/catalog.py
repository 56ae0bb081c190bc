"""The catalog: apps, their privileges and editions, and the system roles, read once from `config/catalog.toml`.

A product decision is a change of that file, never of code. Everything that is wrong in it is reported at once, and the
program does not start with a catalog that has problems.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import urlsplit

from flask import current_app

MEMBER_TYPES = ("employee", "express", "bidder", "consultant")
STEPS = ("seat", "organization", "nothing")
REACHES = ("organization", "platform")
ISSUER = "{issuer}"
"""Marks a resource that stands under the issuer: the provider's own API (`{issuer}/api/v1`)."""


def signature_privilege(app_id: str) -> str:
    """The privilege with which an app is given the signature of whoever holds it; an app that wants one declares it."""
    return f"{app_id}:signature.read"


_APP = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PRIVILEGE = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")


class CatalogError(Exception):
    """A catalog that cannot be used; `problems` names each, one line apiece."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Privilege:
    """Permission for one thing of one app. `reach`: `organization`, or `platform` (counts only in `self`)."""

    name: str
    reach: str
    title_en: str
    title_nb: str
    read_only: bool

    def title(self, language: str) -> str:
        return self.title_nb if language == "nb" else self.title_en


@dataclass(frozen=True, slots=True)
class Edition:
    """What is sold of an app. A higher `rank` wins when a member holds seats of several."""

    id: str
    name: str
    rank: int
    privileges: frozenset[str]


@dataclass(frozen=True, slots=True)
class App:
    """An application of the family; `license_step` says per member type what it asks: seat, organization, nothing."""

    id: str
    name: str
    resource: str
    icon: str
    launcher: bool
    privileges: Mapping[str, Privilege]
    editions: Mapping[str, Edition]
    license_step: Mapping[str, str]

    @property
    def access(self) -> str:
        """The privilege that opens the app."""
        return f"{self.id}:access"


@dataclass(frozen=True, slots=True)
class SystemRole:
    """A role that every organization finds ready, and no one can change."""

    name: str
    title_en: str
    title_nb: str
    privileges: frozenset[str]

    def title(self, language: str) -> str:
        return self.title_nb if language == "nb" else self.title_en


@dataclass(frozen=True, slots=True)
class Catalog:
    """All of it: apps by id, system roles by name."""

    apps: Mapping[str, App]
    roles: Mapping[str, SystemRole]

    def app_of_privilege(self, privilege: str) -> App | None:
        """The app that declares this privilege, or None when nobody does."""
        app = self.apps.get(privilege.partition(":")[0])
        return app if app and privilege in app.privileges else None

    def privilege(self, name: str) -> Privilege | None:
        """The privilege of this name, or None."""
        app = self.app_of_privilege(name)
        return app.privileges[name] if app else None

    def edition(self, edition_id: str) -> tuple[App, Edition] | None:
        """The edition of this id with its app, or None."""
        app = self.apps.get(edition_id.partition(":")[0])
        edition = app.editions.get(edition_id) if app else None
        return (app, edition) if app and edition else None


def current_catalog() -> Catalog:
    """The catalog of the running application."""
    return cast(Catalog, current_app.extensions["onix_catalog"])


def load_catalog(path: Path, issuer: str = ISSUER) -> Catalog:
    """Read and check the catalog; raises `CatalogError` with all that is wrong.

    `issuer` fills in resources that stand under the provider's own address.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CatalogError([f"{path.name}: {error}"]) from None
    return read_catalog(data, issuer)


def read_catalog(data: Mapping[str, Any], issuer: str = ISSUER) -> Catalog:
    """The catalog in `data` as its TOML file reads; raises `CatalogError` with all that is wrong."""
    reader = _Reader()
    reader.known(data, "catalog", {"apps", "roles"})
    apps = {
        app_id: reader.app(app_id, reader.table(table, f"apps.{app_id}"), issuer)
        for app_id, table in reader.table(data.get("apps"), "apps").items()
    }
    if not apps:
        reader.problem("apps", "there is no app")
    resources: dict[str, str] = {}
    for app in apps.values():
        other = resources.setdefault(app.resource, app.id)
        if other != app.id:
            reader.problem(f"apps.{app.id}.resource", f"is that of {other} too")
    declared = frozenset(name for app in apps.values() for name in app.privileges)
    roles = {
        name: reader.role(name, reader.table(table, f"roles.{name}"), declared)
        for name, table in reader.table(data.get("roles"), "roles").items()
    }
    if reader.problems:
        raise CatalogError(reader.problems)
    return Catalog(MappingProxyType(apps), MappingProxyType(roles))


class _Reader:
    """Reads on after a problem, with a stand-in for the bad value, so that all problems are found in one go."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def problem(self, where: str, what: str) -> None:
        self.problems.append(f"{where}: {what}")

    def table(self, value: Any, where: str) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return value
        self.problem(where, "must be a table")
        return {}

    def known(self, table: Mapping[str, Any], where: str, keys: set[str]) -> None:
        for key in sorted(set(table) - keys):
            self.problem(f"{where}.{key}", "is not known")

    def text(self, table: Mapping[str, Any], key: str, where: str) -> str:
        value = table.get(key)
        if isinstance(value, str) and value.strip():
            return value
        self.problem(f"{where}.{key}", "must be a text")
        return ""

    def flag(self, table: Mapping[str, Any], key: str, where: str, default: bool) -> bool:
        value = table.get(key, default)
        if isinstance(value, bool):
            return value
        self.problem(f"{where}.{key}", "must be true or false")
        return default

    def names(self, table: Mapping[str, Any], where: str, declared: frozenset[str]) -> frozenset[str]:
        """A list of privileges; `["*"]` is all of `declared`."""
        value = table.get("privileges")
        if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
            self.problem(f"{where}.privileges", "must be a list of privileges")
            return frozenset()
        if value == ["*"]:
            return declared
        for name in value:
            if name not in declared:
                self.problem(f"{where}.privileges", f"{name} is no privilege")
        return frozenset(value) & declared

    def app(self, app_id: str, table: Mapping[str, Any], issuer: str) -> App:
        where = f"apps.{app_id}"
        if not _APP.fullmatch(app_id):
            self.problem(where, "an app's id is small letters, digits and _")
        keys = {"name", "resource", "icon", "launcher", "privileges", "editions", "license_step"}
        self.known(table, where, keys)
        resource = self.text(table, "resource", where).replace(ISSUER, issuer)
        if resource and not resource.startswith(ISSUER) and (not urlsplit(resource).scheme or "#" in resource):
            self.problem(f"{where}.resource", "must be an absolute URI without a fragment (RFC 8707 §2)")
        privileges = {
            name: self.privilege(app_id, name, self.table(entry, f"{where}.privileges.{name}"))
            for name, entry in self.table(table.get("privileges"), f"{where}.privileges").items()
        }
        access = f"{app_id}:access"
        if access not in privileges:
            self.problem(f"{where}.privileges", f"{access} is missing, so nothing opens the app")
        elif not privileges[access].read_only:
            self.problem(f"{where}.privileges.{access}", "must be read_only: opening changes nothing")
        editions = {
            edition_id: self.edition(
                app_id, edition_id, self.table(entry, f"{where}.editions.{edition_id}"), privileges
            )
            for edition_id, entry in self.table(table.get("editions", {}), f"{where}.editions").items()
        }
        if len({edition.rank for edition in editions.values()}) != len(editions):
            self.problem(f"{where}.editions", "two editions have the same rank")
        steps = self.steps(self.table(table.get("license_step"), f"{where}.license_step"), f"{where}.license_step")
        if not editions and set(steps.values()) != {"nothing"}:
            self.problem(f"{where}.editions", "the license step asks for a license, but no edition is sold")
        return App(
            id=app_id,
            name=self.text(table, "name", where),
            resource=resource,
            icon=self.text(table, "icon", where),
            launcher=self.flag(table, "launcher", where, True),
            privileges=MappingProxyType(privileges),
            editions=MappingProxyType(editions),
            license_step=MappingProxyType(steps),
        )

    def steps(self, table: Mapping[str, Any], where: str) -> dict[str, str]:
        self.known(table, where, set(MEMBER_TYPES))
        for member_type in MEMBER_TYPES:
            if table.get(member_type) not in STEPS:
                self.problem(f"{where}.{member_type}", f"must be one of {', '.join(STEPS)}")
        return {member_type: str(table.get(member_type)) for member_type in MEMBER_TYPES}

    def privilege(self, app_id: str, name: str, table: Mapping[str, Any]) -> Privilege:
        where = f"apps.{app_id}.privileges.{name}"
        if not _PRIVILEGE.fullmatch(name) or not name.startswith(f"{app_id}:"):
            self.problem(where, f"a privilege is named {app_id}:<thing>.<verb>")
        self.known(table, where, {"en", "nb", "reach", "read_only"})
        reach = table.get("reach", "organization")
        if reach not in REACHES:
            self.problem(f"{where}.reach", f"must be one of {', '.join(REACHES)}")
        if name == signature_privilege(app_id) and (reach != "organization" or table.get("read_only")):
            self.problem(where, "a signature is given within an organization, and not to those who only read")
        return Privilege(
            name=name,
            reach=str(reach),
            title_en=self.text(table, "en", where),
            title_nb=self.text(table, "nb", where),
            read_only=self.flag(table, "read_only", where, False),
        )

    def edition(
        self, app_id: str, edition_id: str, table: Mapping[str, Any], privileges: Mapping[str, Privilege]
    ) -> Edition:
        where = f"apps.{app_id}.editions.{edition_id}"
        if not _PRIVILEGE.fullmatch(edition_id) or not edition_id.startswith(f"{app_id}:"):
            self.problem(where, f"an edition is named {app_id}:<edition>")
        self.known(table, where, {"name", "rank", "privileges"})
        rank = table.get("rank")
        if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
            self.problem(f"{where}.rank", "must be a whole number from 1")
            rank = 1
        sold = self.names(table, where, frozenset(privileges))
        if sold and f"{app_id}:access" not in sold:
            self.problem(f"{where}.privileges", f"{app_id}:access is missing, so the edition could not be opened")
        return Edition(edition_id, self.text(table, "name", where), rank, sold)

    def role(self, name: str, table: Mapping[str, Any], declared: frozenset[str]) -> SystemRole:
        where = f"roles.{name}"
        if not name.strip() or len(name) > 100:
            self.problem(where, "a role's name has 1 to 100 characters")
        self.known(table, where, {"en", "nb", "privileges"})
        return SystemRole(
            name=name,
            title_en=self.text(table, "en", where),
            title_nb=self.text(table, "nb", where),
            privileges=self.names(table, where, declared),
        )
