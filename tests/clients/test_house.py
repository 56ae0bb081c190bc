"""The applications stand alone: they run where the provider's code can't be imported."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import clients

ROOT = Path(clients.__file__).resolve().parent

WITHOUT = """
import sys
class NoProvider:
    def find_spec(self, name, path=None, target=None):
        if name == "idp" or name.startswith("idp."):
            raise ImportError("the provider's code is not here")
sys.meta_path.insert(0, NoProvider())
import clients.desktop.__main__
from clients.relying_party.settings import load
from clients.tag.app import create_app as tag
from clients.oneoffice.app import create_app as oneoffice
from clients.pick_and_pack.app import create_app as pick_and_pack
from clients.express.app import create_app as express
from clients.work.app import create_app as work
for make, app in (
    (tag, "tag"), (pick_and_pack, "pickandpack"), (oneoffice, "oneoffice"), (express, "express"), (work, "work")
):
    page = make(load(app=app)).test_client().get("/", base_url="http://localhost:8001")
    assert page.status_code == 200, page.status_code
assert not [name for name in sys.modules if name.split(".")[0] == "idp"]
print("alone")
"""


def test_no_module_imports_the_provider() -> None:
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "idp"], file


def test_they_run_without_the_provider(tmp_path: Path) -> None:
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT.parent), "RP_ISSUER": "http://localhost:8000", "RP_CLIENT_ID": "x",
        "RP_CLIENT_SECRET": "x", "RP_BASE_URL": "http://localhost:8001", "RP_DATABASE": str(tmp_path / "x.sqlite3"),
        "RP_SECRET_KEY": "only for these tests",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.stdout.strip() == "alone", done.stderr


def test_the_schema_is_the_providers() -> None:
    theirs = ROOT.parent / "idp" / "oidc" / "onix_access.schema.json"
    ours = ROOT / "relying_party" / "access_schema.json"
    assert json.loads(ours.read_text()) == json.loads(theirs.read_text())


def test_an_app_that_is_set_up_wrongly_says_all_of_it_and_stops(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT.parent), "RP_BASE_URL": "http://tag.example/x"}
    done = subprocess.run(
        [sys.executable, "-m", "clients.tag"], env=environment, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 2
    for problem in ("RP_ISSUER", "RP_BASE_URL", "RP_CLIENT_ID", "RP_CLIENT_SECRET", "RP_DATABASE", "RP_SECRET_KEY"):
        assert problem in done.stderr
