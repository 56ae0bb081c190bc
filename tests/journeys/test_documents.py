"""A customer's documents, read by the guest of two suppliers; and five people invited from an order in Onix Work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.express.paper import Page, pdf
from tests.support.browsers import axe_everywhere
from tests.support.demo import Demo
from tests.support.people import Person

OWN = "a-passphrase-of-my-own-42"
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def clean(person: Person) -> None:
    assert axe_everywhere(person.page) == []


def choose(person: Person, organization: str) -> None:
    """The provider's picker: which organization it is about."""
    person.presses(person.page.locator("main form[action$='/organization'] button", has_text=organization))
    person.page.wait_for_url(f"{person.demo.apps['express']}/**")


def test_the_guest_of_two_suppliers(demo: Demo, someone: Callable[..., Person]) -> None:
    """Reads, looks, downloads, switches; what belongs to the other supplier is not there meanwhile."""
    base = demo.apps["express"]
    person = someone()
    page = person.page
    person.goes_to(f"{base}/login?organization=fjord-inspection")  # the button on the supplier's own website
    person.signs_in("guest@demo.example")
    page.wait_for_url(f"{base}/")
    assert person.headline() == "Documents for Havgap Rederi AS" and "From Fjord Inspection AS" in person.reads()
    clean(person)
    person.presses(page.get_by_role("link", name=re.compile("Certificate: Overhead crane")))
    first = page.url
    frame = page.locator(".preview iframe")
    assert page.request.get(f"{base}{frame.get_attribute('src')}").headers["content-type"] == "application/pdf"
    assert frame.evaluate("frame => frame.contentWindow !== null")
    clean(person)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")
    person.clicks("Back to the documents")
    page.locator("#q").fill("hoist")
    page.locator("#kind").select_option("picture")
    person.clicks("Search")
    assert page.locator("#documents tbody tr").count() == 1
    person.presses(page.locator("#documents tbody a"))
    assert page.locator(".preview img").evaluate("image => image.complete && image.naturalWidth") > 100

    person.goes_to(base)
    person.clicks("Another supplier")
    choose(person, "Vest Kontroll AS")
    assert "From Vest Kontroll AS" in person.reads()
    mine = page.locator("#documents tbody a").first.get_attribute("href")
    person.goes_to(first)
    assert person.headline() == "This page does not exist", "delivered by the other supplier"
    person.goes_to(base)
    person.presses(page.locator("nav.switch a", has_text="Fjord Inspection AS"))
    page.wait_for_url(f"{base}/")
    assert "From Fjord Inspection AS" in person.reads()
    person.goes_to(f"{base}{mine}")
    assert person.headline() == "This page does not exist"

    person.goes_to(f"{base}/log")
    assert person.reads().count("Certificate: Overhead crane") == 2, "opened, and downloaded"
    clean(person)
    supplier = someone("nb")
    supplier.opens("express", "inspector@demo.example")
    supplier.goes_to(f"{base}/log")
    assert "Liv Havn" in supplier.reads() and "Lastet ned" in supplier.reads()
    clean(supplier)
    supplier.goes_to(f"{base}/button?organization=fjord-inspection")
    clean(supplier)
    supplier.is_content()


def test_from_an_order_to_five_invited_people(demo: Demo, someone: Callable[..., Person], tmp_path: Path) -> None:
    """The notice, the window, five mails; an inspection; and one of the five reads what was delivered."""
    work, express = demo.apps["work"], demo.apps["express"]
    person = someone()
    page = person.page
    person.opens("work", "inspector@demo.example")
    clean(person)
    person.clicks("Order 2002")
    person.clicks("Process the order")
    assert page.locator("#offer").count() == 1
    assert "Bølgen Entreprenør AS is not an Onix Work customer" in person.reads()
    clean(person)
    person.presses(page.locator("#yes"))
    assert page.locator("#counter").inner_text() == "25 of 25 left"
    addresses = [f"person{number}@bolgen.example" for number in range(5)]
    for number, address in enumerate(addresses):
        page.locator(f"#name-{number}").fill(f"Person Nummer{number}")
        page.locator(f"#email-{number}").fill(address if number else "nonsense")
    assert page.locator("#counter").inner_text() == "20 of 25 left"
    page.locator("#more-rows").click()
    assert page.locator("#email-5").count() == 1 and page.locator(":focus").get_attribute("id") == "name-5"
    clean(person)
    person.clicks("Invite all")
    assert "Invited to Onix Express: 4" in person.reads()
    assert page.locator("#email-0").input_value() == "nonsense"
    clean(person)
    page.locator("#email-0").fill(addresses[0])
    person.clicks("Invite all")
    assert page.url.startswith(f"{work}/orders/") and "Invited to Onix Express: 1" in person.reads()
    assert "Invitations that are open: 5" in person.reads()
    letters = [demo.letter(address) for address in addresses]
    assert all("Bølgen Entreprenør AS" in letter["text"] and "Sigrid Vågen" in letter["text"] for letter in letters)

    report = tmp_path / "report.pdf"
    report.write_bytes(pdf([Page()], "Load test"))
    person.clicks("Inspections")
    for name, value in (("number", "I-77"), ("customer", "Bølgen Entreprenør AS"), ("equipment", "Lifting beam 5 t")):
        page.locator(f"#{name}").fill(value)
    page.locator("#customer_number").fill("956 789 012")
    page.locator("#file").set_input_files(report)
    clean(person)
    person.clicks("Upload")
    assert "The inspection is uploaded." in person.reads() and page.locator("#yes").count() == 1
    clean(person)
    person.goes_to(f"{demo.base}/api")
    clean(person)
    person.is_content()

    invited = someone()
    invited.goes_to(demo.link(letters[3]))
    invited.page.locator("#password").fill(OWN)
    invited.clicks("Accept the invitation")
    invited.clicks("Open Onix Express")
    invited.signs_in(addresses[3], OWN)
    invited.page.wait_for_url(f"{express}/")
    assert invited.headline() == "Documents for Bølgen Entreprenør AS"
    assert "I-77" in invited.reads()
    person.goes_to(work)
    person.clicks("Order 2002")
    assert page.locator("#offer").count() == 0, "somebody reads now"
    assert "Users: 1. Open invitations: 4. 20 of 25 left." in person.reads()
