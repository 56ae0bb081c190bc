"""`/api`: the document as a page for people, under the strict policy of every page, without a script; and metadata."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, render_template

from idp.settings import current_settings

from .companies import OPERATIONS
from .document import SCOPES, describe, document_bytes, refusals_of
from .operations import BASE
from .problems import TITLES

blueprint = Blueprint("api_page", __name__)


@blueprint.get(f"/.well-known/oauth-protected-resource{BASE}")
def metadata() -> Response:
    """Where a program that knows the API alone finds the issuer of its tokens (RFC 9728 §3)."""
    issuer = current_settings().issuer
    response = jsonify(
        resource=f"{issuer}{BASE}",
        authorization_servers=[issuer],
        scopes_supported=list(SCOPES),
        bearer_methods_supported=["header"],
        resource_name="Onix Account API",
        resource_documentation=f"{issuer}/api",
    )
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@blueprint.get(f"{BASE}/openapi.json")
def openapi() -> Response:
    """The document that describes all of it (OpenAPI 3.1)."""
    response = Response(document_bytes(), mimetype="application/json")
    response.headers["Cache-Control"] = "public, max-age=300"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@blueprint.get("/api")
def show() -> str:
    """Operations, scopes, models and the codes of refusals."""
    document = describe()
    return render_template(
        "api/show.html",
        base=f"{current_settings().issuer}{BASE}",
        document=document,
        operations=OPERATIONS,
        described={op.id: document["paths"][op.path][op.method.lower()] for op in OPERATIONS},
        refusals={op.id: refusals_of(op) for op in OPERATIONS},
        scopes=SCOPES,
        titles=TITLES,
        kind=kind,
    )


def kind(schema: dict[str, Any]) -> str:
    """A schema in a few words: its type, or the model that it refers to."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(kind(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    return str(schema.get("type", "any"))
