"""Why a member may use an app or may not, and the fewest changes that would let it in. Pure.

`explain_path` walks the way license → role → privilege that the decision takes. `changes_to_open` searches a small
space of changes, each of which one button of the administration makes; a set is proposed only after it was made on the
frozen facts and `policy.entitlement`, asked again, allowed. What is written here decides nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from .policy import (
    BEFORE_LICENSE,
    AccountFacts,
    Decision,
    LicenseFacts,
    MemberFacts,
    RoleFacts,
    entitlement,
    license_of,
    privileges_of,
)

if TYPE_CHECKING:
    from .catalog import App, Edition

Kind = Literal[
    "set_active",
    "enable",
    "bring_back",
    "invite",
    "take_seat",
    "assign_seat",
    "assign_role",
    "resume",
    "enable_account",
    "keep_account",
    "buy_seat",
    "buy_license",
]

DEMANDS: Mapping[Kind, str] = MappingProxyType(
    {
        "set_active": "account:people.manage",
        "enable": "account:people.manage",
        "bring_back": "account:people.manage",
        "invite": "account:people.manage",
        "take_seat": "account:licenses.manage",
        "assign_seat": "account:licenses.manage",
        "assign_role": "account:roles.manage",
    }
)
"""The privilege that each change asks of an administrator. Of what is missing here, an administrator can do nothing."""

MOST_ROLES = 20
"""At most so many roles are weighed; those with the fewest privileges beyond what is asked come first."""

NOBODY: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `target` is the license, role or edition, `holder` the member that gives its seat back."""

    kind: Kind
    target: str | None = None
    holder: str | None = None

    @property
    def key(self) -> str:
        """The change as a form sends it: `assign_seat:<license id>`."""
        return ":".join(part for part in (self.kind, self.target, self.holder) if part)

    @property
    def demands(self) -> str | None:
        """The privilege that makes it; None: only the platform can."""
        return DEMANDS.get(self.kind)


Option = tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that has to change, and every way to do it, the preferred one first. A way may take two changes: a seat
    comes back from somebody before it is assigned."""

    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """The fewest changes that open the app. No steps: it is open already, or nothing anybody can do opens it.

    `code` is today's. `invite`: the person may be invited instead, and is let in only after accepting.
    """

    code: str | None
    steps: tuple[Step, ...] = ()
    invite: Change | None = None

    @property
    def changes(self) -> tuple[Change, ...]:
        """The preferred set, in the order in which the changes are made."""
        return tuple(change for step in self.steps for change in step.options[0])

    @property
    def here(self) -> bool:
        """Whether administrators of the organization can make all of it."""
        return bool(self.steps) and all(change.demands for change in self.changes)

    @property
    def takes(self) -> bool:
        """Whether the preferred set takes a seat from somebody: a thing to look at before it is done."""
        return any(change.kind == "take_seat" for change in self.changes)

    def offers(self, keys: Iterable[str]) -> tuple[Change, ...] | None:
        """The changes of these keys, in order, when all are offered, at most one way for each step; else None."""
        wanted, found = set(keys), list[Change]()
        if self.invite and wanted == {self.invite.key}:
            return (self.invite,)
        for step in self.steps:
            ways = [option for option in step.options if any(change.key in wanted for change in option)]
            chosen = [option for option in ways if {change.key for change in option} <= wanted]
            mine = {change.key for option in chosen for change in option} & wanted
            if not ways:
                continue
            if len(chosen) != 1 or mine != {change.key for way in ways for change in way} & wanted:
                return None
            found.extend(chosen[0])
        return tuple(found) if found and {change.key for change in found} == wanted else None


def as_if_linked(account: AccountFacts, member: MemberFacts) -> tuple[AccountFacts, MemberFacts]:
    """The facts as they are once the person has activated: an account that is nobody's yet, linked to the member.

    So too for a contact who has shared nothing: that there is an account, and one that is disabled, is not told of it
    (`people.activation_told`).
    """
    if member.account_linked and (member.status != "contact" or member.last_used_at is not None):
        return account, member
    member = replace(member, account_linked=True)
    return replace(account, disabled=False, closing=False, members=(member,)), member


# The path ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GivenBy:
    """One effective privilege and the names of the roles that give it."""

    privilege: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A privilege of the app that a role holds in vain. reason: `edition` does not include it; `platform`: it counts
    only in the platform's own organization; `guest`: an Express guest only reads."""

    privilege: str
    roles: tuple[str, ...]
    reason: Literal["edition", "platform", "guest"]


