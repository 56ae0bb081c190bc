"""The table of contents: which grants, extensions, endpoints and client authentication methods this provider has.

One server per application, built by the factory and kept at `app.extensions['onix_oidc']`. Discovery is derived from
it. The order of the protocol at the authorization endpoint is `AuthorizationServer.read`, top to bottom.
"""

from __future__ import annotations

from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer as _FlaskServer
from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.errors import OAuth2Error
from flask import Flask, current_app
from werkzeug.datastructures import MultiDict

from idp.settings import Settings

from . import requests
from .clients import ClientInfo, cached_client
from .extensions import OrderedChecks, openid, pkce, resource
from .extensions.issuer import Destination
from .extensions.stored_request import Prechecks, StoredRequest, known, told_inside


class Unrecognized(Exception):
    """Who asks, or where an answer may go, is not known: a page is shown and nothing is ever sent (RFC 6749 §4.1.2.1).

    `reason`: `client_missing`, `client_unknown`, `redirect_uri_missing`, `redirect_uri_unknown`, `repeated`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rejected(Exception):
    """A fault that the client is told at its own redirect URI, as a registered error."""

    def __init__(self, error: str, description: str | None, destination: Destination) -> None:
        super().__init__(error)
        self.error, self.description, self.destination = error, description, destination


class AuthorizationServer(_FlaskServer):
    """Authlib's server, with requests that need not come from the web framework."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.issuer = settings.issuer

    def query_client(self, client_id: str) -> ClientInfo | None:
        """For parsing: enabled-ness is read with the statement that judges the request."""
        return cached_client(client_id)

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        """Requests of ours pass through; anything else is read from Flask's."""
        return request if isinstance(request, OAuth2Request) else super().create_oauth2_request(request)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Authlib's signals have no listener here: news goes up as events of the rooms."""

    def read(self, values: MultiDict[str, str], client: ClientInfo | None) -> requests.Asked:
        """Judge a request at the authorization endpoint, in the order that safety demands.

        Who asks and where an answer may go come first: a fault found there raises `Unrecognized`, for a page. Every
        later one raises `Rejected`, for the client. `client` is the row of the request's `client_id`, as it is now.
        """
        data = known(values)
        for name in ("client_id", "redirect_uri"):
            if len(data.getlist(name)) > 1:
                raise Unrecognized("repeated")
        if not data.get("client_id"):
            raise Unrecognized("client_missing")
        if client is None or not client.enabled:
            raise Unrecognized("client_unknown")
        # With one registered URI a request could leave it out; it must not: a code is always bound to one (P11).
        redirect_uri = data.get("redirect_uri")
        if not redirect_uri:
            raise Unrecognized("redirect_uri_missing")
        if not client.check_redirect_uri(redirect_uri):
            raise Unrecognized("redirect_uri_unknown")
        inside = told_inside(data["request"]) if "request" in data else {}
        modes = data.getlist("response_mode") or [inside.get("response_mode", "query")]
        form_post = modes == ["form_post"] and redirect_uri.startswith(("https://", "http://"))
        state = data.get("state") or inside.get("state")
        destination = Destination(redirect_uri, "form_post" if form_post else "query", state)
        request = StoredRequest(self.issuer, data)
        try:
            self.get_consent_grant(request)
        except OAuth2Error as error:
            raise Rejected(error.error or "invalid_request", error.get_error_description(), destination) from None
        scope = requests.granted_scope(client, data)
        if not scope and data.get("scope", "").strip():  # an answer could not say so: no scope is empty (RFC 6749 §5.1)
            raise Rejected("invalid_scope", "Nothing of the scope is given to this client", destination)
        hint = openid.read_id_token(data["id_token_hint"], self.issuer) if "id_token_hint" in data else None
        return requests.Asked(
            client=client,
            parameters=data.to_dict(),
            scope=scope,
            hint_sub=hint["sub"] if hint else None,
        )


def build_server(settings: Settings) -> AuthorizationServer:
    """Grants, extensions, endpoints: the whole list."""
    from .grants.authorization_code import AuthorizationCodeGrant
    from .grants.client_credentials import ClientCredentialsGrant
    from .grants.refresh_token import RefreshTokenGrant

    server = AuthorizationServer(settings)
    server.register_extension(lambda server: Prechecks()(server))
    server.register_grant(
        AuthorizationCodeGrant,
        [OrderedChecks(pkce.check_challenge, *openid.CHECKS, resource.check_resource), pkce.S256()],
    )
    server.register_grant(RefreshTokenGrant)
    server.register_grant(ClientCredentialsGrant)
    return server


def server() -> AuthorizationServer:
    """The server of the running application."""
    return current_app.extensions["onix_oidc"]  # type: ignore[no-any-return]


def install(app: Flask) -> AuthorizationServer:
    """Build the server of this application."""
    app.extensions["onix_oidc"] = built = build_server(app.extensions["onix_settings"])
    return built
