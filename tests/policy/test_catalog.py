"""The catalog: what stands in it, and that a bad one is refused with everything that is wrong."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from idp.organizations.catalog import CatalogError, load_catalog, read_catalog

from .worlds import CATALOG

FILE = Path(__file__).resolve().parents[2] / "config" / "catalog.toml"
DATA: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))


def test_apps_and_their_resources() -> None:
    assert {app.id: app.resource for app in CATALOG.apps.values()} == {
        "tag": "urn:onix:tag",
        "pickandpack": "urn:onix:pickandpack",
        "express": "urn:onix:express",
        "work": "urn:onix:work",
        "oneoffice": "urn:onix:oneoffice",
        "account": "https://id.example/api/v1",
    }


def test_license_steps() -> None:
    steps = {app.id: app.license_step for app in CATALOG.apps.values()}
    assert steps["tag"]["employee"] == steps["pickandpack"]["employee"] == steps["oneoffice"]["employee"] == "seat"
    assert steps["express"]["express"] == "organization"
    assert {step["bidder"] for step in steps.values()} | {step["consultant"] for step in steps.values()} == {"nothing"}
    assert set(steps["account"].values()) == {"nothing"}


def test_roles_the_help_pages_name() -> None:
    names = {"Administrator", "Inspector", "Tag reader", "Picker", "OneOffice", "OneOffice-legacy", "Admin"}
    assert names | {"Platform administrator"} <= set(CATALOG.roles)
    one, legacy = CATALOG.roles["OneOffice"].privileges, CATALOG.roles["OneOffice-legacy"].privileges
    assert one & legacy == {"oneoffice:access"}


def test_unknown_names() -> None:
    assert CATALOG.privilege("tag:equipment.read") is not None
    assert CATALOG.privilege("tag:equipment.burn") is None
    assert CATALOG.privilege("nothing:access") is None
    assert CATALOG.edition("tag:gold") is None


def broken(**changes: Any) -> dict[str, Any]:
    """The catalog with values at dotted places changed; None removes."""
    data = copy.deepcopy(DATA)
    for path, value in changes.items():
        *parents, last = path.split("/")
        table = data
        for parent in parents:
            table = table[parent]
        if value is None:
            del table[last]
        else:
            table[last] = value
    return data


BAD = {
    "no app": ({"apps": {}}, "apps: there is no app"),
    "unknown key": ({"apps/tag/colour": "red"}, "apps.tag.colour: is not known"),
    "no name": ({"apps/tag/name": " "}, "apps.tag.name: must be a text"),
    "resource twice": ({"apps/express/resource": "urn:onix:tag"}, "apps.express.resource: is that of tag too"),
    "resource with a fragment": ({"apps/tag/resource": "urn:onix:tag#1"}, "apps.tag.resource: must be an absolute URI"),
    "resource not absolute": ({"apps/tag/resource": "tag"}, "apps.tag.resource: must be an absolute URI"),
    "nothing opens it": ({"apps/tag/privileges/tag:access": None}, "tag:access is missing, so nothing opens the app"),
    "access that writes": ({"apps/tag/privileges/tag:access/read_only": False}, "opening changes nothing"),
    "privilege of another app": (
        {"apps/tag/privileges/work:fly": {"en": "x", "nb": "x"}}, "a privilege is named tag:<thing>.<verb>"),
    "unknown reach": ({"apps/tag/privileges/tag:tag.read/reach": "moon"}, "reach: must be one of organization"),
    "title missing": ({"apps/tag/privileges/tag:tag.read/nb": None}, "tag:tag.read.nb: must be a text"),
    "step missing": ({"apps/tag/license_step/bidder": None}, "apps.tag.license_step.bidder: must be one of seat"),
    "same rank": ({"apps/tag/editions/tag:basic/rank": 2}, "apps.tag.editions: two editions have the same rank"),
    "edition sells the unknown": (
        {"apps/tag/editions/tag:basic/privileges": ["tag:access", "tag:fly"]}, "tag:fly is no privilege"),
    "edition can't be opened": ({"apps/tag/editions/tag:basic/privileges": ["tag:tag.read"]}, "could not be opened"),
    "no editions to buy": ({"apps/tag/editions": {}}, "asks for a license, but no edition is sold"),
    "role of the unknown": ({"roles/Picker/privileges": ["tag:fly"]}, "Picker.privileges: tag:fly is no privilege"),
    "role of nothing": ({"roles/Picker/privileges": []}, "roles.Picker.privileges: must be a list of privileges"),
    "app is no table": ({"apps/tag": "yes"}, "apps.tag: must be a table"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "problem"), BAD.values(), ids=BAD.keys())
def test_bad_catalog_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(CatalogError) as refused:
        read_catalog(broken(**changes))
    assert any(problem in line for line in refused.value.problems), refused.value.problems


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(CatalogError) as refused:
        read_catalog(broken(**{"apps/tag/name": "", "apps/express/icon": 3, "roles/Picker/nb": None}))
    assert len(refused.value.problems) == 3


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogError):
        load_catalog(tmp_path / "nothing.toml")
    (tmp_path / "bad.toml").write_bytes(b"apps = \xff")
    with pytest.raises(CatalogError):
        load_catalog(tmp_path / "bad.toml")
