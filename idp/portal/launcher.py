"""What stands on the launcher: pure, from the account's facts and the catalog to tiles and sentences.

One shelf for each organization, all on one page: an icon opens its app for the organization whose shelf it stands on.
Who has several organizations finds what is pinned and what was opened lately on a shelf of its own above them. What a
decision must not tell of an organization (codes 1 to 4), the launcher does not tell either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import urlencode, urlsplit

from idp.kernel.listing import fold
from idp.organizations.catalog import App
from idp.organizations.policy import (
    NOBODY_TO_ASK,
    AccountFacts,
    Choices,
    Decision,
    MemberFacts,
    candidates,
    choose,
    entitlement,
    tellable,
)
from idp.organizations.sentences import Explanation, explain

NONE_WAIT: Mapping[tuple[str, str], str] = MappingProxyType({})
MOST_RECENT = 4
"""Tiles of what was opened lately, beside those that are pinned."""
SHELVES = 12
"""Organizations on one page; whoever has more turns pages, or searches through all of them."""

Where = tuple[str, str]
"""An app of an organization: (organization's id, app's id)."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One app, of one organization. `address` starts signing in at the app (None: it can't be opened here, or no client
    is registered).

    `why` explains a denial; None on an allowed app. `came_from`: the app that the person set out from. `request`: where
    the person asks to be let in, or sees what became of having asked (`asked`); None where nobody can be asked.
    `access`: where an administrator sees what would open the app to herself; she has nobody else to ask.
    `organization_id` is None where no organization may be told of; `pinned`: it stands in front.
    """

    app_id: str
    name: str
    icon: str
    address: str | None
    why: Explanation | None
    ask: tuple[str, ...]
    came_from: bool = False
    request: str | None = None
    asked: bool = False
    access: str | None = None
    organization_id: str | None = None
    organization: str | None = None
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """The apps of one organization. `note` is the company for which an Express guest is there.

    `closed` explains why no app could open there whatever it asks. `administration`: where the organization is
    administered, for those who may; `handles_requests`: whether the person answers those who ask for access there,
    `handles_guests`: those who ask a supplier for Onix Express.
    """

    id: str
    slug: str
    name: str
    note: str | None
    open: tuple[Tile, ...]
    locked: tuple[Tile, ...]
    closed: Explanation | None = None
    closed_code: str | None = None
    ask: tuple[str, ...] = ()
    administration: str | None = None
    handles_requests: bool = False
    handles_guests: bool = False


@dataclass(frozen=True, slots=True)
class Launcher:
    """The whole page. `front` has what is pinned or was opened lately, of whoever has several organizations.

    `nowhere` is the shelf of a person to whom no organization may be told of: why, and whom to ask. `platform`: where
    the platform is administered, for those who may. `places`: how many organizations there are, on all pages; `found`:
    how many of them the search has left.
    """

    front: tuple[Tile, ...]
    shelves: tuple[Shelf, ...]
    nowhere: Shelf | None = None
    platform: str | None = None
    places: int = 0
    found: int = 0
    page: int = 1

    @property
    def pages(self) -> int:
        """How many pages the shelves fill."""
        return max(1, -(-self.found // SHELVES))

    @property
    def answers_requests_of(self) -> list[str]:
        """The organizations of this page in which the person answers those who ask for access."""
        return [shelf.id for shelf in self.shelves if shelf.handles_requests]

    @property
    def answers_guests_of(self) -> list[str]:
        """The organizations of this page in which the person answers those who ask a supplier for Onix Express."""
        return [shelf.id for shelf in self.shelves if shelf.handles_guests]

    @property
    def opens(self) -> int:
        """How many icons of this page's shelves open something."""
        return sum(len(shelf.open) for shelf in self.shelves)


@dataclass(frozen=True, slots=True)
class _Ask:
    """What every tile and shelf is made from."""

    account: AccountFacts
    apps: Sequence[App]
    addresses: Mapping[str, str]
    issuer: str
    came_from: str | None
    language: str
    now: int
    waiting: Mapping[tuple[str, str], str]
    pinned: Collection[Where]

    def of(self, members: Sequence[MemberFacts]) -> _Ask:
        """The same of one organization: its members alone, so that many organizations cost no more than one each."""
        return replace(self, account=replace(self.account, members=tuple(members)))

    @property
    def shown(self) -> list[App]:
        """The apps that have an icon, in the catalog's order."""
        return [app for app in self.apps if app.launcher]


