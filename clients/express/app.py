"""Onix Express's pages. A document that is not this person's is not there, whoever's it is."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, abort, current_app, render_template, request

from clients.express import data, deliveries, samples
from clients.express.reach import Reach, reach_of
from clients.express.words import NB
from clients.relying_party import clock
from clients.relying_party.guard import granted, needs, person, work_data
from clients.relying_party.lists import paged
from clients.relying_party.pages import allow_frame
from clients.relying_party.product import Product
from clients.relying_party.settings import Settings, load
from clients.relying_party.web import build

blueprint = Blueprint(
    "express", __name__, template_folder="templates", static_folder="static", static_url_path="/express-static"
)
SHORT_NAME = re.compile(r"[^a-z0-9-]")
FILE_POLICY = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'"
"""For the bytes of a document: nothing runs and nothing is fetched; the browser's own viewer brings its styles."""


def product() -> Product:
    """Onix Express as the kit wants it described."""
    return Product(
        id="express",
        name="Onix Express",
        slogan="Your certificates, whenever you need them",
        pitch="Read what your suppliers have delivered to you: certificates, inspection reports and pictures.",
        points=(
            "Find a document by number, equipment or words.",
            "Look at it at once, or take it with you.",
            "Several suppliers, one sign-in.",
        ),
        blueprint=blueprint,
        schema=data.SCHEMA,
        seed=data.seed,
        translations=NB,
    )


def create_app(settings: Settings | None = None) -> Flask:
    """Onix Express, with settings from the environment unless given."""
    return build(product(), settings or load(app="express"))


@blueprint.get("/")
@needs("express:access")
def home() -> Any:
    """Who you are here, and the documents."""
    access, reach = granted(), reach_of(granted())
    wish = data.Wish(
        request.args.get("q", "")[: data.LONGEST_SEARCH],
        request.args.get("kind", "") if request.args.get("kind") in data.KINDS else "",
        request.args.get("company", "")[:80],
    )
    companies: list[tuple[str, str]] = []
    if reach is not None:
        _arrive(reach)
        with work_data().open() as connection:
            found = paged(lambda limit, offset: data.documents(connection, reach, wish, limit, offset))
            companies = data.companies(connection, reach) if reach.every_company else []
            suppliers = data.other_suppliers(connection, access.account_id, access.organization_id)
    else:
        found, suppliers = paged(lambda _limit, _offset: []), []
    return render_template(
        "express/home.html", access=access, reach=reach, wish=wish, companies=companies, suppliers=suppliers, **found
    )


def _arrive(reach: Reach) -> None:
    """What has to be there before somebody looks: new deliveries, and the memory of where the person has been."""
    access, now = granted(), clock.now()
    deliveries.take(work_data(), reach.supplier_id)
    visit = (access.account_id, access.organization_id, access.organization_name, access.company_name or "")
    with work_data().open() as connection:
        known = data.visited(connection, *visit) and not samples.missing(connection, reach)
    if not known:
        with work_data().writing() as connection:
            samples.deliver(connection, reach, access.organization_name, access.company_name, now)
            data.note_visit(connection, *visit, now)


@blueprint.get("/documents/<id_>")
@needs("express:documents.read")
def document(id_: str) -> Any:
    """One document: what it is, and a look at it."""
    _, item = _found(id_)
    allow_frame()
    return render_template("express/document.html", access=granted(), item=item)


@blueprint.get("/documents/<id_>/file")
@needs("express:documents.read")
def file(id_: str) -> Response:
    """The document itself, to look at or (`?download`) to keep. Its type is the one that its bytes had at delivery."""
    reach, item = _found(id_)
    download = "download" in request.args
    with work_data().open() as connection:
        content = data.content(connection, reach, id_)
    if content is None:
        abort(404)
    if request.method == "GET":
        with work_data().writing() as connection:
            data.note_opening(
                connection, reach.supplier_id, item, granted().account_id, person().name,
                "downloaded" if download else "opened", clock.now(),
            )  # fmt: skip
    response = Response(content, mimetype=item.media_type)
    how = "attachment" if download else "inline"
    response.headers["Content-Disposition"] = f'{how}; filename="{item.file_name}"'
    response.headers["Content-Security-Policy"] = FILE_POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@blueprint.get("/log")
@needs("express:documents.read")
def log() -> Any:
    """What was opened and when: for the supplier by its customers' people, for a guest by itself."""
    reach = reach_of(granted())
    if reach is None:
        abort(404)
    company_id = request.args.get("company", "")[:80]
    with work_data().open() as connection:
        found = paged(
            lambda limit, offset: data.openings(connection, reach, granted().account_id, company_id, limit, offset)
        )
        companies = data.companies(connection, reach) if reach.every_company else []
    return render_template(
        "express/log.html", access=granted(), reach=reach, companies=companies, company_id=company_id, **found
    )


@blueprint.get("/button")
def button() -> Any:
    """For suppliers: the link that lets their customers sign in from the supplier's own website."""
    settings: Settings = current_app.extensions["onix_settings"]
    organization = SHORT_NAME.sub("", request.args.get("organization", "")[:60].lower())
    link = f"{settings.base_url}/login?{urlencode({'organization': organization or 'your-short-name'})}"
    request_page = f"{settings.issuer}/express/{organization or 'your-short-name'}/request"
    return render_template("express/button.html", organization=organization, link=link, request_page=request_page)


def _found(id_: str) -> tuple[Reach, data.Document]:
    reach = reach_of(granted())
    with work_data().open() as connection:
        item = data.find(connection, reach, id_) if reach else None
    if reach is None or item is None:
        abort(404)
    return reach, item
