"""People from a table, looked at before anything is written, and the list as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import FileField, TextAreaField

from idp.kernel import clock, language, listing, spreadsheet, web
from idp.kernel.refusal import Refusal
from idp.kernel.web import large_forms
from idp.organizations import roster, service
from idp.organizations.catalog import current_catalog
from idp.organizations.titles import edition_name, role_title

from ...guard import Administrator, acting, administrator
from .. import blueprint
from . import sheet as sheets
from .choices import MANAGE, READ, ROLES, STATES, TYPES
from .listed import reads_list
from .many import MOST, Done, each

LARGEST = 4 * sheets.MOST_BYTES
"""Of the whole form: a file and the same as text, which UTF-8 may write longer than the file was."""

MOST_SHOWN = 200
"""So many rows of each kind are shown before an import."""

AS_STATE = {
    "contact": "contact",
    "invited": "invite",
    "invitation_expired": "contact",
    "active": "active",
    "not_activated": "active",
    "disabled": "disabled",
    "ended": "ended",
    "inactive": "ended",
}
"""What a state of the list asks for in an import, so that an exported table can be imported again."""

ASKED = {
    "contact": STATES["contact"][0], "active": STATES["active"][0], "invite": _l("Invite"),
    "disabled": STATES["disabled"][0], "ended": STATES["ended"][0],
}  # fmt: skip
"""What a row asks for, in the preview."""

MORE_WORDS = {
    "contact": "contact", "kontakt": "contact", "aktiv": "active", "invite": "invite", "inviter": "invite",
}  # fmt: skip


class ImportForm(FlaskForm):
    """A file, or the table as text."""

    file = FileField(_l("CSV file"))
    text = TextAreaField(_l("Or paste the table"))


@dataclass(frozen=True, slots=True)
class Preview:
    """A table, understood: what each row would do."""

    sheet: sheets.Sheet
    judged: list[service.Judged]

    def of(self, *verdicts: str) -> list[service.Judged]:
        return [one for one in self.judged if one.verdict in verdicts]


@blueprint.route("/people/import", methods=["GET", "POST"])
@administrator(MANAGE)
@large_forms(LARGEST)
def import_people() -> ResponseReturnValue:
    """Upload or paste; see what each row would do; then import the good ones, while bad ones stay with the reason."""
    acts, form = acting(), ImportForm()
    if request.method != "POST":
        return _page(form)
    if not form.validate():
        return _page(form, status=400)
    try:
        preview = _preview(acts, _typed(form))
    except Refusal as refusal:
        form.form_errors.append(refusal.message)
        return _page(form, status=refusal)
    if "import" not in request.form:
        return _page(form, preview)
    waiting = preview.of("new", "changed")
    now_done = waiting[:MOST]
    known = roster.addresses_of([one.member_id for one in now_done if one.member_id])
    done = each(
        now_done,
        lambda one: service.import_line(acts.organization.id, one, actor_id=acts.account.id),
        addresses=lambda one: {
            *known.get(one.member_id or "", ()),
            *([one.line.normalized] if one.line.normalized else []),
        },
        typed=True,
    )
    return _after(acts, form, preview, done, waiting[MOST:])


def _typed(form: ImportForm) -> str:
    """What was uploaded, else what was pasted; the page shows it as text from here on."""
    upload: Any = form.file.data
    if getattr(upload, "filename", None):
        form.text.data = sheets.decode(upload.read(sheets.MOST_BYTES + 1))
    text: str = (form.text.data or "").replace("\r\n", "\n")
    form.text.data = text
    return text


def _preview(acts: Administrator, text: str) -> Preview:
    if acts.organization.directory is not None:
        raise Refusal(
            "directory_owned",
            _(
                "%(name)s belongs to an outside directory: employees can't be added to it.",
                name=acts.organization.name,
            ),
            status=409,
        )
    sheet = sheets.read(text)
    states, roles = _state_words(), _role_words(acts)
    lines = [service.understand(row.number, row.values, states, roles) for row in sheet.rows]
    if not acts.may(ROLES) and any(line.role_ids for line in lines):
        raise Refusal("privilege_missing", _("Your role here does not include assigning roles."), status=403)
    return Preview(sheet, service.judge(acts.organization.id, lines))


def _state_words() -> dict[str, str]:
    """What people write for a state, in both languages."""
    words = dict(MORE_WORDS)
    for code in language.LANGUAGES:
        with force_locale(code):
            words |= {listing.fold(str(text)): AS_STATE[name] for name, (text, _kind) in STATES.items()}
    return words


def _role_words(acts: Administrator) -> dict[str, str]:
    """What people write for a role: its name, and for the system's its title in either language."""
    words: dict[str, str] = {}
    for role in reversed(roster.roles_of(acts.organization)):  # a role of the organization's own stands above
        known = current_catalog().roles.get(role.name) if role.organization_id is None else None
        for name in [role.name, *([known.title_en, known.title_nb] if known else [])]:
            words[listing.fold(name)] = role.id
    return words


