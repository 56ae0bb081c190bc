"""How one application is told who it is: environment variables `RP_…` and `PORT`. All problems are reported at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from clients.relying_party.address import ConfigurationError, check_address


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One application in one place."""

    issuer: str
    client_id: str
    client_secret: str
    base_url: str
    resource: str
    database: Path
    secret_key: str
    desktop_client_id: str
    port: int

    @property
    def host(self) -> str:
        """Host and port as a browser sends them."""
        return urlsplit(self.base_url).netloc

    @property
    def secure(self) -> bool:
        """Whether the application is reached over TLS, and its cookies stay there."""
        return self.base_url.startswith("https://")

    def cookie(self, name: str) -> str:
        """A cookie's name: ports of one host share its cookies, so the port is in it; over TLS it is host-bound."""
        plain = f"{self.client_id}-{self.port}-{name}"
        return f"__Host-{plain}" if self.secure else plain


def load(environment: Mapping[str, str] | None = None, *, app: str) -> Settings:
    """Settings of the application `app` from the environment. Raises `ConfigurationError` naming every problem."""
    given = os.environ if environment is None else environment
    problems: list[str] = []

    def want(name: str, default: str | None = None) -> str:
        value = given.get(name, default)
        if not value:
            problems.append(f"{name} is missing")
            return ""
        return value

    issuer = want("RP_ISSUER")
    base_url = want("RP_BASE_URL").rstrip("/")
    for name, value in (("RP_ISSUER", issuer), ("RP_BASE_URL", base_url)):
        if value:
            try:
                check_address(value, name)
            except ConfigurationError as error:
                problems.append(str(error))
    parts = urlsplit(base_url)
    if base_url and (parts.path or parts.query or parts.fragment or "@" in parts.netloc):
        problems.append("RP_BASE_URL must be scheme, host and port only")
    secret_key = want("RP_SECRET_KEY")
    if secret_key and len(secret_key) < 16:
        problems.append("RP_SECRET_KEY must have at least 16 characters")
    port_text = given.get("PORT") or str(parts.port or 8001)
    if not port_text.isascii() or not port_text.isdigit() or not 0 < int(port_text) < 65536:
        problems.append("PORT must be a number from 1 to 65535")
        port_text = "1"
    settings = Settings(
        issuer=issuer,
        client_id=want("RP_CLIENT_ID"),
        client_secret=want("RP_CLIENT_SECRET"),
        base_url=base_url,
        resource=want("RP_RESOURCE", f"urn:onix:{app}"),
        database=Path(want("RP_DATABASE")),
        secret_key=secret_key,
        desktop_client_id=given.get("RP_DESKTOP_CLIENT_ID", ""),
        port=int(port_text),
    )
    if problems:
        raise ConfigurationError("; ".join(problems))
    return settings
