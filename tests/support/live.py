"""A provider as real processes, and a world in its database that this process writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .flow import Application, Visitor
from .server import Provider
from .world import Person, World

CALLBACK = "http://localhost:9/callback"  # nothing listens there: the walk stops before it


@dataclass
class Live:
    """`provider` answers over HTTP; `world` writes into its database through `app`, an application of this process."""

    provider: Provider
    app: Any
    world: World

    @property
    def issuer(self) -> str:
        return self.provider.issuer

    def visitor(self, person: Person, **options: Any) -> Visitor:
        """A fresh browser in the hands of this person."""
        return Visitor(person.address, World.password, **options)

    def application(
        self,
        client_id: str = "an-app",
        *,
        secret: str | None = "an-app-secret",
        scope: str = "openid profile email",
        redirect_uri: str = CALLBACK,
        **values: Any,
    ) -> Application:
        """Register a client and speak for it. By default a confidential one of Tag with refresh tokens."""
        values.setdefault("app_id", "tag")
        values.setdefault("kind", "web")
        values.setdefault("grant_types", ["authorization_code", "refresh_token"])
        values.setdefault("token_endpoint_auth_method", "client_secret_basic" if secret else "none")
        values.setdefault("post_logout_redirect_uris", ["http://localhost:9/bye"])
        if secret:
            values["secret"] = secret
        if values["kind"] != "machine":
            values["redirect_uris"] = [redirect_uri]
        self.world.client(client_id, client_id=client_id, **values)
        return Application(self.issuer, client_id, secret, redirect_uri, scope)
