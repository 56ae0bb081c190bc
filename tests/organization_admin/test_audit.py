"""The trail of an organization as its administrators read it: sentences, filters, the file, and the figures."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from idp.accounts.models import Account
from idp.audit import trail
from idp.audit.models import AuditEntry
from idp.kernel import listing
from idp.kernel.database import db, unit_of_work
from idp.kernel.events import Event, emit
from idp.oidc.events import AuthorizationOpened
from idp.organizations import service
from idp.organizations.models import Member, Organization
from idp.sessions.events import SignInFailed
from tests.support.forms import log_in, text_of
from tests.support.protocol import claims_of


@pytest.fixture
def office(app: Any, world: Any, client: Any) -> Any:
    """An organization with an administrator, signed in, and a person to whom things happen."""

    class Office:
        organization = world.organization("nordic", name="Nordic Lift AS")
        boss = world.account(given_name="Ada", family_name="Berg")
        member = world.member(
            organization, boss.account_id, given_name="Ada", family_name="Berg", search_text="berg ada"
        )
        person = world.member(organization, given_name="Ola", family_name="Vik", search_text="vik ola")
        role = world.role(
            organization,
            ["account:access", "account:audit.read", "account:people.read"],
            name="Reader",
            members=[member],
        )
        license = world.license(organization, "tag:standard", seats=10)

        def page(self, address: str) -> Any:
            answer = client.get(f"/org/nordic/{address}")
            assert answer.status_code == 200
            return answer

    found = Office()
    log_in(client, found.boss.address, world.password)
    with app.app_context():
        with unit_of_work():
            service.assign_seat(found.license, found.person, actor_id=found.boss.account_id)
        with unit_of_work():
            service.assign_role(found.person, found.role)
    return found


def test_what_happened_reads_as_sentences_with_who_did_it(office: Any) -> None:
    text = text_of(office.page("audit").get_data(as_text=True))
    assert "Ada Berg assigned the license Onix Tag Standard to Ola Vik." in text
    assert "Onix Account assigned the role Reader to Ola Vik." in text, "done by nobody's hand"


def test_who_acted_from_outside_is_the_platform_and_stays_unnamed(app: Any, world: Any, office: Any) -> None:
    stranger = world.account(given_name="Someone", family_name="Else")
    with app.app_context(), unit_of_work():
        service.suspend_organization(office.organization, actor_id=stranger.account_id)
        service.resume_organization(office.organization, actor_id=stranger.account_id)
    text = text_of(office.page("audit").get_data(as_text=True))
    assert "Onix Work suspended the organization." in text and "Someone" not in text


def test_it_is_found_by_person_kind_app_and_day(app: Any, world: Any, office: Any, clock: Any) -> None:
    with app.app_context(), unit_of_work():
        emit(
            AuthorizationOpened(
                at=86400 * 365, actor_id=None, authorization_id="a", client_id="c", account_id=office.boss.account_id,
                organization_id=office.organization,
            )
        )  # fmt: skip
    assert "1 entry" in text_of(office.page("audit?to=1971-01-01").get_data(as_text=True))
    assert "Ada Berg signed in to c." in text_of(
        office.page("audit?from=1971-01-01&to=1971-01-01").get_data(as_text=True)
    )
    assert "Nothing was found" in text_of(office.page("audit?from=1971-01-02&to=1971-01-03").get_data(as_text=True))
    assert "2 entries" in text_of(office.page("audit?q=VIK").get_data(as_text=True))
    assert "Nothing was found" in text_of(office.page("audit?q=nobody").get_data(as_text=True))
    signed_in = "audit?kind=sign-ins&from={0}&to={0}"
    assert "1 entry" in text_of(office.page(signed_in.format("1971-01-01")).get_data(as_text=True))
    assert "1 entry" in text_of(office.page("audit?kind=licenses").get_data(as_text=True))
    assert "Nothing was found" in text_of(office.page("audit?kind=people").get_data(as_text=True))
    world.change(Account, office.boss.account_id, zoneinfo="America/New_York")  # where it was the evening before
    assert "1 entry" in text_of(office.page(signed_in.format("1970-12-31")).get_data(as_text=True))
    assert "Nothing was found" in text_of(office.page(signed_in.format("1971-01-01")).get_data(as_text=True))
    shown = text_of(office.page("audit?from=0001-01-01&to=9999-12-31").get_data(as_text=True))
    assert "3 entries" in shown and "those of America/New York" in shown
    for nonsense in (
        "kind=no",
        "from=yesterday",
        "app=nothing",
        "sort=password",
        "page=0",
        "page=99999999999",
        "from=9999-99-99",
    ):
        assert "3 entries" in text_of(office.page(f"audit?{nonsense}").get_data(as_text=True)), nonsense


def test_another_tenants_person_is_nobody_here(app: Any, world: Any, office: Any) -> None:
    other = world.organization("other")
    foreign = world.member(other, given_name="Foreign", family_name="Person", search_text="person foreign")
    role = world.role(other, ["tag:access"])
    with app.app_context(), unit_of_work():
        service.assign_role(foreign, role)
    assert "Nothing was found" in text_of(office.page(f"audit?member={foreign}").get_data(as_text=True))
    assert "Nothing was found" in text_of(office.page("audit?member=made-up").get_data(as_text=True))
    assert "Foreign" not in office.page("audit").get_data(as_text=True)


def test_the_file_has_the_same_and_runs_nothing(app: Any, world: Any, office: Any) -> None:
    risky = world.member(office.organization, given_name="=cmd|' /C calc'!A0", family_name="", search_text="=cmd")
    with app.app_context(), unit_of_work():
        service.assign_seat(office.license, risky, actor_id=office.boss.account_id)
    answer = office.page("audit.csv?q=cmd")
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    text = answer.get_data(as_text=True)
    assert text.startswith("\ufeff")
    head, *rows = list(csv.reader(io.StringIO(text[1:])))
    assert head[:2] == ["Time (UTC)", "What happened"] and len(rows) == 1
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in rows[0])


def test_statements_do_not_grow_with_the_entries(app: Any, office: Any, client: Any, statements: Any) -> None:
    with statements() as few:
        office.page("audit")
    with app.app_context(), unit_of_work():
        for _ in range(20):
            service.unassign_seat(office.license, office.person)
            service.assign_seat(office.license, office.person)
    with statements() as many:
        office.page("audit")
    assert len(many) == len(few), str(many)


def test_the_overview_counts_and_leads_to_the_lists(app: Any, world: Any, office: Any, clock: Any) -> None:
    world.member(office.organization, status="contact")
    world.member(office.organization, status="disabled")
    for days in (-1, 1, 2):
        world.invitation(world.member(office.organization, status="contact"), expires_at=clock.now() + days * 86400)
    text = office.page("").get_data(as_text=True)
    figures = {
        state: int(number)
        for state, number in re.findall(r'href="/org/nordic/people\?state=(\w+)"><strong>(\d+)</strong>', text)
    }
    assert figures == {
        "active": 1, "not_activated": 1, "contact": 1, "invited": 2, "invitation_expired": 1, "disabled": 1
    }  # fmt: skip
    for state, number in figures.items():
        found = text_of(office.page(f"people?state={state}").get_data(as_text=True))
        assert f"{number} {'person' if number == 1 else 'people'} found" in found, state
    assert "Licenses in use" not in text_of(text), "the role does not include licenses"
    assert "Nobody has signed in to an app" in text_of(text)
    stranger, now = world.account(), clock.now()
    with app.app_context(), unit_of_work():
        emit(SignInFailed(at=now, identifier_digest="x", account_id=office.boss.account_id, reason="wrong"))
        emit(SignInFailed(at=now, identifier_digest="x", account_id=stranger.account_id, reason="wrong"))
    with app.app_context():
        assert trail.per_day(office.organization, [now]) == [(0, 0)], "nobody has used the organization"
    world.change(Member, office.member, last_used_at=now)
    with app.app_context():
        assert trail.per_day(office.organization, [now - 86400, now]) == [(0, 0), (0, 1)], "only of one's own people"
    page = office.page("").get_data(as_text=True)
    assert "Failed sign-ins of your people" in text_of(page)
    link = next(found for found in re.findall(r'href="([^"]+)"', page) if "kind=failed" in found).replace("&amp;", "&")
    entries = office.page(link.removeprefix("/org/nordic/")).get_data(as_text=True)
    assert len(re.findall(r'id="entry-', entries)) == 1, "those that the figure counts, and no stranger's"
    assert re.search(r"A sign-in as .+ failed\.", text_of(entries)) and "wrong" not in text_of(entries)
    day = link.rpartition("=")[2]
    for narrower, number in (
        (f"&member={office.member}", 1),
        ("&member=made-up", 0),
        ("&q=nobody", 0),
        ("&app=tag", 0),
    ):
        seen = office.page(f"audit?kind=failed&from={day}&to={day}{narrower}").get_data(as_text=True)
        assert len(re.findall(r'id="entry-', seen)) == number, narrower


def test_a_long_trail_is_looked_through_in_windows(
    app: Any, world: Any, office: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However rare what is sought is: a page says how far back it has looked, and the next one goes on there."""
    monkeypatch.setattr(listing, "PAGE", 10)
    monkeypatch.setattr(listing, "WINDOW", 30)
    with app.app_context(), unit_of_work() as session:
        for number in range(100):
            session.add(
                AuditEntry(
                    at=1000 + number // 3, event="OrganizationChanged", organization_id=office.organization,
                    app_ids=" work " if number == 5 else "", data={},
                )
            )  # fmt: skip
        rare = session.scalars(select(AuditEntry.id).where(AuditEntry.app_ids == " work ")).one()

    def walk(address: str) -> tuple[list[str], int]:
        found, pages = [], 0
        while address:
            page = office.page(address).get_data(as_text=True)
            found += re.findall(r'id="entry-([^"]+)"', page)
            pages += 1
            following = re.search(r'rel="next" href="/org/nordic/([^"]+)"', page)
            address = html.unescape(following[1]) if following else ""
        return found, pages

    everything, pages = walk("audit")
    assert len(everything) == len(set(everything)) == 102 and pages == 11, "each once, ten at a time"
    found, pages = walk("audit?app=work")
    assert found == [rare] and pages == 4
    first = text_of(office.page("audit?app=work").get_data(as_text=True))
    assert "Looked through back to 1 Jan 1970" in first and "Look further back" in first and "Nothing" not in first
    found, pages = walk("audit?q=vik")
    assert (len(found), pages) == (2, 1), "a few people are found at once, however long ago"
    exported = client.get("/org/nordic/audit.csv?app=work").get_data(as_text=True)
    assert exported.count("\n") == 2, "a file is looked through to its end"
    for nonsense in ("before=x", "before=1.", "before=99999999999999.x", "before=.", "before=1000.%00"):
        assert office.page(f"audit?{nonsense}").status_code == 200


