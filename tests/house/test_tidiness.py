"""What stands in the repository: hashed requirements, no machine's paths, no registry's hosts, no unfinished work."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.needs import ROOT

TEXT = {".py", ".toml", ".txt", ".in", ".md", ".html", ".css", ".js", ".mjs", ".json", ".cfg", ".po", ".yml", ".yaml",
        ".xml", ".mako", ".svg", ".sh", ""}  # fmt: skip
MACHINE_PATHS = re.compile(r"/(?:work|root|home|Users)/[A-Za-z0-9_.-]+|/tmp/w\b|[A-Z]:\\\\Users")
# Split so that this file does not name them itself.
REGISTRIES = [".".join(parts) for parts in (
    ("pypi", "org"), ("files", "pythonhosted", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org"),
    ("registry", "yarnpkg", "com"),
)]  # fmt: skip
UNFINISHED = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")


def _files() -> list[Path]:
    """What version control knows or would take, read as text; in an unpacked archive, everything that is ours."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    paths = [ROOT / name for name in names if name]
    return [path for path in paths if path.is_file() and path.suffix in TEXT]


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in _files():
        if path.name == Path(__file__).name:
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:160]}")
    return found


def test_no_file_names_a_path_of_a_machine() -> None:
    assert _lines_with(MACHINE_PATHS) == []


def test_no_file_names_a_registry() -> None:
    assert _lines_with(re.compile("|".join(map(re.escape, REGISTRIES)))) == []


def test_nothing_is_left_unfinished() -> None:
    assert _lines_with(UNFINISHED) == []


@pytest.mark.parametrize("name", ["base.txt", "build.txt", "test.txt"])
def test_requirements_are_pinned_and_hashed(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    for line in (line.strip() for line in text.splitlines()):
        if line and not line.startswith("#"):
            assert "==" in line and "--hash=sha256:" in line, line
    assert "://" not in text and "--index-url" not in text and "--find-links" not in text


def test_package_locks_name_no_host() -> None:
    """npm takes the registry it is set up with when a lock names none; integrity stays."""
    for path in _files():
        if path.name != "package-lock.json":
            continue
        packages = json.loads(path.read_text())["packages"]
        assert packages, path
        for name, package in packages.items():
            assert "resolved" not in package, f"{path}: {name}"
            assert not name or package["integrity"].startswith("sha512-"), f"{path}: {name}"


def test_decisions_stand_in_one_row() -> None:
    """Numbered without gaps, each under its own number."""
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in found] == list(range(1, len(found) + 1))
    assert [path.name for path in found if not path.read_text().startswith(f"# {int(path.name[:4])}. ")] == []
    numbers = {path.name[:4] for path in found}
    named = [line for line in _lines_with(re.compile(r"decisions/\d{4}"))
             if not numbers.issuperset(re.findall(r"decisions/(\d{4})", line))]  # fmt: skip
    assert named == []


def test_links_between_documents_lead_somewhere() -> None:
    dead = []
    for path in (path for path in _files() if path.suffix == ".md"):
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
            if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                dead.append(f"{path.relative_to(ROOT)}: {target}")
    assert dead == []


def test_private_keys_are_not_at_rest_here() -> None:
    marker = "-----BEGIN " + "PRIVATE KEY-----"
    assert [str(path.relative_to(ROOT)) for path in _files() if marker in path.read_text(errors="replace")] == []


def test_the_dark_is_other_colors_and_nothing_else() -> None:
    """So axe is asked about colors alone in the dark (tests/support/browsers.py): all else is as it is in the light."""
    served = [path for path in _files() if path.is_relative_to(ROOT / "idp/static") or "clients" in path.parts]
    served += [path for path in _files() if path.is_relative_to(ROOT / "templates") and "mail" not in path.parts]
    told = re.compile(
        r'(?:@media \(prefers-color-scheme: dark\)|:root\[data-theme="dark"\]) \{((?:[^{}]|\{[^{}]*\})*)\}'
    )
    rules = 0
    for path in served:
        if path.suffix not in {".css", ".html", ".js", ".mjs", ".svg"}:
            continue
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        for block in told.findall(text):
            for name, value in re.findall(r"([\w-]+): ([^;{}]+);", block):
                switch = name in {"--light", "--dark"}
                assert switch or name == "color-scheme" or re.fullmatch("--.*(#|rgb).*", f"{name}{value}"), (path, name)
                rules += 1
        for name, value in re.findall(r"([\w-]+): ([^;{}]*var\(--(?:light|dark)[^;{}]*);", text):
            assert name.startswith("--") and re.search("#|rgb", value), (path, name)
            rules += 1
        left = told.sub("", text)
        assert "prefers-color-scheme" not in left and not re.search(r"""data-theme=["']?dark[^{]*\{""", left), path
    assert rules > 50
