"""Handing one message to the mail server, with a timeout on every step (security P31)."""

from __future__ import annotations

import smtplib
import ssl
from email.utils import parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

from flask_mail import Message


class Refused(Exception):
    """The server will never take this message: a permanent answer, or a header that must not be sent."""


def send(message: Message, url: str, timeout: int) -> None:
    """Deliver `message` to the server of `url` (`smtp://user:password@host:port?starttls=1`, `smtps://…`).

    Raises `Refused` for what is permanent, OSError or smtplib.SMTPException for what may be tried again.
    """
    if message.has_bad_headers():
        raise Refused("a header holds a line break")
    parts = urlsplit(url)
    host, secure = parts.hostname or "localhost", parts.scheme == "smtps"
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if secure:
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=timeout, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=timeout)
    try:
        if parse_qs(parts.query).get("starttls", ["0"])[0] not in ("0", "false", ""):
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        recipients = [_ascii_domain(str(recipient)) for recipient in message.send_to]
        options = [] if all(address.isascii() for address in recipients) else ["SMTPUTF8"]
        sender = parseaddr(str(message.sender))[1]
        try:
            server.sendmail(sender, recipients, message.as_bytes(), mail_options=options)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _text in error.recipients.values()]
            if all(500 <= code < 600 for code in codes):
                raise Refused(f"the mail server refused the recipient ({codes[0]})") from None
            raise
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            if 500 <= error.smtp_code < 600:
                raise Refused(f"the mail server refused the message ({error.smtp_code})") from None
            raise
        except smtplib.SMTPNotSupportedError:
            raise Refused("the mail server can't take an international address") from None
    finally:
        _close(server)


def _close(server: smtplib.SMTP) -> None:
    """Say goodbye without waiting: the message is taken or it is not, whatever the server answers now."""
    try:
        if server.sock is not None:
            server.sock.settimeout(1)
            server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _ascii_domain(address: str) -> str:
    local, _at, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address
