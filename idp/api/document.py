"""The OpenAPI 3.1 document, from the table of operations and the models: made once, and never by hand."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import current_app
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from idp.settings import current_settings

from .companies import OPERATIONS
from .operations import BASE, Operation
from .problems import MEDIA_TYPE

VERSION = "1.0"
SCOPES = {
    "companies.read": "Look up companies and how they stand with Onix Express",
    "invitations.read": "List open invitations",
    "invitations.write": "Invite people and withdraw invitations",
}
GENERAL: dict[int, tuple[str, ...]] = {
    400: ("invalid_request",),
    401: ("invalid_token",),
    403: ("insufficient_scope", "privilege_missing", "not_a_person", "not_told"),
    429: ("too_many_requests",),
}
"""What every operation may refuse."""

_MEANINGS = {
    400: "The request can't be read",
    401: "No good access token",
    403: "Not allowed to this client or person",
    404: "Not there, or another organization's",
    409: "The state of things does not allow it",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value is not as it should be",
    429: "Too many requests",
}


def refusals_of(operation: Operation) -> dict[int, tuple[str, ...]]:
    """Every code that an operation refuses with, by status."""
    found = {status: list(codes) for status, codes in GENERAL.items()}
    more = dict(operation.refusals)
    if operation.query or operation.takes_key or operation.body:
        more[422] = (*more.get(422, ()), "invalid_value")
    if operation.body:
        more |= {413: ("too_large",), 415: ("wrong_media_type",)}
    for status, codes in more.items():
        found.setdefault(status, []).extend(codes)
    return {status: tuple(dict.fromkeys(codes)) for status, codes in sorted(found.items())}


def describe() -> dict[str, Any]:
    """The whole document."""
    issuer = current_settings().issuer
    models = sorted(
        {model for operation in OPERATIONS for model in _models(operation)}, key=lambda model: model.__name__
    )
    _, defined = models_json_schema(
        [(model, "validation" if model.__name__.endswith("In") else "serialization") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "Onix Account API",
            "version": VERSION,
            "description": "For applications, in the name of the person who is signed in. What a call may do is what "
            "the client's scopes and the person's privileges both allow, in the organization that the token is about.",
        },
        "servers": [{"url": f"{issuer}{BASE}"}],
        "security": [{"onix": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "onix": {
                    "type": "oauth2",
                    "description": f"An access token whose audience is {issuer}{BASE} (RFC 8707), as Bearer.",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": f"{issuer}/oauth2/authorize",
                            "tokenUrl": f"{issuer}/oauth2/token",
                            "refreshUrl": f"{issuer}/oauth2/token",
                            "scopes": SCOPES,
                        }
                    },
                }
            },
            "schemas": {**defined.get("$defs", {}), "Problem": _PROBLEM},
        },
    }


_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "A refusal (RFC 9457). `code` is stable; `type` leads to its explanation.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                "required": ["pointer"],
            },
        },
    },
}


def _models(operation: Operation) -> list[type[BaseModel]]:
    return [
        model for model in (operation.body, *(model for model, _ in operation.answers.values())) if model is not None
    ]


def _operation(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    if operation.query is not None:
        for name, schema in operation.query.model_json_schema()["properties"].items():
            parameters.append(
                {
                    "name": name,
                    "in": "query",
                    "required": False,
                    "description": schema.pop("description", ""),
                    "schema": schema,
                }
            )
    if operation.takes_key:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "Names this act, for instance by a UUID: the same act sent twice is done once",
                "schema": {"type": "string", "minLength": 8, "maxLength": 200, "pattern": "^[ -~]*$"},
            }
        )
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": f"{operation.description}\n\nNeeds the scope `{operation.scope}`, and of the person the "
        f"privilege {' or '.join(f'`{name}`' for name in operation.privileges)}.",
        "security": [{"onix": [operation.scope]}],
        "parameters": parameters,
        "responses": {
            **{str(status): _answer(model, meaning) for status, (model, meaning) in operation.answers.items()},
            **{
                str(status): {
                    "description": f"{_MEANINGS[status]}: {', '.join(f'`{code}`' for code in codes)}",
                    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                for status, codes in refusals_of(operation).items()
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(operation.body)}}}
    return described


def _answer(model: type[BaseModel] | None, meaning: str) -> dict[str, Any]:
    if model is None:
        return {"description": meaning}
    return {"description": meaning, "content": {"application/json": {"schema": _ref(model)}}}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def document_bytes() -> bytes:
    """The document as JSON, made at its first use."""
    known: bytes | None = current_app.extensions.get("onix_api_document")
    if known is None:
        known = json.dumps(describe(), indent=1).encode()
        current_app.extensions["onix_api_document"] = known
    return known
