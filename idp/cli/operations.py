"""Running it: serve, worker, demo, check, db, mail, outbox."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import click

from idp.settings import SettingsError, current_settings, load, unknown_names

from .base import Failed, Missing, application, as_json, limited, show, with_app


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Where it listens.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--threads", default=4, show_default=True, type=click.IntRange(1, 256), help="Threads of each that work.")
@click.option("--tls-certificate", type=click.Path(path_type=Path), help="PEM file; TLS then ends here.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="PEM file of the certificate's key.")
@click.option(
    "--tls-key-password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
    help="File that holds the key's password.",
)
@click.option("--http2", is_flag=True, help="Offer HTTP/2 as well.")
def serve(
    host: str,
    port: int,
    workers: int,
    threads: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_key_password_file: Path | None,
    http2: bool,
) -> None:
    """Serve the provider. Refuses unsafe production settings with one full list."""
    from idp import serve as serving
    from idp.organizations.catalog import CatalogError, load_catalog

    password = tls_key_password_file.read_text().strip() if tls_key_password_file else None
    options = serving.Options(host, port, workers, threads, tls_certificate, tls_key, password, http2)
    found: list[str] = []
    production, proxies = os.environ.get("ONIX_ENVIRONMENT") == "production", 0
    try:
        settings = load()
        production, proxies = settings.environment == "production", settings.trusted_proxies
        load_catalog(settings.catalog, settings.issuer)
    except (SettingsError, CatalogError) as error:
        found += error.problems
        proxies = int(os.environ.get("ONIX_TRUSTED_PROXIES", "").isdigit())
    found += serving.problems(options, production=production, proxies=proxies)
    if found:
        raise SettingsError(found)
    serving.serve(options, settings.passwords)


@click.command()
def worker() -> None:
    """Deliver mails and logout tokens, rotate keys, tidy. Any number may run."""
    from idp import jobs
    from idp.outbox import worker as outbox

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    outbox.run(application(log_level=None), stop, jobs.run)


@click.command()
@click.option(
    "--port",
    envvar="PORT",
    default=8000,
    show_default=True,
    type=click.IntRange(1024, 65500),
    help="The first of its block.",
)
def demo(port: int) -> None:
    """The whole demo world on one machine: provider, worker, applications and a mail sink."""
    from idp.demo.run import run

    code = run(port)
    if code:
        raise Failed("The demo has ended.")


@click.command()
def check() -> None:
    """Look at settings, catalog, database, migrations and keys; print everything that is wrong.

    Clients of apps that the catalog lacks, and variables that are no settings, are named too; they keep nothing from
    serving.
    """
    from idp import health

    app = application()
    with app.app_context():
        found = health.problems()
        if "migrations" in found:
            found["migrations"] += ": `onix-account db upgrade` brings it there"
        if found.get("database") == "not reachable" and not os.environ.get("ONIX_DATABASE_URL"):
            found["database"] += ": ONIX_DATABASE_URL is not set, so it is a file of this folder"
        if found.get("keys") and "migrations" not in found and "database" not in found:
            found["keys"] += (
                "; `onix-account db upgrade` makes the first, and those that there are open only with the "
                "ONIX_KEY_ENCRYPTION_KEY that they were made with"
            )
        remarks = [] if found else health.remarks()
    if found:
        raise Failed("\n".join(["Not fit to serve:", *(f"  - {name}: {what}" for name, what in found.items())]))
    remarks += [f"{name} is no setting, so it does nothing" for name in unknown_names(os.environ)]
    for remark in remarks:
        click.echo(f"Note: {remark}")
    click.echo("ok")


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
@with_app
def upgrade() -> None:
    """Bring the schema to this release, publish the first signing keys, and take over the catalog's roles."""
    from idp.migrations import bring_to_head

    click.echo(f"at {bring_to_head()}")


@db.command()
@with_app
def current() -> None:
    """The migration that the database is at."""
    from idp.kernel.database import autocommit
    from idp.migrations import current_revision, head

    with autocommit() as connection:
        click.echo(f"{current_revision(connection) or 'none'} (this release: {head()})")


@db.command("check")
@with_app
def check_schema() -> None:
    """Fail unless the database is at this release's migration."""
    from idp.kernel.database import autocommit
    from idp.migrations import current_revision, head

    with autocommit() as connection:
        at = current_revision(connection)
    if at != head():
        raise Failed(f"The database is at {at or 'none'}, this release is {head()}: run `onix-account db upgrade`.")
    click.echo(f"at {at}")


@click.group()
def mail() -> None:
    """Sending mail."""


@mail.command("test")
@click.argument("address")
@click.option(
    "--language", type=click.Choice(["en", "nb"]), default="en", show_default=True, help="The language of the mail."
)
@with_app
def test_mail(address: str, language: str) -> None:
    """Send one test mail now, without the worker, and say what the mail server said."""

    from idp.accounts import addresses
    from idp.kernel import clock
    from idp.kernel.database import new_id
    from idp.outbox.models import Delivery
    from idp.outbox.smtp import Refused
    from idp.outbox.worker import Again, deliver_mail

    parsed = addresses.parse(address)
    delivery = Delivery(
        id=new_id(),
        lane="mail",
        destination=parsed.domain,
        kind="test",
        payload={"address": parsed.address, "language": language},
        created_at=clock.now(),
    )
    try:
        deliver_mail(delivery)
    except (Again, Refused) as error:
        raise Failed(f"Not sent: {error}") from None
    click.echo(f"Sent to {parsed.address} as {current_settings().mail_sender}.")


@click.group()
def outbox() -> None:
    """What waits to be delivered, and what was given up."""


@outbox.command("list")
@click.option(
    "--state", type=click.Choice(["waiting", "delivered", "given_up", "dropped"]), help="Only what stands like this."
)
@limited
@as_json
@with_app
def list_deliveries(state: str | None, limit: int, as_json: bool) -> None:
    """The newest deliveries first."""
    from idp.outbox import service

    show(
        (
            {
                "id": row.id,
                "lane": row.lane,
                "kind": row.kind,
                "destination": row.destination,
                "state": row.outcome or "waiting",
                "attempts": row.attempts,
                "created_at": row.created_at,
                "due_at": row.due_at,
                "error": row.last_error,
            }
            for row in service.listed(state=state, limit=limit)
        ),
        as_json,
    )


@outbox.command("retry")
@click.argument("deliveries", metavar="[DELIVERY]...", nargs=-1)
@with_app
def retry_deliveries(deliveries: tuple[str, ...]) -> None:
    """Try what was given up once more: all of it, or the deliveries named. What still waits is left alone."""
    from idp.kernel.database import unit_of_work
    from idp.kernel.refusal import Refusal
    from idp.outbox import service

    try:
        with unit_of_work():
            again = service.retry(deliveries or None)
    except Refusal as error:
        raise Missing(str(error.message)) from None
    click.echo(f"{again} queued again")


COMMANDS = (serve, worker, demo, check, db, mail, outbox)
