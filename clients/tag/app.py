"""Onix Tag's pages. What somebody can't do is not on the page, and its address refuses."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, abort, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import AnyOf, Length

from clients.relying_party import clock, signature
from clients.relying_party.fields import line
from clients.relying_party.guard import granted, needs, person, work_data
from clients.relying_party.lists import listed
from clients.relying_party.pages import say
from clients.relying_party.product import Product
from clients.relying_party.rows import Taken
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
        scope=("signature",),
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
    except Taken as taken:
        form.number.errors = [str(taken)]
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


class InspectionForm(FlaskForm):
    """What the inspection came to."""

    result = StringField("Result", [AnyOf(["passed", "failed"], message="Choose one of these.")])
    remark = StringField(
        "Remark",
        [Length(max=300, message="Too long.")],
        filters=[lambda text: (text or "").strip()],
        render_kw={"maxlength": 300},
    )


@blueprint.get("/equipment/<id_>/inspections")
@needs("tag:equipment.read")
def inspections(id_: str) -> Any:
    """The inspections of a piece of equipment, each with the signature under it, and a form for the next one."""
    return _inspections(id_, InspectionForm(formdata=None))


def _inspections(id_: str, form: InspectionForm, status: int = 200, problem: str | None = None) -> Any:
    with work_data().open() as connection:
        item = data.find(connection, granted().organization_id, id_)
        if item is None:
            abort(404)
        done = data.inspections(connection, granted().organization_id, id_)
    page = render_template(
        "tag/inspections.html",
        item=item,
        inspections=done,
        access=granted(),
        form=form,
        problem=problem,
        signed="signed" in request.args,
        signature=signature.offered(person()) if granted().may("tag:signature.read") else None,
    )
    return page, status


@blueprint.post("/equipment/<id_>/inspections")
@needs("tag:signature.read")
def inspect(id_: str) -> Any:
    """Sign an inspection: the signature is fetched from the provider now, and kept with it."""
    form = InspectionForm()
    if not form.validate_on_submit():
        return _inspections(id_, form, 422)
    try:
        image = signature.fetch(person())
    except signature.NoSignature as error:
        return _inspections(id_, form, 409, str(error))
    with work_data().writing() as connection:
        if data.find(connection, granted().organization_id, id_) is None:
            abort(404)
        data.sign_inspection(
            connection,
            granted().organization_id,
            id_,
            result=form.result.data or "",
            remark=form.remark.data or "",
            by=person().name,
            at=clock.now(),
            signature=image,
        )
    return redirect(url_for("tag.inspections", id_=id_, signed=1), 303)


@blueprint.get("/inspections/<id_>/signature.png")
@needs("tag:equipment.read")
def inspection_signature(id_: str) -> Response:
    """The signature under an inspection of the organization."""
    with work_data().open() as connection:
        image = data.signature_of(connection, granted().organization_id, id_)
    return signature.shown(image)


@blueprint.get("/signature.png")
@needs("tag:signature.read")
def own_signature() -> Response:
    """The person's own signature, fetched from the provider to be looked at before signing."""
    try:
        return signature.shown(signature.fetch(person()))
    except signature.NoSignature:
        return signature.shown(None)


@blueprint.app_context_processor
def _texts() -> dict[str, Any]:
    return {"say": say}
