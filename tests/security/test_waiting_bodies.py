"""Who sends or reads slowly, or never, stops nobody else (R44)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest

from clients.relying_party import bodies as kit
from idp.kernel import spreadsheet
from idp.kernel.refusal import Refusal
from idp.kernel.web.entrance import LARGEST, WAITING, WAITING_OF_A_NETWORK, Entrance, _Permits
from tests.support.databases import one_database
from tests.support.needs import wait_until


class Owed:
    """A body that comes when it is told to."""

    def __init__(self, content: bytes = b"a=b") -> None:
        self.content, self.asked, self.come = content, threading.Event(), threading.Event()

    def read(self, most: int) -> bytes:
        self.asked.set()
        assert self.come.wait(60)
        return self.content[:most]


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


def ask(app: Any, address: str = "192.0.2.1", method: str = "POST", body: Any = None, **environ: Any) -> Any:
    """The status and the answer. A body of a length that is not said comes in chunks."""
    told: list[str] = []
    given = {"REQUEST_METHOD": method, "REMOTE_ADDR": address, "wsgi.input": body or BytesIO(), **environ}
    answer = app(given, lambda status, _headers: told.append(status[:3]))
    try:
        sent = b"".join(answer)
        return told[0], sent
    finally:
        if hasattr(answer, "close"):
            answer.close()


@contextmanager
def owing(app: Any, addresses: list[str]) -> Iterator[list[str]]:
    """From each address a request whose body does not come; gives what they were answered in the end."""
    bodies, answers = [Owed() for _ in addresses], []

    def send(address: str, body: Owed) -> None:
        answers.append(ask(app, address, body=body, CONTENT_LENGTH="3")[0])

    threads = [threading.Thread(target=send, args=pair) for pair in zip(addresses, bodies, strict=True)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: all(body.asked.is_set() for body in bodies), what="the bodies to be waited for")
        yield answers
    finally:
        for body in bodies:
            body.come.set()
        for thread in threads:
            thread.join(60)


def test_r44_who_owes_bodies_keeps_nobody_else_waiting() -> None:
    app = Entrance(echo, at_once=1)
    with owing(app, [f"2001:db8::{number:x}" for number in range(1, WAITING_OF_A_NETWORK + 1)]) as answers:
        assert ask(app, "2001:db8::ffff", body=BytesIO(b"x=y"), CONTENT_LENGTH="3")[0] == "503", "its network owes much"
        assert ask(app, "192.0.2.2", body=BytesIO(b"x=y"), CONTENT_LENGTH="3") == ("200", b"x=y")
        assert ask(app, "2001:db8::1", "GET") == ("200", b""), "who looks is let in"
        assert not answers
    assert answers == ["200"] * WAITING_OF_A_NETWORK
    assert ask(app, "2001:db8::1", body=BytesIO(b"x=y"), CONTENT_LENGTH="3")[0] == "200", "what came is owed no more"


def test_r44_all_networks_together_leave_room_for_who_looks() -> None:
    app = Entrance(echo, at_once=1)
    with owing(app, [f"192.0.2.{number + 1}" for number in range(WAITING)]):
        assert ask(app, "198.51.100.1", body=BytesIO(b"x=y"), CONTENT_LENGTH="3")[0] == "503"
        assert ask(app, "198.51.100.1", "GET") == ("200", b"")


def test_r44_what_means_nothing_or_is_too_large_is_not_waited_for() -> None:
    never = Owed()
    for method in ("GET", "HEAD", "OPTIONS"):
        for said in ({"CONTENT_LENGTH": "3"}, {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}):
            assert ask(Entrance(echo), method=method, body=never, **said) == ("200", b"")
    for front in (Entrance(echo), kit.Bodies(echo)):
        for large in (str(kit.LARGEST + 1), f"{0:020}{kit.LARGEST + 1}", "9" * 5000):
            assert ask(front, body=never, CONTENT_LENGTH=large) == ("200", b""), "its length refuses it"
    assert ask(Entrance(echo), body=never, CONTENT_LENGTH=str(LARGEST + 1)) == ("200", b"")
    assert not never.asked.is_set()
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert ask(Entrance(echo), body=BytesIO(b"a=b"), **chunked) == ("200", b"a=b")
    endless = BytesIO(bytes(LARGEST + 5))
    assert len(ask(Entrance(echo), body=endless, **chunked)[1]) == LARGEST + 1


def test_r44_a_body_without_a_length_is_waited_for_too() -> None:
    """HTTP/2 tells neither a length nor that there is a body."""
    for front in (Entrance(echo, at_once=1), kit.Bodies(echo)):
        assert ask(front, body=BytesIO(b"a=b"), **{"wsgi.input_terminated": True}) == ("200", b"a=b")
        assert ask(front, body=BytesIO(b""), **{"wsgi.input_terminated": True}) == ("200", b"")


def test_a_body_that_is_cut_off_is_not_passed_on() -> None:
    for front in (Entrance(never_called, at_once=1), kit.Bodies(never_called)):
        assert ask(front, body=BytesIO(b"role=a&ro"), CONTENT_LENGTH="20")[0] == "400"


def never_called(_environ: dict[str, Any], _start_response: Callable[..., Any]) -> Iterator[bytes]:
    raise AssertionError


def test_so_many_work_at_once_and_the_work_ends_with_the_answer() -> None:
    working, most, lock = [0], [0], threading.Lock()
    released = threading.Event()

    def slow(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        with lock:
            working[0] += 1
            most[0] = max(most[0], working[0])
        assert released.wait(60)
        yield b"done"
        with lock:
            working[0] -= 1

    app = Entrance(slow, at_once=2)
    threads = [threading.Thread(target=ask, args=(app,), kwargs={"method": "GET"}) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: working[0] == 2, what="two at work")
    released.set()
    for thread in threads:
        thread.join(60)
    assert most[0] == 2 and working[0] == 0

    def broken(_environ: dict[str, Any], _start_response: Any) -> Any:
        raise RuntimeError

    app = Entrance(broken, at_once=1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            ask(app, method="GET")


@pytest.mark.parametrize("patience", [0.0, 0.1])
def test_r44_no_permit_is_lost_and_nobody_is_forgotten(patience: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Permits, "PATIENCE", patience)
    permits, working, lock = _Permits(3), [0, 0], threading.Lock()

    def work() -> None:
        for _ in range(200):
            permits.take()
            with lock:
                working[0] += 1
                working[1] = max(working)
            with lock:
                working[0] -= 1
            permits.give_back()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads) and working[1] <= 3
    for _ in range(3):
        permits.take()
    late = threading.Thread(target=permits.take, daemon=True)
    late.start()
    late.join(0.3)
    assert late.is_alive(), "there are three"
    permits.give_back()
    late.join(60)
    assert not late.is_alive()


def test_r44_who_reads_slowly_keeps_nobody_from_being_worked_at() -> None:
    def long(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield from (b"1", b"2", b"3")

    app = Entrance(long, at_once=1)
    slow = app({"REQUEST_METHOD": "GET"}, lambda *_: None)
    pieces = iter(slow)
    assert (next(pieces), next(pieces)) == (b"1", b"2")
    assert ask(app, method="GET") == ("200", b"123"), "beside somebody who has not read to the end"
    assert list(pieces) == [b"3"]
    slow.close()
    given_up = app({"REQUEST_METHOD": "GET"}, lambda *_: None)
    assert next(iter(given_up)) == b"1"
    given_up.close()
    for _ in range(3):
        assert ask(app, method="GET") == ("200", b"123"), "a permit that was given back is there once"


def test_r44_an_application_waits_for_a_bounded_number_of_bodies() -> None:
    app = kit.Bodies(echo, most=2)
    with owing(app, ["192.0.2.1", "192.0.2.2"]) as answers:
        assert ask(app, body=BytesIO(b"x=y"), CONTENT_LENGTH="3")[0] == "503"
        assert ask(app, method="GET", body=Owed(), CONTENT_LENGTH="3") == ("200", b"")
    assert answers == ["200", "200"]
    assert ask(app, body=BytesIO(b"x=y"), CONTENT_LENGTH="3") == ("200", b"x=y")
    assert ask(app, body=Owed(), CONTENT_LENGTH=str(kit.LARGEST + 1)) == ("200", b"")


@one_database
def test_r44_files_that_are_read_slowly_leave_connections_to_others(app: Any) -> None:
    with app.test_request_context():
        sent = [spreadsheet.answer("a", ["b"], [["c"]]) for _ in range(spreadsheet.MOST)]
        with pytest.raises(Refusal) as refused:
            spreadsheet.answer("a", ["b"], [["c"]])
        assert (refused.value.status, refused.value.retry_after) == (429, 10)
        sent[0].close()
        assert "c" in spreadsheet.answer("a", ["b"], [["c"]]).get_data(as_text=True), "what was read to its end is over"
        for one in (*sent, spreadsheet.answer("a", ["b"], [["c"]])):
            one.close()
