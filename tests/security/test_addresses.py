"""Addresses that look alike, or that one fold makes alike, are not one mailbox (security P35)."""

from __future__ import annotations

from typing import Any

import pytest

from idp.accounts import addresses
from idp.accounts import events as people
from idp.kernel.database import db, unit_of_work
from idp.organizations import service
from idp.organizations.models import Member
from tests.accounts.steps import PERSON, last, link_of, listen, sign_up
from tests.support.databases import one_database
from tests.support.forms import log_in, submit, text_of

TWINS = (
    ("ceo@strasse.example", "ceo@straße.example"),
    ("ceo@σigma.example", "ceo@ςigma.example"),
    ("strasse@work.example", "straße@work.example"),
    ("firma@work.example", "ﬁrma@work.example"),
    ("sam@work.example", "ſam@work.example"),
)
"""Two mailboxes each: other domains are other people's, and a server need not fold what is before the sign."""


@pytest.mark.parametrize(("theirs", "mine"), TWINS)
def test_p35_other_mailboxes_are_other_addresses(theirs: str, mine: str) -> None:
    assert addresses.parse(theirs).normalized != addresses.parse(mine).normalized


def test_p35_letters_of_either_size_are_one_address() -> None:
    for typed in ("Åse@Blåbær.Example", "ÅSE@BLÅBÆR.EXAMPLE", "åse@xn--blbr-roah.example"):
        assert addresses.parse(typed).normalized == "åse@blåbær.example"
    once = addresses.parse("STRAẞE@Straße.example").normalized
    assert once == addresses.parse(once).normalized == "straße@straße.example"


@one_database
def test_p35_a_domain_that_folds_to_another_gives_nothing_of_it(app: Any, client: Any, world: Any) -> None:
    """Whoever owns straße.example proves a mailbox there: what waits for strasse.example is not theirs."""
    place = world.organization(name="Nordic Lift AS")
    with app.app_context(), unit_of_work():
        user = service.add_member(place, email="ceo@strasse.example", given_name="Ada", status="active").id
        contact = service.add_member(place, email="cfo@strasse.example", given_name="Bo").id
        service.invite(contact)
    heard = listen(app)
    for address in ("ceo@straße.example", "cfo@straße.example"):
        sign_up(client, address)
        link = link_of(app, last(heard, people.ActivationRequested).proof_id)
        assert submit(client, client.get(link, follow_redirects=True), "given_name", **PERSON).status_code == 303
    with app.app_context():
        assert [db.session.get_one(Member, one).account_id for one in (user, contact)] == [None, None]
    log_in(client, "cfo@straße.example", PERSON["password"])
    assert "Nordic Lift" not in text_of(client.get("/account/organizations").get_data(as_text=True))
