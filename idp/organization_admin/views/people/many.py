"""One thing done with many people: those ticked on a page, or everybody whom search and filters find."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from idp.accounts.forms import ConfirmForm
from idp.kernel import clock, listing, web
from idp.kernel.database import unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import roster, service

from ...guard import Administrator, acting, administrator
from .. import blueprint
from .choices import LICENSES, MANAGE, ROLES, STATE_ACTIONS, many_choices
from .listed import reads_list, show_list

MOST = 1_000
"""So many people are done with by one request; whoever is left is done by the next, from a button."""

TOGETHER = 50
"""So many rows share a unit of work: others who change something wait for no more than these."""

MOST_TOLD = 500
"""So many of those who could not be done with are named."""

NOT_UNDONE = ("contact", "end")
"""What takes something away for good, and so is confirmed also for those ticked."""

Row = TypeVar("Row")


@dataclass
class Done:
    """What became of many: how many went, and those that did not, each with the sentence why."""

    good: int = 0
    refused: list[tuple[Any, Any]] = field(default_factory=list)


def each(
    rows: Iterable[Row],
    act: Callable[[Row], object],
    *,
    addresses: Callable[[Row], Collection[str]],
    typed: bool = False,
) -> Done:
    """Act on each row: the good ones go, a refused one leaves nothing behind.

    `addresses`: those that a row is about. Their rows come in this order, whoever else does something with many at this
    moment, for mails are counted by address: of two who count the same in another order one would fail. `typed`: they
    are written down or looked up, so all of a unit's are held before the organization is (docs/decisions/0009).
    """
    done, waiting = Done(), list(enumerate(rows))
    refused: dict[int, Any] = {}
    for start in range(0, len(waiting), TOGETHER):
        together = sorted(waiting[start : start + TOGETHER], key=lambda one: sorted(addresses(one[1])))
        with unit_of_work() as session:
            if typed:
                service.lock_addresses(found for _number, row in together for found in addresses(row))
            for number, row in together:
                try:
                    with session.begin_nested():
                        act(row)
                except Refusal as refusal:
                    refused[number] = refusal.message
                else:
                    done.good += 1
    done.refused = [(row, refused[number]) for number, row in waiting if number in refused]
    return done


VERBS: dict[str, Callable[..., Any]] = {
    "activate": service.set_active,
    "contact": service.set_contact_only,
    "invite": service.invite,
    "disable": service.disable_member,
    "enable": service.enable_member,
    "end": service.end_member,
}
HOLDINGS = {
    "assign_role": ("assign_roles", ROLES),
    "take_role": ("take_roles", ROLES),
    "assign_seat": ("assign_seats", LICENSES),
    "take_seat": ("take_seats", LICENSES),
}


def _verb(acts: Administrator, what: str) -> Callable[[str], Any] | None:
    """What is to be done with each member id; None for nothing that there is. Raises `Refusal`."""
    name, _colon, target = what.partition(":")
    if name in STATE_ACTIONS and not target:
        return partial(VERBS[name], actor_id=acts.account.id)
    if name not in HOLDINGS or not target:
        return None
    argument, privilege = HOLDINGS[name]
    if not acts.may(privilege):
        raise Refusal("privilege_missing", _("Your role here does not include this."), status=403)
    changes: dict[str, Any] = {argument: [target[:36]]}
    return partial(service.change_holdings, **changes, actor_id=acts.account.id)


@blueprint.post("/people/many")
@administrator(MANAGE)
def people_many() -> ResponseReturnValue:
    """Do one thing with those ticked, or with all that the list finds."""
    acts, what, whom = acting(), request.form.get("what", ""), request.form.get("whom", "")
    ticked = request.form.getlist("member")[: listing.PAGE]
    try:
        verb = _verb(acts, what)
    except Refusal as refusal:
        return show_list(request.args, refusal.message, refusal, ticked=ticked)
    if verb is None:
        return show_list(request.args, _("Choose what to do."), 400, ticked=ticked)
    roles, licenses = roster.roles_of(acts.organization), roster.licenses_of(acts.organization.id)
    wanted, now = reads_list(acts.address("people"), request.args, roles, licenses), clock.now()
    doing = _Doing(what, _words_of(many_choices(acts, roles, licenses, all_licenses=True), what), wanted)
    if whom == "found" and _narrower(wanted):
        problem = _("What the list was narrowed by is not there any more. Look again whom it finds now.")
        return show_list(request.args, problem, 409, what=what)
    if whom == "found":
        after = request.form.get("after", "")[:36]
        doing.total = roster.count(acts.organization.id, wanted, now, after=after)
        ids = roster.ids(acts.organization.id, wanted, now, after=after, most=MOST)
    else:
        ids = roster.here(acts.organization.id, ticked)
        doing.total, doing.ticked = len(ids), ids
    if not ids:
        return show_list(request.args, _("Tick somebody first."), 400, what=what)
    if "confirmed" not in request.form and (whom == "found" or what in NOT_UNDONE):
        return _page("organization_admin/people_many.html", doing)
    known = roster.addresses_of(ids)
    done = each(ids, verb, addresses=lambda member_id: known.get(member_id, ()))
    left = doing.total - len(ids)
    if not done.refused and not left:
        flash(_said(done.good, doing.words), "success")
        return redirect(wanted.address(page=wanted.page), 303)
    told = roster.entries([member_id for member_id, _why in done.refused[:MOST_TOLD]], clock.now())
    reasons = dict(done.refused)
    return _page(
        "organization_admin/people_many_done.html",
        doing,
        said=_said(done.good, doing.words),
        refused=[(entry, reasons[entry.id]) for entry in told],
        untold=max(len(done.refused) - MOST_TOLD, 0),
        number_refused=len(done.refused),
        left=left,
        after=ids[-1],
    )


def _narrower(wanted: listing.Listing) -> bool:
    """Whether the address asks for fewer people than the list: a role or license in it may be gone meanwhile, and
    everybody is not whom the administrator looked at."""
    return any(request.args.get(name) and name not in wanted.filters for name in ("state", "type", "role", "license"))


@dataclass
class _Doing:
    """What is to be done, in words too, and with whom."""

    what: str
    words: str
    wanted: listing.Listing
    total: int = 0
    ticked: list[str] | None = None


def _words_of(groups: list[tuple[str, list[tuple[str, Any]]]], what: str) -> str:
    for _title, choices in groups:
        for value, text in choices:
            if value == what:
                return str(text)
    return str(_("What to do"))


def _said(number: int, words: str) -> str:
    return str(ngettext("%(what)s: done for %(num)s person.", "%(what)s: done for %(num)s people.", number, what=words))


def _page(template: str, doing: _Doing, **values: Any) -> ResponseReturnValue:
    acts = acting()
    address = doing.wanted.address(page=doing.wanted.page).replace(
        doing.wanted.path, acts.address("people/many"), 1
    )  # fmt: skip
    back = doing.wanted.address(page=doing.wanted.page)
    return web.page(template, form=ConfirmForm(), doing=doing, address=address, back=back, most=MOST, **values)