def _all(kind: type[Event]) -> set[type[Event]]:
    return {kind, *(found for one in kind.__subclasses__() for found in _all(one))}


def test_every_event_of_an_organization_has_its_sentence() -> None:
    """In the manner of the route matrix: an event that names an organization and has no words fails here. Only a failed
    sign-in has words and names none: those of one's own users are told."""
    events = {
        one.__name__
        for one in _all(Event)
        if "organization_id" in one.__dataclass_fields__
        and one.__module__.startswith("idp.")
        and not one.__subclasses__()
    }
    told = {name.partition(".")[0] for name in trail.SENTENCES}
    assert events - told == set(), "no event without words"
    assert told - events == {"SignInFailed"}, "no words without an event"
    narrowed = [event for _words, kinds in trail.KINDS.values() for event in kinds]
    assert len(narrowed) == len(set(narrowed)) and set(narrowed) == told, "each is of one kind"


def test_what_changed_stands_before_and_after_and_is_found_by_its_app(app: Any, office: Any) -> None:
    boss = office.boss.account_id
    with app.app_context():
        with unit_of_work():
            service.change_license(office.license, seats=12, actor_id=boss)
            service.change_license(office.license, seats=12, actor_id=boss)  # nothing to tell
        with unit_of_work():
            role = service.create_role(office.organization, "Picker", ["pickandpack:access"]).id
            service.change_role(role, name="Packer", privileges=["pickandpack:access", "pickandpack:orders.read"])
        with unit_of_work():
            service.delete_role(role, actor_id=boss)
            spare = service.sell_license(office.organization, "tag:standard", 3).id
            service.delete_license(spare, actor_id=boss)
            service.change_organization(office.organization, name="Nordic Lift Group AS", actor_id=boss)
    text = text_of(office.page("audit").get_data(as_text=True))
    for line in (
        "Ada Berg changed the license Onix Tag Standard. Licenses bought before: 10 now: 12",
        "changed the role Packer. Name before: Picker now: Packer",
        "changed the role Packer. Privileges before: Open Onix Pick and Pack now: Open Onix Pick and Pack, See orders",
        "created the role Picker. Privileges before: none now: Open Onix Pick and Pack",
        "Ada Berg deleted the role Packer.",
        "Ada Berg deleted the license Onix Tag Standard.",
        "Ada Berg changed the organization. Name before: Nordic Lift AS now: Nordic Lift Group AS",
    ):
        assert line in text, (line, text)
    assert text.count("changed the license") == 1
    picked = text_of(office.page("audit?app=pickandpack").get_data(as_text=True))
    assert "4 entries" in picked and "changed the role Packer" in picked and "the license" not in picked
    of_tag = text_of(office.page("audit?app=tag").get_data(as_text=True))
    assert "4 entries" in of_tag and "Licenses bought before: 10" in of_tag and "Packer" not in of_tag


