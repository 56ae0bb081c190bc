"""OAuth clients and signing keys: `onix-account client|key …`."""

from __future__ import annotations

import json
from typing import Any

import click

from idp.kernel.database import unit_of_work
from idp.oidc import client_metadata, clients, keys

from .base import Missing, after, as_json, confirm, limited, show, show_one, with_app, yes


@click.group()
def client() -> None:
    """Registered OAuth clients."""


def _row(info: Any) -> dict[str, Any]:
    return {
        "id": info.client_id,
        "name": info.metadata.get("client_name"),
        "kind": info.kind,
        "status": info.status,
        "app": info.app_id,
        "organization_id": info.organization_id,
        "redirect_uris": list(info.metadata.get("redirect_uris") or []),
    }


def _json(text: str) -> Any:
    """Raises ValueError or RecursionError, also for the NaN and Infinity that JSON does not have (RFC 8259 §6)."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


class Field(click.ParamType[tuple[str, Any]]):
    """`member=value`: a member of a client's metadata, its value as JSON or as plain text; None when it is empty.

    A number or truth value where the member is neither was meant as text: version 1.10 is not 1.1.
    """

    name = "member=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        member, equals, text = value.partition("=")
        if not equals:
            self.fail(f"{value!r} is no member=value", param, ctx)
        if member.partition("#")[0] not in client_metadata.MEMBERS:
            self.fail(f"{member!r} is no member that a client can have here", param, ctx)
        try:
            found = _json(text) if text else None
        except (ValueError, RecursionError):
            return member, text
        return member, text if isinstance(found, int | float) and member not in client_metadata.SCALARS else found


def _once(_ctx: click.Context, _param: click.Parameter, value: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    found = dict(value)
    if len(found) != len(value):
        raise click.BadParameter("a member is set twice")
    return found


fields = click.option(
    "--set", "fields", type=Field(), multiple=True, callback=_once,
    help="Any member of its metadata (OpenID Registration §2): id_token_signed_response_alg=ES256, "
    "'contacts=[\"it@customer.example\"]', logo_uri=https://… The value is JSON or text.",
)  # fmt: skip


def _find(client_id: str) -> Any:
    found = clients.find_client(client_id) or clients.load_client(client_id)
    if found is None:
        raise Missing(f"There is no client {client_id}.")
    return found


@client.command()
@click.argument("name")
@click.option(
    "--kind", type=click.Choice(["web", "spa", "native", "machine"]), required=True, help="What kind of program it is."
)
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where people come back to after signing in.")
@click.option(
    "--post-logout-redirect-uri",
    "post_logout_redirect_uris",
    multiple=True,
    help="Where people come back to after signing out.",
)
@click.option("--backchannel-logout-uri", help="Where logout notices are posted to.")
@click.option("--initiate-login-uri", help="Where the launcher begins a sign-in.")
@click.option("--app", "app_id", help="Make it a client of the family: no consent, the app's privileges in its tokens.")
@click.option("--organization", help="Whose developers manage it.")
@click.option("--scope", help="Scopes it may ask, separated by spaces.")
@click.option("--api", is_flag=True, help="Let it ask the provider's API as a resource, too (clients of no app).")
@click.option(
    "--auth-method", help="How it proves itself: client_secret_basic, client_secret_post, private_key_jwt or none."
)
@click.option("--jwks-file", type=click.File("r"), help="Its public keys, for private_key_jwt.")
@click.option(
    "--deny-mode",
    type=click.Choice(["error", "token"]),
    default="error",
    show_default=True,
    help="How a denial reaches it: as an OAuth error, or told in the token.",
)
@click.option("--no-pkce", is_flag=True, help="Don't ask PKCE of it (confidential clients that can't).")
@click.option("--id", "client_id", help="Fix the id.")
@fields
@as_json
@with_app
def create(
    name: str,
    kind: str,
    redirect_uris: tuple[str, ...],
    post_logout_redirect_uris: tuple[str, ...],
    backchannel_logout_uri: str | None,
    initiate_login_uri: str | None,
    app_id: str | None,
    organization: str | None,
    scope: str | None,
    api: bool,
    auth_method: str | None,
    jwks_file: Any,
    deny_mode: str,
    no_pkce: bool,
    client_id: str | None,
    fields: dict[str, Any],
    as_json: bool,
) -> None:
    """Register a client. Its secret is printed once and can't be read again."""
    from .finding import find_organization

    metadata: dict[str, Any] = {
        "post_logout_redirect_uris": list(post_logout_redirect_uris) or None,
        "backchannel_logout_uri": backchannel_logout_uri,
        "initiate_login_uri": initiate_login_uri,
        "scope": scope,
        "resources": [client_metadata.api_resource()] if api else None,
        "token_endpoint_auth_method": auth_method,
    }
    if jwks_file is not None:
        try:
            metadata["jwks"] = _json(jwks_file.read())
        except (ValueError, RecursionError):
            raise click.BadParameter("is no JSON", param_hint="--jwks-file") from None
    if {"redirect_uris", "client_name"} & fields.keys():
        raise click.UsageError("redirect URIs and the name have options of their own")
    metadata |= fields
    organization_id = find_organization(organization).id if organization else None
    with unit_of_work():
        made = clients.register(
            kind=kind,
            name=name,
            organization_id=organization_id,
            app_id=app_id,
            redirect_uris=redirect_uris,
            client_id=client_id,
            deny_mode=deny_mode,
            require_pkce=not no_pkce,
            **{key: value for key, value in metadata.items() if value is not None},
        )
    show_one(
        {"client_id": made.client.id, "client_secret": made.secret, "name": name, "kind": kind, "app": app_id}, as_json
    )
    if made.secret and not as_json:
        click.echo("Keep the secret now: it is not shown again.", err=True)


