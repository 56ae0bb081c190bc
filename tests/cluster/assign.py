"""A process of its own that assigns seats: `python -m tests.cluster.assign LICENSE MEMBER...`, all members at once.

Prints one word for each member: `held`, or the code of the refusal.
"""

from __future__ import annotations

import sys
import threading


def main(license_id: str, member_ids: list[str]) -> None:
    from idp import create_app
    from idp.kernel.database import unit_of_work
    from idp.kernel.refusal import Refusal
    from idp.organizations.service import assign_seat

    app = create_app()
    gate = threading.Barrier(len(member_ids))
    words: list[str] = []

    def assign(member_id: str) -> None:
        gate.wait(120)
        with app.app_context():
            try:
                with unit_of_work():
                    assign_seat(license_id, member_id)
                words.append("held")
            except Refusal as refusal:
                words.append(refusal.code)
            except Exception as error:  # whatever else goes wrong is told, so that the test shows it
                words.append(repr(error))

    threads = [threading.Thread(target=assign, args=(member_id,)) for member_id in member_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    print("\n".join(words))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
