"""The words of the mails: both languages, text and HTML alike, links from the issuer, headers that can't be broken."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from idp.accounts import service as accounts
from idp.kernel.database import db, unit_of_work
from idp.outbox import mails, service, smtp
from idp.outbox.models import Delivery

VALUES: dict[str, Any] = {
    "issuer": "https://id.example",
    "address": "kari@bedrift.example",
    "link": "https://id.example/activate/abc",
    "hours": 24,
    "login": "https://id.example/login",
    "forgot": "https://id.example/password/forgot",
    "name": "Kari <b>Nord</b>",
    "organization": "Løft & Kran AS",
    "company": None,
    "inviter": "Ola <script>",
    "days": 28,
    "person": "Kari <b>Nord</b>",
    "app": "Onix Tag",
    "reason": "Ask <b>again</b> in May.",
    "made": True,
    "first_password": False,
    "ends_at": 1_800_000_000,
    "closes_at": 1_800_000_000,
    "everywhere": True,
    "security": "https://id.example/account/security",
    "label": "My <b>phone</b>",
    "left": 9,
    "what": "added",
    "about": "ola@bedrift.example",
    "time": "28 Nov 2026, 14:05 CET",
    "emails": "https://id.example/account/emails",
    "organizations": "https://id.example/account/organizations",
}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")
        assert tag not in ("script", "img", "b")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("language", ["en", "nb"])
@pytest.mark.parametrize("kind", mails.KINDS)
def test_every_mail_has_both_parts_in_both_languages(kind: str, language: str) -> None:
    words = mails.render(kind, language, **VALUES)
    other = mails.render(kind, "nb" if language == "en" else "en", **VALUES)
    assert words.subject and words.subject != other.subject
    assert "\n" not in words.subject
    assert f'<html lang="{language}">' in words.html
    parser = _Links()
    parser.feed(words.html)
    assert bool(parser.links) == (kind not in ("account_erased", "guest_rejected", "test"))
    for link in parser.links:
        assert link in words.text and link.startswith("https://id.example/")


def test_activation_says_what_the_help_page_says() -> None:
    words = mails.render("activation", "en", **VALUES)
    assert words.subject == "Welcome to Onix Work"
    assert ">Click here to activate your user</a>" in words.html
    assert "Click here to activate your user:\nhttps://id.example/activate/abc\n" in words.text


def test_typed_names_are_text_in_html_and_plain_in_text() -> None:
    words = mails.render("invitation", "en", **VALUES)
    assert "Ola &lt;script&gt;" in words.html and "<script>" not in words.html
    assert "Ola <script> of Løft & Kran AS" in words.text
    assert words.subject == "Løft & Kran AS invites you to Onix Work"
    guest = mails.render("invitation", "en", **{**VALUES, "company": "Havgap <AS>"})
    assert guest.subject == "Løft & Kran AS invites you to Onix Express"
    assert "Ola &lt;script&gt; of Løft &amp; Kran AS invites" in guest.html and "Havgap &lt;AS&gt;" in guest.html
    assert "a user of Onix Express for Havgap <AS>" in guest.text and "until 15 January 2027" in guest.text


def test_p31_a_subject_stays_one_line() -> None:
    words = mails.render("invitation", "en", **{**VALUES, "organization": "A\r\nBcc: evil@example.com"})
    assert words.subject == "A Bcc: evil@example.com invites you to Onix Work"


@pytest.mark.parametrize("address", ["a@b.example\r\nBcc: c@d.example", "a@b.example\n", "nobody", "a\0@b.example"])
def test_p31_an_address_that_breaks_a_header_is_refused(address: str) -> None:
    with pytest.raises(ValueError):
        service.queue_mail("test", address=address, language="en")


def test_p31_a_message_with_a_broken_header_is_never_sent(context: Any) -> None:
    from flask_mail import Message

    message = Message(subject="a", recipients=["a@b.example\r\nX: y"], body="x", sender="Onix Work <n@o.example>")
    with pytest.raises(smtp.Refused):
        smtp.send(message, "smtp://127.0.0.1:1", 1)


def test_links_come_from_the_issuer_whatever_host_is_asked(context: Any) -> None:
    with context.test_request_context("/signup", headers={"Host": "evil.example"}):
        with unit_of_work():
            proof = accounts.request_activation("kari@bedrift.example", "nb")
        delivery = db.session.query(Delivery).one()
        message = mails.compose(delivery)
    assert message is not None and message.subject == "Velkommen til Onix Work"
    assert "evil.example" not in str(message.body) + str(message.html)
    assert "http://localhost/activate/" in str(message.body)
    assert proof.id in delivery.payload["proof_id"]
    assert "activate" not in str(delivery.payload), "no link at rest"


def test_message_ids_are_stable_and_headers_say_it_is_automatic(context: Any) -> None:
    with unit_of_work():
        delivery = service.queue_mail("test", address="kari@bedrift.example", language="nb")
    first, second = mails.compose(delivery), mails.compose(delivery)
    assert first is not None and second is not None
    assert first.msgId == second.msgId == f"<{delivery.id}@localhost>"
    text = first.as_string()
    assert "Auto-Submitted: auto-generated" in text and "Content-Language: nb" in text


def test_an_unknown_language_falls_back_to_the_setting(context: Any) -> None:
    with unit_of_work():
        delivery = service.queue_mail("test", address="kari@bedrift.example", language=None)
    message = mails.compose(delivery)
    assert message is not None and message.subject == "A test mail from Onix Account"


def test_a_spent_link_is_not_mailed(context: Any) -> None:
    from idp.accounts.models import MailboxProof

    with unit_of_work():
        accounts.request_activation("kari@bedrift.example", "en")
    with unit_of_work():
        db.session.query(MailboxProof).update({"spent_at": 1})
    assert mails.compose(db.session.query(Delivery).one()) is None
