"""Onix Tag's pages. What somebody can't do is not on the page, and its address refuses."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, abort, redirect, render_template, request, url_for
from flask_wtf import FlaskForm

from clients.relying_party.fields import line
from clients.relying_party.guard import granted, needs, person, work_data
from clients.relying_party.lists import listed
from clients.relying_party.pages import say
from clients.relying_party.product import Product
from clients.relying_party.settings import Settings, load
from clients.relying_party.web import build
from clients.tag import data
from clients.tag.words import NB

blueprint = Blueprint(
    "tag", __name__, template_folder="templates", static_folder="static", static_url_path="/tag-static"
)


def product() -> Product:
    """Onix Tag as the kit wants it described."""
    return Product(
        id="tag",
        name="Onix Tag",
        slogan="Every piece of equipment, known by its tag",
        pitch="Register lifting equipment, put a tag on it, and print the label, in the workshop or on the quay.",
        points=(
            "Find any piece of equipment by its number.",
            "Tag it once, and everybody knows which one it is.",
            "Print labels that survive salt water and forklifts.",
        ),
        blueprint=blueprint,
        schema=data.SCHEMA,
        seed=data.seed,
        translations=NB,
    )


def create_app(settings: Settings | None = None) -> Flask:
    """Onix Tag, with settings from the environment unless given."""
    return build(product(), settings or load(app="tag"))


class EquipmentForm(FlaskForm):
    """New equipment."""

    number = line("Number", 40)
    name = line("Name")
    location = line("Location")


@blueprint.get("/")
@needs("tag:access")
def home() -> Any:
    """Who you are here, and the equipment."""
    return _home(EquipmentForm(formdata=None))


def _home(form: EquipmentForm, status: int = 200) -> Any:
    found = listed("tag:equipment.read", data.equipment)
    page = render_template("tag/home.html", access=granted(), form=form, done=request.args.get("done"), **found)
    return page, status


@blueprint.post("/equipment")
@needs("tag:equipment.write")
def register() -> Any:
    """Add equipment."""
    form = EquipmentForm()
    if not form.validate_on_submit():
        return _home(form, 422)
    try:
        with work_data().writing() as connection:
            data.register(connection, granted().organization_id, form.number.data, form.name.data, form.location.data)
    except data.Taken:
        form.number.errors = ["This number is already in use."]
        return _home(form, 409)
    return redirect(url_for("tag.home", done="registered"), 303)


@blueprint.post("/equipment/<id_>/tag")
@needs("tag:tag.write")
def put_tag(id_: str) -> Any:
    """Put a tag on it."""
    with work_data().writing() as connection:
        if data.find(connection, granted().organization_id, id_) is None:
            abort(404)
        tagged = data.put_tag(connection, granted().organization_id, id_, person().name)
    return redirect(url_for("tag.home", done="tagged" if tagged else "already"), 303)


@blueprint.get("/equipment/<id_>/label")
@needs("tag:print.read")
def label(id_: str) -> Any:
    """The label of a tag, to look at."""
    with work_data().open() as connection:
        item = data.find(connection, granted().organization_id, id_)
    if item is None or item.tag is None:
        abort(404)
    return render_template("tag/label.html", item=item, access=granted(), printed="printed" in request.args)


@blueprint.post("/equipment/<id_>/label")
@needs("tag:print.write")
def print_label(id_: str) -> Any:
    """Print the label: it is counted, and the page is ready for the printer."""
    with work_data().writing() as connection:
        if not data.count_label(connection, granted().organization_id, id_):
            abort(404)
    return redirect(url_for("tag.label", id_=id_, printed=1), 303)


@blueprint.app_context_processor
def _texts() -> dict[str, Any]:
    return {"say": say}
