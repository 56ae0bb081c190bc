"""Delivering: leases, back-off, giving up where it is seen, and nobody held up by anybody else."""

from __future__ import annotations

import http.server
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from idp.accounts import service as accounts
from idp.kernel.database import db, unit_of_work
from idp.kernel.events import emit
from idp.kernel.refusal import Refusal
from idp.oidc.events import LogoutDue
from idp.outbox import service, worker
from idp.outbox.models import Delivery
from tests.support.mail import Sink
from tests.support.needs import wait_until

MAIL, LOGOUT = worker.LANES


@pytest.fixture
def app_settings(sink: Sink) -> dict[str, Any]:
    return {"mail_url": sink.url, "mail": {"timeout": 1}}


@pytest.fixture
def running(app: Any) -> Iterator[Callable[..., None]]:
    """`running()` starts a worker on the application; it is stopped at the end."""
    stop, threads = threading.Event(), []

    def start(this: Any = None) -> None:
        thread = threading.Thread(target=worker.run, args=(this or app, stop))
        thread.start()
        threads.append(thread)

    yield start
    stop.set()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()


def _queue(address: str = "kari@bedrift.example", kind: str = "test") -> str:
    with unit_of_work():
        return service.queue_mail(kind, address=address, language="en").id


def _claimed(delivery_id: str, now: int) -> Delivery:
    row = _row(delivery_id)
    with unit_of_work():
        (found,) = service.claim(row.lane, row.destination, now, 60)
    assert found.id == delivery_id
    db.session.expunge(found)
    return found


def _row(delivery_id: str) -> Delivery:
    return db.session.get_one(Delivery, delivery_id, populate_existing=True)


def test_a_mail_arrives_within_about_a_second(app: Any, running: Any, sink: Sink) -> None:
    """The quickest of some: a machine with other work may hold up many of them, a slow worker holds up all."""
    running()
    took = [math.inf]
    for number in range(20):
        if min(took) < 2:
            break
        with app.app_context():
            _queue(f"kari{number}@bedrift.example")
        began = time.monotonic()
        letter = sink.wait(f"kari{number}@bedrift.example")
        took.append(time.monotonic() - began)
    assert min(took) < 2, took
    assert letter.sender == "Onix Work <no-reply@onixwork.example>"
    assert letter.subject == "A test mail from Onix Account"
    assert "sending works" in letter.text and "sending works" in letter.html


def test_several_workers_send_each_mail_once(
    app: Any, make_app: Any, database_url: str, running: Any, sink: Sink
) -> None:
    with app.app_context(), unit_of_work():
        for number in range(20):
            service.queue_mail("test", address=f"p{number}@d{number}.example", language="en")
    running()
    running(make_app(database_url, mail_url=sink.url))
    wait_until(lambda: len(sink.letters) >= 20 or None, what="20 letters")
    time.sleep(0.5)
    assert len(sink.letters) == 20


def test_a_lease_belongs_to_one(context: Any, clock: Any) -> None:
    delivery_id = _queue()
    first = _claimed(delivery_id, clock.now())
    with unit_of_work():
        assert service.claim("mail", "bedrift.example", clock.now(), 60) == []
        assert service.due("mail", clock.now()) == []
    clock.advance(59)
    with unit_of_work():
        assert service.claim("mail", "bedrift.example", clock.now(), 60) == []
    clock.advance(1)
    second = _claimed(delivery_id, clock.now())
    assert second.attempts == 2
    with unit_of_work():
        assert not service.settle(delivery_id, first.lease, "delivered", clock.now()), "the lease has passed on"
        assert not service.postpone(delivery_id, first.lease, clock.now(), "late")
        assert not service.forget(delivery_id, first.lease)
        service.release([first])
        assert _row(delivery_id).lease == second.lease
        assert service.settle(delivery_id, second.lease, "delivered", clock.now())
        assert not service.settle(delivery_id, None, "given_up", clock.now()), "once"
        assert not service.postpone(delivery_id, None, clock.now(), "late") and not service.forget(delivery_id, None)
    row = _row(delivery_id)
    assert (row.outcome, row.settled_at, row.lease, row.leased_until) == ("delivered", clock.now(), None, 0)


