"""Onix Work's pages: orders, inspections, and the window that invites a customer's people to Onix Express."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Flask, abort, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import StringField
from wtforms.validators import Length, Optional

from clients.relying_party import api, clock
from clients.relying_party.fields import line
from clients.relying_party.guard import granted, large_form, needs, person, work_data
from clients.relying_party.lists import listed
from clients.relying_party.pages import say
from clients.relying_party.product import Product
from clients.relying_party.provider import Unreachable
from clients.relying_party.rows import Taken
from clients.relying_party.settings import Settings, load
from clients.relying_party.web import build
from clients.work import customers, data, deliveries
from clients.work.customers import MOST_ROWS, Row, Standing
from clients.work.words import NB

log = logging.getLogger(__name__)
blueprint = Blueprint(
    "work", __name__, template_folder="templates", static_folder="static", static_url_path="/work-static"
)
LARGEST_FILE = 10 * 1024 * 1024  # bytes
ROWS = 5  # empty rows that the window begins with, and that are added at a time
Item = TypeVar("Item", data.Order, data.Inspection)
SCOPE = ("companies.read", "invitations.read", "invitations.write")


def product() -> Product:
    """Onix Work as the kit wants it described."""
    return Product(
        id="work",
        name="Onix Work",
        slogan="From the order to the certificate",
        pitch="Handle orders, upload inspections, and let your customers read what you deliver to them.",
        points=(
            "See which orders wait, and for whom.",
            "Upload an inspection where it was done.",
            "Invite your customer's people to Onix Express on the way.",
        ),
        blueprint=blueprint,
        schema=data.SCHEMA,
        seed=data.seed,
        translations=NB,
        scope=SCOPE,
    )


def create_app(settings: Settings | None = None) -> Flask:
    """Onix Work, with settings from the environment unless given."""
    return build(product(), settings or load(app="work"))


class OrderForm(FlaskForm):
    """A new order."""

    number = line("Number", 40)
    customer = line("Customer", 200, list="customers")
    customer_number = StringField("Organization number", [Optional(), Length(max=40, message="Too long.")])
    task = line("Task", 200)


class InspectionForm(FlaskForm):
    """An inspection to upload."""

    number = line("Number", 40)
    customer = line("Customer", 200, list="customers")
    customer_number = StringField("Organization number", [Optional(), Length(max=40, message="Too long.")])
    equipment = line("Equipment", 200)
    file = FileField("Report or picture")


@blueprint.get("/")
@needs("work:access")
def home() -> Any:
    """Who you are here, and the orders."""
    return _home(OrderForm(formdata=None))


def _home(form: OrderForm, status: int = 200) -> Any:
    with work_data().open() as connection:
        known = data.customers(connection, granted().organization_id)
    found = listed("work:orders.read", data.orders)
    page = render_template(
        "work/orders.html", access=granted(), form=form, known=known, done=request.args.get("done"), **found
    )
    return page, status


@blueprint.post("/orders")
@needs("work:orders.write")
def add_order() -> Any:
    """A new order."""
    form = OrderForm()
    if not form.validate_on_submit():
        return _home(form, 422)
    try:
        with work_data().writing() as connection:
            id_ = data.add_order(
                connection, granted().organization_id, form.number.data, form.customer.data,
                (form.customer_number.data or "").strip(), form.task.data,
            )  # fmt: skip
    except Taken as taken:
        form.number.errors = [str(taken)]
        return _home(form, 409)
    return redirect(url_for("work.order", id_=id_, done="added"), 303)


@blueprint.get("/orders/<id_>")
@needs("work:orders.read")
def order(id_: str) -> Any:
    """One order; where its customer reads nothing yet, the question whether to invite."""
    item = _found(data.order, id_)
    return _shown("work/order.html", item, customers.standing_of(item.customer, item.customer_number))


@blueprint.post("/orders/<id_>/<any(process, finish):step>")
@needs("work:orders.write")
def move(id_: str, step: str) -> Any:
    """Take the order's next step."""
    with work_data().writing() as connection:
        moved = data.move(connection, granted().organization_id, id_, step, person().name)
    if moved is None:
        abort(404)
    return redirect(url_for("work.order", id_=id_, done=step if moved else "late"), 303)


