"""E-mail addresses: read once at the edge, kept as typed and as compared (security P35)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l

from idp.kernel.refusal import Refusal


@dataclass(frozen=True)
class Address:
    """`address` as the person typed it (NFC), `normalized` for comparing: in small letters, domain in Unicode.

    Small letters and no more: folding would make `ß` two s and one domain another, whose owner could then prove
    mailboxes of somebody else.
    """

    address: str
    normalized: str
    domain: str


def parse(text: str | None) -> Address:
    """Read an e-mail address. No name server is asked; whether it exists is proven by a mail.

    Raises `Refusal("address_invalid")`, field `address`.
    """
    typed = unicodedata.normalize("NFC", (text or "").strip())
    if len(typed) > 254 or any(unicodedata.category(sign) in ("Cc", "Cs") for sign in typed):
        raise _invalid()
    try:
        found = validate_email(
            typed, check_deliverability=False, allow_smtputf8=True, test_environment=True, globally_deliverable=True
        )
    except (EmailNotValidError, UnicodeError, ValueError):
        raise _invalid() from None
    normalized = unicodedata.normalize("NFC", f"{found.local_part.lower()}@{found.domain}")
    if len(normalized) > 254 or len(found.normalized) > 254:
        raise _invalid()
    return Address(address=found.normalized, normalized=normalized, domain=normalized.rpartition("@")[2])


def normalized_or_none(text: str | None) -> str | None:
    """The compared form, or None for what is no address: for looking up, where a wrong one is simply unknown."""
    try:
        return parse(text).normalized
    except Refusal:
        return None


def same(one: str | None, other: str | None) -> bool:
    """Whether two texts are one address."""
    found = normalized_or_none(one)
    return found is not None and found == normalized_or_none(other)


def mailbox_of(normalized: str) -> str:
    """What mails to an address are counted under: the mailbox, whatever stands behind a plus sign (RFC 5233)."""
    local, at, domain = normalized.rpartition("@")
    return (local.partition("+")[0] or local) + at + domain


def _invalid() -> Refusal:
    return Refusal("address_invalid", _l("Enter an e-mail address, like name@company.com."), field="address")
