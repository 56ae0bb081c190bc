"""Names that nobody could have known, made by the commands: the right code at each step, and what turns it round.

An organization, its administrator, a person, a role and licenses get random names. The person walks down the decision
table of DESIGN §3; at each step both tokens, the launcher and the page tell the same code, the organization's name and
whom to ask, and the next step is what the page said to do, done by the command an administrator would use.
"""

from __future__ import annotations

import random
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.acceptance.house import Guest
from tests.support.demo import Demo
from tests.support.forms import text_of
from tests.support.needs import wait_until

pytestmark = pytest.mark.slow

LETTERS = "abcdefghijklmnopqrstuvwxyzæøå"
APPS = {"tag": ("tag:standard", "tag:access"), "pickandpack": ("pickandpack:standard", "pickandpack:access")}
NOWHERE = {
    "en": "You don't have access to any organization",
    "nb": "Du har ikke tilgang til noen organisasjon",
}
NOT_HERE = {
    "en": "You don't have access to {} from this app.",
    "nb": "Du har ikke tilgang til {} fra denne appen.",
}


def word(length: int = 9) -> str:
    return "".join(random.choices(LETTERS, k=length)).capitalize()


class Town:
    """What one run of the test made up."""

    def __init__(self, run: Callable[..., Any], guest_of: Callable[..., Guest], language: str) -> None:
        self.run, self.language = run, language
        ascii_word = "".join(random.choices(string.ascii_lowercase, k=10))
        self.slug, self.name = ascii_word, f"{word()} & {word(5)} “{word(4)}” AS"
        self.role, self.password = word(), secrets.token_urlsafe(18)
        self.address = f"{ascii_word}@{ascii_word}.example"
        self.administrator = (word(6), word(8))
        run("org", "create", self.slug, self.name)
        admin = f"boss@{ascii_word}.example"
        self.user(admin, *self.administrator)
        run("org", "add-member", self.slug, "--email", admin, "--status", "active", "--role", "Administrator")
        self.user(self.address, word(6), word(8))
        self.guest = guest_of(self.address, self.password)
        self.guest.visitor.http.headers["Accept-Language"] = language

    def user(self, address: str, given: str, family: str) -> None:
        self.run(
            "user", "create", address, "--given-name", given, "--family-name", family, "--verified",
            "--locale", self.language, "--password-stdin", "--keep-password", stdin=self.password + "\n",
        )  # fmt: skip


@dataclass(frozen=True)
class Met:
    """What the person met: the page's text, and the claims of the access token behind it."""

    text: str
    claims: dict[str, Any]


def signed_in(guest: Guest, base: str) -> tuple[requests.Response, dict[str, Any]]:
    """Signs in (again) at the app: the page, and what `/me.json` tells beside it.

    The logout token of the step before may come after this sign-in, at any moment: the page is then looked at again.
    """
    page = guest.open(base)
    for _ in range(5):
        me = guest.me(base)
        if me.status_code == 200:
            return page, me.json()
        assert me.status_code == 401, me.text
        page = guest.look(base)
    raise AssertionError("signed out again and again")


def meets(town: Town, demo: Demo, app: str, code: str, *, named: bool, asked: bool) -> Met:
    """Signs in (again) at the app; asserts that everything tells this code, and gives what was met."""
    page, me = signed_in(town.guest, demo.apps[app])
    text = text_of(page.text)
    met = Met(text, me["claims"])
    for claims in (me["claims"], me["id_token_claims"]):
        told = claims["onix_access"]
        if code == "allow":
            assert told["decision"] == "allow" and claims["org_name"] == town.name, told
            continue
        assert (told["decision"], told["reason"]) == ("deny", code)
        assert told["ask"] == ([" ".join(town.administrator)] if asked else [])
        assert claims.get("org_name") == (town.name if named else None)
        assert told["reason_user"] in text and told["remedy_user"] in text
    if code == "allow":
        assert page.status_code == 200 and me["verdict"]["decision"] == "allow"
        assert town.name in text
        return met
    assert page.status_code == 403
    assert me["claims"]["roles"] == me["claims"]["entitlements"] == me["claims"]["privileges"] == []
    headline = NOT_HERE[town.language].format(town.name) if code in HERE else NOWHERE[town.language]
    assert me["verdict"]["headline"] == headline and headline in text
    assert (" ".join(town.administrator) in text) is asked
    launcher = text_of(town.guest.visitor.http.get(demo.base + "/", timeout=30).text)
    assert (me["verdict"]["cause"] in launcher) or code in ("organization_suspended",), launcher[:2000]
    assert (" ".join(town.administrator) in launcher) is asked
    return met