def arrange(
    account: AccountFacts,
    apps: Iterable[App],
    addresses: Mapping[str, str],
    *,
    issuer: str,
    came_from: str | None,
    language: str,
    now: int,
    waiting: Mapping[tuple[str, str], str] = NONE_WAIT,
    pinned: Sequence[Where] = (),
    recent: Sequence[Where] = (),
    search: str = "",
    page: int = 1,
) -> Launcher:
    """Decide what the launcher shows. `waiting`: the person's open requests, by member and app.

    `addresses` are the `initiate_login_uri` of the apps that have a client. `pinned` stands in the order of pinning,
    `recent` the newest first; what of these is not (or no longer) open to the person is not shown. `search` leaves the
    apps in whose name, or whose organization's, each of its words stands.
    """
    ask = _Ask(account, tuple(apps), addresses, issuer, came_from, language, now, waiting, pinned)
    there: dict[str, list[MemberFacts]] = {}
    for member in account.members:
        there.setdefault(member.organization.id, []).append(member)
    shelves = sorted(
        (_shelf(ask.of(there[place]), found) for place, found in tellable(account, now).items()),
        key=lambda shelf: (shelf.closed is not None or not shelf.open, shelf.name.casefold(), shelf.id),
    )
    platform = _platform(ask)
    if not shelves:
        return Launcher((), (), _nowhere(ask), platform)
    front = _front(shelves, came_from, pinned, recent)
    words = fold(search).split()
    left = [shelf for one in shelves if (shelf := _narrowed(one, words))] if words else shelves
    page = min(max(1, page), max(1, -(-len(left) // SHELVES)))
    return Launcher(
        front if not words and page == 1 else (),
        tuple(left[(page - 1) * SHELVES : page * SHELVES]),
        None,
        platform,
        len(shelves),
        len(left),
        page,
    )


def _shelf(ask: _Ask, members: Sequence[MemberFacts]) -> Shelf:
    """The shelf of the organization that these members of the person are in."""
    place = members[0].organization
    note = ", ".join(sorted({member.company_name for member in members if member.company_name})) or None
    general = choose(ask.account, None, ask.now, organization=place.id)
    if isinstance(general, Decision) and not general.allowed:
        why = explain(
            str(general.code), general.detail, app_name=None, organization_name=place.name, language=ask.language
        )
        tiles = tuple(_closed_tile(ask, app, why, place.id) for app in ask.shown)
        return Shelf(place.id, place.slug, place.name, note, (), tiles, why, general.code, general.ask)
    rights = _rights(ask, place.id)
    opened, locked = [], []
    for app in ask.shown:
        decision = choose(ask.account, app, ask.now, organization=place.id)
        here = (place.id, app.id)
        if isinstance(decision, Choices) or decision.allowed:
            opened.append(
                Tile(
                    app.id, app.name, app.icon, start(ask.addresses.get(app.id), ask.issuer, place.slug), None, (),
                    came_from=app.id == ask.came_from, organization_id=place.id, organization=place.name,
                    pinned=here in ask.pinned,
                )
            )  # fmt: skip
        else:
            tile = _locked(ask, app, decision, place.id, place.name)
            locked.append(replace(tile, access=_access(decision, app) if "account:people.read" in rights else None))
    return Shelf(
        place.id,
        place.slug,
        place.name,
        note,
        tuple(sorted(opened, key=lambda tile: (not tile.came_from, not tile.pinned))),
        tuple(sorted(locked, key=lambda tile: not tile.came_from)),
        administration=f"/org/{place.slug}/" if rights else None,
        handles_requests="account:requests.manage" in rights,
        handles_guests="account:companies.manage" in rights,
    )


def _nowhere(ask: _Ask) -> Shelf:
    """Why nothing is open, where no organization may be told of."""
    general = choose(ask.account, None, ask.now)
    assert isinstance(general, Decision)  # what several members allow, at least one organization is told of
    why = explain(str(general.code), general.detail, app_name=None, organization_name=None, language=ask.language)
    tiles = tuple(_closed_tile(ask, app, why, None) for app in ask.shown)
    return Shelf("", "", "", None, (), tiles, why, general.code, general.ask)


def _front(
    shelves: Sequence[Shelf], came_from: str | None, pinned: Sequence[Where], recent: Sequence[Where]
) -> tuple[Tile, ...]:
    """What is at hand, for those who have several organizations: where the person came from, what is pinned, what was
    opened lately. On a single shelf it stands in front anyway, and twice the same icon helps nobody."""
    if len(shelves) < 2:
        return ()
    tiles = {(shelf.id, tile.app_id): tile for shelf in shelves for tile in shelf.open}
    lately = [where for where in recent if where in tiles]
    first = [where for where in (*lately, *tiles) if where[1] == came_from][:1]
    others = [where for where in lately if where not in pinned and where not in first][:MOST_RECENT]
    at_hand = dict.fromkeys((*first, *(where for where in pinned if where in tiles), *others))
    return tuple(replace(tiles[where], came_from=where in first) for where in at_hand)


def _narrowed(shelf: Shelf, words: Sequence[str]) -> Shelf | None:
    """The shelf with what every word is found in; None when nothing is left."""

    def fits(tile: Tile) -> bool:
        said = fold(tile.name, shelf.name, shelf.note)
        return all(word in said for word in words)

    kept = replace(shelf, open=tuple(filter(fits, shelf.open)), locked=tuple(filter(fits, shelf.locked)))
    return kept if kept.open or kept.locked else None


def _rights(ask: _Ask, organization: str) -> frozenset[str]:
    """The privileges of administration that the person holds in this organization."""
    provider = next((app for app in ask.apps if app.id == "account"), None)
    if provider is None:
        return frozenset()
    decision = choose(ask.account, provider, ask.now, organization=organization)
    held = decision.privileges if isinstance(decision, Decision) else ()
    return frozenset(held) - {provider.access}


def _access(decision: Decision, app: App) -> str | None:
    """The page of the administration that shows what would open the app to this member."""
    if decision.member is None or decision.judged is None:
        return None
    return f"/org/{decision.member.organization.slug}/access/people/{decision.judged.id}/{app.id}"


def _request(ask: _Ask, app: App, organization: str | None) -> tuple[str | None, bool]:
    """Where the person asks for this app, and whether it has asked already."""
    decision = choose(ask.account, app, ask.now, organization=organization)
    if isinstance(decision, Choices) or decision.judged is None or decision.code in NOBODY_TO_ASK:
        return None, False
    if request_id := ask.waiting.get((decision.judged.id, app.id)):
        return f"/access/request/{request_id}", True
    values = {"app": app.id} | ({"organization": decision.member.organization.slug} if decision.member else {})
    return f"/access/request?{urlencode(values)}", False


def _platform(ask: _Ask) -> str | None:
    """Whoever holds a privilege of reach `platform`, of any app, has something to administer at /admin."""
    held = any(
        app.privileges[name].reach == "platform"
        for member in candidates(ask.account)
        if member.organization.kind == "self"
        for app in ask.apps
        for name in entitlement(ask.account, member, app, ask.now).privileges
    )
    return "/admin/" if held else None


def _locked(ask: _Ask, app: App, decision: Decision, organization_id: str, name: str) -> Tile:
    why = explain(str(decision.code), decision.detail, app_name=app.name, organization_name=name, language=ask.language)
    request, asked = _request(ask, app, organization_id)
    return Tile(
        app.id, app.name, app.icon, None, why, decision.ask, app.id == ask.came_from, request, asked,
        organization_id=organization_id, organization=name,
    )  # fmt: skip


def _closed_tile(ask: _Ask, app: App, why: Explanation, organization_id: str | None) -> Tile:
    request, asked = _request(ask, app, organization_id)
    return Tile(
        app.id, app.name, app.icon, None, why, (), request=request, asked=asked, organization_id=organization_id
    )


def start(address: str | None, issuer: str, organization: str | None) -> str | None:
    """Third-party-initiated login (OpenID Connect Core §4): the app is told who we are, never who the person is."""
    if not address:
        return None
    values = {"iss": issuer} | ({"organization": organization} if organization else {})
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(values)}"