@dataclass(frozen=True, slots=True)
class Path:
    """The way that a decision took.

    `step` is what the catalog asks of this type of member: `seat`, `organization` or `nothing`. `license`: what the
    member stands on, None where nothing is asked or nothing was found. `seats`: the app's licenses of which it holds a
    seat. `opening`: names of the roles that hold the app's access privilege. `privileges` and `left_out` tell what the
    roles give, also when the decision is a denial for another reason.
    """

    decision: Decision
    step: str
    license: LicenseFacts | None
    seats: tuple[LicenseFacts, ...]
    opening: tuple[str, ...]
    privileges: tuple[GivenBy, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def reaches_license(self) -> bool:
        """Whether nothing stops before a license is asked about."""
        return self.decision.code not in BEFORE_LICENSE


def explain_path(account: AccountFacts, member: MemberFacts, app: App, now: int) -> Path:
    """The decision with each step of its way."""
    _code, license_ = license_of(member, app, now)
    granted = privileges_of(member, app, license_)
    edition = app.editions.get(license_.edition) if license_ else None
    names = sorted({name for role in member.roles for name in role.privileges if name in app.privileges})

    def givers(name: str) -> tuple[str, ...]:
        return tuple(sorted(role.name for role in member.roles if name in role.privileges))

    def why(name: str) -> Literal["edition", "platform", "guest"]:
        if license_ and (edition is None or name not in edition.privileges):
            return "edition"
        return "platform" if app.privileges[name].reach == "platform" else "guest"

    return Path(
        decision=entitlement(account, member, app, now),
        step=app.license_step[member.type],
        license=license_,
        seats=tuple(one for one in member.licenses if one.app_id == app.id and one.id in member.seats),
        opening=givers(app.access),
        privileges=tuple(GivenBy(name, givers(name)) for name in names if name in granted),
        left_out=tuple(LeftOut(name, givers(name), why(name)) for name in names if name not in granted),
    )


# The changes ---------------------------------------------------------------------------------------------------------


def changes_to_open(
    account: AccountFacts,
    member: MemberFacts,
    app: App,
    now: int,
    roles: Sequence[RoleFacts] = (),
    holders: Mapping[str, Sequence[str]] = NOBODY,
) -> Proposal:
    """The fewest changes after which the app is open to the member.

    `roles` are those that the organization may assign, with all their privileges. `holders` are by license the members
    who could give a seat back, longest unused first. What an administrator can do comes before what only the platform
    can, a seat that is free before one that somebody loses, few changes before many, a role with few privileges beyond
    before one with more.
    """
    code = entitlement(account, member, app, now).code
    invite = Change("invite") if member.status in ("contact", "ended") else None
    if code is None:
        return Proposal(None)
    known = {role.id: role for role in roles}
    dimensions = [
        _of_account(account),
        _of_organization(member),
        _of_standing(member),
        _of_license(member, app, now, holders),
        _of_roles(member, app, roles),
    ]
    for chosen in _cheapest_first(dimensions):
        if _opens(account, member, app, now, known, chosen):
            return Proposal(code, _steps(account, member, app, now, known, dimensions, chosen), invite)
    return Proposal(code, (), invite)


def _cheapest_first(dimensions: Sequence[Sequence[Option]]) -> Iterator[tuple[Option, ...]]:
    """Every choice of at most one option for each dimension, the fewest and gentlest changes first."""

    def cost(picked: tuple[int, ...]) -> tuple[int, int, int, tuple[int, ...]]:
        changes = [change for place, one in zip(dimensions, picked, strict=True) if one for change in place[one - 1]]
        return (
            sum(change.demands is None for change in changes),
            sum(change.kind == "take_seat" for change in changes),
            len(changes),
            picked,
        )

    for picked in sorted(product(*(range(len(options) + 1) for options in dimensions)), key=cost):
        yield tuple(options[one - 1] if one else () for options, one in zip(dimensions, picked, strict=True))


def _steps(
    account: AccountFacts,
    member: MemberFacts,
    app: App,
    now: int,
    roles: Mapping[str, RoleFacts],
    dimensions: Sequence[Sequence[Option]],
    chosen: Sequence[Option],
) -> tuple[Step, ...]:
    """What was chosen, with every other way of each step that opens the app just as well."""
    steps = []
    for place, options in enumerate(dimensions):
        if not chosen[place]:
            continue
        others = (
            option
            for option in options
            if option != chosen[place]
            and _opens(account, member, app, now, roles, [*chosen[:place], option, *chosen[place + 1 :]])
        )
        steps.append(Step((chosen[place], *others)))
    return tuple(steps)


def _opens(
    account: AccountFacts,
    member: MemberFacts,
    app: App,
    now: int,
    roles: Mapping[str, RoleFacts],
    options: Iterable[Option],
) -> bool:
    after = made(account, member, app, now, roles, (change for option in options for change in option))
    return after is not None and entitlement(*after, app, now).allowed


def made(
    account: AccountFacts,
    member: MemberFacts,
    app: App,
    now: int,
    roles: Mapping[str, RoleFacts],
    changes: Iterable[Change],
) -> tuple[AccountFacts, MemberFacts] | None:
    """The facts after these changes, made one after the other; None where one of them can't be made."""
    for change in changes:
        target = change.target or ""
        match change.kind:
            case "enable_account" | "keep_account":
                account = replace(account, disabled=False, closing=False)
            case "resume":
                member = replace(member, organization=replace(member.organization, status="active"))
            case "set_active" | "enable" | "bring_back":
                member = replace(member, status="active", ended_reason=None, invitation="none", terminates_at=None)
            case "buy_license":
                bought = LicenseFacts(target, app.id, target, seats=1, held=0, starts_at=now)
                member = replace(member, licenses=(*member.licenses, bought))
            case "buy_seat":
                member = _with_license(member, target, seats=1)
            case "take_seat":
                member = _with_license(member, target, held=-1)
            case "assign_seat":
                license_ = next((one for one in member.licenses if one.id == target), None)
                if license_ is None or license_.held >= license_.seats or member.status not in ("active", "disabled"):
                    return None
                member = replace(_with_license(member, target, held=1), seats=member.seats | {target})
            case "assign_role":
                if target not in roles or member.status not in ("active", "disabled"):
                    return None
                member = replace(member, roles=(*member.roles, roles[target]))
            case "invite":
                return None  # the person has to accept first
    return account, member


def _with_license(member: MemberFacts, license_id: str, *, seats: int = 0, held: int = 0) -> MemberFacts:
    return replace(
        member,
        licenses=tuple(
            replace(one, seats=one.seats + seats, held=one.held + held) if one.id == license_id else one
            for one in member.licenses
        ),
    )


def _of_account(account: AccountFacts) -> list[Option]:
    return [(Change("keep_account" if account.closing else "enable_account"),)] if account.disabled else []


def _of_organization(member: MemberFacts) -> list[Option]:
    return [(Change("resume"),)] if member.organization.status != "active" else []


def _of_standing(member: MemberFacts) -> list[Option]:
    kinds: dict[str, Kind] = {"contact": "set_active", "disabled": "enable", "ended": "bring_back"}
    return [(Change(kinds[member.status]),)] if member.status in kinds else []


def _of_license(member: MemberFacts, app: App, now: int, holders: Mapping[str, Sequence[str]]) -> list[Option]:
    """A seat that is free, one that somebody gives back, one more that is bought, or a license that is bought."""
    step = app.license_step[member.type]
    sold = [Change("buy_license", edition.id) for edition in sorted(app.editions.values(), key=_rank)]
    if step == "nothing":
        return []
    if step == "organization":
        return [(change,) for change in sold]
    current = sorted(
        (one for one in member.licenses if one.app_id == app.id and one.current(now) and one.id not in member.seats),
        key=lambda one: _preference(one, app),
    )
    free = [one for one in current if one.held < one.seats]
    full = [one for one in current if one.held >= one.seats]
    found: list[Option] = [(Change("assign_seat", one.id),) for one in free]
    for one in full:
        assign = Change("assign_seat", one.id)
        found += [(Change("take_seat", one.id, holder), assign) for holder in holders.get(one.id, ()) if one.seats]
    found += [(Change("buy_seat", one.id), Change("assign_seat", one.id)) for one in full]
    if not current:
        found += [(change, Change("assign_seat", change.target)) for change in sold]
    return found


def _rank(edition: Edition) -> int:
    return edition.rank


def _preference(license_: LicenseFacts, app: App) -> tuple[int, bool, int, int, str]:
    """The least that is sold first, then what lasts longest, then where most seats are left."""
    edition = app.editions.get(license_.edition)
    return (
        edition.rank if edition else 1_000_000,
        license_.ends_at is not None,
        -(license_.ends_at or 0),
        license_.held - license_.seats,
        license_.id,
    )


def _of_roles(member: MemberFacts, app: App, roles: Sequence[RoleFacts]) -> list[Option]:
    """Roles that hold the app's access privilege and can count here, those that give least beyond it first."""
    held = frozenset().union(*(role.privileges for role in member.roles))
    mine = {role.id for role in member.roles}
    opening = [role for role in roles if app.access in role.privileges and role.id not in mine]
    opening.sort(key=lambda role: (len(role.privileges - held - {app.access}), role.system, role.name, role.id))
    return [(Change("assign_role", role.id),) for role in opening[:MOST_ROLES]]
