"""What happened in the organization, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import islice

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp.audit import trail
from idp.audit.models import AuditEntry
from idp.kernel import language, listing, spreadsheet
from idp.kernel.listing import Listing, Sought
from idp.organizations.catalog import current_catalog

from ..guard import acting, administrator
from . import blueprint

MOST_EXPORTED = 100_000
PORTION = 500


def _asked() -> tuple[Listing, Sought]:
    apps = current_catalog().apps
    asked = listing.read(
        acting().address("audit"),
        request.args,
        sorts=("-at",),
        filters={"app": tuple(apps), "kind": tuple(trail.KINDS), "from": None, "to": None, "member": None},
    )
    first, last = _day(asked.filters.get("from")), _day(asked.filters.get("to"))
    found = trail.entries_of(
        acting().organization.id,
        person=asked.query,
        member_id=asked.filters.get("member"),
        app_id=asked.filters.get("app"),
        kind=asked.filters.get("kind"),
        since=None if first is None else language.start_of(first),
        until=None if last is None else language.end_of(last),
    )
    return asked, found


def _day(text: str | None) -> date | None:
    """A day that was typed (ISO 8601), one of the reader's time zone; None for what is no day."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


@blueprint.get("/audit")
@administrator("account:audit.read")
def audit() -> ResponseReturnValue:
    """The entries, newest first."""
    asked, found = _asked()
    page = listing.stretch_of(found, asked, AuditEntry.at, AuditEntry.id)
    entries = trail.told(acting().organization.id, page.rows)
    return render_template(
        "organization_admin/audit.html",
        page=page.with_rows(entries),
        listing=page.listing,
        apps=[(app.id, app.name) for app in current_catalog().apps.values()],
        kinds=[(name, words) for name, (words, _events) in trail.KINDS.items()],
        zone=language.zone(),
    )


@blueprint.get("/audit.csv")
@administrator("account:audit.read")
def audit_csv() -> ResponseReturnValue:
    """The same entries as a file, newest first, at most `MOST_EXPORTED`."""
    _listing, found = _asked()
    organization = acting().organization
    heads = [_("Time (UTC)"), _("What happened"), _("From"), _("To"), _("Network address"), _("Reference")]

    def lines() -> Iterator[list[str]]:
        portions = listing.back_through(found, AuditEntry.at, AuditEntry.id, PORTION)
        for rows in islice(portions, MOST_EXPORTED // PORTION):
            for entry in trail.told(organization.id, rows):
                before = "; ".join(f"{field}: {value}" for field, value, _after in entry.changes)
                after = "; ".join(f"{field}: {value}" for field, _before, value in entry.changes)
                moment = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds")
                yield [moment, entry.sentence, before, after, entry.address or "", entry.request_id or ""]

    return spreadsheet.answer(f"{organization.slug}-audit", heads, lines())


@blueprint.get("/audit/token")
@administrator("account:audit.read")
def audit_token() -> ResponseReturnValue:
    """For a token's `jti`: each privilege with the path that gave it. Another organization's token is unknown here."""
    jti = request.args.get("jti", "").strip()[:200]
    found = trail.path_of_token(acting().organization.id, jti) if jti else None
    return render_template("organization_admin/audit_token.html", jti=jti, found=found)
