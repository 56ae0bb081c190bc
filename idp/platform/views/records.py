"""*Administration → Records*: choose a zone, choose a table; search, add, edit, and what else a table names.

One set of pages for all tables (`tables.ZONES`). What a person may not see is not there: a table 403, a row 404.
"""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import urlencode

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField

from idp.kernel import listing, web
from idp.kernel.database import db, unit_of_work
from idp.kernel.forms import refuse
from idp.kernel.records import Acting, Action, Scope, Table
from idp.kernel.refusal import Refusal

from ..forms import form_of, typed
from ..guard import SECTIONS, acting, platform, scope_of
from ..listed import listed
from ..tables import ZONES, Zone, find_zone
from . import blueprint

RECORDS = SECTIONS[0].privileges


def _zones() -> list[Zone]:
    """The zones in which something is there for the operator."""
    return [zone for zone in ZONES if _tables(zone)]


def _tables(zone: Zone) -> list[Table]:
    return [table for table in zone.tables if scope_of(table.read) is not None]


def _page(name: str, status: web.Status = 200, **values: Any) -> ResponseReturnValue:
    return web.page(f"platform/{name}.html", status, zones=_zones(), tables_of=_tables, address_of=address_of, **values)


def address_of(table: Table, *parts: str) -> str:
    """The path of a table, or of something below it."""
    return "/".join((f"/admin/records/{table.zone}/{table.name}", *parts))


@blueprint.get("/records")
@platform(*RECORDS)
def records() -> ResponseReturnValue:
    """Choose a zone; with `?zone=core&table=user` go there."""
    zone = find_zone(request.args.get("zone", ""))
    if zone is not None:
        table = zone.table(request.args.get("table", ""))
        return redirect(address_of(table) if table else f"/admin/records/{zone.name}", 303)
    return _page("records_choose", zone=None, table=None)


@blueprint.get("/records/<zone>")
@platform(*RECORDS)
def choose_table(zone: str) -> ResponseReturnValue:
    """The zone is chosen; prompt for the table. A zone with one table needs no prompt."""
    found = _zone(zone)
    tables = _tables(found)
    if len(found.tables) == 1:
        return redirect(address_of(tables[0]), 303)
    return _page("records_choose", zone=found, table=None)


def _zone(name: str) -> Zone:
    found = find_zone(name)
    if found is None:
        abort(404)
    if not _tables(found):
        raise _not_yours()
    return found


def _table(zone: str, name: str) -> tuple[Table, Scope]:
    """The table, and what of it is there to be read."""
    found = find_zone(zone)
    table = found.table(name) if found else None
    if table is None:
        abort(404)
    scope = scope_of(table.read)
    if scope is None:
        raise _not_yours()
    return table, scope


def _not_yours() -> Refusal:
    return Refusal("privilege_missing", _("Your role does not include this page."), status=403)


def _row(table: Table, scope: Scope, row_id: str) -> Any:
    """The row as it is shown, or 404: one that is not in the scope answers like one that does not exist."""
    found = db.session.scalars(table.select(scope).where(table.key == row_id[:200])).unique().first()
    if found is None:
        abort(404)
    return table.rows([found], scope)[0]


@blueprint.get("/records/<zone>/<table>")
@platform(*RECORDS)
def list_records(zone: str, table: str) -> ResponseReturnValue:
    """The rows of a table: a search, filters, sorted columns, pages."""
    shown, scope = _table(zone, table)
    found = listed(shown, scope, address_of(shown))
    return _page(
        "records_list",
        zone=find_zone(zone),
        table=shown,
        listing=found.listing,
        page=found,
        filters=[(one.name, one.label, one.choices()) for one in shown.filters],
        may_write=scope_of(shown.write) is not None,
        whole=[one for one in shown.actions if one.whole and scope_of(one.right or shown.write)],
    )


