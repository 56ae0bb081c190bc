"""Secrets: random handles, their digests at rest, signed links, and encryption of what must be read again.

At rest a secret is a SHA-256 digest (handles have 256 random bits, so a fast hash is right), or, where the provider
must read it back (signing keys, second-factor seeds), encrypted with the key-encryption keys, newest first.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner

from idp.settings import current_settings

from . import clock


def random_handle() -> str:
    """256 random bits as 43 URL-safe characters (RFC 6749 §10.10 asks for at least 128)."""
    return secrets.token_urlsafe(32)


def digest(handle: str) -> str:
    """SHA-256 of a handle as 64 hexadecimal characters: what is stored instead of it."""
    return hashlib.sha256(handle.encode("utf-8", "surrogatepass")).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time, as bytes (security P35)."""
    return hmac.compare_digest(left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


class _ClockSigner(TimestampSigner):
    """itsdangerous reads the machine's clock itself; links must follow ours."""

    def get_timestamp(self) -> int:
        return clock.now()

    def timestamp_to_datetime(self, ts: int) -> datetime:
        return datetime.fromtimestamp(ts, tz=UTC)


def _serializer(purpose: str) -> URLSafeTimedSerializer:
    settings = current_settings()
    return URLSafeTimedSerializer(
        list(reversed(settings.all_secret_keys)),  # itsdangerous signs with the last, checks all
        salt=f"onix-account.{purpose}",
        signer=_ClockSigner,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )


def sign_link(purpose: str, value: Any) -> str:
    """A URL-safe signed text over a small JSON value; one salt per purpose (security P19)."""
    return _serializer(purpose).dumps(value)


def read_link(purpose: str, text: str, max_age: int) -> Any | None:
    """The value a link carries, or None when it is forged, of another purpose, or older than `max_age` seconds.

    Signature and age only: that it is used once is the row's business.
    """
    try:
        return _serializer(purpose).loads(text, max_age=max_age)
    except (BadSignature, SignatureExpired, UnicodeError):  # a lone surrogate is no link of ours
        return None


def _fernet() -> MultiFernet:
    settings = current_settings()
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"onix-account.kek\0" + key.encode()).digest()))
            for key in settings.all_key_encryption_keys
        ]
    )


def encrypt(plain: bytes) -> str:
    """Encrypt with the newest key-encryption key."""
    return _fernet().encrypt(plain).decode("ascii")


def decrypt(stored: str) -> bytes:
    """Decrypt with whichever key-encryption key fits. Raises ValueError when none does."""
    try:
        return _fernet().decrypt(stored.encode("ascii"))
    except InvalidToken:
        raise ValueError("no key-encryption key opens this value") from None
