"""What the simulator proposes, as an administrator reads it: a sentence for each change, and who may make it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext

from idp.kernel import language
from idp.organizations import reports, service
from idp.organizations.catalog import current_catalog
from idp.organizations.policy import MOST_ASKED, Rights, RoleFacts
from idp.organizations.sentences import Explanation, explain
from idp.organizations.simulations import Simulation
from idp.organizations.simulator import Change, Option
from idp.organizations.titles import edition_name, privilege_title, role_called

from .guard import Administrator

NAMES = ("account:people.read", "account:people.manage", "account:licenses.read", "account:licenses.manage")
"""Who may read one of these sees who holds a license; handling requests alone shows who asks, and nobody else."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way of a step: what a form sends for it, its sentences, and why this administrator can't make it (None: can).

    `missing`: what its role lacks for it, which may be what the change gives or touches (docs/decisions/0010); `who`
    names some who can. `platform`: nobody in the organization can, `person`: only the person itself.
    """

    value: str
    sentences: tuple[str, ...]
    note: str | None
    missing: str | None
    platform: bool
    who: tuple[str, ...] = ()
    person: bool = False

    @property
    def open(self) -> bool:
        """Whether this administrator can make it."""
        return self.missing is None and not self.platform


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal on a page: its steps, each with its ways, the preferred one first."""

    steps: tuple[tuple[Way, ...], ...]
    invite: Way | None
    whole: bool
    takes: bool

    @property
    def values(self) -> tuple[str, ...]:
        """What the form sends for the preferred ways."""
        return tuple(step[0].value for step in self.steps)


def sentence(simulation: Simulation) -> Explanation | None:
    """What the person reads at the app today, in the language of this page; None where it is let in."""
    decision = simulation.path.decision
    if decision.code is None:
        return None
    return explain(
        decision.code,
        decision.detail,
        app_name=simulation.app.name,
        organization_name=simulation.member.organization.name if decision.member else None,
        language=language.shown(),
    )


def shown(simulations: Iterable[tuple[Simulation, str]], acts: Administrator) -> list[Shown]:
    """The proposals of several simulations, each with the name of its person. One reading of names for all."""
    simulations = list(simulations)
    holders = {
        change.holder
        for simulation, _name in simulations
        for step in simulation.proposal.steps
        for option in step.options
        for change in option
        if change.holder
    }
    people = reports.shown(acts.organization.id, sorted(holders)) if acts.may(*NAMES) else {}
    names = {
        member_id: (person.name, language.on_date(member.last_used_at) if member.last_used_at else None)
        for member_id, (member, person) in people.items()
    }
    may = _May(acts, [simulation for simulation, _name in simulations])
    return [_shown(simulation, name, names, may) for simulation, name in simulations]


class _May:
    """What one administrator may do of some proposals, and who may do what it may not. Two or three statements."""

    def __init__(self, acts: Administrator, simulations: list[Simulation]) -> None:
        self._privileges = acts.privileges
        self._rights = service.rights_in(acts.organization.id, acts.account.id)
        lacking: set[str] = set()
        for simulation in simulations:
            proposal = simulation.proposal
            options = [option for step in proposal.steps for option in step.options]
            for option in [*options, (proposal.invite,)] if proposal.invite else options:
                if self.lacks(option, simulation):
                    lacking |= self._asked(option, simulation)
        self._others = service.who_holds(acts.organization.id, lacking) if lacking else []

    def lacks(self, option: Option, simulation: Simulation) -> tuple[str, ...]:
        """The privileges that this administrator would need and does not hold."""
        demanded = {change.demands for change in option if change.demands} - self._privileges
        beyond = self._rights.lack(_touched(option, simulation), current_catalog().apps)
        return (*sorted(demanded), *(name for name in beyond if name not in demanded))

    def who(self, option: Option, simulation: Simulation) -> tuple[str, ...]:
        """Some of those who hold everything that it asks."""
        asked = self._asked(option, simulation)
        return tuple(name for name, held in self._others if asked <= held)[:MOST_ASKED]

    @staticmethod
    def _asked(option: Option, simulation: Simulation) -> set[str]:
        demanded = {change.demands for change in option if change.demands}
        return demanded | set(Rights().lack(_touched(option, simulation), current_catalog().apps))


