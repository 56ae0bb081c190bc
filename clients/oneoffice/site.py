"""The site: projects and documents. `oneoffice:site.write` acts, `oneoffice:site.read` looks."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_wtf import FlaskForm

from clients.oneoffice import parts
from clients.oneoffice.data import site as data
from clients.relying_party.fields import line
from clients.relying_party.guard import granted, needs, person, work_data
from clients.relying_party.lists import listed
from clients.relying_party.rows import Taken

READ, WRITE = parts.read(parts.SITE), parts.write(parts.SITE)
blueprint = Blueprint("site", __name__)


class ProjectForm(FlaskForm):
    """A new project."""

    number = line("Number", 40)
    name = line("Name")
    customer = line("Customer")


class DocumentForm(FlaskForm):
    """A new draft."""

    project = line("Project number", 40)
    title = line("Title")


@blueprint.get("/projects")
@needs(READ, WRITE)
def projects() -> Any:
    """The projects, and how far they have come."""
    return _projects(ProjectForm(formdata=None))


def _projects(form: ProjectForm, status: int = 200) -> Any:
    found = listed(READ, data.projects)
    return render_template("oneoffice/projects.html", form=form, done=request.args.get("done"), **found), status


@blueprint.post("/projects")
@needs(WRITE)
def add_project() -> Any:
    """Plan a project."""
    form = ProjectForm()
    if not form.validate_on_submit():
        return _projects(form, 422)
    try:
        with work_data().writing() as connection:
            data.add_project(
                connection, granted().organization_id, form.number.data, form.name.data, form.customer.data
            )
    except Taken as taken:
        form.number.errors = [str(taken)]
        return _projects(form, 409)
    return redirect(url_for("oneoffice.site.projects", done="added"), 303)


@blueprint.post("/projects/<id_>/<any(start, finish):step>")
@needs(WRITE)
def move(id_: str, step: str) -> Any:
    """Start a planned project, or finish one that is under way."""
    with work_data().writing() as connection:
        moved = data.move(connection, granted().organization_id, id_, step, person().name)
    if moved is None:
        abort(404)
    return redirect(url_for("oneoffice.site.projects", done=step if moved else "late"), 303)


@blueprint.get("/documents")
@needs(READ, WRITE)
def documents() -> Any:
    """The documents of the projects."""
    return _documents(DocumentForm(formdata=None))


def _documents(form: DocumentForm, status: int = 200) -> Any:
    found = listed(READ, data.documents)
    return render_template("oneoffice/documents.html", form=form, done=request.args.get("done"), **found), status


@blueprint.post("/documents")
@needs(WRITE)
def add_document() -> Any:
    """Add a draft to a project."""
    form = DocumentForm()
    if not form.validate_on_submit():
        return _documents(form, 422)
    with work_data().writing() as connection:
        added = data.add_document(
            connection, granted().organization_id, form.project.data, form.title.data, person().name
        )
    if not added:
        form.project.errors = ["There is no project with this number."]
        return _documents(form, 422)
    return redirect(url_for("oneoffice.site.documents", done="added"), 303)


@blueprint.post("/documents/<id_>/publish")
@needs(WRITE)
def publish(id_: str) -> Any:
    """Publish a draft."""
    with work_data().writing() as connection:
        published = data.publish(connection, granted().organization_id, id_, person().name)
    if published is None:
        abort(404)
    return redirect(url_for("oneoffice.site.documents", done="published" if published else "late"), 303)
