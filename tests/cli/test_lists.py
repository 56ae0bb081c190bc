"""Every list of the commands has `--json`, is paged or short, and every noun has its help."""

from __future__ import annotations

import click
import pytest

from idp.cli import cli

NOUNS = ("serve", "worker", "demo", "check", "db", "user", "org", "license", "role", "client", "key", "mail")


def _commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    found: dict[str, click.Command] = {}
    for noun in cli.list_commands(context):
        command = cli.get_command(context, noun)
        assert command is not None
        found[noun] = command
        if isinstance(command, click.Group):
            found |= {f"{noun} {verb}": below for verb, below in command.commands.items()}
    return found


COMMANDS = _commands()


@pytest.mark.parametrize("name", NOUNS)
def test_the_nouns_are_there(name: str) -> None:
    assert name in COMMANDS


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name.split()[-1] in ("list", "members", "show", "create")]
)
def test_what_prints_rows_prints_json(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert "--json" in options


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_says_what_it_is(name: str) -> None:
    assert COMMANDS[name].help, name
