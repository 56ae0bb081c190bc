"""The ladders over 400 days: three workers on PostgreSQL, a standstill, and workers killed at the worst moment."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from idp import jobs
from idp.express import ladders
from idp.express.models import LadderMail
from idp.kernel import language
from idp.kernel.database import db, unit_of_work
from idp.kernel.refusal import Refusal
from idp.organizations import service
from idp.organizations.facts import load_facts
from idp.organizations.models import Invitation, Member
from idp.organizations.policy import entitlement
from idp.outbox import service as outbox
from idp.outbox import worker
from idp.outbox.models import Delivery
from tests.support.mail import Sink

DAY = 86400


@pytest.fixture
def app_settings(sink: Sink) -> dict[str, Any]:
    return {"mail_url": sink.url}


def run_jobs() -> int:
    return jobs.invitation_reminders() + jobs.inactive_guests()


def deliver(clock: Any) -> None:
    """Send what is due, as a lane does."""
    (lane,) = (lane for lane in worker.LANES if lane.name == "mail")
    for destination in outbox.due("mail", clock.now()):
        with unit_of_work():
            taken = outbox.claim("mail", destination, clock.now(), 60, limit=50)
        for delivery in taken:
            db.session.expunge(delivery)
        for delivery in taken:
            worker.attempt(lane, delivery)


def guest(world: Any, supplier: str, company: str, name: str) -> str:
    address = f"{name}@kunde.example"
    return str(
        world.member(
            supplier, type="express", company_id=company, status="contact", email=address, email_normalized=address,
            given_name=name.title(), family_name="Nord",
        )
    )  # fmt: skip


def titles(sink: Sink, name: str) -> list[str]:
    return [letter.subject for letter in sink.to(f"{name}@kunde.example")]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_four_hundred_days_with_three_workers(
    app: Any, make_app: Callable[..., Any], database_url: str, app_settings: dict[str, Any], world: Any, supplier: str,
    company: str, sink: Sink, clock: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    names = ("quiet", "never", "prompt", "returns", "kept", "withdrawn", "delayed", "killed", "lost")
    with app.app_context():
        members = {name: guest(world, supplier, company, name) for name in names}
        accounts = {name: world.account(f"{name}@kunde.example", password=None).account_id for name in names}
        with unit_of_work():
            for member_id in members.values():
                service.invite_guest(member_id)
    workers = [app, make_app(database_url, **app_settings), make_app(database_url, **app_settings)]
    start, faults = clock.now(), []
    barrier = threading.Barrier(3)

    def accept(name: str) -> None:
        with unit_of_work():
            invitation = db.session.scalar(db.select(Invitation).where(Invitation.member_id == members[name]))
            token = service.invitation_link(invitation).rpartition("/")[2]
            service.accept_invitation(token, accounts[name])

    def use(name: str) -> None:
        with unit_of_work():
            service.note_use(members[name], db.session.get_one(Member, members[name]).last_used_at)

    def keep(name: str) -> None:
        with unit_of_work():
            service.keep_guest(members[name])

    def withdraw(name: str) -> None:
        with unit_of_work():
            service.revoke_invitation(members[name])

    happens: dict[int, list[tuple[Callable[[str], None], str]]] = defaultdict(list)
    for name, day in {"quiet": 1, "prompt": 13, "returns": 5, "kept": 2, "delayed": 9, "killed": 1, "lost": 16}.items():
        happens[day].append((accept, name))
    for day, verb, name in (
        (20, use, "quiet"), (20, withdraw, "withdrawn"), (350, use, "returns"), (340, keep, "kept"),
        (399, use, "prompt"), (30, use, "killed"),
    ):  # fmt: skip
        happens[day].append((verb, name))
    standstill = range(360, 363)
    real_settle, dies = outbox.settle, threading.Event()

    def settle(delivery_id: str, *args: Any) -> bool:
        """The process dies after the mail server took the mail and before that is written down."""
        if dies.is_set():
            dies.clear()
            raise SystemExit
        return real_settle(delivery_id, *args)

    monkeypatch.setattr(outbox, "settle", settle)
    real_announce, breaks = service.announce_end, threading.Event()

    def announce(*args: Any) -> None:
        real_announce(*args)
        if breaks.is_set():
            breaks.clear()
            raise SystemExit

    monkeypatch.setattr(ladders.organizations, "announce_end", announce)

    def work(application: Any) -> None:
        try:
            with application.app_context():
                barrier.wait(60)
                try:
                    run_jobs()
                    deliver(clock)
                except SystemExit:
                    pass
                finally:
                    db.session.remove()
        except Exception as fault:
            faults.append(fault)

    for day in range(401):
        clock.advance(start + day * DAY - clock.now())
        with app.app_context():
            for verb, name in happens[day]:
                verb(name)
            db.session.remove()
        if day in standstill:
            continue
        if day == 395 - 30:  # the first warning of "killed": its worker dies while sending
            dies.set()
        if day == 395 - 7:  # its last: the worker dies in the transaction
            breaks.set()
        for _ in range(2 if day in (395 - 30, 395 - 7) else 1):
            threads = [threading.Thread(target=work, args=(application,)) for application in workers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
            clock.advance(70)  # leases of the dead run out
        assert faults == [], day

    def told(name: str, kind: str) -> list[tuple[int, int, int]]:
        rows = db.session.scalars(
            db.select(LadderMail).where(LadderMail.member_id == members[name], LadderMail.kind == kind)
        )
        return sorted(((row.sent_at - start) // DAY, row.days, (row.ends_at - start) // DAY) for row in rows)

    with app.app_context():
        assert told("never", "invitation") == [(14, 14, 28), (25, 3, 28)]
        assert told("withdrawn", "invitation") == [(14, 14, 28)]
        assert told("lost", "invitation") == [(14, 14, 28)]
        for name in ("quiet", "prompt", "returns", "kept", "delayed", "killed"):
            assert told(name, "invitation") == [], name
        assert told("quiet", "inactivity") == [(355, 30, 385), (371, 14, 385), (378, 7, 385)]
        assert told("returns", "inactivity") == [(340, 30, 370)]
        assert told("kept", "inactivity") == [(337, 30, 367)]
        assert told("delayed", "inactivity") == [(344, 30, 374), (363, 14, 377), (370, 7, 377)]
        assert told("killed", "inactivity") == [(365, 30, 395), (381, 14, 395), (388, 7, 395)]
        assert told("prompt", "inactivity") == [(348, 30, 378), (364, 14, 378), (371, 7, 378)]
        states = {
            name: (row.status, row.ended_reason, row.ended_at and (row.ended_at - start) // DAY)
            for name, member_id in members.items()
            for row in [db.session.get_one(Member, member_id)]
        }
        assert states["quiet"] == ("ended", "inactive", 385)
        assert states["delayed"] == ("ended", "inactive", 377)
        assert states["killed"] == ("ended", "inactive", 395)
        assert states["prompt"] == ("ended", "inactive", 378)
        assert states["lost"] == ("ended", "inactive", 381)
        assert states["returns"] == states["kept"] == ("active", None, None)
        assert states["never"] == states["withdrawn"] == ("contact", None, None)
        waiting = db.session.query(Delivery).filter(Delivery.settled_at.is_(None)).count()
        assert waiting == 0
    for name in names:
        letters = sink.to(f"{name}@kunde.example")
        numbers = [str(letter.message["Message-ID"]) for letter in letters]
        owed = len(told_mails(app, members[name]))
        assert len(set(numbers)) == 1 + owed, name
        assert len(numbers) == 1 + owed + (name == "killed" and len(numbers) - len(set(numbers))), name
    twice = [letter for name in names for letter in sink.to(f"{name}@kunde.example")]
    assert len(twice) - len({str(letter.message["Message-ID"]) for letter in twice}) == 1, "the one that was killed"


def told_mails(app: Any, member_id: str) -> list[Any]:
    with app.app_context():
        return list(db.session.scalars(db.select(LadderMail.id).where(LadderMail.member_id == member_id)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestOne:
    def test_the_mails_say_when_and_whom(
        self, context: Any, world: Any, supplier: str, company: str, do: Any, clock: Any, sink: Sink
    ) -> None:
        world.change(Member, member := guest(world, supplier, company, "leser"), language="nb")
        do(service.invite_guest, member)
        clock.advance(14 * DAY)
        assert run_jobs() == 1 and run_jobs() == 0
        deliver(clock)
        first, reminder = sink.to("leser@kunde.example")
        assert "Påminnelse: Fjord Inspection AS har invitert deg" in reminder.subject
        assert "for Havgap Rederi AS" in reminder.text and "utløper" in reminder.text
        assert first.links[0] == reminder.links[0] and "/invitation/" in reminder.links[0]
        person = world.account("leser@kunde.example", password=None, locale="en")
        token = reminder.links[0].rpartition("/")[2]
        do(service.accept_invitation, token, person.account_id)
        clock.advance(335 * DAY)
        assert run_jobs() == 1
        deliver(clock)
        warning = sink.to("leser@kunde.example")[-1]
        assert warning.subject.startswith("Fjord Inspection AS: your access ends on ")
        assert "to Havgap Rederi AS" in warning.text
        assert "/open/express?organization=fjord" in warning.text

    def test_nothing_is_sent_after_what_makes_it_pointless(
        self, context: Any, world: Any, supplier: str, company: str, do: Any, clock: Any, sink: Sink
    ) -> None:
        """Owed and not sent yet: accepted, withdrawn, come back, kept, ended. The mail is dropped."""
        one, two = (guest(world, supplier, company, name) for name in ("one", "two"))
        person = world.account("one@kunde.example", password=None)
        invitation = do(service.invite_guest, one)
        do(service.invite_guest, two)
        deliver(clock)
        clock.advance(14 * DAY)
        assert run_jobs() == 2
        do(service.accept_invitation, service.invitation_link(invitation).rpartition("/")[2], person.account_id)
        do(service.revoke_invitation, two)
        deliver(clock)
        assert [len(sink.to(f"{name}@kunde.example")) for name in ("one", "two")] == [1, 1]
        for undo in (
            lambda: do(service.note_use, one, 1),
            lambda: do(service.keep_guest, one),
            lambda: do(service.disable_member, one),
        ):
            clock.advance(335 * DAY)
            assert run_jobs() == 1
            undo()
            deliver(clock)
            assert len(sink.to("one@kunde.example")) == 1
        clock.advance(900 * DAY)
        assert run_jobs() == 0, "whoever is disabled can't sign in, so it is not warned"
        do(service.enable_member, one)
        assert run_jobs() == 0, "and has a new year when enabled"

    def test_the_end_is_computed_and_waits_for_no_worker(
        self, context: Any, world: Any, supplier: str, company: str, do: Any, clock: Any
    ) -> None:
        person = world.account("one@kunde.example", password=None)
        member_id = guest(world, supplier, company, "one")
        world.change(Member, member_id, status="active", account_id=person.account_id, created_at=clock.now())
        role = service.find_role("Express guest")
        do(service.assign_role, member_id, role.id)  # type: ignore[union-attr]
        clock.advance(400 * DAY)

        def code() -> str | None:
            facts = load_facts(db.session(), person.account_id, "express")
            from idp.organizations.catalog import current_catalog

            decision = entitlement(facts, facts.members[0], current_catalog().apps["express"], clock.now())  # type: ignore
            ends.append(decision.ends_at)
            return decision.code

        ends: list[int | None] = []
        assert code() is None, "nobody is ended without having been told"
        assert run_jobs() == 1
        assert code() is None and ends[-1] == clock.now() + 7 * DAY, "tokens don't outlive the end"
        do(service.note_use, member_id, None)
        assert code() is None and ends[-1] is None, "a sign-in takes it back"
        clock.advance(400 * DAY)
        assert run_jobs() == 1 and code() is None and ends[-1] == clock.now() + 7 * DAY
        status = service.express_status(service.find_company(supplier, company))
        assert status.active == 1
        clock.advance(7 * DAY)
        assert code() == "terminated_inactive"
        assert service.express_status(service.find_company(supplier, company)).active == 0
        with pytest.raises(Refusal, match="not_active"):
            do(service.keep_guest, member_id)
        invitation = do(service.invite_guest, member_id)
        assert db.session.get_one(Member, member_id).status == "contact"
        token = service.invitation_link(invitation).rpartition("/")[2]
        do(service.accept_invitation, token, person.account_id)
        assert code() is None and ends[-1] is None

    def test_a_mail_server_that_was_away_shortens_no_notice(
        self, context: Any, world: Any, supplier: str, company: str, sink: Sink, clock: Any
    ) -> None:
        member_id = guest(world, supplier, company, "one")
        world.change(Member, member_id, status="active")
        clock.advance(358 * DAY)
        sink.reply = "451 away"
        assert run_jobs() == 1
        deliver(clock)
        assert titles(sink, "one") == []
        clock.advance(3 * DAY)
        sink.reply = None
        deliver(clock)
        (mail,) = db.session.scalars(db.select(LadderMail).execution_options(populate_existing=True))
        assert (mail.days, mail.sent_at, mail.ends_at) == (7, clock.now(), clock.now() + 7 * DAY)
        assert len(titles(sink, "one")) == 1 and language.date_in("en", mail.ends_at) in titles(sink, "one")[0]
        clock.advance(7 * DAY - 1)
        member = db.session.get_one(Member, member_id, populate_existing=True)
        assert (run_jobs(), member.terminates_at) == (0, mail.ends_at)
        clock.advance(1)
        assert run_jobs() == 1

    def test_ladders_rest_while_nobody_could_sign_in(
        self, context: Any, world: Any, supplier: str, company: str, do: Any, clock: Any
    ) -> None:
        member_id = guest(world, supplier, company, "one")
        world.change(Member, member_id, status="active")
        waits = guest(world, supplier, company, "two")
        clock.advance(340 * DAY)
        do(service.invite_guest, waits)
        clock.advance(14 * DAY)
        do(service.suspend_organization, supplier)
        assert run_jobs() == 0
        do(service.resume_organization, supplier)
        assert run_jobs() == 2
        (mail,) = db.session.scalars(db.select(LadderMail).where(LadderMail.kind == "inactivity"))
        assert (mail.days, mail.ends_at) == (14, clock.now() + 14 * DAY)
        (ends,) = ladders.due_of_guests(db.session.scalars(ladders.quiet_guests(supplier)).all())
        assert (ends.member_id, list(ends.mails)) == (member_id, [mail])
        assert ends.ends_at == mail.ends_at and ends.next_at == mail.ends_at - 7 * DAY
        (open_,) = ladders.due_of_invitations(db.session.scalars(ladders.open_invitations(supplier)).all())
        assert (open_.member_id, len(open_.mails), open_.next_at) == (waits, 1, open_.ends_at - 3 * DAY)
        assert db.session.scalars(ladders.mails_sent(supplier).order_by(*ladders.NEWEST_MAIL)).all()