@blueprint.route("/orders/<id_>/invite", methods=["GET", "POST"])
@needs("work:orders.read")
def invite_from_order(id_: str) -> Any:
    """The window that invites several people at the order's customer at once."""
    return _invite(_found(data.order, id_), lambda **more: url_for("work.order", id_=id_, **more))


@blueprint.get("/inspections")
@needs("work:inspections.read")
def inspections() -> Any:
    """The inspections, and the form that uploads one."""
    return _inspections(InspectionForm(formdata=None))


def _inspections(form: InspectionForm, status: int = 200) -> Any:
    with work_data().open() as connection:
        known = data.customers(connection, granted().organization_id)
    found = listed("work:inspections.read", data.inspections)
    page = render_template("work/inspections.html", access=granted(), form=form, known=known, **found)
    return page, status


@blueprint.post("/inspections")
@needs("work:inspections.write")
@large_form(LARGEST_FILE + 64 * 1024)
def upload() -> Any:
    """Upload an inspection, and deliver it to the customer where that is known in Companies."""
    form = InspectionForm()
    fits = form.validate_on_submit()
    content = form.file.data.read(LARGEST_FILE + 1) if form.file.data else b""
    media_type = deliveries.media_type_of(content)
    if not content:
        form.file.errors = ["Choose a file."]
    elif media_type is None:
        form.file.errors = ["Only PDF, PNG and JPEG can be uploaded."]
    elif len(content) > LARGEST_FILE:
        form.file.errors = ["The file is too large: at most 10 MB."]
    if not fits or form.file.errors or media_type is None:
        return _inspections(form, 422)
    try:
        with work_data().writing() as connection:
            id_ = data.add_inspection(
                connection, granted().organization_id, number=form.number.data, customer=form.customer.data,
                customer_number=(form.customer_number.data or "").strip(), equipment=form.equipment.data,
                file_name=(form.file.data.filename or "")[-100:], content=content, waits=deliveries.possible(),
                by=person().name, now=clock.now(),
            )  # fmt: skip
    except Taken as taken:
        form.number.errors = [str(taken)]
        return _inspections(form, 409)
    item = _found(data.inspection, id_)
    _deliver(item, customers.standing_of(item.customer, item.customer_number))
    return redirect(url_for("work.inspection", id_=id_, done="uploaded"), 303)


def _deliver(item: data.Inspection, standing: Standing) -> bool:
    """Hand an inspection over to Onix Express, once, where its customer is known in Companies; whether it is there."""
    if not _deliverable(item, standing) or standing.company_id is None:
        return bool(item.delivered)
    try:
        with work_data().writing() as connection:
            content = data.take_undelivered(connection, item.id)
            media_type = deliveries.media_type_of(content) if content else None
            if content and media_type:
                deliveries.deliver(
                    granted().organization_id, standing.company_id, standing.company, number=item.number,
                    equipment=item.equipment, media_type=media_type, content=content, now=item.at,
                )  # fmt: skip
    except OSError:  # the folder can't be written to; what was to be delivered waits as before
        log.exception("an inspection could not be delivered")
    return bool(_found(data.inspection, item.id).delivered)


def _deliverable(item: data.Inspection, standing: Standing) -> bool:
    return bool(item.waits) and standing.company_id is not None and deliveries.possible()


@blueprint.post("/inspections/<id_>/deliver")
@needs("work:inspections.write")
def deliver(id_: str) -> Any:
    """Deliver what could not be delivered when it was uploaded: the customer has been added to Companies since."""
    item = _found(data.inspection, id_)
    done = _deliver(item, customers.standing_of(item.customer, item.customer_number))
    return redirect(url_for("work.inspection", id_=id_, done="delivered" if done else "undelivered"), 303)


