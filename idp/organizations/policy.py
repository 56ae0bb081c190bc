"""The decision: what one account may do with one app, in one organization, at one moment. Pure.

Plain values in, a frozen `Decision` with exactly one reason out; the time is an argument. Start reading at
`entitlement` (the table of DESIGN §3, top to bottom) and `choose` (which organization the answer is about).
`rights_of` bounds what an administrator may give and take; `consequences` says what a change makes of two decisions.
The values come from `facts.load_facts`, the words for people from `sentences.explain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .catalog import App

Invitation = Literal["none", "pending", "expired"]

CODES = (
    "account_disabled",
    "no_organization",
    "invitation_expired",
    "invitation_pending",
    "contact_only",
    "membership_ended",
    "terminated_inactive",
    "member_disabled",
    "organization_suspended",
    "license_expired",
    "seat_limit_reached",
    "license_missing",
    "privilege_missing",
)
"""Every reason for a *no*, in the order in which they are looked for: a later one got further."""

WITHOUT_ORGANIZATION = frozenset(CODES[: CODES.index("contact_only") + 1])
"""Reasons under which nothing about an organization is told (codes 1 to 4)."""

BEFORE_LICENSE = frozenset(CODES[: CODES.index("license_expired")])
"""Reasons that no license or role changes (codes 1 to 6); a client of no app meets no others."""

NOBODY_TO_ASK = frozenset({"account_disabled", "no_organization"})
"""No administrator of an organization can help with these."""

PLATFORM_ADMIN = "account:platform.admin"
"""Whoever holds it, through a member of `self`, administers everybody."""

MOST_ASKED = 3
"""At most so many administrators are named as those to ask."""


@dataclass(frozen=True, slots=True)
class OrganizationFacts:
    """A tenant as the decision sees it. `kind` is `customer` or `self`, `status` `active` or `suspended`.

    `second_factor_required` says nothing about what a person may do, only how well it has to be shown who it is.
    """

    id: str
    slug: str
    name: str
    kind: str = "customer"
    status: str = "active"
    rev: int = 1
    second_factor_required: bool = False


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role that a member holds. `privileges` may be limited to the app that is asked about."""

    id: str
    name: str
    system: bool
    privileges: frozenset[str]


