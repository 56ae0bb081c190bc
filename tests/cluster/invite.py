"""A process of its own that invites: `python -m tests.cluster.invite MEMBER...`, all members at once.

Prints one word for each member: `invited`, or the code of the refusal.
"""

from __future__ import annotations

import sys
import threading


def main(member_ids: list[str]) -> None:
    from idp import create_app
    from idp.kernel.database import unit_of_work
    from idp.kernel.refusal import Refusal
    from idp.organizations.service import invite_guest

    app = create_app()
    gate = threading.Barrier(len(member_ids))
    words: list[str] = []

    def invite(member_id: str) -> None:
        gate.wait(120)
        with app.app_context():
            try:
                with unit_of_work():
                    invite_guest(member_id)
                words.append("invited")
            except Refusal as refusal:
                words.append(refusal.code)
            except Exception as error:  # whatever else goes wrong is told, so that the test shows it
                words.append(repr(error))

    threads = [threading.Thread(target=invite, args=(member_id,)) for member_id in member_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    print("\n".join(words))


if __name__ == "__main__":
    main(sys.argv[1:])
