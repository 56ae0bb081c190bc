"""Every sentence for people is there in Bokmål: extracted anew, compared, and the compiled catalog is fresh."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from idp.settings import ROOT

HERE = ROOT / "idp" / "translations" / "nb" / "LC_MESSAGES"
NAMES = re.compile(r"%\(\w+\)[a-z]")


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What the code and the templates say today."""
    target: Path = tmp_path_factory.mktemp("messages") / "messages.pot"
    subprocess.run(
        [
            sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract", "--mapping-file",
            "config/babel.cfg", "--keyword", "_l", "--output-file", str(target), ".",
        ],
        cwd=ROOT,
        check=True,
    )  # fmt: skip
    return read_po(target.open("rb"))


@pytest.fixture(scope="module")
def bokmål() -> Catalog:
    return read_po((HERE / "messages.po").open("rb"), locale="nb")


def sentences(text: object) -> list[str]:
    return list(text) if isinstance(text, tuple | list) else [str(text)]


def test_no_sentence_is_untranslated(extracted: Catalog, bokmål: Catalog) -> None:
    missing = []
    for message in extracted:
        found = bokmål.get(message.id) if message.id else None
        if message.id and (found is None or found.fuzzy or not all(sentences(found.string))):
            missing.append(message.id)
    assert not missing, "run `make messages` and translate these"


def test_no_translation_is_left_over(extracted: Catalog, bokmål: Catalog) -> None:
    assert not [message.id for message in bokmål if message.id and message.id not in extracted]


def test_translations_keep_the_names(bokmål: Catalog) -> None:
    for message in bokmål:
        if message.id:
            for original, text in zip(sentences(message.id), sentences(message.string), strict=True):
                assert sorted(NAMES.findall(original)) == sorted(NAMES.findall(text)), original
                assert original[-1:].isalnum() == text[-1:].isalnum(), f"the final sign differs: {original}"


def test_the_compiled_catalog_is_fresh(bokmål: Catalog) -> None:
    fresh = io.BytesIO()
    write_mo(fresh, bokmål)
    fresh.seek(0)
    wanted = {str(message.id): message.string for message in read_mo(fresh) if message.id}
    served = {str(message.id): message.string for message in read_mo((HERE / "messages.mo").open("rb")) if message.id}
    assert len(wanted) > 100
    assert served == wanted, "run `make test`, it compiles the catalog"
