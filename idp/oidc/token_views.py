"""Routes that programs call: token, userinfo, introspection, revocation, the key set and discovery.

No cookie is read or written here, so no form token is needed and other sites' scripts may call what is public.
Reading a request is the same everywhere: form body only, each parameter once, empty ones left out (RFC 6749 §3.2).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.errors import OAuth2Error, UnsupportedGrantTypeError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from flask import Blueprint, Flask, Request, Response, current_app, request
from flask.globals import request_ctx
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from idp.kernel import clock
from idp.kernel.database import unit_of_work
from idp.kernel.web import Answer, csrf
from idp.settings import current_settings

from . import metadata
from .authentication import Authenticated, authenticate
from .clients import note_use
from .endpoints import introspection, revocation, signature, userinfo
from .extensions.resource import invalid_target
from .grants.redeem import Remembered
from .keys import Keyring, ensure_keys, keyring

blueprint = Blueprint("oidc_machine", __name__)
csrf.exempt(blueprint)
blueprint.record_once(lambda state: metadata.PublicDocuments.install(cast(Flask, state.app)))
# Authlib writes whole tokens at DEBUG (security P05).
logging.getLogger("authlib").setLevel(logging.INFO)

LONGEST = 16_384
"""Characters in one parameter: more than any token or assertion of ours or of a sane client."""
LONGEST_BODY = 500_000  # bytes
_PRINTABLE = frozenset(map(chr, (*range(0x20, 0x22), *range(0x23, 0x5C), *range(0x5D, 0x7F))))
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
_TO_SCRIPTS = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "WWW-Authenticate"))


_BLANK = vars(OAuth2Request("POST", "https://issuer.invalid/oauth2/token"))


class TokenRequest(OAuth2Request):
    """A token request as Authlib's grants want it: parameters of the body, and a client that was authenticated."""

    def __init__(self, form: Mapping[str, str], authenticated: Authenticated) -> None:
        # Authlib's own asks the environment at each request whether its address may be http, which our settings decide.
        self.__dict__.update(_BLANK)
        self.payload = BasicOAuth2Payload(form)
        self.parameters = form
        self.authenticated = authenticated
        self.client = authenticated.client
        self.auth_method = authenticated.method

    @property
    def form(self) -> Mapping[str, str]:
        return self.parameters


