"""Which addresses an application may be told of. Apart, because the process that starts the others needs no more."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ConfigurationError(Exception):
    """The application is set up wrongly; a person running it has to act."""


def check_address(url: str, what: str) -> str:
    """`url` when it is https, or http on a loopback host (development and demo); else `ConfigurationError`."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return url
    raise ConfigurationError(f"{what} must be an https address, or http on this machine: {url!r}")
