"""Signing keys: made, published before use, used, kept until the last token has expired, gone (R15).

One RS256 key (RSA 2048) and one ES256 key (P-256) sign at a time. The next pair is published `key_prepublish` seconds
before its first use, so that clients that cache the key set know it by then (OpenID Connect Core §10.1.1). Private
keys rest encrypted and are parsed once per process: importing an RSA key costs some 50 ms.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

from flask import current_app
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import Connection, Table, func, insert, or_, select, update

from idp.kernel import clock
from idp.kernel.database import autocommit, db
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import decrypt, encrypt
from idp.settings import current_settings

from .events import KeyRotated
from .models import SigningKey

ALGORITHMS = ("RS256", "ES256")
REREAD_AFTER = 5.0  # seconds a process trusts the rows it has read
LINGER = 86400  # seconds a key stays published after its successor took over

_table = cast("Table", SigningKey.__table__)
_read = select(_table.c.kid, _table.c.alg, _table.c.private_key, _table.c.activates_at, _table.c.expires_at).order_by(
    _table.c.activates_at, _table.c.kid
)

SigningKeyPair = RSAKey | ECKey


class Keyring:
    """The keys as this process knows them. One per application, at `app.extensions['onix_keys']`."""

    def __init__(self) -> None:
        self._parsed: dict[str, SigningKeyPair] = {}
        self._rows: list[tuple[str, str, int, int | None]] = []  # kid, alg, activates_at, expires_at
        self._read_at = -REREAD_AFTER
        self._lock = threading.Lock()
        self._bytes: tuple[tuple[str, ...], bytes] = ((), b'{"keys":[]}')

    def refresh(self, *, force: bool = False) -> None:
        """Read the rows again when they are stale. On its own connection: call it outside a unit."""
        if not force and not self.stale:
            return
        with self._lock:
            if not force and not self.stale:
                return
            with autocommit() as connection:
                self._take(connection)

    def forget(self) -> None:
        """Read the rows at next use: after a change made by this process."""
        self._read_at = -REREAD_AFTER

    def _take(self, connection: Connection) -> None:
        rows = connection.execute(_read).all()
        for row in rows:
            if row.kid not in self._parsed:
                self._parsed[row.kid] = _import(row.kid, row.alg, decrypt(row.private_key))
        self._rows = [(row.kid, row.alg, row.activates_at, row.expires_at) for row in rows]
        self._read_at = time.monotonic()

    def signing_key(self, alg: str, now: int) -> SigningKeyPair:
        """The private key that signs with `alg` at `now`: the newest one already active. LookupError when none is."""
        for kid, key_alg, activates_at, expires_at in reversed(self._rows):
            if key_alg == alg and activates_at <= now and (expires_at is None or expires_at > now):
                return self._parsed[kid]
        raise LookupError(f"no active signing key for {alg}")

    def verification_keys(self, now: int, *, kept_for: int = 0) -> KeySet:
        """Keys whose signatures count at `now`; `kept_for` seconds longer for hints, which may be expired tokens."""
        return KeySet([self._parsed[kid] for kid, _, _, end in self._rows if end is None or end + kept_for > now])

    def verifying(self, alg: str, now: int) -> Iterator[SigningKeyPair]:
        """The published keys of an algorithm."""
        for kid, key_alg, _, expires_at in self._rows:
            if key_alg == alg and (expires_at is None or expires_at > now):
                yield self._parsed[kid]

    def published(self, now: int) -> dict[str, list[dict[str, Any]]]:
        """The JWK Set: public parts only, next keys included (RFC 7517 §5)."""
        return {"keys": [dict(key.as_dict(private=False)) for key in self.verification_keys(now)]}

    def published_bytes(self, now: int) -> bytes:
        """`published` as JSON, made again only when the set of published keys is another one."""
        ids = self.published_ids(now)
        if self._bytes[0] != ids:
            self._bytes = (ids, json.dumps(self.published(now), separators=(",", ":")).encode())
        return self._bytes[1]

    def published_ids(self, now: int) -> tuple[str, ...]:
        """The kids of `published`."""
        return tuple(kid for kid, _, _, end in self._rows if end is None or end > now)

    @property
    def stale(self) -> bool:
        """Whether the rows have to be read again before they count."""
        return not self._rows or time.monotonic() - self._read_at >= REREAD_AFTER

    @property
    def empty(self) -> bool:
        return not self._rows


def keyring() -> Keyring:
    """This application's keyring, read from the database when it is stale. Makes no statement inside a unit of work."""
    ring: Keyring | None = current_app.extensions.get("onix_keys")
    if ring is None:
        ring = current_app.extensions.setdefault("onix_keys", Keyring())
    if ring.empty or (ring.stale and not db.session.info.get("unit_of_work")):
        ring.refresh(force=ring.empty)
    return ring


