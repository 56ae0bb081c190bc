"""Onix Express between a supplier and its customers: who asks for access, and the ladders of reminders and warnings.

Owns: requests for access (`requests.py`) and which mail of a ladder said what (`ladders.py`, decided by `policy.py`).
Does not own: companies, guests, their places and invitations (organizations), how a mail leaves (outbox).
Start reading: `policy.py`, then `ladders.py`; `requests.py` with the public form in `views.py`.
"""

from __future__ import annotations

from flask import Flask

from idp.kernel.events import Bus


def init_app(app: Flask) -> None:
    """Put the public form of each supplier at `/express/<slug>/request`."""
    from idp.kernel.exports import declare

    from .exports import PARTS
    from .views import blueprint

    app.register_blueprint(blueprint)
    declare(app, *PARTS)


def subscribe(bus: Bus) -> None:
    """What a person typed goes when the account is erased."""
    from idp.accounts.events import AccountDeleted

    from .requests import on_account_deleted

    bus.subscribe(AccountDeleted, on_account_deleted)