@blueprint.route("/records/<zone>/<table>/add", methods=["GET", "POST"])
@platform(*RECORDS)
def add_record(zone: str, table: str) -> ResponseReturnValue:
    """*Add*, then *Save* or *Save and Add Another*, which keeps what the next one most likely shares."""
    shown, _read = _table(zone, table)
    if shown.add is None:
        return _record(zone, table, "add")
    scope = scope_of(shown.write)
    if scope is None:
        raise _not_yours()
    fields = shown.fields_on("add")
    kept = {one.name for one in fields if one.kept}
    form = form_of(fields, scope, _kept_in_address(shown, kept))
    added = _added(shown, scope)
    if not form.validate_on_submit():
        return _page(
            "records_add", 400 if form.errors else 200, zone=find_zone(zone), table=shown, form=form, fields=fields,
            added=added,
        )  # fmt: skip
    try:
        values = typed(form, fields)
        prepared = shown.prepare(values) if shown.prepare else values
        with unit_of_work():
            row_id = shown.add(prepared, Acting(acting().account.id, scope))
    except Refusal as refusal:
        refuse(form, refusal, address="email")
        return _page("records_add", refusal, zone=find_zone(zone), table=shown, form=form, fields=fields, added=None)
    if "another" in request.form:
        again = [(name, one) for name in sorted(kept) for one in _listed(form[name].data)]
        return redirect(f"{address_of(shown, 'add')}?{urlencode([*again, ('added', row_id)])}", 303)
    flash(_("Saved."), "success")
    return redirect(address_of(shown, row_id), 303)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value or ""]


def _kept_in_address(table: Table, kept: set[str]) -> dict[str, Any] | None:
    """What *Save and Add Another* has put into the address, or what a link fills in."""
    several = {one.name for one in table.fields if one.kind == "many"}
    found: dict[str, Any] = {}
    for name in kept & set(request.args):
        values = [value[: listing.LONGEST] for value in request.args.getlist(name)[: listing.LONGEST]]
        found[name] = values if name in several else values[0]
    return found


def _added(table: Table, scope: Scope) -> tuple[Any, str] | None:
    """The row that was added just before, with its address."""
    row_id = request.args.get("added", "")
    if not row_id:
        return None
    found = db.session.scalars(table.select(scope).where(table.key == row_id[:200])).unique().first()
    return (table.rows([found], scope)[0], address_of(table, row_id)) if found is not None else None


@blueprint.route("/records/<zone>/<table>/<row_id>", methods=["GET", "POST"])
@platform(*RECORDS)
def show_record(zone: str, table: str, row_id: str) -> ResponseReturnValue:
    """One row: what it is, the form that changes it, and its actions."""
    return _record(zone, table, row_id)


def _record(zone: str, table: str, row_id: str) -> ResponseReturnValue:
    shown, read = _table(zone, table)
    row = _row(shown, read, row_id)
    write = scope_of(shown.write)
    why = shown.fixed(row)
    fields = shown.fields_on("edit")
    if shown.edit is None or write is None or why is not None:
        if request.method == "POST":
            raise _not_yours() if why is None else Refusal("record_fixed", why, status=409)
        return _shown(shown, row_id, row, None, fields, why)
    form = form_of(fields, write, shown.values(row))
    if not form.validate_on_submit():
        return _shown(shown, row_id, row, form, fields, None, 400 if form.errors else 200)
    _row(shown, write, row_id)
    try:
        values = typed(form, fields)
        with unit_of_work():
            shown.edit(row_id, values, Acting(acting().account.id, write))
    except Refusal as refusal:
        refuse(form, refusal, address="email")
        if refusal.code == "changed_meanwhile":
            form.version.data = shown.values(_row(shown, read, row_id)).get("version", "")
        return _shown(shown, row_id, _row(shown, read, row_id), form, fields, None, refusal)
    flash(_("Saved."), "success")
    return redirect(address_of(shown, row_id), 303)


