"""The commands of an operator: `onix-account <noun> <verb>`.

Owns: reading arguments, asking before what can't be undone, printing. Does not own: any rule; a command calls one
service of a room in a unit of work. Start reading: `base.py`, then the module of the noun.

Exit codes: 0 done, 1 refused (the reason is printed), 2 wrong usage, 3 settings can't be used (all problems are
printed), 4 no such thing, 5 the database can't be used, 6 a check failed.
"""

from __future__ import annotations

from importlib import import_module

import click

from . import base

# The module of each noun is imported when it is asked for, so that no command pays for the others.
_NOUNS = {
    **dict.fromkeys(("serve", "worker", "demo", "check", "db", "mail", "outbox"), "operations"),
    "user": "people",
    "org": "organizations",
    "license": "licenses",
    "role": "roles",
    **dict.fromkeys(("client", "key"), "clients"),
}


class _Nouns(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_NOUNS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _NOUNS:
            return None
        commands: tuple[click.Command, ...] = import_module(f"{__name__}.{_NOUNS[name]}").COMMANDS
        return next(command for command in commands if command.name == name)


@click.group(cls=_Nouns, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="onix-account", prog_name="onix-account")
def cli() -> None:
    """Run and look after Onix Account.

    Exit codes: 0 done, 1 refused, 2 wrong usage, 3 bad settings, 4 no such thing, 5 database not usable,
    6 a check failed.
    """


def main(arguments: list[str] | None = None) -> None:
    """The entry point: `onix-account`. Ends the process with one of the exit codes."""
    base.as_the_demo()
    raise SystemExit(base.run(cli, arguments))
