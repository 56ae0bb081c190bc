"""What an application knows of its provider: discovery and signing keys, fetched only when needed and kept.

A failed fetch is not repeated for a short while, so that a provider that is down or starting is asked gently, and an
unknown key id is looked up at most once every few seconds, so that strangers' tokens cannot make us hammer it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from clients.relying_party.address import LOOPBACK, ConfigurationError, check_address

METADATA_AGE = 3600
KEYS_AGE = 300
UNKNOWN_KID_PAUSE = 10.0
FAILURE_PAUSE = 1.0
TIMEOUT = (3.05, 8.0)
LARGEST_ANSWER = 256 * 1024


class Unreachable(Exception):
    """The provider did not answer, or not with what its specification says. Try again later; nothing is decided."""


class Provider:
    """One issuer. Safe to share between threads."""

    def __init__(self, issuer: str) -> None:
        self.issuer = check_address(issuer, "issuer")
        self._metadata: dict[str, Any] | None = None
        self._metadata_at = 0.0
        self._keys: dict[str, Key] = {}
        self._keys_at = float("-inf")
        self._stranger_at = float("-inf")  # when a key id that we did not know last made us look
        self._failed_at = float("-inf")
        self._lock = threading.RLock()

    @property
    def origin(self) -> str:
        """Scheme, host and port of the issuer, as a content security policy wants them."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def api(self) -> str:
        """The provider's API: its address, and the resource that tokens for it are asked for."""
        return self.issuer.rstrip("/") + "/api/v1"

    def metadata(self) -> Mapping[str, Any]:
        """The provider's metadata (OpenID Connect Discovery 1.0 §4). An old copy serves while the provider is down."""
        with self._lock:
            if self._metadata is not None and time.monotonic() - self._metadata_at < METADATA_AGE:
                return self._metadata
            try:
                found = self._get(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
                if found.get("issuer") != self.issuer:
                    raise Unreachable("the metadata names another issuer")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    if not isinstance(found.get(name), str):
                        raise Unreachable(f"the metadata lacks {name}")
                    try:
                        check_address(found[name], name)
                    except ConfigurationError as error:
                        raise Unreachable(str(error)) from error
            except Unreachable:
                if self._metadata is None:
                    raise
                return self._metadata
            self._metadata, self._metadata_at = found, time.monotonic()
            return found

    def endpoint(self, name: str) -> str:
        """An endpoint's address from the metadata; `Unreachable` when it is not offered."""
        value = self.metadata().get(name)
        if not isinstance(value, str):
            raise Unreachable(f"the provider offers no {name}")
        return value

    def key(self, kid: str) -> Key | None:
        """The provider's public key with this id, or None. Fetches the set when it is old or lacks the id."""
        with self._lock:
            now = time.monotonic()
            if now - self._keys_at >= KEYS_AGE:
                self._fetch_keys()
            # A key that came into use just after the set was read is learned at once; strangers cause one look in a
            # while, however many there are.
            if kid not in self._keys and self._keys_at < now and now - self._stranger_at >= UNKNOWN_KID_PAUSE:
                self._fetch_keys()
                self._stranger_at = now
            return self._keys.get(kid)

    def _fetch_keys(self) -> None:
        found = self._get(self.endpoint("jwks_uri")).get("keys")
        keys: dict[str, Key] = {}
        for item in found if isinstance(found, list) else []:
            try:
                key = KeySet.import_key_set({"keys": [item]}).keys[0]
            except (JoseError, ValueError, TypeError, KeyError, AttributeError):
                continue  # a kind of key that we do not know yet must not hide the others
            if isinstance(item.get("kid"), str) and not key.is_private:
                keys[item["kid"]] = key
        self._keys, self._keys_at = keys, time.monotonic()

    def _get(self, url: str) -> dict[str, Any]:
        if time.monotonic() - self._failed_at < FAILURE_PAUSE:
            raise Unreachable("the provider failed a moment ago")
        try:
            with http_session(url) as session:
                answer = session.get(
                    url, timeout=TIMEOUT, allow_redirects=False, stream=True, headers={"Accept": "application/json"}
                )
                body = answer.raw.read(LARGEST_ANSWER + 1, decode_content=True)
                if answer.status_code != 200 or len(body) > LARGEST_ANSWER:
                    raise Unreachable(f"{url} answered {answer.status_code}")
                found = json.loads(body)
        except (requests.RequestException, OSError, ValueError) as error:
            self._failed_at = time.monotonic()
            raise Unreachable(f"{url} could not be read") from error
        except Unreachable:
            self._failed_at = time.monotonic()
            raise
        if not isinstance(found, dict):
            raise Unreachable(f"{url} is no JSON object")
        return found


def http_session(url: str) -> requests.Session:
    """A session for one conversation; a proxy of the environment never stands between us and this very machine."""
    session = requests.Session()
    if urlsplit(url).hostname in LOOPBACK:
        session.trust_env = False
    return session
