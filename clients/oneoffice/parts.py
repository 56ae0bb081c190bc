"""What opens what: the parts of OneOffice and their pages, by privileges and never by the name of a role.

oneoffice:site.*    ─▶ the site     ─┐
                                     ├─▶ both together: the full site, in one navigation
oneoffice:legacy.*  ─▶ the legacy site ─┘
oneoffice:bids.*    ─▶ bids, for bidders
oneoffice:admin.*   ─▶ the Administration options
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

SITE, LEGACY, BIDS, ADMIN = "site", "legacy", "bids", "admin"


@dataclass(frozen=True)
class Page:
    """One entry of the navigation. `part` is the middle of the privileges `oneoffice:<part>.read` and `.write`."""

    part: str
    endpoint: str
    label: str
    about: str


@dataclass(frozen=True)
class Entry:
    """A page as it stands open to somebody: it acts, or is only looked at."""

    page: Page
    acts: bool


PAGES = (
    Page(SITE, "oneoffice.site.projects", "Projects", "What is planned, what is under way, and what is done."),
    Page(SITE, "oneoffice.site.documents", "Documents", "The documents of each project, from draft to published."),
    Page(LEGACY, "oneoffice.legacy.archive", "Archive", "The paper folders, and who has taken one out."),
    Page(LEGACY, "oneoffice.legacy.forms", "Forms", "Travel claims, purchases and leave, handed in and handled."),
    Page(BIDS, "oneoffice.bids.calls", "Bids", "The calls that are open, and what you have bid."),
    Page(ADMIN, "oneoffice.administration", "Administration", "Users, organizations, roles and licenses."),
)


def read(part: str) -> str:
    """The privilege to look at a part."""
    return f"oneoffice:{part}.read"


def write(part: str) -> str:
    """The privilege to act in it."""
    return f"oneoffice:{part}.write"


def open_pages(may: Callable[[str], bool]) -> tuple[Entry, ...]:
    """The navigation of somebody who holds the privileges for which `may` is true; what is not open is not in it."""
    return tuple(Entry(page, may(write(page.part))) for page in PAGES if may(read(page.part)) or may(write(page.part)))


def extent(entries: Iterable[Entry]) -> str:
    """How much of OneOffice this is, in words: the full site needs both halves."""
    held = {entry.page.part for entry in entries}
    if {SITE, LEGACY} <= held:
        return "The full site"
    said = {SITE: "The site", LEGACY: "The legacy site", BIDS: "Bids", ADMIN: "Administration"}
    return next((words for part, words in said.items() if part in held), "None")
