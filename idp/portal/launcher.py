"""What stands on the launcher: pure, from the account's facts and the catalog to tiles and sentences.

One organization at a time: the one that the session remembers, else the one in which the most apps open. What a
decision must not tell of an organization (codes 1 to 4), the launcher does not tell either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import urlencode, urlsplit

from idp.organizations.catalog import App
from idp.organizations.policy import (
    NOBODY_TO_ASK,
    WITHOUT_ORGANIZATION,
    AccountFacts,
    Choices,
    Decision,
    MemberFacts,
    candidates,
    choose,
    entitlement,
)
from idp.organizations.sentences import Explanation, explain

NONE_WAIT: Mapping[tuple[str, str], str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Place:
    """One organization of the person in the switcher. `note` is the company for which an Express guest is there."""

    id: str
    name: str
    current: bool
    note: str | None
    open_apps: int


@dataclass(frozen=True, slots=True)
class Tile:
    """One app. `address` starts signing in at the app (None: it can't be opened here, or no client is registered).

    `why` explains a denial; None on an allowed app. `came_from`: the app that the person set out from. `plea`: where
    the person asks to be let in, or sees what became of having asked (`asked`); None where nobody can be asked.
    `access`: where an administrator sees what would open the app to herself; she has nobody else to ask.
    """

    app_id: str
    name: str
    icon: str
    address: str | None
    why: Explanation | None
    ask: tuple[str, ...]
    came_from: bool = False
    plea: str | None = None
    asked: bool = False
    access: str | None = None


@dataclass(frozen=True, slots=True)
class Launcher:
    """The whole page. `closed` is one explanation for everything, where no app could open whatever it asks.

    `administration`: where the shown organization is administered, for those who may; `platform`: the platform's.
    `handles_requests`: whether the person answers those who ask for access there; `handles_guests`: those who ask a
    supplier for Onix Express.
    """

    places: tuple[Place, ...]
    open: tuple[Tile, ...]
    locked: tuple[Tile, ...]
    closed: Explanation | None
    closed_code: str | None
    ask: tuple[str, ...]
    administration: str | None = None
    platform: str | None = None
    handles_requests: bool = False
    handles_guests: bool = False

    @property
    def place(self) -> Place | None:
        return next((place for place in self.places if place.current), None)


def arrange(
    account: AccountFacts,
    apps: Iterable[App],
    addresses: Mapping[str, str],
    *,
    issuer: str,
    organization_id: str | None,
    came_from: str | None,
    language: str,
    now: int,
    waiting: Mapping[tuple[str, str], str] = NONE_WAIT,
) -> Launcher:
    """Decide what the launcher shows. `waiting`: the person's open requests, by member and app.

    `addresses` are the `initiate_login_uri` of the apps that have a client. `organization_id` is what the session
    remembers; one that is not (or no longer) the person's counts as none.
    """
    apps = list(apps)
    shown = [app for app in apps if app.launcher]
    provider = next((app for app in apps if app.id == "account"), None)
    places = _places(account, shown, organization_id, now)
    current = next((place for place in places if place.current), None)
    general = choose(account, None, now, organization=current.id if current else None)
    if isinstance(general, Decision) and not general.allowed:
        name = current.name if current else None
        why = explain(str(general.code), general.detail, app_name=None, organization_name=name, language=language)
        tiles = tuple(
            Tile(app.id, app.name, app.icon, None, why, (), plea=plea, asked=asked)
            for app in shown
            for plea, asked in [_plea(account, app, current, waiting, now)]
        )
        return Launcher(places, (), tiles, why, general.code, general.ask)
    opened, locked = [], []
    rights = _rights(account, provider, current, now)
    for app in _with_first(shown, came_from):
        decision = choose(account, app, now, organization=current.id if current else None)
        if isinstance(decision, Choices) or decision.allowed:
            address = start(addresses.get(app.id), issuer, _slug(account, current))
            opened.append(Tile(app.id, app.name, app.icon, address, None, (), app.id == came_from))
        else:
            plea, asked = _plea(account, app, current, waiting, now)
            access = _access(decision, app) if "account:people.read" in rights else None
            tile = _locked(app, decision, current, came_from, language)
            locked.append(replace(tile, plea=plea, asked=asked, access=access))
    return Launcher(
        places,
        tuple(opened),
        tuple(locked),
        None,
        None,
        (),
        f"/org/{_slug(account, current)}/" if rights else None,
        _platform(account, apps, now),
        "account:requests.manage" in rights,
        "account:companies.manage" in rights,
    )


def _rights(account: AccountFacts, provider: App | None, place: Place | None, now: int) -> frozenset[str]:
    """The privileges of administration that the person holds in the shown organization."""
    slug = _slug(account, place)
    if provider is None or slug is None:
        return frozenset()
    decision = choose(account, provider, now, organization=slug)
    held = decision.privileges if isinstance(decision, Decision) else ()
    return frozenset(held) - {provider.access}


def _access(decision: Decision, app: App) -> str | None:
    """The page of the administration that shows what would open the app to this member."""
    if decision.member is None or decision.judged is None:
        return None
    return f"/org/{decision.member.organization.slug}/access/people/{decision.judged.id}/{app.id}"


def _plea(
    account: AccountFacts, app: App, place: Place | None, waiting: Mapping[tuple[str, str], str], now: int
) -> tuple[str | None, bool]:
    """Where the person asks for this app, and whether it has asked already."""
    decision = choose(account, app, now, organization=place.id if place else None)
    if isinstance(decision, Choices) or decision.judged is None or decision.code in NOBODY_TO_ASK:
        return None, False
    if request_id := waiting.get((decision.judged.id, app.id)):
        return f"/access/request/{request_id}", True
    values = {"app": app.id} | ({"organization": decision.member.organization.slug} if decision.member else {})
    return f"/access/request?{urlencode(values)}", False


def _platform(account: AccountFacts, apps: list[App], now: int) -> str | None:
    """Whoever holds a privilege of reach `platform`, of any app, has something to administer at /admin."""
    held = any(
        app.privileges[name].reach == "platform"
        for member in candidates(account)
        if member.organization.kind == "self"
        for app in apps
        for name in entitlement(account, member, app, now).privileges
    )
    return "/admin/" if held else None


def _locked(app: App, decision: Decision, place: Place | None, came_from: str | None, language: str) -> Tile:
    why = explain(
        str(decision.code),
        decision.detail,
        app_name=app.name,
        organization_name=place.name if place else None,
        language=language,
    )
    return Tile(app.id, app.name, app.icon, None, why, decision.ask, app.id == came_from)


def tellable(account: AccountFacts, now: int) -> dict[str, list[MemberFacts]]:
    """The person's members by organization id, without those whose organization is not told (codes 1 to 4)."""
    found: dict[str, list[MemberFacts]] = {}
    for member in candidates(account):
        if entitlement(account, member, None, now).code not in WITHOUT_ORGANIZATION:
            found.setdefault(member.organization.id, []).append(member)
    return found


def _places(account: AccountFacts, apps: list[App], organization_id: str | None, now: int) -> tuple[Place, ...]:
    """The organizations that may be told of, by name, with exactly one of them current when there are any."""
    members = tellable(account, now)
    names = {place: found[0].organization.name for place, found in members.items()}
    opens = {
        place: sum(
            isinstance(decision, Choices) or decision.allowed
            for decision in (choose(account, app, now, organization=place) for app in apps)
        )
        for place in names
    }
    ordered = sorted(names, key=lambda place: (names[place].casefold(), place))
    if organization_id not in names:
        organization_id = min(ordered, key=lambda place: -opens[place], default=None)
    return tuple(
        Place(
            id=place,
            name=names[place],
            current=place == organization_id,
            note=", ".join(sorted(member.company_name for member in members[place] if member.company_name)) or None,
            open_apps=opens[place],
        )
        for place in ordered
    )


def _slug(account: AccountFacts, place: Place | None) -> str | None:
    return next((m.organization.slug for m in account.members if place and m.organization.id == place.id), None)


def _with_first(apps: list[App], first: str | None) -> list[App]:
    """The catalog's order, with the app that the person came from in front."""
    return sorted(apps, key=lambda app: app.id != first)


def start(address: str | None, issuer: str, organization: str | None) -> str | None:
    """Third-party-initiated login (OpenID Connect Core §4): the app is told who we are, never who the person is."""
    if not address:
        return None
    values = {"iss": issuer} | ({"organization": organization} if organization else {})
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(values)}"
