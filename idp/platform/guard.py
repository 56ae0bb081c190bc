"""Who may open a page of the platform's administration.

Rights are privileges of reach `platform`, which count only through a member of the platform's own organization: those
of app `account`, and OneOffice's for the zone Core of its own organization (DESIGN §3 *Administration*). Who holds none
finds no page here, 404; who holds others than a page asks is told so, 403. Where that organization asks for a second
factor, or the person has one, a password alone opens nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from flask import abort, g, redirect
from flask import session as cookie
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from idp import sessions
from idp.accounts.credentials.methods import methods_of
from idp.accounts.models import Account
from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.records import Right, Scope
from idp.kernel.refusal import Refusal
from idp.kernel.sections import Section, open_to
from idp.organizations.catalog import current_catalog
from idp.organizations.facts import load_facts_of_all_apps
from idp.organizations.policy import entitlement

from .policy import fresh

View = TypeVar("View", bound=Callable[..., Any])

ADMIN, LICENSES, KEYS = "account:platform.admin", "account:platform.licenses", "account:platform.keys"
READS, WRITES = "oneoffice:admin.read", "oneoffice:admin.write"
ADMINISTERED = "administered"
"""Cookie key: the session and when it last opened a page here; right to a minute."""


SECTIONS = (
    Section(
        "records",
        _l("Records"),
        _l("Users, organizations, roles and licenses; clients, sessions and keys; what is sent; the audit trail."),
        frozenset({ADMIN, LICENSES, KEYS, READS, WRITES}),
    ),
    Section(
        "organizations",
        _l("Organizations"),
        _l("Make an organization, give it its first administrator, sell licenses, suspend and resume it."),
        frozenset({ADMIN, LICENSES}),
    ),
)
"""In the order of the menu."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts, with which privileges of reach `platform`, and the id of the platform's own organization."""

    account: Account
    privileges: frozenset[str]
    own_id: str

    def may(self, *privileges: str) -> bool:
        """Whether one of these is held."""
        return not self.privileges.isdisjoint(privileges)

    @property
    def sections(self) -> tuple[Section, ...]:
        """What the menu shows."""
        return open_to(SECTIONS, self.privileges)


def platform(*privileges: str) -> Callable[[View], View]:
    """Open a view to those who hold one of these privileges; without any named, to everyone who has a section here.

    `acting()` tells who acts.
    """
    asked = frozenset(privileges) or frozenset().union(*(section.privileges for section in SECTIONS))

    def mark(view: View) -> View:
        @wraps(view)
        def guarded(**values: Any) -> Any:
            who = sessions.actor()
            if who is None:
                return redirect("/login", 303)
            held, own_id, required = _held(who.account.id)
            if own_id is None or not held:
                abort(404)
            if not _is_fresh(who):
                return sessions.back_here("/login", "/admin/")
            if not sessions.has_two_factors(who) and (required or methods_of(who.account.id).second_factor):
                return sessions.to_second_factor(back="/admin/")
            if held.isdisjoint(asked):
                raise Refusal("privilege_missing", _("Your role does not include this page."), status=403)
            g.operator = Operator(who.account, held, own_id)
            return view(**values)

        guarded.privileges = asked  # type: ignore[attr-defined]
        return cast(View, sessions.login_required(guarded))

    return mark


def acting() -> Operator:
    """The operator of a view marked with `platform`."""
    return g.operator  # type: ignore[no-any-return]


def scope_of(right: Right | None) -> Scope | None:
    """What the operator may do by this right, and within what; None: nothing."""
    who = acting()
    return right.scope(who.privileges, who.own_id) if right else None


def _held(account_id: str) -> tuple[frozenset[str], str | None, bool]:
    """The platform privileges that count today, whichever app declares them, the organization they come from, and
    whether that one asks for a second factor."""
    facts, apps, now = load_facts_of_all_apps(db.session(), account_id), current_catalog().apps, clock.now()
    held: set[str] = set()
    own_id, required = None, False
    for member in facts.members if facts else ():
        if facts is None or member.organization.kind != "self":
            continue
        own_id, required = member.organization.id, member.organization.second_factor_required
        for app in apps.values():
            granted = entitlement(facts, member, app, now).privileges
            held.update(name for name in granted if app.privileges[name].reach == "platform")
    return frozenset(held), own_id, required


def _is_fresh(who: sessions.Actor) -> bool:
    """Whether the sign-in still counts here (R32); notes the visit when it does."""
    now = clock.now()
    seen = cookie.get(ADMINISTERED)
    last = seen[1] if isinstance(seen, list) and len(seen) == 2 and seen[0] == who.session.id else 0
    if not fresh(auth_time=who.session.auth_time, administered_at=last, now=now):
        return False
    if now - last >= 60:
        cookie[ADMINISTERED] = [who.session.id, now]
    return True
