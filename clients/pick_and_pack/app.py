"""Onix Pick and Pack's pages. What somebody can't do is not on the page, and its address refuses."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, abort, redirect, render_template, request, url_for

from clients.pick_and_pack import data
from clients.pick_and_pack.words import NB
from clients.relying_party.guard import granted, needs, person, work_data
from clients.relying_party.lists import listed
from clients.relying_party.product import Product
from clients.relying_party.settings import Settings, load
from clients.relying_party.web import build

blueprint = Blueprint(
    "pick_and_pack",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/pick-and-pack-static",
)


def product() -> Product:
    """Onix Pick and Pack as the kit wants it described."""
    return Product(
        id="pickandpack",
        name="Onix Pick and Pack",
        slogan="From the shelf to the lorry without a slip",
        pitch="Pick the order, pack it, ship it. Each step is taken once, and everybody sees how far it has come.",
        points=(
            "See all orders and what each one waits for.",
            "Pick and pack in the right order, every time.",
            "Ship, and the customer's goods are on their way.",
        ),
        blueprint=blueprint,
        schema=data.SCHEMA,
        seed=data.seed,
        translations=NB,
    )


def create_app(settings: Settings | None = None) -> Flask:
    """Onix Pick and Pack, with settings from the environment unless given."""
    return build(product(), settings or load(app="pickandpack"))


@blueprint.get("/")
@needs("pickandpack:access")
def home() -> Any:
    """Who you are here, and the orders."""
    access = granted()
    acts = [step for step in data.STEPS if access.may(f"pickandpack:{step}.write")]
    seen = [step for step in data.STEPS if access.may(f"pickandpack:{step}.read") or step in acts]
    return render_template(
        "pick_and_pack/home.html",
        access=access,
        acts=acts,
        seen=seen,
        done=request.args.get("done"),
        **listed("pickandpack:orders.read", data.orders),
    )


@blueprint.post("/orders/<id_>/pick")
@needs("pickandpack:pick.write")
def pick(id_: str) -> Any:
    """Pick the order from the shelves."""
    return _move(id_, "pick")


@blueprint.post("/orders/<id_>/pack")
@needs("pickandpack:pack.write")
def pack(id_: str) -> Any:
    """Pack what was picked."""
    return _move(id_, "pack")


@blueprint.post("/orders/<id_>/ship")
@needs("pickandpack:ship.write")
def ship(id_: str) -> Any:
    """Ship what was packed."""
    return _move(id_, "ship")


def _move(id_: str, step: str) -> Any:
    with work_data().writing() as connection:
        moved = data.move(connection, granted().organization_id, id_, step, person().name)
    if moved is None:
        abort(404)
    return redirect(url_for("pick_and_pack.home", done=step if moved else "late"), 303)
