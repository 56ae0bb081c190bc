"""What an application remembers between requests, in its own SQLite file: sign-ins under way, sessions, logout tokens.

A browser holds only a random handle. Here rests its SHA-256 digest, and the tokens are encrypted under a key that the
handle alone yields: whoever reads the file can neither be anyone nor read anyone's tokens.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

SIGN_IN_SECONDS = 2 * 3600
ENDED_SESSION_SECONDS = 12 * 3600
IDLE_SESSION_SECONDS = 30 * 86400
LOGOUT_MEMORY_SECONDS = 120
LEASE_SECONDS = 20.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS rp_sign_in (
  state TEXT PRIMARY KEY, browser TEXT NOT NULL, sealed BLOB NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS rp_session (
  handle TEXT PRIMARY KEY, sub TEXT NOT NULL, sid TEXT NOT NULL, organization_id TEXT, sealed BLOB,
  version INTEGER NOT NULL DEFAULT 1, refreshed_at INTEGER NOT NULL, used_at REAL NOT NULL,
  lease TEXT, lease_until REAL NOT NULL DEFAULT 0, failed_until REAL NOT NULL DEFAULT 0, ended_at REAL);
CREATE INDEX IF NOT EXISTS rp_session_sid ON rp_session (sid);
CREATE INDEX IF NOT EXISTS rp_session_sub ON rp_session (sub);
CREATE TABLE IF NOT EXISTS rp_logout (
  jti TEXT PRIMARY KEY, sub TEXT, sid TEXT, iat INTEGER NOT NULL, until REAL NOT NULL);
"""


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """An authorization request that waits for its answer."""

    nonce: str
    verifier: str
    target: str
    organization: str | None
    silent: bool


@dataclass(frozen=True, kw_only=True)
class Session:
    """One signed-in browser. `access` and `identity` are the verified claims of the two tokens; `api` is a token for
    the provider's API (`flow.ApiToken`), where the application has asked for one."""

    handle: str
    access: dict[str, Any]
    identity: dict[str, Any]
    id_token: str
    refresh_token: str | None
    nonce: str
    api: dict[str, Any] | None = None
    version: int = 1
    refreshed_at: int = 0

    def expired(self, now: int) -> bool:
        """Whether the access token has run out at `now`."""
        return bool(self.access["exp"] <= now)


@dataclass(frozen=True)
class Ended:
    """A session that the provider told us to end. Its organization is kept, to come back to the same place."""

    organization_id: str | None


class Busy(Exception):
    """Somebody else is refreshing this session right now."""


class FailedLately(Exception):
    """The last refresh of this session failed a moment ago; asking again at once would not help."""


def digest(value: str) -> str:
    """What is stored instead of a handle, a state or a browser's mark."""
    return hashlib.sha256(value.encode()).hexdigest()


def _box(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"onix relying party seal|" + secret.encode()).digest()))


def _seal(secret: str, value: dict[str, Any]) -> bytes:
    return _box(secret).encrypt(json.dumps(value).encode())


def _unseal(secret: str, sealed: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_box(secret).decrypt(sealed))
    return found