def test_the_oldest_come_first_each_destination_by_itself(context: Any, clock: Any) -> None:
    first, second, third = (_queue(f"p{number}@BEDRIFT.example") for number in range(3))
    other = _queue("kari@annen.example")
    now = clock.now()
    with unit_of_work():
        assert sorted(service.due("mail", now)) == ["annen.example", "bedrift.example"]
        assert service.due("mail", now, without=["annen.example"]) == ["bedrift.example"]
        assert len(service.due("mail", now, limit=1)) == 1
        assert service.due("logout", now) == service.due("mail", now - 1) == []
        assert service.claim("logout", "bedrift.example", now, 60) == []
        taken = service.claim("mail", "bedrift.example", now, 60, limit=2)
        assert [one.id for one in taken] == [first, second]
        assert [one.id for one in service.claim("mail", "bedrift.example", now, 60, limit=2)] == [third]
        service.release(taken)
        assert [(_row(one).attempts, _row(one).lease) for one in (first, second)] == [(0, None)] * 2
        assert [one.id for one in service.claim("mail", "annen.example", now, 60)] == [other]


def test_what_was_settled_is_looked_at_for_thirty_days(context: Any, clock: Any) -> None:
    waiting, settled = _queue(), _queue()
    began = clock.now()
    with unit_of_work():
        service.claim("mail", "bedrift.example", began, 60, limit=2)
        service.settle(settled, _row(settled).lease, "dropped", began)
        assert [row.id for row in service.listed()] == [settled, waiting]
        assert [row.id for row in service.listed(limit=1)] == [settled]
        assert [row.id for row in service.listed(state="waiting")] == [waiting]
        assert [row.id for row in service.listed(state="dropped")] == [settled]
        assert service.listed(state="given_up") == []
        assert service.counts() == [("mail", "waiting", 1)]
        assert service.tidy(began + 30 * 86400 - 1) == 0
        assert service.tidy(began + 30 * 86400) == 1
    assert [row.id for row in service.listed()] == [waiting]


@pytest.mark.parametrize(
    "address", ["kari", "kari@x.example\r\nBcc: ola@x.example", "kari\n@x.example", "k\0@x.example"]
)
def test_no_address_of_a_mail_breaks_a_header(context: Any, address: str) -> None:
    with pytest.raises(ValueError), unit_of_work():
        service.queue_mail("test", address=address, language="en")
    assert service.listed() == []


def test_mails_to_an_address_are_forgotten_in_any_spelling_and_no_others(context: Any) -> None:
    gone = [_queue("Kari@Bedrift.example"), _queue("kari@bedrift.example")]
    stays = [_queue("karin@bedrift.example"), _queue("kari@annen.example"), _logout("bedrift.example")]
    with unit_of_work():
        assert service.forget_mails_to(["KARI@bedrift.example", "nobody@nowhere.example"]) == len(gone)
    assert sorted(row.id for row in service.listed()) == sorted(stays)


def test_a_resend_after_a_crash_carries_the_same_message_id(context: Any, clock: Any, sink: Sink) -> None:
    delivery_id = _queue()
    worker.deliver_mail(_claimed(delivery_id, clock.now()))  # and the worker dies before it settles
    clock.advance(61)
    worker.attempt(MAIL, _claimed(delivery_id, clock.now()))
    one, two = sink.to("kari@bedrift.example")
    assert one.message["Message-ID"] == two.message["Message-ID"]
    assert one.message["Date"] == two.message["Date"]


