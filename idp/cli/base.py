"""What every command shares: an application around it, printing, and telling errors apart by exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from idp.kernel.refusal import Refusal
from idp.settings import ROOT, Settings, SettingsError, load

OK, REFUSED, USAGE, SETTINGS, UNKNOWN, DATABASE, FAILED = range(7)
Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes = click.option("--yes", is_flag=True, help="Don't ask.")
after = click.option("--after", default="", help="The id that the last page ended with.")
limited = click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="How many at most."
)


class Missing(Exception):
    """There is no such thing; the text says which. Exit code 4."""


class Failed(Exception):
    """A check did not pass; the text says why. Exit code 6."""


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code; everything that went wrong is told in words on standard error."""
    from sqlalchemy.exc import DatabaseError, IntegrityError

    from idp.organizations.catalog import CatalogError

    try:
        command.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except click.exceptions.Abort:
        return _say("Stopped.", REFUSED)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except (SettingsError, CatalogError) as error:
        return _say("\n".join(["These settings can't be used:", *(f"  - {line}" for line in error.problems)]), SETTINGS)
    except Refusal as error:
        return _say(f"Refused: {error.message} ({error.code})", UNKNOWN if error.status == 404 else REFUSED)
    except Missing as error:
        return _say(str(error), UNKNOWN)
    except Failed as error:
        return _say(str(error), FAILED)
    except IntegrityError:
        return _say("Refused: someone else changed this at the same moment, or it exists already. (conflict)", REFUSED)
    except DatabaseError as error:
        return _say(
            f"The database can't be used ({type(error).__name__}). Is it there, and has `onix-account db upgrade` run?",
            DATABASE,
        )
    except OSError as error:  # what was to be read or written outside: a full disk behind `>`, a file that went
        where = f" ({error.filename})" if error.filename else ""
        return _say(f"Stopped: {error.strerror or error}{where}", REFUSED)
    return OK


def _say(text: str, code: int) -> int:
    click.echo(text, err=True)
    return code


def as_the_demo() -> None:
    """Where nothing is configured, speak to the demo that has run here: its database, its keys, its clock."""
    from idp.demo import ENVIRONMENT

    if any(name.startswith("ONIX_") and name != "ONIX_DEMO_FOLDER" for name in os.environ):
        return
    told = Path(os.environ.get("ONIX_DEMO_FOLDER") or ROOT / ".run") / ENVIRONMENT
    if told.exists():
        lines = told.read_text(encoding="utf-8").splitlines()
        os.environ.update({name: value for name, _, value in (line.partition("=") for line in lines)})


def with_app(command: Command) -> Command:
    """Run the command inside an application of today's settings; its log goes to standard error, warnings only."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        from flask import current_app, has_app_context

        if has_app_context() and "onix_settings" in current_app.extensions:
            return command(*args, **kwargs)
        with application().app_context():
            return command(*args, **kwargs)

    return wrapped  # type: ignore[return-value]


def application(settings: Settings | None = None, *, log_level: str | None = "WARNING") -> Any:
    """An application for a command; `log_level` None keeps what the settings say."""
    from idp import create_app

    settings = settings or load()
    if log_level:
        settings = settings.model_copy(update={"log_format": "console", "log_level": log_level})
    return create_app(settings)


def show(rows: Iterable[dict[str, Any]], as_json: bool) -> None:
    """Print a list: JSON as it is, or a table with one line each."""
    found = list(rows)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo("(none)")
        return
    names = list(found[0])
    cells = [[_cell(name, row[name]) for name in names] for row in found]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    for line in ([name.upper() for name in names], *cells):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def show_one(row: dict[str, Any], as_json: bool) -> None:
    """Print one thing: JSON, or a line per property."""
    if as_json:
        click.echo(json.dumps(row, ensure_ascii=False, indent=2))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        click.echo(f"{name.ljust(width)}  {_cell(name, value)}")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and (name.endswith("_at") or name == "at"):
        return datetime.fromtimestamp(value, tz=UTC).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "-"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return " ".join(str(value).split())


def confirm(question: str, yes: bool) -> None:
    """Ask before what can't be undone; refuses to guess where nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this can't be undone: say --yes")
    click.confirm(question, abort=True)


class Instant(click.ParamType[int]):
    """An instant as seconds since 1970, an ISO 8601 date or date and time; without a zone it is UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            if value.lstrip("-").isdigit():
                return int(value)
            moment = datetime.fromisoformat(value)
            return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no instant; write 2027-01-31 or 2027-01-31T12:00:00", param, ctx)
