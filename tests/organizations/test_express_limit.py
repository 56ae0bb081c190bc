"""At most 25 Express users and open invitations for each customer of a supplier, whichever way they come in (R40)."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import service
from idp.organizations.models import Company, Invitation, Member
from idp.organizations.numbers import is_wrong, key_of, shown, tidy
from idp.organizations.service.guests import KEPT
from idp.organizations.service.guests import tidy as forget_acts
from tests.support.races import at_once, outcome

YEAR = 365 * 86400


@pytest.fixture
def supplier(world: Any, roles: dict[str, str]) -> str:
    place = str(world.organization("fjord", name="Fjord Inspection AS"))
    world.license(place, "express:standard", seats=0)
    return place


@pytest.fixture
def company(world: Any, supplier: str) -> str:
    return str(world.company(supplier, name="Havgap Rederi AS", organization_number="123456785"))


def status(company_id: str) -> service.ExpressStatus:
    db.session.rollback()
    return service.express_status(db.session.get_one(Company, company_id, populate_existing=True))


def fill(world: Any, supplier: str, company: str, users: int, invited: int = 0) -> None:
    for _ in range(users):
        world.member(supplier, world.account(password=None).account_id, type="express", company_id=company)
    for number in range(invited):
        member = world.member(
            supplier, type="express", company_id=company, status="contact", email=f"waits-{number}@kunde.example"
        )
        world.invitation(member)


def guest(world: Any, supplier: str, company: str, name: str, **values: Any) -> str:
    address = f"{name}@kunde.example"
    return str(
        world.member(
            supplier, type="express", company_id=company, email=address, email_normalized=address,
            **{"status": "contact", **values},
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "key", "kept", "wrong"),
    [
        ("123 456 785", "123456785", "123456785", False),
        ("NO 123456785 MVA", "123456785", "123456785", False),
        ("no123456785mva", "123456785", "123456785", False),
        ("123456786", "123456786", "123456786", True),
        ("DE HRB 1234", "DEHRB1234", "DE HRB 1234", False),
        ("556016-0680", "5560160680", "556016-0680", False),
        ("12345678", "12345678", "12345678", False),
        ("١٢٣٤٥٦٧٨٥", "١٢٣٤٥٦٧٨٥", "١٢٣٤٥٦٧٨٥", False),
    ],
)
def test_numbers(typed: str, key: str, kept: str, wrong: bool) -> None:
    assert (key_of(typed), tidy(typed), is_wrong(typed)) == (key, kept, wrong)


def test_a_number_is_shown_as_the_register_writes_it() -> None:
    assert (shown("123456785"), shown("DE 1"), shown(None), key_of(" - "), key_of(None)) == (
        "123 456 785", "DE 1", "", None, None,
    )  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestRules:
    """The rules one by one; that they hold under concurrency is `test_never_one_too_many`."""

    @pytest.mark.parametrize("way", ["invite", "many", "active", "added", "enable", "back", "ended"])
    def test_the_26th_is_refused_and_nothing_is_written(
        self, world: Any, supplier: str, company: str, do: Callable[..., Any], way: str
    ) -> None:
        fill(world, supplier, company, users=15, invited=10)
        states: dict[str, dict[str, Any]] = {
            "enable": {"status": "disabled", "disabled_at": 1}, "back": {"status": "ended", "ended_at": 1},
            "ended": {"status": "ended", "ended_at": 1},
        }  # fmt: skip
        one = guest(world, supplier, company, "one-more", **states.get(way, {}))
        ways: dict[str, Callable[[], Any]] = {
            "invite": lambda: service.invite_guest(one),
            "many": lambda: service.invite_many(supplier, company, [service.GuestRow("Kari Nord", "k@x.example")]),
            "active": lambda: service.set_active(one),
            "added": lambda: service.add_member(
                supplier, given_name="Ny", email="ny@x.example", type="express", status="active", company_id=company
            ),
            "enable": lambda: service.enable_member(one),
            "back": lambda: service.standing.bring_back(one),  # type: ignore[attr-defined]
            "ended": lambda: service.invite_guest(one),
        }
        members, invitations = (db.session.query(model).count() for model in (Member, Invitation))
        if way == "many":
            (result,) = do(ways[way])
            assert (result.outcome, result.done) == ("no_place_left", False)
        else:
            with pytest.raises(Refusal) as refusal:
                do(ways[way])
            assert (refusal.value.code, refusal.value.status) == ("no_place_left", 409)
        assert status(company) == service.ExpressStatus(False, 15, 10, 25)
        assert members == db.session.query(Member).count()
        assert invitations == db.session.query(Invitation).count()

    @pytest.mark.parametrize("freed", ["expired", "withdrawn", "ended", "disabled", "contact only", "inactive"])
    def test_what_frees_a_place(
        self, world: Any, supplier: str, company: str, do: Callable[..., Any], clock: Any, freed: str
    ) -> None:
        fill(world, supplier, company, users=24)
        one = guest(world, supplier, company, "one")
        last = guest(world, supplier, company, "last")
        do(service.invite_guest, one)
        assert status(company).left == 0
        if freed == "expired":
            clock.advance(28 * 86400)
        elif freed == "withdrawn":
            do(service.revoke_invitation, one)
        else:
            do(service.set_active, one)
            verb = {"ended": service.end_member, "disabled": service.disable_member}.get(freed)
            if verb:
                do(verb, one)
            elif freed == "contact only":
                do(service.set_contact_only, one)
            else:
                world.change(Member, one, terminates_at=clock.now())
        assert status(company).left == 1
        do(service.invite_guest, last)
        assert status(company).left == 0

    def test_a_resend_needs_no_place_and_an_acceptance_keeps_its_own(
        self, world: Any, supplier: str, company: str, do: Callable[..., Any], clock: Any
    ) -> None:
        fill(world, supplier, company, users=24)
        one, person = guest(world, supplier, company, "one"), world.account("one@kunde.example")
        first = do(service.invite_guest, one)
        clock.advance(10 * 86400)
        again = do(service.resend_invitation, one)
        assert (again.id, again.expires_at, again.generation) == (first.id, first.expires_at, 2)
        member = do(service.accept_invitation, service.invitation_link(again).rpartition("/")[2], person.account_id)
        assert (member.status, [role.name for role in member.roles]) == ("active", ["Express guest"])
        assert member.active_since == clock.now()
        assert status(company) == service.ExpressStatus(False, 25, 0, 25)

    def test_several_records_of_one_customer_count_together(
        self, world: Any, supplier: str, company: str, do: Callable[..., Any], refused: Callable[..., str]
    ) -> None:
        """By the same number however it is typed, by a link, and by a link to whoever has that number."""
        fill(world, supplier, company, users=20)
        other = world.company(supplier, name="Havgap, avd. nord", organization_number="NO 123456785 MVA")
        customer = world.organization("havgap", name="Havgap", organization_number="123 456 785")
        linked = world.company(supplier, name="Havgap Shipping", linked_organization_id=customer)
        apart = world.company(supplier, name="Another AS")
        fill(world, supplier, linked, users=3)
        for one in (company, other, linked):
            assert status(one) == service.ExpressStatus(False, 23, 0, 25)
        assert status(apart).taken == 0
        rows = [service.GuestRow(f"Kari Nord {n}", f"k{n}@x.example") for n in range(4)]
        results = do(service.invite_many, supplier, other, rows)
        assert [result.outcome for result in results] == ["invited", "invited", "no_place_left", "no_place_left"]
        fill(world, supplier, apart, users=1)
        assert refused(service.link_company, apart, customer) == "too_many_together"
        assert refused(service.edit_company, apart, name="Havgap", organization_number="123456785") == "company_exists"
        assert world.get(Company, apart).linked_organization_id is None
        elsewhere = world.organization("vest")
        world.license(elsewhere, "express:standard", seats=0)
        foreign = world.company(elsewhere, name="Havgap", organization_number="123456785")
        assert status(foreign).left == 25, "the limit is for each supplier"

    def test_an_onix_work_customer_is_not_invited(
        self, world: Any, supplier: str, company: str, do: Callable[..., Any], refused: Callable[..., str], clock: Any
    ) -> None:
        """By its link or its number, while its license runs; who has access already is not shut out."""
        customer = world.organization("havgap", name="Havgap", organization_number="123456785")
        license_id = world.license(customer, "work:standard", starts_at=clock.now() + 10, ends_at=clock.now() + 99)
        one = guest(world, supplier, company, "one")
        off = guest(world, supplier, company, "off", status="disabled")
        invitation = do(service.invite_guest, one)
        assert not status(company).work_customer
        clock.advance(10)
        assert status(company).work_customer and not status(company).without_users
        two = guest(world, supplier, company, "two")
        assert refused(service.invite_guest, two) == "work_customer"
        assert refused(service.set_active, two) == "work_customer"
        assert refused(service.invite_many, supplier, company, [service.GuestRow("A B", "a@x.example")]) == (
            "work_customer"
        )
        assert refused(service.resend_invitation, one) == "work_customer"
        assert do(service.enable_member, off).status == "active"
        person = world.account("one@kunde.example")
        token = service.invitation_link(invitation).rpartition("/")[2]
        assert do(service.accept_invitation, token, person.account_id).status == "active"
        clock.advance(89)
        assert not status(company).work_customer, "its license has ended"
        assert do(service.invite_guest, two).member_id == two
        assert license_id

    def test_only_a_supplier_invites(
        self, world: Any, company: str, supplier: str, refused: Callable[..., str], clock: Any
    ) -> None:
        none = world.organization()
        theirs = world.company(none)
        one = guest(world, none, theirs, "one")
        rows = [service.GuestRow("A B", "a@x.example")]
        for way in (service.invite_guest, service.invite, service.set_active):
            assert refused(way, one) == "not_a_supplier"
        assert refused(service.invite_guest, world.member(none, status="contact")) == "member_unknown"
        assert refused(service.invite_many, none, theirs, rows) == "not_a_supplier"
        assert refused(service.add_contact, theirs, name="Kari Nord") == "not_a_supplier"
        assert refused(service.invite_many, supplier, theirs, rows) == "company_unknown"
        assert refused(service.invite_many, supplier, "x", rows) == "company_unknown"
        assert refused(service.invite_many, supplier, company, rows * 201) == "too_many_rows"

    def test_each_row_has_a_result_of_its_own(
        self, world: Any, supplier: str, company: str, do: Callable[..., Any], refused: Callable[..., str],
        news: Callable[..., Any], clock: Any,
    ) -> None:  # fmt: skip
        fill(world, supplier, company, users=0, invited=0)
        contact = guest(world, supplier, company, "contact", given_name="Anne", family_name="Dahl")
        user = guest(world, supplier, company, "user", status="active")
        off = guest(world, supplier, company, "off", status="disabled")
        ended = guest(world, supplier, company, "ended", status="ended", ended_reason="inactive")
        waits = guest(world, supplier, company, "waits")
        do(service.invite_guest, waits)
        second = world.company(supplier, name="Havgap II", organization_number="123 456 785")
        world.member(supplier, type="express", company_id=second, email="b@x.example", email_normalized="b@x.example")
        asked = [
            ("Kari Nordmann Lie", "Kari@X.example", "invited"),
            ("Kari", "kari@x.EXAMPLE", "duplicate"),
            ("", "nameless@x.example", "name_required"),
            ("Nobody", "not an address", "address_invalid"),
            ("", "contact@kunde.example", "invited"),
            ("U", "user@kunde.example", "already_user"),
            ("O", "off@kunde.example", "member_disabled"),
            ("E", "ended@kunde.example", "invited"),
            ("W", "waits@kunde.example", "already_invited"),
            ("Li\x07ne", "line@x.example", "text_invalid"),
            ("N" * 201, "long@x.example", "text_too_long"),
            ("Hans\nBcc: other@x.example", "hans@x.example", "invited"),
            ("B", "b@x.example", "already_user"),
            ("B", "a@x.example\r\nBcc: c@x.example", "address_invalid"),
        ]
        rows = [service.GuestRow(name, email) for name, email, _outcome in asked]
        with news() as heard:
            results = do(service.invite_many, supplier, company, rows, key="a" * 32)
        assert [result.outcome for result in results] == [outcome for _name, _email, outcome in asked]
        assert [result.number for result in results] == list(range(1, 15))
        assert all(str(result.message) for result in results)
        assert results[1].same_as == 1 and results[4].member_id == contact and results[5].member_id == user
        assert [result.field for result in results[2:4]] == ["name", "email"]
        invited = [event for event in heard if type(event).__name__ == "MemberInvited"]
        assert len(invited) == 4 == sum(result.outcome == "invited" for result in results)
        kari = db.session.get_one(Member, results[0].member_id)
        assert (kari.given_name, kari.family_name, kari.type) == ("Kari Nordmann", "Lie", "express")
        hans = db.session.get_one(Member, results[11].member_id)
        assert hans.name == "Hans Bcc: other@x.example", "one line, and text"
        assert {off, ended}

        with news() as heard:  # clicked twice: nothing is done again, and the answer is the same
            again = do(service.invite_many, supplier, company, rows, key="a" * 32)
        assert heard == []
        assert [(one.number, one.outcome, one.member_id, str(one.message)) for one in again] == [
            (one.number, one.outcome, one.member_id, str(one.message)) for one in results
        ]
        assert refused(service.invite_many, supplier, company, rows[:1], key="a" * 32) == "key_reused"
        assert refused(service.invite_many, supplier, second, rows, key="a" * 32) == "key_reused"
        clock.advance(KEPT)
        assert do(forget_acts, clock.now()) == 1

    def test_one_row_too_many_mails_keeps_nothing(
        self, world: Any, supplier: str, company: str, do: Callable[..., Any]
    ) -> None:
        """A mailbox that was mailed often is left alone; the row that asks for it leaves no contact behind."""
        actor = world.account().account_id
        for number in range(6):
            place = world.company(supplier, name=f"Flood {number}")
            (result,) = do(
                service.invite_many, supplier, place, [service.GuestRow("A B", "a@x.example")], actor_id=actor
            )
            assert result.outcome == ("invited" if number < 5 else "too_many_mails")
            here = db.session.query(Member).filter_by(company_id=place).count()
            assert here == (1 if number < 5 else 0)

    def test_a_supplier_that_sends_without_end_is_slowed_down(
        self, app: Any, world: Any, supplier: str, company: str, do: Callable[..., Any], clock: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        settings = app.extensions["onix_settings"]
        few = settings.express.model_copy(update={"invitations_per_hour": 3})
        monkeypatch.setitem(app.extensions, "onix_settings", settings.model_copy(update={"express": few}))
        rows = [service.GuestRow(f"Kari {n}", f"k{n}@x.example") for n in range(5)]
        results = do(service.invite_many, supplier, company, rows)
        assert [result.outcome for result in results] == ["invited"] * 3 + ["too_many_invitations"] * 2
        assert status(company).pending == 3
        clock.advance(3600)
        results = do(service.invite_many, supplier, company, rows)
        assert [result.outcome for result in results] == ["already_invited"] * 3 + ["invited"] * 2

    def test_companies(
        self, world: Any, supplier: str, company: str, do: Callable[..., Any], refused: Callable[..., str]
    ) -> None:
        made = do(service.create_company, supplier, "  Bølgen   AS ", organization_number="NO 123 456 793 MVA")
        assert (made.name, made.organization_number, made.version) == ("Bølgen AS", "123456793", 1)
        assert refused(service.create_company, supplier, "X", organization_number="123456794") == "number_wrong"
        assert refused(service.create_company, supplier, "X", organization_number="123456793") == "company_exists"
        assert refused(service.create_company, supplier, " ") == "required"
        # A second record of one customer would open a second 25; two customers of one name have two numbers.
        assert refused(service.create_company, supplier, "bølgen as") == "company_exists"
        other = do(service.create_company, supplier, "Bølgen AS", organization_number="SE 556677-8899")
        assert refused(service.edit_company, other.id, name="Bølgen AS") == "company_exists"
        do(service.edit_company, other.id, name="Bølgen AB")
        assert refused(service.edit_company, other.id, name="BØLGEN AS") == "company_exists"
        do(service.delete_company, other.id)
        assert refused(service.create_company, supplier, "X\x00") == "text_invalid"
        assert refused(service.create_company, supplier, "X", organization_number="1" * 41) == "text_too_long"
        edited = do(service.edit_company, made.id, name="Bølgen", organization_number=None, version=1)
        assert (edited.organization_number, edited.version) == (None, 2)
        assert refused(service.edit_company, made.id, name="Old", version=1) == "changed_meanwhile"
        assert refused(service.link_company, made.id, supplier) == "linked_to_itself"
        assert refused(service.link_company, made.id, "x") == "organization_unknown"
        theirs = world.organization("bolgen", name="Bølgen Gruppen")
        assert do(service.link_company, made.id, theirs, version=2).linked_organization_id == theirs
        found = db.session.scalars(db.select(Company.id).where(service.searched("BØLG"))).all()
        assert found == [made.id]
        assert db.session.scalars(db.select(Company.id).where(service.searched("123 456 785"))).all() == [company]
        world.member(supplier, type="express", company_id=made.id, status="contact", given_name="Contact")
        do(service.delete_company, made.id, version=3)
        assert db.session.query(Member).filter_by(given_name="Contact").count() == 0
        fill(world, supplier, company, users=1)
        assert refused(service.delete_company, company) == "company_in_use"
        assert refused(service.delete_company, made.id) == "company_unknown"


def test_never_one_too_many(app: Any, world: Any) -> None:
    """Fifty acts at once: invitations, several in one act, acceptances, people enabled, set Active, brought back."""
    with app.app_context():
        from idp.organizations.catalog import current_catalog

        with unit_of_work():
            service.sync_system_roles(current_catalog())
        place = world.organization("fjord")
        world.license(place, "express:standard", seats=0)
        company = world.company(place, name="Havgap", organization_number="123456785")
        second = world.company(place, name="Havgap II", organization_number="123 456 785")
        fill(world, place, company, users=12)
        acts: list[Callable[[], Any]] = []
        for number in range(10):
            name = f"race-{number}"
            one = guest(world, place, company, f"{name}-invited")
            off = guest(world, place, second, f"{name}-off", status="disabled")
            contact = guest(
                world, place, company, f"{name}-contact", account_id=world.account(password=None).account_id
            )
            rows = [service.GuestRow(f"Kari {n}", f"{name}-{n}@x.example") for n in range(3)]
            acts += [
                lambda one=one: service.invite_guest(one),  # type: ignore[misc]
                lambda off=off: service.enable_member(off),  # type: ignore[misc]
                lambda contact=contact: service.set_active(contact),  # type: ignore[misc]
                lambda rows=rows: service.invite_many(place, second, rows),  # type: ignore[misc]
            ]
        for number in range(5):
            person = world.account(f"accepts-{number}@kunde.example", password=None)
            one = guest(world, place, company, f"accepts-{number}")
            with unit_of_work():
                token = service.invitation_link(service.invite_guest(one)).rpartition("/")[2]
            acts += [lambda token=token, who=person.account_id: service.accept_invitation(token, who)] * 2  # type: ignore[misc]
    assert len(acts) == 50
    random.Random(7).shuffle(acts)
    waiting: SimpleQueue[Callable[[], Any]] = SimpleQueue()
    for act in acts:
        waiting.put(act)
    codes, most = [], []

    def counted(act: Callable[[], Any]) -> None:
        act()
        most.append(service.express_status(db.session.get_one(Company, company)).taken)

    def run() -> None:
        while True:
            try:
                act = waiting.get_nowait()
            except Empty:
                break
            codes.append(outcome(app, partial(counted, act)))

    at_once([run] * 10)
    assert set(codes) <= {"done", "no_place_left", "invitation_spent"}
    assert codes.count("invitation_spent") == 5, "each invitation was accepted once"
    assert max(most) == 25
    with app.app_context():
        assert status(company).taken == 25 == status(second).taken
