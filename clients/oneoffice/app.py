"""OneOffice, put together: its first page, the Administration options, and the parts that have modules of their own."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, current_app, g, render_template

from clients.oneoffice import bids, data, legacy, parts, site
from clients.oneoffice.words import NB
from clients.relying_party.guard import Person, granted, needs
from clients.relying_party.product import Product
from clients.relying_party.settings import Settings, load
from clients.relying_party.web import build

blueprint = Blueprint(
    "oneoffice", __name__, template_folder="templates", static_folder="static", static_url_path="/oneoffice-static"
)
for part in (site, legacy, bids):
    blueprint.register_blueprint(part.blueprint)

RECORDS = (
    ("user", "Users", "Add somebody to Onix Works, change the roles, disable, or delete."),
    ("organization", "Organizations", "The customers of the family, active or suspended."),
    ("role", "Roles", "Which privileges go together under one name."),
    ("license", "Licenses", "What each organization has bought, and who holds the seats."),
)


def product() -> Product:
    """OneOffice as the kit wants it described."""
    return Product(
        id="oneoffice",
        name="OneOffice",
        slogan="The office, old and new, behind one door",
        pitch="Projects and documents, the archive and the forms, and the calls for bids: what you may use is here.",
        points=(
            "Follow each project from plan to handover.",
            "Find the old folders, and who has them.",
            "Bidders hand in what nobody else can read.",
        ),
        blueprint=blueprint,
        schema=data.SCHEMA,
        seed=data.seed,
        translations=NB,
    )


def create_app(settings: Settings | None = None) -> Flask:
    """OneOffice, with settings from the environment unless given."""
    return build(product(), settings or load(app="oneoffice"))


@blueprint.get("/")
@needs("oneoffice:access")
def home() -> Any:
    """Who you are here, and what is open to you."""
    return render_template("oneoffice/home.html")


@blueprint.get("/administration")
@needs(parts.read(parts.ADMIN), parts.write(parts.ADMIN))
def administration() -> Any:
    """The Administration options. The records are pages of Onix Account, which decides there anew who may do what."""
    settings: Settings = current_app.extensions["onix_settings"]
    account = settings.issuer.rstrip("/")
    records = [(f"{account}/admin/records/core/{table}", label, about) for table, label, about in RECORDS]
    return render_template("oneoffice/administration.html", records=records, admin=f"{account}/admin/")


@blueprint.context_processor
def _values() -> dict[str, Any]:
    found = g.get("person")
    if not isinstance(found, Person) or not found.verdict.allowed:
        return {}
    entries = parts.open_pages(granted().may)
    return {"access": granted(), "entries": entries, "extent": parts.extent(entries)}
