"""The list of people: contacts and users, searched, narrowed and sorted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from idp.accounts.forms import ConfirmForm
from idp.kernel import clock, language, listing, web
from idp.organizations import roster
from idp.organizations.models import License, Role
from idp.organizations.titles import edition_name, role_title

from ...guard import acting, administrator
from .. import blueprint
from .choices import KEPT_OUT, MANAGE, READ, STATES, TYPES, has_ended, many_choices


def reads_list(
    path: str, arguments: Any, roles: Iterable[Role], licenses: Iterable[tuple[License, int]]
) -> listing.Listing:
    """The list of people that an address asks for."""
    allowed = roster.filters(roles, [license_ for license_, _held in licenses])
    return listing.read(path, arguments, sorts=roster.SORTS, filters=allowed)


@blueprint.get("/people")
@administrator(*READ)
def people() -> ResponseReturnValue:
    """Contacts and users in one list."""
    return show_list(request.args)


def show_list(arguments: Any, problem: str | None = None, status: web.Status = 200, **kept: Any) -> ResponseReturnValue:
    """The list, with what went wrong on top and what was chosen kept."""
    acts, now = acting(), clock.now()
    roles, licenses = roster.roles_of(acts.organization), roster.licenses_of(acts.organization.id)
    wanted = reads_list(acts.address("people"), arguments, roles, licenses)
    return web.page(
        "organization_admin/people_list.html",
        status,
        page=roster.page(acts.organization.id, wanted, now),
        filters=_filters(roles, licenses),
        choices=many_choices(acts, roles, licenses),
        may_manage=acts.may(MANAGE),
        problem=problem,
        kept=kept,
        form=ConfirmForm(),
        STATES=STATES,
        KEPT_OUT=KEPT_OUT,
        TYPES=TYPES,
    )


def _filters(roles: Iterable[Role], licenses: Iterable[tuple[License, int]]) -> list[tuple[str, str, list[Any]]]:
    options = []
    for license_, _held in licenses:
        name, ended = (
            edition_name(license_.edition),
            _("ended %(date)s", date=language.on_date(license_.ends_at or 0, "UTC")),
        )
        options.append((license_.id, f"{name}, {ended}" if has_ended(license_) else name))
    return [
        ("state", _("Status"), [(name, words) for name, (words, _kind) in STATES.items()]),
        ("type", _("Type"), list(TYPES.items())),
        ("role", _("Role"), [(roster.NONE, _("No role")), *((role.id, role_title(role)) for role in roles)]),
        ("license", _("License"), [(roster.NONE, _("No license")), *options]),
    ]
