"""A face that has sections beside its pages (`layout/sections.html`): its table of contents, declared as data.

A face lists its sections in the order of the menu; `frame` gives the layout what it draws. Which privileges open a
section is the face's to say and its guard's to enforce: here they only decide what the menu shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

NOTHING_WAITS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a face: its path below the face's own, its name, and what is there in a sentence (None: no word).

    `privileges`: one of them opens it; empty, it is open to everybody who is there.
    """

    path: str
    title: Any
    text: Any = None
    privileges: frozenset[str] = frozenset()


def open_to(sections: Iterable[Section], held: Collection[str]) -> tuple[Section, ...]:
    """The sections that these privileges open."""
    return tuple(one for one in sections if not one.privileges or not one.privileges.isdisjoint(held))


def frame(
    sections: Iterable[Section], root: str, path: str, waiting: Mapping[str, int] = NOTHING_WAITS
) -> dict[str, Any]:
    """What the layout wants: the menu of a face that begins at `root`, on the page `path`.

    `waiting`: by path of a section how many things wait there for somebody.
    """
    return {
        "sections": [(f"{root}{one.path}", one.title, waiting.get(one.path, 0)) for one in sections],
        "current_section": f"{root}{path.removeprefix(root).partition('/')[0]}",
    }
