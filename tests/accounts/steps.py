"""What the tests of people do again and again."""

from __future__ import annotations

from typing import Any

from idp.accounts import service
from idp.accounts.models import MailboxProof
from idp.kernel.database import db
from idp.kernel.events import Event
from tests.support.forms import submit

GOOD = "seven herons cross the harbour"
PERSON = {"given_name": "Kari", "family_name": "Nordmann", "password": GOOD, "language": "en"}


def listen(app: Any) -> list[Any]:
    """Every event from now on."""
    heard: list[Any] = []
    app.extensions["onix_events"].subscribe(Event, heard.append)
    return heard


def last(heard: list[Any], kind: type) -> Any:
    """The newest event of a kind."""
    return next(event for event in reversed(heard) if isinstance(event, kind))


def link_of(app: Any, proof_id: str) -> str:
    """The path that the mail of this proof links to."""
    with app.app_context():
        return service.link_for(db.session.get_one(MailboxProof, proof_id))


def link_text(link: str) -> str:
    """The signed part of a link's path."""
    return link.rpartition("/")[2]


def sign_up(client: Any, address: str, **values: str) -> Any:
    """The form, and the page that it leads to."""
    return arrived(client, submit(client, client.get("/signup"), "address", address=address, **values))


def arrived(client: Any, answer: Any) -> Any:
    """Where a form that was taken leads to; a refusal stays where it is."""
    return client.get(answer.headers["Location"]) if answer.status_code == 303 else answer
