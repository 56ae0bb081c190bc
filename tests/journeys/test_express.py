"""*Customer access*, step by step: a supplier invites, a customer comes in, a stranger asks and is let in."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support.browsers import axe_everywhere
from tests.support.demo import Demo
from tests.support.people import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "seven yellow cranes by the fjord"
HERE = "/org/fjord-inspection"


def test_a_customer_is_invited_and_a_stranger_is_let_in(demo: Demo, someone: Callable[..., Person]) -> None:
    mark = uuid4().hex[:8]
    name, domain, unknown = f"Strandvik {mark}", f"{mark}.example", f"Maskinhuset {uuid4().hex[:12]}"
    solveig, found = someone(), []
    page = solveig.page

    def looks() -> None:
        found.extend(axe_everywhere(page))

    solveig.goes_to(f"{demo.base}/login")
    solveig.signs_in("supplier@demo.example")
    solveig.goes_to(f"{demo.base}{HERE}/companies")
    looks()
    solveig.clicks("Add a company")
    page.get_by_label("Name", exact=True).fill(name)
    looks()
    solveig.clicks("Save")
    assert "25 of 25 left" in solveig.reads()

    # New, and Invite as User
    solveig.clicks("New")
    looks()
    page.get_by_label("E-mail").fill(f"liv@{domain}")
    solveig.clicks("Save")
    assert "Fill in this field." in solveig.reads()
    looks()
    page.get_by_label("Name", exact=True).fill("Liv Strand")
    solveig.clicks("Save")
    solveig.presses(page.get_by_role("button", name="Invite as User"))
    assert "An invitation was sent to Liv Strand." in page.inner_text("body")
    assert "24 of 25 left" in solveig.reads()
    looks()

    # Add Multiple Users: typed, pasted, one of them wrong
    solveig.clicks("Add Multiple Users")
    counter = page.locator("[data-left-words]")
    page.locator("#name-1").fill("Odd Moe")
    page.locator("#email-1").fill(f"odd@{domain}")
    assert counter.inner_text() == "23 of 25 left"
    page.locator("#email-3").fill("nobody")
    assert page.locator("[data-line]").count() == 4, "a new row when the last one is filled"
    assert counter.inner_text() == "22 of 25 left"
    page.get_by_text("Paste a list, or upload a CSV file").click()
    page.get_by_label("Paste names and e-mails").fill(f"Moe, Jorunn <jorunn@{domain}>; Per Lie <per@{domain}>\n")
    looks()
    solveig.clicks("OK")
    assert "3 people were invited." in solveig.reads()
    assert page.locator("[aria-invalid=true]").count() == 1 and page.locator("#email-1").input_value() == "nobody"
    assert "21 of 25 left" in solveig.reads()
    looks()
    assert all(demo.letter(f"{who}@{domain}") for who in ("odd", "jorunn", "per"))

    # The mail says who invited and to which company; the link creates the password
    letter = demo.letter(f"liv@{domain}")
    assert "Solveig Fjeld of Fjord Inspection AS" in letter["text"] and name in letter["text"]
    liv = someone()
    liv.goes_to(demo.link(letter))
    assert f"You will read what was supplied to {name}." in liv.reads()
    liv.page.locator("#password").fill(PASSWORD)
    found.extend(axe_everywhere(liv.page))
    liv.clicks("Accept the invitation")
    assert "You have access" in liv.headline() and "/invitation/accepted/fjord-inspection" in liv.page.url
    found.extend(axe_everywhere(liv.page))
    assert liv.page.get_by_role("link", name="Open Onix Express").get_attribute("href") == (
        "/open/express?organization=fjord-inspection"
    )
    liv.goes_to(f"{demo.base}/login")
    liv.signs_in(f"liv@{domain}", PASSWORD)
    assert "Onix Express" in liv.page.locator(".shelf").first.inner_text()
    liv.goes_to(demo.link(letter))
    assert "accepted already" in liv.headline()
    solveig.goes_to(f"{demo.base}{HERE}/companies?q={mark}")
    solveig.clicks(name)
    solveig.clicks("Users")
    assert "Liv Strand" in solveig.reads() and "1 user, 3 open invitations" in solveig.reads()
    looks()
    for tab in ("Details",):
        solveig.clicks(tab)
        looks()

    # A stranger asks, confirms by mail, and waits at the top of the administrator's home page
    stranger = someone("nb")
    stranger.goes_to(f"{demo.base}/express/fjord-inspection/request")
    found.extend(axe_everywhere(stranger.page))
    for label, value in (
        ("Fornavn", "Trond"), ("Etternavn", "Vik"), ("Jobb-e-post", f"trond@{domain}"), ("Firma", unknown),
    ):  # fmt: skip
        stranger.page.get_by_label(label, exact=True).fill(value)
    stranger.clicks("Be om tilgang")
    found.extend(axe_everywhere(stranger.page))
    stranger.goes_to(demo.link(demo.letter(f"trond@{domain}")))
    found.extend(axe_everywhere(stranger.page))
    stranger.clicks("Ja, send den")
    assert "på vei" in stranger.headline()
    solveig.goes_to(f"{demo.base}/")
    solveig.presses(page.locator("a.waits[href$='companies/requests']"))
    looks()
    solveig.presses(page.get_by_role("link", name="Trond Vik").last)
    assert "Request date" in solveig.reads() and unknown in solveig.reads()
    looks()
    if not page.get_by_role("button", name="Create").is_visible():
        page.get_by_text("It is a new company: create it").click()
    solveig.clicks("Create")
    assert page.get_by_label(unknown).is_checked()
    looks()
    solveig.clicks("Approve")
    assert "An invitation was sent to Trond Vik." in page.inner_text("body")
    assert unknown in demo.letter(f"trond@{domain}", "Fjord Inspection AS inviterer deg til Onix Express")["text"]
    solveig.goes_to(f"{demo.base}{HERE}/companies/due")
    assert "Randi Sund" in solveig.reads()
    looks()
    solveig.clicks("Invitations")
    assert "Trond Vik" in solveig.reads()
    assert found == []
    for person in (solveig, liv, stranger):
        person.is_content()
