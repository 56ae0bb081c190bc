"""Bids, for bidders. `oneoffice:bids.write` hands in, `oneoffice:bids.read` looks; always at one's own bids only."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, ValidationError

from clients.oneoffice import parts
from clients.oneoffice.data import bids as data
from clients.relying_party import clock
from clients.relying_party.guard import granted, needs, work_data
from clients.relying_party.lists import listed

READ, WRITE = parts.read(parts.BIDS), parts.write(parts.BIDS)
LARGEST = 10**12
blueprint = Blueprint("bids", __name__)


class BidForm(FlaskForm):
    """One's bid for a call."""

    amount = StringField(
        "Amount in whole kroner", [DataRequired("This field is required.")], render_kw={"inputmode": "numeric"}
    )

    def validate_amount(self, field: StringField) -> None:
        if not 0 < kroner(field.data) < LARGEST:
            raise ValidationError("Write whole kroner, such as 125000.")


def kroner(text: str | None) -> int:
    """The number in `125000`, `125 000` or `125.000`; 0 for anything else."""
    found = re.sub(r"[\s.\u00a0]", "", text or "")
    return int(found) if re.fullmatch(r"[0-9]{1,13}", found) else 0


@blueprint.get("/bids")
@needs(READ, WRITE)
def calls() -> Any:
    """The calls, each with one's own bid."""
    member_id = granted().member_id
    found = listed(READ, lambda connection, place, *page: data.calls(connection, place, member_id, *page))
    return render_template("oneoffice/calls.html", now=clock.now(), **found)


@blueprint.get("/bids/<id_>")
@needs(READ, WRITE)
def call(id_: str) -> Any:
    """One call, and one's own bid for it."""
    return _call(id_, BidForm(formdata=None))


def _call(id_: str, form: BidForm, status: int = 200) -> Any:
    access = granted()
    with work_data().open() as connection:
        found = data.find(connection, access.organization_id, access.member_id, id_)
    if found is None:
        abort(404)
    page = render_template("oneoffice/call.html", call=found, form=form, now=clock.now(), done=request.args.get("done"))
    return page, status


@blueprint.post("/bids/<id_>")
@needs(WRITE)
def hand_in(id_: str) -> Any:
    """Hand in one's bid, or a new one in its place."""
    form, access = BidForm(), granted()
    if not form.validate_on_submit():
        return _call(id_, form, 422)
    with work_data().writing() as connection:
        taken = data.hand_in(
            connection, access.organization_id, access.member_id, id_, kroner(form.amount.data), clock.now()
        )
    if not taken:
        form.amount.errors = ["This call is closed."]
        return _call(id_, form, 409)
    return redirect(url_for("oneoffice.bids.call", id_=id_, done="added"), 303)