@blueprint.get("/inspections/<id_>")
@needs("work:inspections.read")
def inspection(id_: str) -> Any:
    """One inspection; where its customer reads nothing yet, the question whether to invite."""
    item = _found(data.inspection, id_)
    standing = customers.standing_of(item.customer, item.customer_number)
    return _shown("work/inspection.html", item, standing, deliverable=_deliverable(item, standing))


@blueprint.route("/inspections/<id_>/invite", methods=["GET", "POST"])
@needs("work:inspections.read")
def invite_from_inspection(id_: str) -> Any:
    """The same window, from an inspection."""
    return _invite(_found(data.inspection, id_), lambda **more: url_for("work.inspection", id_=id_, **more))


# What orders and inspections have in common: a customer, who may read nothing yet ------------------------------------


def _found(find: Callable[..., Item | None], id_: str) -> Item:
    with work_data().open() as connection:
        return find(connection, granted().organization_id, id_) or abort(404)


def _shown(template: str, item: data.Order | data.Inspection, standing: Standing, **more: Any) -> Any:
    return render_template(
        template, access=granted(), item=item, standing=standing, done=request.args.get("done"),
        invited=request.args.get("invited", 0, type=int), declined="later" in request.args, **more,
    )  # fmt: skip


# The window -----------------------------------------------------------------------------------------------------------


def _invite(item: data.Order | data.Inspection, back: Callable[..., str]) -> Any:
    customer, number = item.customer, item.customer_number
    standing = customers.standing_of(customer, number)
    if request.method == "GET":
        return _window(standing, customer, back, [], _new_key())
    rows = _typed()
    key = request.form.get("key", "")[:100] or _new_key()
    if "more" in request.form:
        return _window(standing, customer, back, rows, key, more=True)
    if not rows:
        return _window(standing, customer, back, rows, key, status=422, error=say("Fill in at least one row."))
    if standing.company_id is None:
        return _window(standing, customer, back, rows, key, status=422)
    try:
        done, left = customers.invite(standing.company_id, rows, key)
    except api.Refused as refused:
        said = refused.detail or say("Sign in again, then send the list once more.")
        return _window(standing, customer, back, rows, _new_key(), status=422, error=said)
    except Unreachable:  # whether it was done is not known: the same key asks again and does it once
        said = say("Onix Account does not answer right now. Send the list once more: nobody is invited twice.")
        return _window(standing, customer, back, rows, key, status=503, error=said)
    if not left:
        return redirect(back(done="invited", invited=done), 303)
    standing = customers.standing_of(customer, number)
    return _window(standing, customer, back, left, _new_key(), status=422, invited=done)


def _typed() -> list[Row]:
    names, emails = request.form.getlist("name"), request.form.getlist("email")
    rows = [Row(" ".join(name.split())[:200], email.strip()[:254]) for name, email in zip(names, emails, strict=False)]
    return [row for row in rows[:MOST_ROWS] if not row.empty]


def _window(
    standing: Standing, customer: str, back: Callable[..., str], rows: list[Row], key: str,
    *, more: bool = False, status: int = 200, error: str = "", invited: int = 0,
) -> Any:  # fmt: skip
    shown = ROWS if not rows else len(rows) + (ROWS if more else 0)
    shown = min(max(shown, len(rows)), MOST_ROWS, max(standing.left, len(rows)) or MOST_ROWS)
    page = render_template(
        "work/invite.html", access=granted(), standing=standing, customer=customer, back=back(), key=key, error=error,
        rows=[*rows, *(Row() for _ in range(shown - len(rows)))], filled=len(rows), invited=invited, most=MOST_ROWS,
    )  # fmt: skip
    return page, status


def _new_key() -> str:
    return secrets.token_urlsafe(24)
