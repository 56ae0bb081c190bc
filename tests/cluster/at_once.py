"""A process of its own that does one thing to many members at once: `python -m tests.cluster.at_once assign LICENSE
MEMBER...` or `invite MEMBER...`.

Prints one word for each member: `held` or `invited`, or the code of the refusal.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable


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
    from idp.kernel.database import unit_of_work
    from idp.kernel.refusal import Refusal

    app = create_app()
    gate = threading.Barrier(len(member_ids))
    words: list[str] = []

    def act(member_id: str) -> None:
        gate.wait(120)
        with app.app_context():
            try:
                with unit_of_work():
                    verb(member_id)
                words.append(done)
            except Refusal as refusal:
                words.append(refusal.code)
            except Exception as error:  # whatever else goes wrong is told, so that the test shows it
                words.append(repr(error))

    threads = [threading.Thread(target=act, args=(member_id,)) for member_id in member_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    print("\n".join(words))


if __name__ == "__main__":
    {"assign": assign, "invite": invite}[sys.argv[1]](*sys.argv[2:])
