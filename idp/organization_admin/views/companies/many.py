"""*Add Multiple Users*: names and e-mails in rows, pasted or uploaded, and *OK* invites all of them.

Rows that are done leave the form; each bad one stays with its own error. A key in the form makes a second click the
same act.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import FileField, TextAreaField

from idp.accounts import addresses
from idp.kernel import web
from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import random_handle
from idp.kernel.web import large_forms
from idp.organizations import service
from idp.organizations.service.guests import MOST_ROWS

from ...guard import acting, administrator
from .. import blueprint
from ..people import sheet
from .choices import MANAGE, frame, the_company
from .typed import rows_of

EMPTY_ROWS = 3
LARGEST = 2 * sheet.MOST_BYTES
LONGEST = 300


class ManyForm(FlaskForm):
    """A list to be read into the rows."""

    file = FileField(_l("CSV file"))
    text = TextAreaField(_l("Paste names and e-mails"))


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the form: what was typed, and what is wrong with it."""

    name: str = ""
    email: str = ""
    result: service.RowResult | None = None


@blueprint.route("/companies/<company_id>/many", methods=["GET", "POST"])
@administrator(MANAGE)
@large_forms(LARGEST)
def add_many(company_id: str) -> ResponseReturnValue:
    """Rows, a list that is read into rows, and OK."""
    acts, row, form = acting(), the_company(company_id), ManyForm()
    if request.method != "POST":
        return _page(row.id, form, [])
    rows = _sent()
    if not form.validate():
        return _page(row.id, form, [Line(one.name, one.email) for one in rows], status=400)
    try:
        more = _read(form)
    except Refusal as refusal:
        return _refused(row.id, form, rows, refusal)
    rows = _merged(rows, more)
    form.text.data = ""
    if len(rows) > MOST_ROWS:
        form.form_errors.append(_("At most %(number)s people at a time. The others are left out.", number=MOST_ROWS))
        return _page(row.id, form, [Line(one.name, one.email) for one in rows[:MOST_ROWS]], status=400)
    if "ok" not in request.form:
        lines = [Line(one.name, one.email) for one in rows]
        said = ngettext("%(num)s person was read.", "%(num)s people were read.", len(more)) if more else None
        return _page(row.id, form, lines, said=said, spare=2 * EMPTY_ROWS if "more" in request.form else EMPTY_ROWS)
    if not rows:
        form.form_errors.append(_("Fill in the name and e-mail of at least one person."))
        return _page(row.id, form, [], status=400)
    try:
        with unit_of_work():
            results = service.invite_many(
                acts.organization.id, row.id, rows, key=request.form.get("key", "")[:200] or None,
                actor_id=acts.account.id,
            )  # fmt: skip
    except Refusal as refusal:
        return _refused(company_id, form, rows, refusal)
    return _after(company_id, form, rows, results)


def _sent() -> list[service.GuestRow]:
    """The rows of the form that have something in them."""
    names, emails = (
        [value[:LONGEST].strip() for value in request.form.getlist(field)[: MOST_ROWS + 50]]
        for field in ("name", "email")
    )
    names += [""] * (len(emails) - len(names))
    return [
        service.GuestRow(name, email) for name, email in zip(names, emails, strict=False) if name or email
    ]  # fmt: skip


def _read(form: ManyForm) -> list[service.GuestRow]:
    """What was uploaded and pasted, as rows. Raises `Refusal` for what is no text."""
    upload: Any = form.file.data
    text = (form.text.data or "").replace("\r\n", "\n")[: sheet.MOST_BYTES]
    rows = rows_of(text, MOST_ROWS)
    if getattr(upload, "filename", None):
        rows += rows_of(sheet.decode(upload.read(sheet.MOST_BYTES + 1)), MOST_ROWS)
    return rows


def _merged(rows: Sequence[service.GuestRow], more: Sequence[service.GuestRow]) -> list[service.GuestRow]:
    """Both, each address once; what stands in the rows already stays as it is."""
    found = list(rows)
    known = {_compared(row.email) for row in rows if row.email}
    for row in more:
        if row.email and _compared(row.email) in known:
            continue
        known.add(_compared(row.email))
        found.append(row)
    return found


def _compared(address: str) -> str:
    return addresses.normalized_or_none(address) or address


def _after(
    company_id: str, form: ManyForm, rows: Sequence[service.GuestRow], results: Sequence[service.RowResult]
) -> ResponseReturnValue:
    """Say what was done; bad rows stay."""
    invited = sum(result.outcome == "invited" for result in results)
    said = ngettext("%(num)s person was invited.", "%(num)s people were invited.", invited) if invited else ""
    noted = [
        (row, result)
        for row, result in zip(rows, results, strict=True)
        if result.done and result.outcome not in ("invited", "duplicate")
    ]
    kept = [Line(row.name, row.email, result) for row, result in zip(rows, results, strict=True) if not result.done]
    if not kept and not noted:
        flash(said, "success")
        return redirect(acting().address(f"companies/{company_id}"), 303)
    return _page(company_id, form, kept, said=said, noted=noted, status=200 if invited or not kept else 400)


def _refused(
    company_id: str, form: ManyForm, rows: Sequence[service.GuestRow], refusal: Refusal
) -> ResponseReturnValue:
    """The form again, with every row in it."""
    form.form_errors.append(refusal.message)
    lines = [Line(one.name, one.email) for one in rows]
    return _page(company_id, form, lines, status=refusal)


def _page(
    company_id: str,
    form: ManyForm,
    lines: list[Line],
    *,
    said: str | None = None,
    noted: Sequence[tuple[service.GuestRow, service.RowResult]] = (),
    status: web.Status = 200,
    spare: int = EMPTY_ROWS,
) -> ResponseReturnValue:
    row = the_company(company_id)
    return web.page(
        "organization_admin/companies_many.html",
        status,
        form=form,
        lines=lines + [Line()] * spare,
        wrong=[(number, line) for number, line in enumerate(lines, start=1) if line.result],
        said=said,
        noted=noted,
        key=random_handle(),
        most=MOST_ROWS,
        **frame(row, "contacts"),
    )