def test_a_busy_server_is_tried_again_later(context: Any, clock: Any, sink: Sink) -> None:
    delivery_id = _queue()
    sink.reply = "451 busy"
    assert worker.attempt(MAIL, _claimed(delivery_id, clock.now())) == "postponed"
    row = _row(delivery_id)
    assert row.due_at == clock.now() + 2 and row.settled_at is None and row.last_error
    sink.reply = None
    clock.advance(1)
    with unit_of_work():
        assert service.claim("mail", "bedrift.example", clock.now(), 60) == []
    clock.advance(1)
    assert worker.attempt(MAIL, _claimed(delivery_id, clock.now())) == "delivered"
    assert len(sink.to("kari@bedrift.example")) == 1


def test_waits_grow_to_an_hour() -> None:
    waits = [MAIL.back_off(number, 0) for number in range(1, 13)]
    assert waits[:4] == [2, 6, 18, 54] and waits[-1] == 3600 and waits == sorted(waits)


def test_an_application_that_was_away_hears_soon_after_its_return() -> None:
    """Asked every three seconds while what it has to hear is young, then less and less, at least once an hour."""
    assert [LOGOUT.back_off(number, 0) for number in (1, 2, 3, 60)] == [2, 3, 3, 3]
    assert LOGOUT.back_off(30, 299) == 3
    assert [LOGOUT.back_off(30, age) for age in (300, 3000, 10**6)] == [100, 1000, 3600]
    assert LOGOUT.back_off(1, 10**6) == 2, "an operator's retry begins anew"


def test_an_old_logout_token_is_given_up_after_an_hour_and_a_half(context: Any, clock: Any, told: str) -> None:
    _Receiver.answers = {"/rp": 503}
    delivery_id, began = _logout("rp"), clock.now()
    for _ in range(LOGOUT.attempts + 5):
        assert worker.attempt(LOGOUT, _claimed(delivery_id, clock.now())) == "postponed"
        clock.advance(5)
    clock.advance(began + LOGOUT.patience - clock.now())
    assert worker.attempt(LOGOUT, _claimed(delivery_id, clock.now())) == "given_up"


def test_a_permanent_refusal_is_given_up_where_it_is_seen(context: Any, clock: Any, sink: Sink) -> None:
    delivery_id = _queue()
    sink.reply = "550 no such mailbox"
    assert worker.attempt(MAIL, _claimed(delivery_id, clock.now())) == "given_up"
    row = _row(delivery_id)
    assert row.outcome == "given_up" and "550" in str(row.last_error)
    assert service.counts() == [("mail", "given_up", 1)]
    with unit_of_work():
        assert service.retry([delivery_id]) == 1
    sink.reply = None
    assert worker.attempt(MAIL, _claimed(delivery_id, clock.now())) == "delivered"


def test_only_what_was_given_up_is_tried_again(context: Any, clock: Any, sink: Sink) -> None:
    sink.reply = "550 no such mailbox"
    given_up = [_queue() for _ in range(3)]
    for delivery_id in given_up:
        worker.attempt(MAIL, _claimed(delivery_id, clock.now()))
    sink.reply = "451 busy"
    postponed, under_way, delivered = _queue(), _queue(), _queue()
    worker.attempt(MAIL, _claimed(postponed, clock.now()))
    lease = _claimed(under_way, clock.now()).lease
    sink.reply = None
    worker.attempt(MAIL, _claimed(delivered, clock.now()))
    before = {name: (row.due_at, row.attempts) for name in (postponed, under_way) for row in [_row(name)]}
    clock.advance(1)
    with unit_of_work():
        assert service.retry([given_up[0], postponed, under_way, delivered]) == 1
    with unit_of_work(), pytest.raises(Refusal):
        service.retry([given_up[1], "nowhere"])
    assert _row(given_up[1]).outcome == "given_up"
    with unit_of_work():
        assert service.retry() == 2
        assert service.retry() == 0
    assert {name: (row.due_at, row.attempts) for name in before for row in [_row(name)]} == before
    assert _row(under_way).lease == lease, "whoever is at it stays at it"
    assert _row(delivered).outcome == "delivered"
    assert [(_row(name).outcome, _row(name).attempts) for name in given_up] == [(None, 0)] * 3