def test_of_a_person_the_trail_tells_which_fields_changed_and_no_value(app: Any, office: Any) -> None:
    with app.app_context(), unit_of_work():
        service.edit_member(
            office.person, given_name="Ola", family_name="Secretname", email="ola@secret.example", actor_id=None
        )
        service.edit_member(office.person, given_name="Ola", family_name="Secretname", email="ola@secret.example")
    text = text_of(office.page("audit").get_data(as_text=True))
    assert "changed what is recorded about Ola Secretname. E-mail changed Last name changed" in text
    assert text.count("changed what is recorded") == 1, "saving the same again is no change"
    with app.app_context():
        (entry,) = db.session.query(AuditEntry).filter(AuditEntry.event == "MemberEdited")
        assert entry.data == {"changes": {"family_name": [], "email": []}}


def test_entries_keep_no_personal_data(app: Any, office: Any) -> None:
    with app.app_context():
        rows = db.session.query(AuditEntry).filter(AuditEntry.organization_id == office.organization)
        assert rows.count() == 2 and not any("Vik" in str(row.data) for row in rows)


def test_a_tokens_jti_tells_what_gave_it_each_privilege(app: Any, world: Any, protocol: Any, client: Any) -> None:
    """Also after the role was taken back: the token told then what it told then."""
    boss = world.account()
    member = world.member(protocol.organization_id, boss.account_id)
    world.role(protocol.organization_id, ["account:access", "account:audit.read"], members=[member])
    tokens = protocol.tokens(scope="openid")
    jti = claims_of(tokens["access_token"])["jti"]
    with app.app_context():
        slug = db.session.get(Organization, protocol.organization_id).slug
        with unit_of_work():
            service.disable_member(protocol.person.member_id)
    refused = protocol.refresh(tokens["refresh_token"])
    browser = app.test_client()
    log_in(browser, boss.address, world.password)
    page = text_of(browser.get(f"/org/{slug}/audit/token?jti={jti}").get_data(as_text=True))
    assert "License: Onix Tag Standard" in page and "Open Onix Tag tag:access" in page
    assert refused.status_code == 200 and "Denied member_disabled" in page, "what it told next is there too"
    for unknown in ("made-up", f"{jti[:-40]}x"):
        assert "No token of this organization" in text_of(
            browser.get(f"/org/{slug}/audit/token?jti={unknown}").get_data(as_text=True)
        )


def test_another_organizations_token_is_an_unknown_one(office: Any, protocol: Any) -> None:
    jti = claims_of(protocol.tokens(scope="openid")["access_token"])["jti"]
    assert "No token of this organization" in text_of(office.page(f"audit/token?jti={jti}").get_data(as_text=True))