def _shown(
    table: Table, row_id: str, row: Any, form: Any, fields: Any, why: Any, status: web.Status = 200
) -> ResponseReturnValue:
    return _page(
        "records_row",
        status,
        zone=find_zone(table.zone),
        table=table,
        row_id=row_id,
        row=row,
        form=form,
        fields=fields,
        why=why,
        actions=[
            one
            for one in table.actions
            if not one.whole and scope_of(one.right or table.write) is not None and one.shown(row)
        ],
    )


class ActionForm(FlaskForm):
    """A button, and what an action may ask beside it."""

    typed = StringField()
    reason = StringField(render_kw={"maxlength": 300})


@blueprint.route("/records/<zone>/<table>/<row_id>/<action>", methods=["GET", "POST"])
@platform(*RECORDS)
def act(zone: str, table: str, row_id: str, action: str) -> ResponseReturnValue:
    """Do a named action: at once where it can be undone, else after a page that says what goes with it."""
    shown, _read = _table(zone, table)
    verb = next((one for one in shown.actions if one.name == action), None)
    if verb is None or (row_id == "all") != verb.whole:
        abort(404)
    scope = scope_of(verb.right or shown.write)
    if scope is None:
        raise _not_yours()
    row = None if verb.whole else _row(shown, scope, row_id)
    if verb.allowed is not None:
        verb.allowed(row_id, scope)
    form = ActionForm()
    if row is not None and not verb.shown(row):
        flash(_("There is nothing left to do here: somebody else was quicker."), "warning")
        return redirect(address_of(shown, row_id), 303)
    if not form.validate_on_submit() or not _confirmed(verb, row, form):
        return _ask(shown, row_id, row, verb, form, 400 if form.errors else 200)
    try:
        if verb.limited is not None:
            verb.limited(row)
        with unit_of_work():
            verb.act(row_id, {"reason": form.reason.data or ""}, Acting(acting().account.id, scope))
    except Refusal as refusal:
        refuse(form, refusal, why="reason")
        row = None if verb.whole else _row(shown, scope, row_id)
        return _ask(shown, row_id, row, verb, form, refusal)
    flash(str(verb.done), "success")
    if begun := _begun(shown, row_id):
        return redirect(begun, 303)
    return redirect(address_of(shown) if verb.gone or verb.whole else address_of(shown, row_id), 303)


def _begun(table: Table, row_id: str) -> str | None:
    """Where the action was begun, when that was not in *Records*: the page of an organization."""
    begun = (table.zone, table.name) == ("core", "organization") and request.args.get("from") == "organizations"
    return f"/admin/organizations/{row_id}" if begun else None


def _confirmed(verb: Action, row: Any, form: ActionForm) -> bool:
    """Whether everything that the action asks was typed; says on the form what is missing."""
    if verb.reason is not None and not (form.reason.data or "").strip():
        form.reason.errors = [_("Fill in this field.")]
    if verb.typed is not None and _same(form.typed.data or "") != _same(verb.typed(row)[1]):
        form.typed.errors = [_("This is not what has to be typed.")]
    return not form.errors


def _same(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().casefold()


def _ask(
    table: Table, row_id: str, row: Any, verb: Action, form: ActionForm, status: web.Status
) -> ResponseReturnValue:
    if verb.typed is not None:
        form.typed.label.text = verb.typed(row)[0]
    if verb.reason is not None:
        form.reason.label.text = verb.reason[0]
    counted = [(one, one.count(row_id)) for one in verb.belongings]
    return _page(
        "records_action",
        status,
        zone=find_zone(table.zone),
        table=table,
        row_id=row_id,
        row=row,
        action=verb,
        begun=_begun(table, row_id),
        form=form,
        to_type=verb.typed(row)[1] if verb.typed else None,
        belongings=[str(one.one if count == 1 else one.many) % {"num": count} for one, count in counted if count],
    )