def test_a_mail_waits_for_days_for_a_server_that_is_away_and_is_given_up_then(
    context: Any, clock: Any, sink: Sink
) -> None:
    delivery_id = _queue()
    sink.reply = "451 busy"
    for _ in range(MAIL.attempts + 1):
        assert worker.attempt(MAIL, _claimed(delivery_id, clock.now())) == "postponed"
        clock.advance(3601)
    clock.advance(MAIL.patience)
    assert worker.attempt(MAIL, _claimed(delivery_id, clock.now())) == "given_up"


def test_a_hanging_mail_server_delays_no_request(app: Any, make_app: Any, database_url: str, running: Any) -> None:
    """A server that takes the connection and says nothing: the page answers at once, the mail waits (P31).

    While the worker hangs at the server with one mail, the next one is asked for and the request is done.
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = make_app(database_url, mail_url=f"smtp://127.0.0.1:{silent.getsockname()[1]}", mail={"timeout": 60})
        running(hanging)
        with hanging.app_context():
            with unit_of_work():
                accounts.request_activation("kari@bedrift.example", "en")
            silent.settimeout(60)
            connection, _ = silent.accept()
            with unit_of_work():
                accounts.request_activation("ola@bedrift.example", "en")

            def failed() -> list[Delivery]:
                db.session.rollback()
                return db.session.query(Delivery).filter(Delivery.last_error.is_not(None)).all()

            assert db.session.query(Delivery).count() == 2
            assert failed() == [], "the worker still waits for the server's first word"
            connection.close()
            silent.close()
            rows = wait_until(failed, what="the postponed mail")
        assert [row.settled_at for row in rows] == [None] * len(rows)


# ---- logout tokens


class _Receiver(http.server.BaseHTTPRequestHandler):
    """`answers` are statuses by path, `waits` what a path waits for; `begun` and `got` are what came and was taken."""

    answers: dict[str, int] = {}
    waits: dict[str, threading.Event] = {}
    begun: list[str] = []
    got: list[tuple[str, str, str]] = []
    cookies: list[str | None] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        _Receiver.begun.append(self.path)
        if self.path in self.waits:
            self.waits[self.path].wait(60)
        _Receiver.got.append((self.path, self.headers["Content-Type"], body))
        _Receiver.cookies.append(self.headers["Cookie"])
        self.send_response(self.answers.get(self.path, 200))
        self.send_header("Content-Length", "0")
        self.send_header("Set-Cookie", "client=1")
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def receiver() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    _Receiver.begun, _Receiver.got, _Receiver.cookies, _Receiver.answers, _Receiver.waits = [], [], [], {}, {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, receiver: str) -> str:
    """Each client listens at its own path of the receiver."""
    monkeypatch.setattr(
        "idp.oidc.logout.logout_token", lambda client_id, sub, sid: (f"{receiver}/{client_id}", f"token.of.{sub}")
    )
    return receiver


def _logout(client_id: str) -> str:
    with unit_of_work():
        return service.queue_logout(client_id=client_id, sub="s1", sid="sid").id


@pytest.mark.parametrize("status", [200, 204])
def test_r34_a_logout_token_is_posted_as_a_form(context: Any, clock: Any, told: str, status: int) -> None:
    _Receiver.answers = {"/rp": status}
    assert worker.attempt(LOGOUT, _claimed(_logout("rp"), clock.now())) == "delivered"
    path, content_type, body = _Receiver.got[0]
    assert (path, content_type, body) == ("/rp", "application/x-www-form-urlencoded", "logout_token=token.of.s1")


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_r34_other_answers_are_tried_again_and_redirects_never_followed(
    context: Any, clock: Any, told: str, status: int
) -> None:
    _Receiver.answers = {"/rp": status}
    delivery_id = _logout("rp")
    assert worker.attempt(LOGOUT, _claimed(delivery_id, clock.now())) == "postponed"
    assert len(_Receiver.got) == 1
    assert _row(delivery_id).last_error == f"answered {status}"


def test_r34_private_addresses_are_out_of_reach_unless_local(
    make_app: Any, database_url: str, clock: Any, told: str
) -> None:
    outside = make_app(database_url, issuer="https://id.example")
    with outside.app_context():
        assert worker.attempt(LOGOUT, _claimed(_logout("rp"), clock.now())) == "postponed"
    assert _Receiver.got == []


def test_nothing_to_tell_is_dropped(context: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.oidc.logout.logout_token", lambda *_: None)
    assert worker.attempt(LOGOUT, _claimed(_logout("rp"), clock.now())) == "dropped"


def test_a_slow_destination_holds_up_nobody(app: Any, running: Any, told: str) -> None:
    """Three wait for one that does not answer; what was queued after them goes out before the first is given up."""
    over = threading.Event()
    _Receiver.waits = {"/slow": over}
    with app.app_context():
        for _ in range(3):
            _logout("slow")
        _logout("quick")
    running()
    try:
        wait_until(lambda: "/quick" in _Receiver.begun, what="the quick one")
        assert _Receiver.begun.count("/slow") <= 1 and not any(path == "/slow" for path, *_ in _Receiver.got)
    finally:
        over.set()


def test_one_destination_hears_a_hundred_in_a_moment(
    app: Any, running: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after another over one line, without waiting for the lane to look again."""
    with app.app_context():
        for _ in range(100):
            _logout("rp")
    due, looks = service.due, []

    def watched(*args: Any, **values: Any) -> list[str]:
        found = due(*args, **values)
        looks.extend(found)
        return found

    monkeypatch.setattr(service, "due", watched)
    running()
    wait_until(lambda: len(_Receiver.got) >= 100 or None, what="a hundred logout tokens")
    assert len(looks) < 50, "a look at the lane for each takes twenty seconds"
    wait_until(lambda: not _waiting(app), what="the last one to be settled")
    assert len(_Receiver.got) == 100


