"""The floors of the house (DESIGN §5): imports go down, news goes up as events. Read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.needs import ROOT

# A room imports from rooms of a lower number only; rooms of one number do not import one another.
FLOORS = {
    "settings": 0,
    "kernel": 1,
    "accounts": 2,
    "organizations": 3,
    "sessions": 4,
    "express": 4,
    "connex": 4,
    "oidc": 5,
    "audit": 6,
    "outbox": 6,
    "portal": 7,
    "organization_admin": 7,
    "platform": 7,
    "developer": 7,
    "api": 7,
    "health": 7,
    "jobs": 8,
    "serve": 8,
    "demo": 8,
    "cli": 9,
}
FACES = {name for name, floor in FLOORS.items() if floor == 7}
NO_AUTHLIB = "Authlib is spoken in idp/oidc and in clients only"

# What plain values in, frozen decisions out may stand on: nothing that reads a row, a request, a file or a clock.
PURE_FILES = ("policy.py", "simulator.py", "interaction.py", "claims.py")
IMPURE = {
    "flask", "flask_sqlalchemy", "flask_login", "flask_babel", "flask_wtf", "sqlalchemy", "requests", "smtplib",
    "socket", "os", "pathlib", "io", "tempfile", "subprocess", "time", "datetime", "random", "secrets", "redis",
    "authlib",
    "joserfc", "structlog", "logging", "http", "urllib3", "uuid_utils",
}  # fmt: skip
MARKERS = {"flask_babel.lazy_gettext"}  # marks a sentence for translation and does nothing until it is shown
IMPURE_ROOMS = {"database", "clock", "web", "events", "secrets", "continuation", "service", "models", "views", "facts"}


def _modules(folder: str) -> list[Path]:
    return [
        path
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "__pycache__" not in path.parts and "migrations" not in path.parts
    ]


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every absolute name that a file imports, also inside functions and under TYPE_CHECKING, with its line."""
    package = _name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def _room(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "idp" and len(parts) > 1 else None


def _rooms() -> set[str]:
    folders = {path.parent.name for path in (ROOT / "idp").glob("*/__init__.py")}
    files = {path.stem for path in (ROOT / "idp").glob("*.py") if path.stem != "__init__"}
    return folders | files


def test_every_room_has_a_floor() -> None:
    assert _rooms() - set(FLOORS) <= {"migrations"}, "a new room must be given its floor"


def test_imports_go_down() -> None:
    wrong = []
    for path in _modules("idp"):
        room = _room(_name(path))
        if room is None:
            continue
        for line, name in _imports(path):
            other = _room(name)
            if other is None or other == room or other not in FLOORS:
                continue
            if FLOORS[other] >= FLOORS[room]:
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {room} imports {name}")
    assert wrong == []


def test_only_the_factory_knows_every_room() -> None:
    """Nothing below the command line imports the factory."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in _modules("idp")
        for line, name in _imports(path)
        if name == "idp.create_app" and FLOORS.get(_room(_name(path)) or "", 0) < 8
    ]
    assert wrong == []


def test_no_face_imports_another() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in _modules("idp")
        for line, name in _imports(path)
        if _room(_name(path)) in FACES and _room(name) in FACES - {_room(_name(path))}
    ]
    assert wrong == []


def test_authlib_is_spoken_in_oidc_and_clients_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in _modules("idp")
        for line, name in _imports(path)
        if name.split(".")[0] == "authlib" and _room(_name(path)) != "oidc"
    ]
    assert wrong == [], NO_AUTHLIB


def test_relying_parties_never_import_the_provider() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in _modules("clients")
        for line, name in _imports(path)
        if name.split(".")[0] == "idp"
    ]
    assert wrong == []


@pytest.mark.parametrize("file_name", PURE_FILES)
def test_pure_code_imports_nothing_that_acts(file_name: str) -> None:
    wrong = []
    for path in _modules("idp"):
        if path.name != file_name:
            continue
        for line, name in _imports(path):
            parts = name.split(".")
            if name in MARKERS:
                continue
            if parts[0] in IMPURE or (parts[0] == "idp" and set(parts[2:]) & IMPURE_ROOMS):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {name}")
    assert wrong == []


def test_rooms_say_what_they_own() -> None:
    """Each room's front door: what it owns, what not, where to start reading."""
    wrong = []
    for path in sorted((ROOT / "idp").glob("*/__init__.py")):
        if path.parent.name == "migrations":
            continue
        text = (ast.get_docstring(ast.parse(path.read_text())) or "").lower()
        missing = [word for word in ("owns", "does not own", "start") if word not in text]
        if missing:
            wrong.append(f"{path.relative_to(ROOT)} does not say: {', '.join(missing)}")
    assert wrong == []


def test_every_package_is_one() -> None:
    """A folder with modules has its `__init__.py`; a namespace by accident would not be installed."""
    folders = {path.parent for top in ("idp", "clients") for path in _modules(top)}
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_no_room_for_leftovers() -> None:
    """A file is named for its subject (DESIGN §5): none is called after nothing."""
    names = {"utils.py", "util.py", "helpers.py", "misc.py", "common.py"}
    assert [str(path) for top in ("idp", "clients") for path in _modules(top) if path.name in names] == []