def _touched(option: Option, simulation: Simulation) -> set[str]:
    """The privileges that these changes give, or that a member whose standing they change has."""
    touched: set[str] = set()
    for change in option:
        if change.kind == "assign_role":
            touched |= simulation.roles[change.target or ""].privileges
        elif change.kind in ("set_active", "enable", "invite"):
            touched |= frozenset().union(*(role.privileges for role in simulation.member.roles))
    return touched


def _shown(simulation: Simulation, name: str, holders: Mapping[str, tuple[str, str | None]], may: _May) -> Shown:
    """Of each step the ways that are open to the administrator come first."""
    proposal = simulation.proposal
    steps = []
    for step in proposal.steps:
        ways = [(_way(option, simulation, name, holders, may), option) for option in step.options]
        steps.append(sorted(ways, key=lambda way: not way[0].open))
    first = [step[0] for step in steps]
    return Shown(
        steps=tuple(tuple(way for way, _option in step) for step in steps),
        invite=_way((proposal.invite,), simulation, name, holders, may)
        if proposal.invite and simulation.path.decision.code and not simulation.account.disabled
        else None,
        whole=bool(first) and all(way.open for way, _option in first),
        takes=any(change.kind == "take_seat" for _way, option in first for change in option),
    )


def _way(
    option: Option, simulation: Simulation, name: str, holders: Mapping[str, tuple[str, str | None]], may: _May
) -> Way:
    lacking = may.lacks(option, simulation)
    platform = any(change.demands is None for change in option)
    return Way(
        value=" ".join(change.key for change in option),
        sentences=tuple(_sentence(change, simulation, name, holders) for change in option),
        note=_note(option, simulation),
        missing=", ".join(privilege_title(one) for one in lacking) or None,
        platform=platform,
        who=may.who(option, simulation) if lacking and not platform else (),
        person=any(change.kind == "keep_account" for change in option),
    )


def _sentence(change: Change, simulation: Simulation, name: str, holders: Mapping[str, tuple[str, str | None]]) -> str:
    licenses = {license_.id: license_ for license_ in simulation.member.licenses}
    target = change.target or ""
    edition = edition_name(licenses[target].edition if target in licenses else target)
    match change.kind:
        case "set_active":
            return str(_("Set %(name)s as Active", name=name))
        case "enable":
            return str(_("Enable %(name)s", name=name))
        case "bring_back":
            return str(_("Make %(name)s a user again", name=name))
        case "invite":
            return str(_("Invite %(name)s", name=name))
        case "assign_seat":
            return str(_("Assign a license of %(edition)s", edition=edition))
        case "take_seat":
            known = holders.get(change.holder or "")
            if known is None:
                return str(_("Take a license of %(edition)s back from somebody else", edition=edition))
            holder, last_used = known
            if last_used is None:
                return str(_("Take the license back from %(name)s, who has never been here", name=holder))
            return str(_("Take the license back from %(name)s, last here on %(date)s", name=holder, date=last_used))
        case "assign_role":
            role = simulation.roles[target]
            return str(_("Assign the role %(role)s", role=role_called(role.name, system=role.system)))
        case "resume":
            return str(_("Resume the organization"))
        case "enable_account":
            return str(_("Enable the account of %(name)s", name=name))
        case "keep_account":
            return str(_("%(name)s keeps the account", name=name))
        case "buy_seat":
            return str(_("Buy one more license of %(edition)s", edition=edition))
        case "buy_license":
            return str(_("Buy %(edition)s", edition=edition))


def _note(option: Option, simulation: Simulation) -> str | None:
    """What should be known beside the change."""
    change = option[-1]
    if change.kind == "assign_role":
        return _beyond(simulation.roles[change.target or ""], simulation)
    license_ = next((one for one in simulation.member.licenses if one.id == change.target), None)
    if option[0].kind == "assign_seat" and license_ is not None:
        left = license_.seats - license_.held
        return str(ngettext("%(num)s license is left.", "%(num)s licenses are left.", left))
    if change.kind == "invite":
        return str(_("The person has to accept first. License and role can be assigned after that."))
    return None


def _beyond(role: RoleFacts, simulation: Simulation) -> str:
    held = frozenset().union(*(mine.privileges for mine in simulation.member.roles))
    more = len(role.privileges - held - {simulation.app.access})
    if more == 0:
        return str(_("Opens the app and gives nothing more."))
    return str(
        ngettext(
            "Opens the app and gives %(num)s more privilege.", "Opens the app and gives %(num)s more privileges.", more
        )
    )
