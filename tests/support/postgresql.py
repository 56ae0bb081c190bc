"""A throw-away PostgreSQL 15: its own folder, a unix socket, nothing durable, gone after the run."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path

import psycopg

from .needs import find_program, free_port, missing, wait_until
from .processes import Process


def _user() -> str | None:
    """PostgreSQL refuses to run as root: then `postgres`, or `nobody` where Debian's user is missing."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class Cluster:
    """`url(database)` is for SQLAlchemy. `durable` keeps fsync on, which only measuring needs."""

    def __init__(self, *, durable: bool = False, options: tuple[str, ...] = ()) -> None:
        initdb, server = find_program("initdb"), find_program("postgres")
        if not initdb or not server:
            missing("PostgreSQL 15 (package postgresql-15)")
        self.folder = Path(tempfile.mkdtemp(prefix="onix-postgresql-"))
        self.port = free_port()
        user = _user()
        if user:
            entry = pwd.getpwnam(user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self.folder.chmod(0o755)
        data = self.folder / "data"
        made = Process(
            [initdb, "-D", str(data), "-U", "onix", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            log=self.folder.with_suffix(".initdb.log"),
            user=user,
            cwd=self.folder,
        )
        try:
            if made.popen.wait(180):
                raise RuntimeError(made.text())
        finally:
            made.stop()
            made.log.unlink()
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={self.folder}",
            "max_connections=300",
            "shared_buffers=128MB",
            "autovacuum=off",
            "log_destination=stderr",
            "log_line_prefix=%p ",
            *options,
        ]
        if not durable:
            settings += [
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "wal_level=minimal",
                "max_wal_senders=0",
            ]
        self.process = Process(
            [server, "-D", str(data), "-p", str(self.port), *[part for item in settings for part in ("-c", item)]],
            log=Path(f"{self.folder}.log"),
            user=user,
            cwd=self.folder,
        )
        wait_until(self._answers, what="PostgreSQL's start")

    def _answers(self) -> bool:
        if not self.process.running:
            raise RuntimeError(self.process.text())
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.folder), port=self.port, user="onix", dbname=database, autocommit=True, connect_timeout=60
        )

    def execute(self, statement: str, database: str = "postgres") -> None:
        """One administrative statement, on a connection of its own."""
        with self.connect(database) as connection:
            connection.execute(statement.encode())

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database and give its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')  # half the work of the other
        return self.url(name)

    def drop(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def leave(self, name: str) -> None:
        """Ends every connection to a database."""
        self.execute(f"SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '{name}'")

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://onix@/{database}?host={self.folder}&port={self.port}"

    def stop(self) -> None:
        self.process.stop(signal.SIGINT)
        self.process.log.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
