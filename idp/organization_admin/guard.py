"""Who may open a page of an organization's administration.

Rights come from the same roles as everything else: privileges of app `account`, held as a member of that organization.
An organization that is not the person's and one that does not exist answer alike, 404; a member whose role lacks the
privilege is told so, 403. Where the organization asks for a second factor, its administration does too. What gives or
takes rights of administration asks for a recent sign-in (docs/decisions/0038), and loses nothing of what was typed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from flask import g, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from idp import sessions
from idp.accounts.models import Account
from idp.kernel import clock
from idp.kernel.database import db
from idp.kernel.refusal import Refusal
from idp.kernel.sections import Section, open_to
from idp.organizations.catalog import current_catalog
from idp.organizations.facts import load_facts
from idp.organizations.models import Organization
from idp.organizations.policy import WITHOUT_ORGANIZATION, candidates, entitlement
from idp.organizations.service import Unconfirmed, confirmed_by, is_supplier

View = TypeVar("View", bound=Callable[..., Any])


SECTIONS = (
    Section(
        "",
        _l("Overview"),
        privileges=frozenset(
            {
                "account:people.read", "account:people.manage", "account:licenses.read", "account:licenses.manage",
                "account:roles.manage", "account:requests.manage", "account:audit.read", "account:companies.read",
                "account:companies.manage",
            }
        ),
    ),
    Section("people", _l("People"), privileges=frozenset({"account:people.read", "account:people.manage"})),
    Section("companies", _l("Companies"), privileges=frozenset({"account:companies.read", "account:companies.manage"})),
    Section("licenses", _l("Licenses"), privileges=frozenset({"account:licenses.read", "account:licenses.manage"})),
    Section("roles", _l("Roles"), privileges=frozenset({"account:people.read", "account:roles.manage"})),
    Section("access", _l("Access"), privileges=frozenset({"account:people.read"})),
    Section("requests", _l("Requests"), privileges=frozenset({"account:requests.manage"})),
    Section("security", _l("Security"), privileges=frozenset({"account:people.manage"})),
    Section("audit", _l("Audit"), privileges=frozenset({"account:audit.read"})),
)  # fmt: skip
"""In the order of the menu."""

OF_SUPPLIERS = frozenset({"companies"})
"""Sections that are there for organizations with a license of Onix Express only, by path."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who acts, where, and with which privileges of app `account`. `supplier`: whether the organization is one."""

    account: Account
    organization: Organization
    privileges: frozenset[str]
    supplier: bool = False

    def may(self, *privileges: str) -> bool:
        """Whether one of these is held."""
        return not self.privileges.isdisjoint(privileges)

    @property
    def sections(self) -> tuple[Section, ...]:
        """What the menu shows."""
        return tuple(one for one in open_to(SECTIONS, self.privileges) if self.supplier or one.path not in OF_SUPPLIERS)

    def address(self, path: str = "") -> str:
        """The path of a page of this organization's administration."""
        return f"/org/{self.organization.slug}/{path}"


def administrator(*privileges: str) -> Callable[[View], View]:
    """Open a view to members of the organization `<slug>` who hold one of these privileges.

    The view is called without `slug`; `acting()` tells who acts. `view.privileges` is what the route matrix reads.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def guarded(slug: str, **values: Any) -> Any:
            who = sessions.actor()
            if who is None:
                return redirect("/login", 303)
            g.administrator = acts = _administrator(who.account, slug, frozenset(privileges))
            if acts.organization.second_factor_required and not sessions.has_two_factors(who):
                return sessions.to_second_factor(back=acts.address())
            if request.method in ("GET", "HEAD"):
                return view(**values)
            try:
                with confirmed_by(lambda: sessions.is_recent(who)):
                    return view(**values)
            except Unconfirmed:
                db.session.rollback()
                return sessions.confirm_first()

        guarded.privileges = frozenset(privileges)  # type: ignore[attr-defined]
        return cast(View, sessions.login_required(guarded))

    return mark


def acting() -> Administrator:
    """The administrator of a view marked with `administrator`."""
    return g.administrator  # type: ignore[no-any-return]


def _administrator(account: Account, slug: str, asked: frozenset[str]) -> Administrator:
    app, now = current_catalog().apps["account"], clock.now()
    facts = load_facts(db.session(), account.id, app.id)
    members = [member for member in candidates(facts) if member.organization.slug == slug] if facts else []
    decisions = [entitlement(facts, member, app, now) for member in members] if facts else []
    if all(decision.code in WITHOUT_ORGANIZATION for decision in decisions):
        raise Refusal("organization_unknown", _("There is no such organization."), status=404)
    held = frozenset().union(*(decision.privileges for decision in decisions))
    if held.isdisjoint(asked):
        raise Refusal("privilege_missing", _("Your role here does not include this page."), status=403)
    organization = db.session.get_one(Organization, members[0].organization.id)
    return Administrator(account, organization, held, is_supplier(organization.id))