@client.command()
@click.argument("client_id")
@fields
@as_json
@with_app
def change(client_id: str, fields: dict[str, Any], as_json: bool) -> None:
    """Change members of a client's metadata; `--set member=` takes one away. What it had before is checked with them.

    A new 'redirect_uris=["https://…"]' is the whole list. Requests that are under way are judged by it at once.
    """
    if not fields:
        raise click.UsageError("nothing to change: say --set member=value")
    _find(client_id)
    with unit_of_work():
        clients.change_metadata(client_id, **fields)
    found = _find(client_id)
    show_one({**_row(found), "deny_mode": found.deny_mode, "metadata": dict(found.metadata)}, as_json)


@client.command("list")
@after
@limited
@as_json
@with_app
def list_clients(after: str, limit: int, as_json: bool) -> None:
    """Clients by id."""
    show((_row(info) for info in clients.list_clients(after=after, limit=limit)), as_json)


@client.command("show")
@click.argument("client_id")
@as_json
@with_app
def show_client(client_id: str, as_json: bool) -> None:
    """One client with all its metadata."""
    found = _find(client_id)
    show_one({**_row(found), "deny_mode": found.deny_mode, "metadata": dict(found.metadata)}, as_json)


@client.command("rotate-secret")
@click.argument("client_id")
@as_json
@with_app
def rotate_secret(client_id: str, as_json: bool) -> None:
    """Add a secret and print it once; the older one works on for the overlap."""
    _find(client_id)
    with unit_of_work():
        secret = clients.rotate_secret(client_id)
    show_one({"client_id": client_id, "client_secret": secret}, as_json)


@client.command()
@click.argument("client_id")
@yes
@with_app
def disable(client_id: str, yes: bool) -> None:
    """Take a client out of use; its grants end at once."""
    _find(client_id)
    confirm(f"Disable {client_id} and end its grants?", yes)
    with unit_of_work():
        clients.disable_client(client_id)
    click.echo("disabled")


@client.command()
@click.argument("client_id")
@with_app
def enable(client_id: str) -> None:
    """Bring a disabled client back; grants that ended stay ended."""
    _find(client_id)
    with unit_of_work():
        clients.enable_client(client_id)
    click.echo("enabled")


@click.group()
def key() -> None:
    """Signing keys."""


@key.command("list")
@as_json
@with_app
def list_keys(as_json: bool) -> None:
    """Published keys: the next ones, those in use, and those that only verify."""
    show(keys.list_keys(), as_json)


@key.command()
@click.option("--now", "immediately", is_flag=True, help="An emergency: the new keys sign at once.")
@yes
@with_app
def rotate(immediately: bool, yes: bool) -> None:
    """Publish new keys; without --now they sign after the time in which clients learn them."""
    if immediately:
        confirm("Replace the signing keys at once? Clients that cache keys will fail until they read them again.", yes)
    with unit_of_work():
        kids = keys.rotate(immediately=immediately)
    for kid in kids:
        click.echo(kid)


COMMANDS = (client, key)