@dataclass(frozen=True, slots=True)
class LicenseFacts:
    """A license of the organization, with seats bought and held; current while `starts_at <= now < ends_at`.

    `held` is 0 where nobody asks how many are left (`facts`).
    """

    id: str
    app_id: str
    edition: str
    seats: int
    held: int
    starts_at: int
    ends_at: int | None = None

    def current(self, now: int) -> bool:
        return self.starts_at <= now and not self.ended(now)

    def ended(self, now: int) -> bool:
        return self.ends_at is not None and self.ends_at <= now


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """One member of the account with everything the decision asks about it.

    `seats` are ids of licenses of which the member holds a seat, `licenses` those of its organization (they may be
    limited to one app), `administrators` display names of whom to ask, never addresses. `terminates_at`: when an
    Express guest who does not come back ends.
    """

    id: str
    type: str
    status: str
    organization: OrganizationFacts
    ended_reason: str | None = None
    account_linked: bool = True
    invitation: Invitation = "none"
    company_id: str | None = None
    company_name: str | None = None
    roles: tuple[RoleFacts, ...] = ()
    seats: frozenset[str] = frozenset()
    licenses: tuple[LicenseFacts, ...] = ()
    administrators: tuple[str, ...] = ()
    last_used_at: int | None = None
    terminates_at: int | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """The account and the members that are linked to it. `closing`: it is disabled because its person closed it."""

    id: str
    disabled: bool = False
    members: tuple[MemberFacts, ...] = ()
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Allow (`code` is None) or deny with one code.

    `member` is whom a token may speak about: None for codes 1 to 4, which tell nothing of an organization. `judged` is
    the member the decision was about all the same (for the provider's own pages: resending its invitation, say).
    `detail` tells two sentences of one code apart: `no_role` or `role` of `privilege_missing`; `left` of
    `membership_ended`, where it was the person who ended it; `closing` of `account_disabled`, likewise; `organization`
    of the license's codes, where it is not the member's own license that is asked for. `ends_at` is when the ground of
    an allow ends by itself (UTC seconds; None: never). `ask`: at most three names.
    """

    code: str | None
    account_id: str
    app_id: str | None
    detail: str | None = None
    member: MemberFacts | None = None
    judged: MemberFacts | None = None
    license: LicenseFacts | None = None
    roles: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()
    privileges: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    ends_at: int | None = None

    @property
    def allowed(self) -> bool:
        return self.code is None

    @property
    def reached(self) -> int:
        """How far the decision got: higher is further, an allow the furthest."""
        return len(CODES) if self.code is None else CODES.index(self.code)


@dataclass(frozen=True, slots=True)
class Choices:
    """Several members allow, and only the person can say which is meant: the picker. By organization's name."""

    decisions: tuple[Decision, ...]


def entitlement(account: AccountFacts, member: MemberFacts | None, app: App | None, now: int) -> Decision:
    """What `account` may do with `app` as `member`; `app` None is a client of no app, which codes 1 to 6 decide.

    The order of the questions is the order of DESIGN §3: exactly one code results.
    """

    def no(code: str, detail: str | None = None) -> Decision:
        return Decision(
            code=code,
            account_id=account.id,
            app_id=app.id if app else None,
            detail=detail,
            member=None if code in WITHOUT_ORGANIZATION else member,
            judged=member,
            ask=member.administrators[:MOST_ASKED] if member and code not in NOBODY_TO_ASK else (),
        )

    if account.disabled:
        return no("account_disabled", "closing" if account.closing else None)
    if member is None or not member.account_linked:
        return no("no_organization")
    if code := _standing(member, now):
        return no(code, "left" if code == "membership_ended" and member.ended_reason == "left" else None)
    if member.organization.status != "active":
        return no("organization_suspended")
    if app is None:
        return Decision(
            code=None, account_id=account.id, app_id=None, member=member, judged=member, ends_at=member.terminates_at
        )
    code, license_ = license_of(member, app, now)
    if code:
        return no(code, "organization" if app.license_step[member.type] == "organization" else None)
    granted = privileges_of(member, app, license_)
    if app.access not in granted:
        return no("privilege_missing", "role" if member.roles else "no_role")
    return Decision(
        code=None,
        account_id=account.id,
        app_id=app.id,
        member=member,
        judged=member,
        license=license_,
        roles=tuple(sorted(role.name for role in member.roles if role.privileges & granted)),
        entitlements=(license_.edition,) if license_ else (),
        privileges=tuple(sorted(granted)),
        ends_at=_first(license_.ends_at if license_ else None, member.terminates_at),
    )


def _first(*ends: int | None) -> int | None:
    return min((end for end in ends if end is not None), default=None)


def _standing(member: MemberFacts, now: int) -> str | None:
    """Codes 3 to 5: is this member a user at all?"""
    match member.status:
        case "active" if member.terminates_at is not None and member.terminates_at <= now:
            return "terminated_inactive"
        case "active":
            return None
        case "contact":
            return {"expired": "invitation_expired", "pending": "invitation_pending"}.get(
                member.invitation, "contact_only"
            )
        case "ended":
            return "terminated_inactive" if member.ended_reason == "inactive" else "membership_ended"
        case _:
            return "member_disabled"


def license_of(member: MemberFacts, app: App, now: int) -> tuple[str | None, LicenseFacts | None]:
    """Code 7, or the license that the member's entitlement stands on (None where the catalog asks for nothing)."""
    step = app.license_step[member.type]
    if step == "nothing":
        return None, None
    licenses = [license_ for license_ in member.licenses if license_.app_id == app.id]
    held = licenses if step == "organization" else [license_ for license_ in licenses if license_.id in member.seats]
    if current := [license_ for license_ in held if license_.current(now)]:
        return None, max(current, key=lambda license_: _worth(license_, app))
    if held:  # a license that has not started counts as missing, also beside an ended one
        return ("license_expired" if all(license_.ended(now) for license_ in held) else "license_missing"), None
    on_sale = [license_ for license_ in licenses if license_.current(now)]
    if on_sale and all(license_.held >= license_.seats for license_ in on_sale):
        return "seat_limit_reached", None
    return "license_missing", None


def _worth(license_: LicenseFacts, app: App) -> tuple[int, bool, int, str]:
    """Of several licenses the highest edition counts, then the one that lasts longest."""
    edition = app.editions.get(license_.edition)
    return (edition.rank if edition else -1, license_.ends_at is None, license_.ends_at or 0, license_.id)


def privileges_of(member: MemberFacts, app: App, license_: LicenseFacts | None) -> frozenset[str]:
    """Effective privileges: roles ∩ edition ∩ app, whoever typed them into a role.

    Platform privileges count only through a member of `self`; an Express guest only reads.
    """
    edition = app.editions.get(license_.edition) if license_ else None
    sold = frozenset() if license_ and not edition else edition.privileges if edition else frozenset(app.privileges)
    held = frozenset().union(*(role.privileges for role in member.roles)) & sold
    return frozenset(
        name
        for name in held
        if (privilege := app.privileges.get(name))
        and (privilege.reach == "organization" or member.organization.kind == "self")
        and (privilege.read_only or member.type != "express")
    )


def candidates(account: AccountFacts, organization: str | None = None) -> tuple[MemberFacts, ...]:
    """The members a decision can be about: all of the account, or those in the organization of this slug or id."""
    return tuple(
        member
        for member in account.members
        if member.account_linked and organization in (None, member.organization.id, member.organization.slug)
    )


def tellable(account: AccountFacts, now: int) -> dict[str, list[MemberFacts]]:
    """The person's members by organization id, without those whose organization is not told (codes 1 to 4)."""
    found: dict[str, list[MemberFacts]] = {}
    for member in candidates(account):
        if entitlement(account, member, None, now).code not in WITHOUT_ORGANIZATION:
            found.setdefault(member.organization.id, []).append(member)
    return found


def choose(
    account: AccountFacts,
    app: App | None,
    now: int,
    *,
    organization: str | None = None,
    member_id: str | None = None,
    last_member_id: str | None = None,
) -> Decision | Choices:
    """Find the member that the answer is about, and the answer; `Choices` when only the person can tell.

    In this order: the member or organization asked for (another's and an unknown one answer alike); the only candidate;
    the only one that allows; of several that allow the one last used with this client; the person's pick. When none
    allows, the one that gets furthest is told.
    """
    found = candidates(account, organization)
    if member_id is not None:
        found = tuple(member for member in found if member.id == member_id)
    if account.disabled or not found:
        return entitlement(account, None, app, now)
    decisions = {
        member.id: entitlement(account, member, app, now)
        for member in sorted(found, key=lambda member: _preference(member, last_member_id))
    }
    allowing = {id_: decision for id_, decision in decisions.items() if decision.allowed}
    if not allowing:
        return max(decisions.values(), key=lambda decision: decision.reached)
    if last_member_id in allowing:
        return allowing[last_member_id]
    return next(iter(allowing.values())) if len(allowing) == 1 else Choices(tuple(allowing.values()))


def _preference(member: MemberFacts, last_member_id: str | None) -> tuple[bool, str, str, str]:
    """An order that never depends on how rows happened to come out of the database."""
    return (member.id != last_member_id, member.organization.name.casefold(), member.company_name or "", member.id)


def may(account: AccountFacts, privilege: str, app: App, now: int, *, organization: str | None = None) -> bool:
    """Whether the account holds `privilege` of `app` (the provider's own rooms ask about app `account`).

    `organization` (slug or id) is where it wants to act. A platform privilege reaches everywhere, and counts only
    through a member of `self`; any other must come from a member of that very organization.
    """
    known = app.privileges.get(privilege)
    if known is None or (known.reach == "organization" and organization is None):
        return False
    return any(
        privilege in entitlement(account, member, app, now).privileges
        for member in _acting(account.members, None if known.reach == "platform" else organization)
    )


def _acting(members: Iterable[MemberFacts], organization: str | None) -> Iterable[MemberFacts]:
    return (
        member
        for member in members
        if (organization is None and member.organization.kind == "self")
        or organization in (member.organization.id, member.organization.slug)
    )


# What an administrator may give and take ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rights:
    """What an actor may give and take in one organization, of what administers it (security R38).

    `held`: privileges of app `account` that it holds there now. `unbounded`: a platform administrator, or the system.
    """

    held: frozenset[str] = frozenset()
    unbounded: bool = False

    def lack(self, privileges: Iterable[str], apps: Mapping[str, App]) -> tuple[str, ...]:
        """Which of these the actor can neither give nor take, because it does not hold them itself; in order of name.

        Only administration is bounded. What opens an application to people may be given by whoever manages roles.
        """
        if self.unbounded:
            return ()
        return tuple(sorted(name for name in set(privileges) - self.held if administers(name, apps)))


THE_SYSTEM = Rights(unbounded=True)
"""Commands and jobs: nobody's hand."""


def administers(privilege: str, apps: Mapping[str, App]) -> bool:
    """Whether a privilege is one of administration: of app `account`, or of reach `platform` in any app."""
    app = apps.get(privilege.partition(":")[0])
    known = app.privileges.get(privilege) if app else None
    return known is not None and app is not None and (app.id == "account" or known.reach == "platform")


def rights_of(account: AccountFacts | None, organization_id: str, app: App, now: int) -> Rights:
    """What `account` (None: there is no such account) may give and take in the organization; `app` is `account`."""
    if account is None:
        return Rights()
    if may(account, PLATFORM_ADMIN, app, now):
        return Rights(unbounded=True)
    held = (entitlement(account, member, app, now).privileges for member in _acting(account.members, organization_id))
    return Rights(frozenset().union(*held))


# What a change does ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a change does to one app of one member: it opens, it closes, or it stays open with other privileges."""

    app_id: str
    opens: bool = False
    closes: bool = False
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def consequences(
    before: AccountFacts, after: AccountFacts, apps: Iterable[App], now: int
) -> dict[str, tuple[Consequence, ...]]:
    """What happens to each member when the facts become others: the difference of the decisions, nothing else.

    By member, in the order of `apps`; members for whom nothing changes are left out. A member may be missing on either
    side: it can do nothing there.
    """
    apps = tuple(apps)
    was, becomes = ({member.id: member for member in facts.members} for facts in (before, after))
    found = {}
    for member_id in (*was, *(member_id for member_id in becomes if member_id not in was)):
        changes = []
        for app in apps:
            old = entitlement(before, was.get(member_id), app, now)
            new = entitlement(after, becomes.get(member_id), app, now)
            if old.privileges == new.privileges and old.allowed == new.allowed:
                continue
            had, has = set(old.privileges), set(new.privileges)
            changes.append(
                Consequence(
                    app_id=app.id,
                    opens=new.allowed and not old.allowed,
                    closes=old.allowed and not new.allowed,
                    gained=tuple(sorted(has - had)),
                    lost=tuple(sorted(had - has)),
                )
            )
        if changes:
            found[member_id] = tuple(changes)
    return found


def with_role(account: AccountFacts, role_id: str, privileges: Iterable[str] | None) -> AccountFacts:
    """The same facts when the role has these privileges; None: when nobody holds the role any more."""
    names = None if privileges is None else frozenset(privileges)

    def changed(role: RoleFacts) -> tuple[RoleFacts, ...]:
        if role.id != role_id:
            return (role,)
        return () if names is None else (replace(role, privileges=names),)

    return replace(
        account,
        members=tuple(
            replace(member, roles=tuple(found for role in member.roles for found in changed(role)))
            for member in account.members
        ),
    )
