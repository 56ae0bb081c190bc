"""The help page *User Account(s)* of OneOffice, walked in its own steps: add, save another, edit, disable, delete."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support.browsers import axe_everywhere
from tests.support.demo import Demo
from tests.support.people import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST = "seven yellow cranes by the fjord"


def _administrator(someone: Callable[..., Person], demo: Demo, language: str = "en") -> Person:
    person = someone(language)
    person.goes_to(f"{demo.base}/login")
    person.signs_in("root@demo.example")
    person.page.wait_for_url(f"{demo.base}/")
    return person


def _user_table(person: Person) -> None:
    """While in Administration select Records; click on Zone and select Core; when prompted, select User."""
    person.clicks("Records")
    person.page.get_by_label("Zone").select_option(label="Core")
    person.clicks("Continue")
    person.page.get_by_label("Table").select_option(label="User")
    person.clicks("Show")


def _types(person: Person, first: str, last: str, address: str) -> None:
    person.page.get_by_label("First name").fill(first)
    person.page.get_by_label("Last name").fill(last)
    person.page.get_by_label("E-mail").fill(address)


def _search(person: Person, address: str) -> None:
    person.page.get_by_label("Search by name or e-mail").fill(address)
    person.clicks("Search")
    assert "1 record" in person.reads()


def test_user_accounts(demo: Demo, someone: Callable[..., Person]) -> None:
    mark = uuid4().hex[:8]
    one, two = f"kare-{mark}@works.example", f"ada-{mark}@works.example"
    admin = _administrator(someone, demo)
    page = admin.page
    admin.clicks("Administer the platform")
    _user_table(admin)
    admin.clicks("Add")

    # The ConneX organization is refused for an employee, with the reason; nothing that was typed is lost.
    _types(admin, "Kåre", "Ås", one)
    for role in ("OneOffice", "OneOffice-legacy", "Admin"):
        page.get_by_label(role, exact=True).check()
    page.get_by_label("Organization").select_option(label="ConneX")
    admin.clicks("Save")
    assert "ConneX belongs to an outside directory: employees can't be added to it." in admin.reads()
    assert axe_everywhere(page) == []
    assert page.get_by_label("Admin", exact=True).is_checked() and page.get_by_label("E-mail").input_value() == one
    page.get_by_label("Organization").select_option(label="client/self")

    # Save and Add Another keeps organization and roles; the next name can be typed at once.
    admin.clicks("Save and Add Another")
    assert "Kåre Ås was added. To complete the account, a license is required." in admin.reads()
    assert page.evaluate("document.activeElement.id") == "given_name"
    assert page.get_by_label("Organization").locator("option:checked").inner_text() == "client/self"
    assert (
        page.get_by_label("OneOffice", exact=True).is_checked() and page.get_by_label("Admin", exact=True).is_checked()
    )
    assert page.get_by_label("E-mail").input_value() == ""

    # Optionally set the default password; Save; the license completes the account.
    _types(admin, "Ada", "Berge", two)
    page.get_by_label("Admin", exact=True).uncheck()
    page.locator("#password").fill(FIRST)
    admin.clicks("Save")
    assert admin.headline() == "Ada Berge"
    assert "To complete the account, a license is required." in admin.reads()
    assert axe_everywhere(page) == []
    admin.clicks("Assign a license")
    assert axe_everywhere(page) == []
    admin.clicks("Assign")
    assert "The license is assigned: the account is complete." in admin.reads()

    # The new employee clicks on "forgot password" to set the password on the first login.
    employee = someone()
    letter = demo.letter(one)
    assert "Onix Works AS" in letter["subject"]
    employee.goes_to(demo.link(letter))
    employee.page.locator("#address").fill(one)
    employee.presses(employee.page.locator("main form button[type=submit]").first)
    employee.goes_to(demo.link(demo.letter(one, "Choose a new password for Onix Work")))
    employee.page.locator("#password").fill("nine green boats in the harbour")
    employee.presses(employee.page.locator("main form button[type=submit]").first)
    employee.goes_to(f"{demo.base}/login")
    employee.signs_in(one, "nine green boats in the harbour")
    employee.page.wait_for_url(f"{demo.base}/")
    assert "Onix Works AS" in employee.reads()

    # The first password leads to the mailbox before anything else.
    other = someone()
    other.goes_to(f"{demo.base}/login")
    other.signs_in(two, FIRST)
    assert "/login/required" in other.page.url
    assert FIRST not in demo.letter(two)["text"]

    # Edit.
    _user_table(admin)
    _search(admin, one)
    admin.presses(page.locator("tbody a").first)
    page.get_by_label("Last name").fill("Åsen")
    page.get_by_label("Admin", exact=True).uncheck()
    admin.clicks("Save")
    assert "Saved." in admin.reads() and page.get_by_label("Last name").input_value() == "Åsen"
    assert not page.get_by_label("Admin", exact=True).is_checked()

    # Disable User: everything the person had open is closed.
    admin.clicks("Disable User")
    employee.goes_to(demo.base)
    employee.signs_in(one, "nine green boats in the harbour")
    assert "This account is disabled" in employee.reads()

    # Delete, after typing the address.
    admin.clicks("Delete")
    assert "This goes with it:" in admin.reads()
    assert axe_everywhere(page) == []
    page.get_by_label("Type the e-mail address of the user").fill("somebody@works.example")
    admin.clicks("Delete")
    assert "This is not what has to be typed." in admin.reads()
    page.get_by_label("Type the e-mail address of the user").fill(one)
    admin.clicks("Delete")
    assert "The user is deleted." in admin.reads()
    page.get_by_label("Search by name or e-mail").fill(one)
    admin.clicks("Search")
    assert "Nothing was found." in admin.reads()
    employee.goes_to(f"{demo.base}/login")
    employee.signs_in(one, "nine green boats in the harbour")
    assert "Wrong e-mail or password." in employee.reads()
    admin.is_content()
    employee.is_content()


PAGES = {
    "en": (
        "/admin/", "/admin/records/core/user", "/admin/records/core/seat/add", "/admin/records/protocol/signing-key",
        "/admin/records/protocol/client/onix-tag/disable", "/admin/organizations",
    ),
    "nb": (
        "/admin/records", "/admin/records/core/role/add", "/admin/records/core/license", "/admin/records/audit/audit",
        "/admin/records/delivery/outbox", "/admin/organizations/add",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", PAGES)
def test_pages_of_the_administration(language: str, demo: Demo, someone: Callable[..., Person]) -> None:
    admin = _administrator(someone, demo, language)
    for path in PAGES[language]:
        admin.goes_to(demo.base + path)
        assert axe_everywhere(admin.page) == [], path
        assert admin.page.locator("html").get_attribute("lang") == language
    admin.goes_to(f"{demo.base}/admin/organizations?q=nordic-lift")
    admin.presses(admin.page.locator("tbody a").first)
    assert axe_everywhere(admin.page) == []
    admin.is_content()


def test_oneoffice_s_admin_role_opens_the_zone_core(demo: Demo, someone: Callable[..., Person]) -> None:
    """An employee without it finds nothing there."""
    person = someone()
    person.goes_to(f"{demo.base}/login")
    person.signs_in("employee@demo.example")
    person.page.wait_for_url(f"{demo.base}/")
    assert person.page.get_by_role("link", name="Administer the platform").count() == 0
    person.goes_to(f"{demo.base}/admin/records")
    assert person.page.locator("main h1").count() == 1 and "Zone" not in person.reads()
