"""The legacy site: archive and forms. `oneoffice:legacy.write` acts, `oneoffice:legacy.read` looks."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import AnyOf

from clients.oneoffice import parts
from clients.oneoffice.data import legacy as data
from clients.relying_party.fields import line
from clients.relying_party.guard import granted, needs, person, work_data
from clients.relying_party.lists import listed

READ, WRITE = parts.read(parts.LEGACY), parts.write(parts.LEGACY)
blueprint = Blueprint("legacy", __name__)


class PaperForm(FlaskForm):
    """A form to hand in."""

    kind = StringField("Kind", [AnyOf(data.KINDS, "Choose one of these.")])
    about = line("What it is about")


@blueprint.get("/archive")
@needs(READ, WRITE)
def archive() -> Any:
    """The folders, and who has them."""
    return render_template("oneoffice/archive.html", done=request.args.get("done"), **listed(READ, data.folders))


@blueprint.post("/archive/<id_>/<any(out, back):way>")
@needs(WRITE)
def lend(id_: str, way: str) -> Any:
    """Take a folder out, or put it back."""
    with work_data().writing() as connection:
        if way == "out":
            moved = data.take_out(connection, granted().organization_id, id_, person().name)
        else:
            moved = data.put_back(connection, granted().organization_id, id_)
    if moved is None:
        abort(404)
    return redirect(url_for("oneoffice.legacy.archive", done=way if moved else "late"), 303)


@blueprint.get("/forms")
@needs(READ, WRITE)
def forms() -> Any:
    """What was handed in, and what of it waits."""
    return _forms(PaperForm(formdata=None))


def _forms(form: PaperForm, status: int = 200) -> Any:
    found = listed(READ, data.forms)
    page = render_template("oneoffice/forms.html", form=form, kinds=data.KINDS, done=request.args.get("done"), **found)
    return page, status


@blueprint.post("/forms")
@needs(WRITE)
def hand_in() -> Any:
    """Hand in a form."""
    form = PaperForm()
    if not form.validate_on_submit():
        return _forms(form, 422)
    with work_data().writing() as connection:
        data.hand_in(connection, granted().organization_id, form.kind.data, form.about.data, person().name)
    return redirect(url_for("oneoffice.legacy.forms", done="added"), 303)


@blueprint.post("/forms/<id_>/handle")
@needs(WRITE)
def handle(id_: str) -> Any:
    """Note that a form is handled."""
    with work_data().writing() as connection:
        handled = data.handle(connection, granted().organization_id, id_, person().name)
    if handled is None:
        abort(404)
    return redirect(url_for("oneoffice.legacy.forms", done="handled" if handled else "late"), 303)