class Store:
    """The tables of the kit. Leases and tidying use the machine's time; token times are the caller's `now`."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        with self.open() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection without a transaction of its own; every statement commits by itself."""
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; an exception undoes it."""
        with self.open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    # signing in

    def remember_sign_in(self, state: str, browser: str, sign_in: SignIn) -> None:
        """Keep what the answer to this authorization request will be held against."""
        with self.writing() as connection:
            connection.execute("DELETE FROM rp_sign_in WHERE created_at < ?", (time.time() - SIGN_IN_SECONDS,))
            connection.execute(
                "INSERT INTO rp_sign_in VALUES (?, ?, ?, ?)",
                (digest(state), digest(browser), _seal(state, vars(sign_in)), time.time()),
            )

    def take_sign_in(self, state: str, browser: str) -> SignIn | None:
        """The sign-in of this state, once, and only for the browser that began it."""
        with self.writing() as connection:
            row = connection.execute(
                "DELETE FROM rp_sign_in WHERE state = ? AND browser = ? AND created_at >= ? RETURNING sealed",
                (digest(state), digest(browser), time.time() - SIGN_IN_SECONDS),
            ).fetchone()
        return SignIn(**_unseal(state, row["sealed"])) if row else None

    # sessions

    def open_session(
        self,
        *,
        access: dict[str, Any],
        identity: dict[str, Any],
        id_token: str,
        refresh_token: str | None,
        nonce: str,
        now: int,
        replaces: str | None,
    ) -> Session | None:
        """A new session under a new handle; the browser's old one goes. None when a logout overtook the answer."""
        session = Session(
            handle=secrets.token_urlsafe(32),
            access=access,
            identity=identity,
            id_token=id_token,
            refresh_token=refresh_token,
            nonce=nonce,
            refreshed_at=now,
        )
        with self.writing() as connection:
            self._tidy(connection)
            if replaces:
                connection.execute("DELETE FROM rp_session WHERE handle = ?", (digest(replaces),))
            if self._overtaken(connection, identity):
                return None
            connection.execute(
                "INSERT INTO rp_session (handle, sub, sid, organization_id, sealed, refreshed_at, used_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    digest(session.handle),
                    identity["sub"],
                    identity["sid"],
                    access.get("org_id"),
                    self._contents(session),
                    now,
                    time.time(),
                ),
            )
        return session

    def find_session(self, handle: str) -> Session | Ended | None:
        """The session of this handle as it stands now."""
        with self.open() as connection:
            row = connection.execute("SELECT * FROM rp_session WHERE handle = ?", (digest(handle),)).fetchone()
        if row is None:
            return None
        if row["ended_at"] is not None or row["sealed"] is None:
            return Ended(row["organization_id"])
        try:
            contents = _unseal(handle, row["sealed"])
        except (InvalidToken, ValueError):
            return None
        return Session(handle=handle, version=row["version"], refreshed_at=row["refreshed_at"], **contents)

    def lease(self, session: Session) -> str:
        """The right to refresh this version of the session, for one caller among all threads and processes.

        Raises `Busy` while another holds it (or has just finished), `FailedLately` after a failure moments ago.
        """
        lease, at = secrets.token_urlsafe(16), time.time()
        with self.open() as connection:
            taken = connection.execute(
                "UPDATE rp_session SET lease = ?, lease_until = ? WHERE handle = ? AND version = ?"
                " AND lease_until < ? AND failed_until < ? AND ended_at IS NULL",
                (lease, at + LEASE_SECONDS, digest(session.handle), session.version, at, at),
            ).rowcount
            if taken:
                return lease
            row = connection.execute(
                "SELECT failed_until, version FROM rp_session WHERE handle = ?", (digest(session.handle),)
            ).fetchone()
        if row is not None and row["failed_until"] >= at and row["version"] == session.version:
            raise FailedLately
        raise Busy

    def renew(self, session: Session, lease: str, now: int, **changes: Any) -> bool:
        """Store what a refresh brought and give the lease back. False when the session was ended meanwhile."""
        renewed = Session(**{**vars(session), **changes, "version": session.version + 1, "refreshed_at": now})
        with self.writing() as connection:
            if self._overtaken(connection, renewed.identity):
                connection.execute(
                    "UPDATE rp_session SET sealed = NULL, ended_at = ? WHERE handle = ?",
                    (time.time(), digest(session.handle)),
                )
                return False
            done = connection.execute(
                "UPDATE rp_session SET sealed = ?, organization_id = ?, sid = ?, version = version + 1,"
                " refreshed_at = ?, used_at = ?, lease = NULL, lease_until = 0, failed_until = 0"
                " WHERE handle = ? AND lease = ? AND ended_at IS NULL",
                (
                    self._contents(renewed),
                    renewed.access.get("org_id"),
                    renewed.identity["sid"],
                    now,
                    time.time(),
                    digest(session.handle),
                    lease,
                ),
            ).rowcount
        return bool(done)

    def release(self, session: Session, lease: str, pause: float) -> None:
        """Give the lease back after a failure; nobody tries again for `pause` seconds."""
        with self.open() as connection:
            connection.execute(
                "UPDATE rp_session SET lease = NULL, lease_until = 0, failed_until = ? WHERE handle = ? AND lease = ?",
                (time.time() + pause, digest(session.handle), lease),
            )

    def end_session(self, handle: str, *, keep_trace: bool = False) -> None:
        """Forget the session. With a trace, the browser's next visit knows that it was signed in."""
        with self.open() as connection:
            if keep_trace:
                connection.execute(
                    "UPDATE rp_session SET sealed = NULL, ended_at = ? WHERE handle = ?", (time.time(), digest(handle))
                )
            else:
                connection.execute("DELETE FROM rp_session WHERE handle = ?", (digest(handle),))

    def log_out(self, jti: str, sub: str | None, sid: str | None, iat: int) -> int | None:
        """End the sessions that a logout token names; one of `sid` and `sub` is given, and what is given must match.

        Returns how many ended, or None when this token was shown before: then nothing changes.
        """
        at = time.time()
        with self.writing() as connection:
            connection.execute("DELETE FROM rp_logout WHERE until < ?", (at,))
            new = connection.execute(
                "INSERT OR IGNORE INTO rp_logout VALUES (?, ?, ?, ?, ?)",
                (digest(jti), sub, sid, iat, at + 24 * 3600),
            ).rowcount
            if not new:
                return None
            return connection.execute(
                "UPDATE rp_session SET sealed = NULL, ended_at = :at, lease = NULL WHERE ended_at IS NULL"
                " AND (:sid IS NULL OR sid = :sid) AND (:sub IS NULL OR sub = :sub)",
                {"at": at, "sid": sid, "sub": sub},
            ).rowcount

    def _overtaken(self, connection: sqlite3.Connection, identity: dict[str, Any]) -> bool:
        # a logout token that arrives while an answer is still on its way must not be undone by that answer
        row = connection.execute(
            "SELECT 1 FROM rp_logout WHERE (sid = ? OR (sid IS NULL AND sub = ?)) AND iat > ? AND until > ?",
            (
                identity["sid"],
                identity["sub"],
                identity["iat"],
                time.time() + 24 * 3600 - LOGOUT_MEMORY_SECONDS,
            ),
        ).fetchone()
        return row is not None

    @staticmethod
    def _contents(session: Session) -> bytes:
        names = ("access", "identity", "id_token", "refresh_token", "nonce", "api")
        return _seal(session.handle, {name: getattr(session, name) for name in names})

    @staticmethod
    def _tidy(connection: sqlite3.Connection) -> None:
        at = time.time()
        connection.execute("DELETE FROM rp_session WHERE ended_at < ?", (at - ENDED_SESSION_SECONDS,))
        connection.execute("DELETE FROM rp_session WHERE used_at < ?", (at - IDLE_SESSION_SECONDS,))
