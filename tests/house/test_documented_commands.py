"""Commands that the pages for people name exist, and are typed there as the program takes them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name != "commands.md"),
]
FENCE = re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def typed_whole(text: str) -> Iterator[list[str]]:
    """The words after `onix-account` of every command in a block for the shell."""
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split("#", 1)[0].split("&&"):
                words = shlex.split(part.strip().removesuffix("&"))
                if words and words[0].endswith("onix-account"):
                    yield words[1:]


def named(text: str) -> Iterator[list[str]]:
    """The words after `onix-account` of every command named in a sentence."""
    for words in re.findall(r"`onix-account ([^`]+)`", FENCE.sub("", text)):
        yield shlex.split(words)


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words lead to, and what is left for it."""
    from idp.cli import cli

    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_a_page_is_one(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for words in typed_whole(text):
        command, left = resolve(words)
        assert not isinstance(command, click.Group), f"{' '.join(words)} names no whole command"
        command.make_context(" ".join(words), left)  # raises for anything that the command does not take
    for words in named(text):
        command, left = resolve(words)
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in left if word.startswith("-")} <= options, words


def test_a_wrong_command_would_be_seen() -> None:
    text = '```sh\nonix-account client create --kind web --name "My app"\n```\n'
    words = next(typed_whole(text))
    command, left = resolve(words)
    with pytest.raises(click.UsageError):
        command.make_context("client create", left)