def read_form() -> dict[str, str]:
    """The body's parameters. Raises InvalidRequestError for everything RFC 6749 §3.2 does not allow.

    The token endpoint alone has a `resource`, and says `invalid_target` of several (RFC 8707 §2).
    """
    asked = request_ctx.request
    if asked.query_string:
        raise InvalidRequestError("Parameters are accepted in the body only")
    if asked.content_type != _FORM and asked.mimetype != _FORM:
        raise InvalidRequestError("The body must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl(_body(asked).decode(), keep_blank_values=True, errors="werkzeug.url_quote")
    except ValueError:
        raise InvalidRequestError("The body must be application/x-www-form-urlencoded in UTF-8") from None
    pairs = [pair for pair in pairs if pair[1]]
    form = dict(pairs)
    if len(form) != len(pairs):
        resources = {value for name, value in pairs if name == "resource"}
        if len(resources) > 1 and asked.path == "/oauth2/token":
            raise invalid_target("Only one resource per request is supported")
        raise InvalidRequestError("A parameter is there more than once")
    for value in form.values():
        if len(value) > LONGEST or "\0" in value:
            raise InvalidRequestError("A parameter is too long or has a character that is not allowed")
    return form


def _body(asked: Request) -> bytes:
    """All of the body, at most `LONGEST_BODY`; one that says how long it is, as nearly all do, is read at one go."""
    length = asked.environ.get("CONTENT_LENGTH", "")
    if not length.isdecimal():  # in chunks; the stream ends at its limit without a word, so one byte more tells
        sent: bytes = get_input_stream(asked.environ, max_content_length=LONGEST_BODY + 1).read()
        if len(sent) > LONGEST_BODY:
            raise RequestEntityTooLarge
        return sent
    if int(length[:9]) > LONGEST_BODY:
        raise RequestEntityTooLarge
    body: bytes = asked.environ["wsgi.input"].read(int(length[:9]))
    if len(body) != int(length):
        raise ClientDisconnected
    return body


def _caller(path: str, now: int) -> tuple[dict[str, str], Authenticated]:
    """The parameters, and the client that sent them."""
    ready_keys()
    form = read_form()
    issuer = current_settings().issuer
    caller = authenticate(form, request_ctx.request.headers.get("Authorization"), f"{issuer}{path}", now)
    if caller.secret is not None:
        note_use(caller.secret, now)
    return form, caller


def ready_keys() -> Keyring:
    """The keyring, read before any unit of work begins. A database that never had keys gets them now."""
    ring = keyring()
    if ring.empty:
        with unit_of_work():
            ensure_keys()
        ring.refresh(force=True)
    return ring


@blueprint.route("/oauth2/token", methods=["POST", "OPTIONS"], provide_automatic_options=False)
def token() -> Response:
    """The token endpoint (RFC 6749 §3.2)."""
    if request.method == "OPTIONS":
        return _preflight("POST")
    return _open_to_scripts(_answer(_token))


def _token() -> Response:
    form, authenticated = _caller("/oauth2/token", clock.now())
    if "grant_type" not in form:
        raise InvalidRequestError("The parameter grant_type is missing")
    asked = TokenRequest(form, authenticated)
    try:
        grant = current_app.extensions["onix_oidc"].get_token_grant(asked)
    except UnsupportedGrantTypeError:
        raise OAuth2Error("The grant type is not supported", error="unsupported_grant_type") from None
    if not grant.WRITES:
        return _json(_redeemed(grant))
    with unit_of_work():
        try:
            return _json(_redeemed(grant))
        except Remembered as error:  # answered, not raised: what it changed is kept
            return _failure(error)


def _redeemed(grant: Any) -> dict[str, Any]:
    grant.validate_token_request()
    _, body, _ = grant.create_token_response()
    return body  # type: ignore[no-any-return]


@blueprint.route("/oauth2/introspect", methods=["POST"])
def introspect() -> Response:
    """RFC 7662. Not for scripts of other sites: whoever asks has a secret."""

    def answer() -> Response:
        now = clock.now()
        form, caller = _caller("/oauth2/introspect", now)
        return _json(introspection.respond(form, caller, now))

    return _answer(answer)


@blueprint.route("/oauth2/revoke", methods=["POST", "OPTIONS"], provide_automatic_options=False)
def revoke() -> Response:
    """RFC 7009."""
    if request.method == "OPTIONS":
        return _preflight("POST")

    def answer() -> Response:
        now = clock.now()
        form, caller = _caller("/oauth2/revoke", now)
        with unit_of_work():
            revocation.revoke(form, caller, now)
        return _json({})

    return _open_to_scripts(_answer(answer))


@blueprint.route("/oauth2/userinfo", methods=["GET", "POST", "OPTIONS"], provide_automatic_options=False)
def user_info() -> Response:
    """Core §5.3."""
    if request.method == "OPTIONS":
        return _preflight("GET, POST")

    def answer() -> Response:
        ready_keys()
        return userinfo.respond(request, clock.now())

    return _open_to_scripts(_answer(answer))


@blueprint.get("/signatures/<link>")
def person_signature(link: str) -> Response:
    """A signature, to whoever was given this address in a claim; for some minutes."""
    return signature.respond(link, clock.now())


@blueprint.get("/oauth2/jwks")
def jwks() -> Response:
    """The key set (RFC 7517 §5), as bytes that are made again when a key comes or goes."""
    ring, now = ready_keys(), clock.now()
    body = ring.published_bytes(now)
    return _public(Response(body, mimetype="application/json"))


@blueprint.get("/.well-known/openid-configuration")
@blueprint.get("/.well-known/oauth-authorization-server")
def discovery() -> Response:
    """Both discovery documents: the same facts."""
    return _public(Response(metadata.document(), mimetype="application/json"))


def _answer(work: Callable[[], Response]) -> Response:
    """The work's answer, or its OAuth error; neither is ever stored (RFC 6749 §5.1)."""
    try:
        response = work()
    except OAuth2Error as error:
        response = _failure(error)
    response.headers.extend(_NO_STORE)
    return response


def _json(body: Mapping[str, Any]) -> Response:
    return Answer(json.dumps(body), ())


def _failure(error: OAuth2Error) -> Response:
    """RFC 6749 §5.2: 400 or 401, printable ASCII."""
    body = {"error": error.error} if error.error else {}
    description = "".join(c if c in _PRINTABLE else "?" for c in error.description or "")
    if description:
        body["error_description"] = description
    response = Response(json.dumps(body), status=error.status_code or 400, mimetype="application/json")
    for name, value in error.get_headers():
        if name == "WWW-Authenticate":
            response.headers[name] = value
    return response


def _public(response: Response) -> Response:
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _open_to_scripts(response: Response) -> Response:
    """Scripts of any site may call; no cookie counts here, so none is ever sent along (R08)."""
    response.headers.extend(_TO_SCRIPTS)
    return response


def _preflight(methods: str) -> Response:
    response = Response(status=204)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = methods
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Max-Age"] = "600"
    return response