@pytest.mark.running_clock
def test_one_failure_leaves_the_rest_of_the_batch_untried(
    app: Any, running: Any, told: str, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.Lane, "back_off", lambda *_: 600)  # nothing is tried again while the test looks on
    _Receiver.answers = {"/rp": 503}
    with app.app_context():
        for _ in range(10):
            _logout("rp")
    running()
    wait_until(lambda: _Receiver.got or None, what="the first try")
    time.sleep(0.7)

    def attempts() -> int:
        with app.app_context():
            counted = sum(row.attempts for row in db.session.query(Delivery))
            db.session.rollback()
            return counted

    wait_until(lambda: attempts() == len(_Receiver.got), what="that what was not tried counts no attempt")
    assert len(_Receiver.got) <= LOGOUT.lines, "each line found it failing; it is left alone"
    _Receiver.answers = {}
    clock.advance(600)
    running()  # which has not met the failure
    wait_until(lambda: not _waiting(app), what="all of them, once it is back")


def _waiting(app: Any) -> int:
    with app.app_context():
        found = db.session.query(Delivery).filter(Delivery.settled_at.is_(None)).count()
        db.session.rollback()
        return found


def test_no_cookie_of_a_client_is_kept(context: Any, told: str) -> None:
    """One line may lead to several clients of one host, and what one sets is not the other's to read."""
    with worker.logout_line() as line:
        for _ in range(2):
            assert line.post(f"{told}/rp", data={"logout_token": "x"}).headers["Set-Cookie"]
    assert _Receiver.cookies == [None, None]


def test_an_event_becomes_one_delivery_in_its_own_transaction(context: Any) -> None:
    with pytest.raises(RuntimeError), unit_of_work():
        emit(LogoutDue(at=1, client_id="rp", sub="s", sid="x"))
        raise RuntimeError
    assert db.session.query(Delivery).count() == 0
    with unit_of_work():
        emit(LogoutDue(at=1, client_id="rp", sub="s", sid="x"))
    row = db.session.query(Delivery).one()
    assert (row.lane, row.destination, row.payload) == ("logout", "rp", {"client_id": "rp", "sub": "s", "sid": "x"})