def _after(
    acts: Administrator, form: ImportForm, preview: Preview, done: Done, left: list[service.Judged]
) -> ResponseReturnValue:
    """Say what was done; whatever stays is kept as text, with the reasons."""
    reasons = {one.line.number: one.problem for one in preview.of("bad")}
    reasons |= {one.line.number: message for one, message in done.refused}
    kept = reasons.keys() | {one.line.number for one in left}
    said = ngettext("%(num)s row was imported.", "%(num)s rows were imported.", done.good)
    if not kept:
        flash(said, "success")
        return redirect(acts.address("people"), 303)
    kept |= {one.line.number for one in preview.of("merged") if one.same_as in kept}
    rows = [row for row in preview.sheet.rows if row.number in kept]
    form.text.data = preview.sheet.text(rows)
    again = sheets.read(form.text.data)
    problems = [
        (now.number, row.values, reasons[row.number])
        for now, row in zip(again.rows, rows, strict=True)
        if row.number in reasons
    ]
    return _page(form, said=said, problems=problems, left=len(left))


def _page(
    form: ImportForm, preview: Preview | None = None, *, status: web.Status = 200, **values: Any
) -> ResponseReturnValue:
    return web.page(
        "organization_admin/people_import.html",
        status,
        form=form,
        preview=preview,
        most_rows=sheets.MOST_ROWS,
        most=MOST,
        most_shown=MOST_SHOWN,
        asked=ASKED,
        roles={role.id: role_title(role) for role in roster.roles_of(acting().organization)} if preview else {},
        **values,
    )


@blueprint.get("/people/export.csv")
@administrator(*READ)
def export_people() -> ResponseReturnValue:
    """The people that the list finds, as a table for spreadsheets: streamed, however many they are."""
    acts = acting()
    roles, licenses = roster.roles_of(acts.organization), roster.licenses_of(acts.organization.id)
    wanted = reads_list(acts.address("people"), request.args, roles, licenses)
    found = roster.walk(acts.organization.id, wanted, clock.now())
    return spreadsheet.answer(f"{acts.organization.slug}-people", _heads(), map(_cells, found))


def _heads() -> list[str]:
    return [
        _("First name"), _("Last name"), _("E-mail"), _("Phone"), _("Language"), _("Status"), _("Roles"), _("Licenses"),
        _("Type"), _("Company"), _("Last used"), _("Added"),
    ]  # fmt: skip


def _cells(entry: roster.Entry) -> list[object]:
    member, person = entry.member, entry.person
    return [
        person.given_name,
        person.family_name,
        person.email,
        person.phone_number,
        language.LANGUAGES.get(member.language or ""),
        STATES[entry.state][0],
        "; ".join(role_title(role) for role in entry.roles),
        "; ".join(edition_name(license_.edition) for license_ in entry.licenses),
        TYPES.get(member.type, member.type),
        member.company.name if member.company else None,
        spreadsheet.day(member.last_used_at),
        spreadsheet.day(member.created_at),
    ]
