"""How an operation of the API is declared, and what stands before each: token, scope, privilege, rate, and its values.

An operation is a row of a table: method, path, what it asks of the token, the models of what comes in and goes out.
The same rows make the routes, the checks and the OpenAPI document, so that these can't come apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import force_locale
from pydantic import BaseModel, ValidationError

from idp.kernel import clock
from idp.kernel.refusal import Refusal
from idp.kernel.web import in_rate
from idp.oidc import bearer
from idp.oidc.endpoints.userinfo import BearerRefused
from idp.organizations.policy import OrganizationFacts
from idp.settings import current_settings

from .problems import Problem, asked_language, problem

BASE = "/api/v1"
LARGEST_BODY = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Caller:
    """The person in whose name a client asks, and the organization that both act in."""

    account_id: str
    client_id: str
    organization: OrganizationFacts


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked. `run` takes the caller and, by name, path values, `query`, `body` and `key`.

    `privileges`: of which the person needs one. `answers`: status to (model or None, what it means). `refusals`: codes
    beside those that every operation has, by status.
    """

    id: str
    method: str
    path: str
    summary: str
    description: str
    scope: str
    privileges: tuple[str, ...]
    run: Callable[..., tuple[int, BaseModel | None]]
    answers: Mapping[int, tuple[type[BaseModel] | None, str]]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    takes_key: bool = False
    refusals: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def blueprint(operations: Iterable[Operation]) -> Blueprint:
    """The routes of these operations."""
    made = Blueprint("api", __name__, url_prefix=BASE)
    for operation in operations:
        path = operation.path.replace("{", "<").replace("}", ">")
        made.add_url_rule(path, operation.id, _view(operation), methods=[operation.method])

    return made


def _view(operation: Operation) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        try:
            with force_locale(asked_language()):
                return _answered(operation, path)
        except Refusal as refusal:
            return problem(refusal)

    view.__doc__ = operation.summary
    return view


def _answered(operation: Operation, path: Mapping[str, str]) -> Response:
    caller = _caller(operation)
    values: dict[str, Any] = dict(path)
    if operation.query is not None:
        values["query"] = _read_query(operation.query)
    if operation.body is not None:
        values["body"] = _read_body(operation.body)
    if operation.takes_key:
        values["key"] = _read_key()
    status, said = operation.run(caller, **values)
    response = Response(said.model_dump_json() if said is not None else b"", status=status)
    response.headers["Cache-Control"] = "no-store"
    if said is None:
        response.headers.pop("Content-Type", None)
    else:
        response.mimetype = "application/json"
    return response


def _caller(operation: Operation) -> Caller:
    now = clock.now()
    try:
        found = bearer.judge(request, now)
        if operation.scope not in found.scopes:
            raise BearerRefused(
                "insufficient_scope",
                f"The access token lacks the scope {operation.scope}",
                403,
                scope=operation.scope,
            )
    except BearerRefused as refused:
        issuer = current_settings().issuer
        metadata = f', resource_metadata="{issuer}/.well-known/oauth-protected-resource{BASE}"'  # RFC 9728 §5.1
        headers = {name: value + metadata for name, value in refused.get_headers() if name == "WWW-Authenticate"}
        code = refused.challenge_error or "invalid_token"
        detail = refused.description or "An access token for this API is needed"
        raise Problem(code, detail, status=refused.status_code, headers=headers) from None
    _count(f"{found.client_id} {found.account_id}")
    decision = found.decision
    if found.account_id is None:
        raise Problem("not_a_person", "This API acts in the name of a person, and the token is a machine's", status=403)
    if decision is None:
        raise Problem("not_told", "The client is told of no organization; it needs the scope organization", status=403)
    member = decision.member
    if not decision.allowed or member is None:
        code = decision.code or "privilege_missing"
        raise Problem(code, "The person may not use this API: " + code.replace("_", " "), status=403)
    if not set(operation.privileges) & set(decision.privileges):
        raise Problem(
            "privilege_missing", f"The person needs the privilege {' or '.join(operation.privileges)}", status=403
        )
    return Caller(found.account_id, found.client_id, member.organization)


def _count(who: str) -> None:
    """At most so many requests a minute for each client and person."""
    if not in_rate("api", who, current_settings().throttle.api_requests_per_minute):
        raise Problem("too_many_requests", "Too many requests; wait a little", status=429, retry_after=60)


def _read_query(model: type[BaseModel]) -> BaseModel:
    given = request.args.to_dict(flat=False)
    known = {name: values[-1] for name, values in given.items() if name in model.model_fields}
    repeated = [name for name in known if len(given[name]) > 1]
    if repeated:
        raise Problem("invalid_value", f"{repeated[0]} is there more than once", status=422)
    try:
        return model.model_validate_strings(known)
    except ValidationError as error:
        raise _invalid(error, "?") from None


def _read_body(model: type[BaseModel]) -> BaseModel:
    if request.mimetype != "application/json":
        raise Problem("wrong_media_type", "The body must be application/json", status=415)
    if (request.content_length or 0) > LARGEST_BODY:
        raise Problem("too_large", f"The body may have {LARGEST_BODY} bytes", status=413)
    body = request.get_data(cache=False)
    if len(body) > LARGEST_BODY:
        raise Problem("too_large", f"The body may have {LARGEST_BODY} bytes", status=413)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if any(one["type"] == "json_invalid" for one in error.errors(include_url=False)):
            raise Problem("invalid_request", "The body is not JSON", status=400) from None
        raise _invalid(error, "#") from None


def _invalid(error: ValidationError, root: str) -> Problem:
    """What is wrong, by JSON pointer (RFC 6901); what was sent is not repeated."""
    errors = [
        {"pointer": root + "".join(f"/{part}" for part in one["loc"]), "detail": one["msg"]}
        for one in error.errors(include_url=False, include_input=False, include_context=False)[:20]
    ]
    return Problem("invalid_value", errors[0]["detail"], status=422, errors=errors)


def _read_key() -> str | None:
    """The `Idempotency-Key` of the request: the same act sent twice is done once."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 8 <= len(key) <= 200 or not key.isascii() or not key.isprintable():
        raise Problem("invalid_value", "Idempotency-Key: 8 to 200 printable ASCII characters", status=422)
    return key
