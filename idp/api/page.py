"""`/api`: the document as a page for people, under the same strict policy as every page, without a script."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, render_template

from .companies import OPERATIONS
from .document import SCOPES, describe, refusals_of
from .operations import BASE
from .problems import TITLES

blueprint = Blueprint("api_page", __name__)


@blueprint.get("/api")
def show() -> str:
    """Operations, scopes, models and the codes of refusals."""
    document = describe()
    return render_template(
        "api/show.html",
        base=f"{current_app.extensions['onix_settings'].issuer}{BASE}",
        document=document,
        operations=OPERATIONS,
        described={op.id: document["paths"][op.path][op.method.lower()] for op in OPERATIONS},
        refusals={op.id: refusals_of(op) for op in OPERATIONS},
        scopes=SCOPES,
        titles=TITLES,
        kind=_kind,
    )


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words: its type, or the model that it refers to."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "any"))