def signing_key(alg: str, now: int | None = None) -> SigningKeyPair:
    """The private key that signs with `alg` (`RS256` or `ES256`) now. LookupError before `ensure_keys()` ever ran."""
    return keyring().signing_key(alg, clock.now() if now is None else now)


def hint_keys() -> KeySet:
    """Keys for `id_token_hint`: an expired ID Token is still good as a hint (Core §3.1.2.1), for up to 90 days."""
    return keyring().verification_keys(clock.now(), kept_for=90 * 86400)


def ensure_keys() -> None:
    """Make the first pair when there is none. Call inside a unit of work."""
    now = clock.now()
    have = set(
        db.session.scalars(select(_table.c.alg).where(or_(_table.c.expires_at.is_(None), _table.c.expires_at > now)))
    )
    for alg in ALGORITHMS:
        if alg not in have:
            _create(alg, now, activates_at=now)
    _forget()


def rotate(now: int | None = None, *, immediately: bool = False, actor_id: str | None = None) -> tuple[str, ...]:
    """Publish a new pair and give its kids. Call inside a unit of work.

    Normally it signs after `key_prepublish` seconds and the old pair stays published a day longer. `immediately` is
    for emergencies: it signs at once, and the old pair goes as soon as the last honest token has expired.

    Raises `Refusal` where the present keys can't be read: what serves can read those, and would fail on the new ones.
    """
    _check_encryption()
    now = clock.now() if now is None else now
    lifetimes = current_settings().lifetimes
    activates_at = now if immediately else now + lifetimes.key_prepublish
    leaves_at = activates_at + (lifetimes.token if immediately else lifetimes.token + LINGER)
    old = update(_table).where(or_(_table.c.expires_at.is_(None), _table.c.expires_at > leaves_at))
    db.session.execute(old.values(expires_at=leaves_at))
    if immediately:  # the newest active key signs, and a second is the clock's finest step
        db.session.execute(update(_table).where(_table.c.activates_at == now).values(activates_at=now - 1))
    kids = tuple(_create(alg, now, activates_at=activates_at) for alg in ALGORITHMS)
    _forget()
    emit(KeyRotated(at=now, actor_id=actor_id, kids=kids, immediately=immediately))
    return kids


def rotate_if_due(now: int | None = None) -> tuple[str, ...]:
    """The clock's hand: publish the next pair in time, and drop rows long expired. Call inside a unit of work."""
    now = clock.now() if now is None else now
    lifetimes = current_settings().lifetimes
    newest = db.session.scalar(select(func.max(_table.c.activates_at)))
    db.session.execute(_table.delete().where(_table.c.expires_at < now - 90 * 86400))
    if newest is None or newest + lifetimes.key_rotation - lifetimes.key_prepublish > now:
        return ()
    return rotate(now)


def list_keys() -> list[dict[str, Any]]:
    """For `onix-account key list`: kid, alg, instants and state (`next`, `active`, `retired`)."""
    now = clock.now()
    rows = [row for row in db.session.execute(_read) if row.expires_at is None or row.expires_at > now]
    active: dict[str, str] = {row.alg: row.kid for row in rows if row.activates_at <= now}

    def state(row: Any) -> str:
        if row.expires_at is not None and row.expires_at <= row.activates_at:
            return "retired"  # another came before its turn
        if row.activates_at > now:
            return "next"
        return "active" if active[row.alg] == row.kid else "retired"

    return [
        {
            "kid": row.kid,
            "alg": row.alg,
            "activates_at": row.activates_at,
            "expires_at": row.expires_at,
            "state": state(row),
        }
        for row in rows
    ]


def _check_encryption() -> None:
    for sealed in db.session.scalars(select(_table.c.private_key)):
        try:
            decrypt(sealed)
        except ValueError:
            raise Refusal(
                "wrong_key_encryption_key",
                "The keys there are were encrypted with another ONIX_KEY_ENCRYPTION_KEY than this one. "
                "Set the one that the running provider uses, or add it to ONIX_KEY_ENCRYPTION_KEY_FALLBACKS.",
                status=409,
            ) from None


def _create(alg: str, now: int, *, activates_at: int) -> str:
    key: SigningKeyPair = RSAKey.generate_key(2048) if alg == "RS256" else ECKey.generate_key("P-256")
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": alg}
    db.session.execute(
        insert(_table).values(
            kid=kid, alg=alg, private_key=encrypt(key.as_pem(private=True)), public_jwk=public,
            created_at=now, activates_at=activates_at, expires_at=None,
        )
    )  # fmt: skip
    return kid


def _import(kid: str, alg: str, pem: bytes) -> SigningKeyPair:
    parameters: Any = {"kid": kid, "use": "sig", "alg": alg}
    return RSAKey.import_key(pem, parameters) if alg == "RS256" else ECKey.import_key(pem, parameters)


def _forget() -> None:
    ring: Keyring | None = current_app.extensions.get("onix_keys")
    if ring is not None:
        ring.forget()
