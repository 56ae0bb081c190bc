"""A process of its own that does one thing to many members at once: `python -m tests.cluster.at_once assign LICENSE
MEMBER...` or `invite MEMBER...`.

Prints one word for each member: `held` or `invited`, or the code of the refusal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from tests.support.races import outcomes_at_once


def assign(license_id: str, *member_ids: str) -> None:
    """Give each of them a seat."""
    from idp.organizations.service import assign_seat

    _at_once("held", lambda member_id: assign_seat(license_id, member_id), member_ids)


def invite(*member_ids: str) -> None:
    """Invite each of them to Onix Express."""
    from idp.organizations.service import invite_guest

    _at_once("invited", invite_guest, member_ids)


def _at_once(done: str, verb: Callable[[str], object], member_ids: tuple[str, ...]) -> None:
    from idp import create_app

    words = outcomes_at_once(create_app(), [partial(verb, member_id) for member_id in member_ids])
    print("\n".join(done if word == "done" else word for word in words))


if __name__ == "__main__":
    {"assign": assign, "invite": invite}[sys.argv[1]](*sys.argv[2:])
