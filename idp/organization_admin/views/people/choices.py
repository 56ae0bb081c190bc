"""What can be chosen about people, in words: states, types, roles and licenses, and what can be done with many."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from idp.kernel import clock, language
from idp.organizations import roster
from idp.organizations.catalog import current_catalog
from idp.organizations.models import License, Member, Role
from idp.organizations.titles import edition_name, role_title

from ...guard import Administrator

READ = ("account:people.read", "account:people.manage")
MANAGE = "account:people.manage"
ROLES = "account:roles.manage"
LICENSES = "account:licenses.manage"

STATES = {
    "contact": (_l("Contact only"), "plain"),
    "invited": (_l("Invited"), "late"),
    "invitation_expired": (_l("Invitation expired"), "wrong"),
    "active": (_l("Active"), "good"),
    "not_activated": (_l("Active, not activated yet"), "late"),
    "disabled": (_l("Disabled"), "wrong"),
    "ended": (_l("Ended"), "plain"),
    "inactive": (_l("Ended for inactivity"), "plain"),
}
"""A state's words, and the kind of label that it is shown as."""


KEPT_OUT = {"disabled": _l("account disabled"), "closing": _l("account closed")}
"""Why no app opens to a person, beside the state."""


def state_of(member: Member) -> tuple[Any, str]:
    """The words and the kind of label for a member whose invitations are not looked at."""
    return STATES[roster.state_of(member, None, clock.now())]


TYPES = {
    "employee": _l("Employee"),
    "express": _l("Express user"),
    "bidder": _l("Bidder"),
    "consultant": _l("Consultant"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """A role or a license that can be ticked. `note` says what is left of it; `offered`: whether it can be given."""

    id: str
    name: str
    note: str = ""
    offered: bool = True


def role_options(
    roles: Collection[Role], licenses: Iterable[tuple[License, int]], held: Collection[str] = ()
) -> list[Option]:
    """The roles that can be given, each with the apps that it opens.

    Those that are `held` come first, then those of apps that these licenses open: the list is longer than its box.
    """
    opened = roster.opened_by(roles)
    bought = {license_.app_id for license_, _number in licenses if not has_ended(license_)} | {"account"}

    def of_use(role: Role) -> bool:
        return any(app.id in bought for app in opened[role.id]) or not opened[role.id]

    return [
        Option(role.id, role_title(role), ", ".join(app.name for app in opened[role.id]))
        for role in sorted(roles, key=lambda role: (role.id not in held, not of_use(role)))
    ]


def license_options(
    licenses: Iterable[tuple[License, int]], member_type: str = "employee", held: Collection[str] = ()
) -> list[Option]:
    """The licenses of which a member of this type needs a seat, with what is left; ended ones only where `held`."""
    now, options = clock.now(), []
    for license_, number in licenses:
        app = current_catalog().apps.get(license_.app_id)
        if app is None or app.license_step[member_type] != "seat":
            continue
        left = max(license_.seats - number, 0)
        ended = has_ended(license_)
        if ended and license_.id not in held:
            continue
        if ended:
            note = _("ended %(date)s", date=language.on_date(license_.ends_at or 0, "UTC"))
        elif license_.starts_at > now:
            note = _("starts %(date)s", date=language.on_date(license_.starts_at, "UTC"))
        else:
            note = ngettext("%(num)s of %(seats)s left", "%(num)s of %(seats)s left", left, seats=license_.seats)
        options.append(Option(license_.id, edition_name(license_.edition), note, offered=left > 0 and not ended))
    return options


def has_ended(license_: License) -> bool:
    return license_.ends_at is not None and license_.ends_at <= clock.now()


STATE_ACTIONS = {
    "activate": _l("Set as Active"),
    "contact": _l("Set as Contact only"),
    "invite": _l("Invite"),
    "disable": _l("Disable"),
    "enable": _l("Enable"),
    "end": _l("End the membership"),
}


def many_choices(
    acts: Administrator,
    roles: Iterable[Role],
    licenses: Collection[tuple[License, int]],
    *,
    all_licenses: bool = False,
) -> list[tuple[str, list[tuple[str, Any]]]]:
    """What can be done with many at once, in groups: only what the administrator may do.

    `all_licenses`: those too of which nothing is left to assign, for the words.
    """
    if not acts.may(MANAGE):
        return []
    groups: list[tuple[str, list[tuple[str, Any]]]] = [(_("Status"), list(STATE_ACTIONS.items()))]
    if acts.may(ROLES):
        names = [(role.id, role_title(role)) for role in roles]
        for title, verb, words in (
            (_("Assign a role"), "assign_role", _l("Assign the role %(name)s")),
            (_("Take a role back"), "take_role", _l("Take the role %(name)s back")),
        ):
            groups.append((title, [(f"{verb}:{role_id}", str(words) % {"name": name}) for role_id, name in names]))
    if acts.may(LICENSES):
        options = license_options(licenses, held={license_.id for license_, number in licenses if number})
        for title, verb, words in (
            (_("Assign a license"), "assign_seat", _l("Assign a license of %(name)s (%(note)s)")),
            (_("Take a license back"), "take_seat", _l("Take a license of %(name)s back (%(note)s)")),
        ):
            choices = [
                (f"{verb}:{one.id}", str(words) % {"name": one.name, "note": one.note})
                for one in options
                if one.offered or all_licenses or verb == "take_seat"
            ]
            groups.append((title, choices))
    return [(title, choices) for title, choices in groups if choices]