HERE = {"organization_suspended", "license_expired", "seat_limit_reached", "license_missing", "privilege_missing"}


@pytest.mark.parametrize(("app", "language"), [("tag", "en"), ("pickandpack", "nb")])
def test_each_code_in_turn_until_it_opens(
    app: str, language: str, demo: Demo, run: Callable[..., Any], guest_of: Callable[..., Guest]
) -> None:
    town = Town(run, guest_of, language)
    edition, access = APPS[app]
    slug, address = town.slug, town.address

    meets(town, demo, app, "no_organization", named=False, asked=False)

    # "ask your administrator for a user": recorded, as a contact
    run("org", "add-member", slug, "--email", address, "--given-name", "Typed", "--family-name", "Otherwise")
    meets(town, demo, app, "contact_only", named=False, asked=True)

    # an invitation, then its link in the mail
    run("org", "invite", slug, address)
    meets(town, demo, app, "invitation_pending", named=False, asked=True)
    mail = wait_until(lambda: demo.letters(address), what="the invitation")[-1]
    assert town.name in mail["text"]
    page = town.guest.visitor.http.get(demo.link(mail), timeout=30)
    assert town.name in text_of(page.text)
    accepted = town.guest.post_form(page, urlsplit(page.url).path)
    assert accepted.status_code == 200, accepted.text

    # "ask them to assign you a license"
    meets(town, demo, app, "license_missing", named=True, asked=True)
    ended = run("license", "sell", slug, edition, "--seats", "1", "--starts", "2020-01-01", "--json")["id"]
    run("license", "assign", ended, address)
    meets(town, demo, app, "privilege_missing", named=True, asked=True)
    run("license", "change", ended, "--ends", "2021-01-01")
    meets(town, demo, app, "license_expired", named=True, asked=True)
    run("license", "unassign", ended, address, "--yes")
    sold = run("license", "sell", slug, edition, "--seats", "1", "--json")["id"]
    run("license", "assign", sold, f"boss@{slug}.example")
    meets(town, demo, app, "seat_limit_reached", named=True, asked=True)
    run("license", "change", sold, "--seats", "2")
    run("license", "assign", sold, address)

    # "ask them to assign you a role", and one with the privilege
    without_role = meets(town, demo, app, "privilege_missing", named=True, asked=True).text
    run("role", "create", slug, town.role, "--privilege", access.replace(":access", _other(app)))
    run("role", "assign", slug, address, town.role)
    with_role = meets(town, demo, app, "privilege_missing", named=True, asked=True).text
    assert without_role != with_role, "no role at all and a role that lacks the privilege are told apart"
    run("role", "set", slug, town.role, "--privilege", access, "--privilege", access.replace(":access", _other(app)))
    claims = meets(town, demo, app, "allow", named=True, asked=True).claims
    assert claims["roles"] == [town.role] and claims["entitlements"] == [edition]
    assert claims["onix_access"]["license"]["id"] == sold
    assert claims["privileges"] == sorted([access, access.replace(":access", _other(app))])

    # the ways down again, and back
    run("org", "suspend", slug, "--yes")
    meets(town, demo, app, "organization_suspended", named=True, asked=True)
    run("org", "resume", slug)
    meets(town, demo, app, "allow", named=True, asked=True)
    run("org", "disable-member", slug, address, "--yes")
    meets(town, demo, app, "member_disabled", named=True, asked=True)
    run("org", "enable-member", slug, address)
    meets(town, demo, app, "allow", named=True, asked=True)
    run("org", "end-member", slug, address, "--yes")
    meets(town, demo, app, "membership_ended", named=True, asked=True)


def _other(app: str) -> str:
    return {"tag": ":equipment.read", "pickandpack": ":orders.read"}[app]


def test_a_disabled_account_is_told_after_the_right_password_only(
    demo: Demo, run: Callable[..., Any], guest_of: Callable[..., Guest]
) -> None:
    town = Town(run, guest_of, "en")
    meets(town, demo, "tag", "no_organization", named=False, asked=False)
    run("user", "disable", town.address, "--yes")
    assert wait_until(lambda: town.guest.me(demo.apps["tag"]).status_code == 401, what="the logout token")
    wrong, right = (guest_of(town.address, password) for password in ("not-the-right-one-at-all", town.password))
    from tests.support.flow import Stuck

    for guest, told in ((wrong, False), (right, True)):
        with pytest.raises(Stuck) as stuck:
            guest.open(demo.apps["tag"])
        assert ("This account is disabled" in text_of(stuck.value.page.text)) is told
    run("user", "enable", town.address)
    meets(town, demo, "tag", "no_organization", named=False, asked=False)
