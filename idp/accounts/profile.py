"""What a person tells about themselves, field by field: how it is kept, or why it can't be. Pure.

Names are those of OpenID Connect Core §5.1 (the postal address: §5.1.1) and two of our own, `title` and `theme`.
`GROUPS` are the cards of the page on which people edit; each is saved by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers
from flask_babel import lazy_gettext as _l

from idp.kernel.language import LANGUAGES, THEMES
from idp.kernel.refusal import Refusal
from idp.kernel.secrets import digest

from . import policy

ADDRESS = ("street_address", "postal_code", "locality", "region", "country")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "name": ("given_name", "middle_name", "family_name", "nickname", "preferred_username"),
    "contact": ("title", "phone_number"),
    "preferences": ("locale", "zoneinfo", "theme"),
    "about": ("birthdate", "gender", "website", "profile"),
    "address": ADDRESS,
}
FIELDS = frozenset(name for names in GROUPS.values() for name in names)
OLDEST = 1850  # the year of the earliest birthdate that is believed
_REGIONS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)


@cache
def time_zones() -> tuple[str, ...]:
    """The names that people choose from: places of the IANA database, and UTC."""
    return ("UTC", *sorted(name for name in available_timezones() if name.partition("/")[0] in _REGIONS))


def read(typed: Mapping[str, str | None], today: date) -> dict[str, str | None]:
    """What was typed, as it is kept; None for nothing. Raises `Refusal` with the field, TypeError for another name."""
    if unknown := set(typed) - FIELDS:
        raise TypeError(f"not for a person to tell: {', '.join(sorted(unknown))}")
    return {name: read_one(name, text, today) for name, text in typed.items()}


def read_one(name: str, text: str | None, today: date) -> str | None:
    """One field. Raises `Refusal` with the field."""
    if text is not None and len(text) > 10 * LONGEST[name] + 1000:
        raise _too_long(name)
    if name == "birthdate":
        return _birthdate(text, today)
    return _READERS.get(name, _line)(name, text)


def postal(values: Mapping[str, str | None]) -> dict[str, Any] | None:
    """The claim `address` of its typed members, with `formatted` as an envelope shows it; None when all are empty."""
    members = {name: value for name in ADDRESS if (value := values.get(name))}
    if not members:
        return None
    place = " ".join(members[name] for name in ("postal_code", "locality") if name in members)
    lines = (members.get("street_address"), place, members.get("region"), members.get("country"))
    return {"formatted": "\n".join(line for line in lines if line), **members}


def told(account: Any, names: Iterable[str]) -> dict[str, str]:
    """What the account says now, as it stands in a form; empty for what is not told."""
    address = account.address if isinstance(account.address, Mapping) else {}
    found = {name: address.get(name) if name in ADDRESS else getattr(account, name) for name in names}
    return {name: str(value) if value else "" for name, value in found.items()}


def phone_shown(number: str) -> str:
    """An E.164 number in groups, as people read it: `+47 22 33 44 55`."""
    try:
        found = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return str(phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def mark(account: Any, names: Iterable[str]) -> str:
    """A mark of what these fields say now: the form carries it, so that who edits in two tabs hears of the other."""
    return digest(json.dumps(told(account, sorted(names)), sort_keys=True))[:24]


LONGEST: Mapping[str, int] = {
    **dict.fromkeys(FIELDS, policy.NAME_LENGTH),
    "street_address": 200,
    "website": 500,
    "profile": 500,
    "gender": 40,
    "birthdate": 10,
    "phone_number": 40,
}
"""Characters, by field."""


def _line(name: str, text: str | None) -> str | None:
    """One line of anything that prints."""
    tidy = policy.clean_name(text)
    if not tidy:
        return None
    if len(tidy) > LONGEST[name]:
        raise _too_long(name)
    if any(map(policy.odd, tidy)):
        raise Refusal("text_invalid", _l("This has a character that can't be used."), field=name)
    return tidy


def _lines(name: str, text: str | None) -> str | None:
    """A few lines, each as `_line` takes it."""
    found = [line for one in (text or "").replace("\r\n", "\n").split("\n") if (line := _line(name, one))]
    if len(joined := "\n".join(found)) > LONGEST[name]:
        raise _too_long(name)
    return joined or None


def _name(name: str, text: str | None) -> str:
    found = policy.clean_name(text)
    problem = policy.name_problem(found)
    if problem is not None:
        raise Refusal("name_invalid", problem, field=name)
    return found


def _phone(name: str, text: str | None) -> str | None:
    try:
        return policy.phone_number(text)
    except ValueError:
        raise Refusal("phone_invalid", _l("Enter a phone number, like +47 22 33 44 55."), field=name) from None


def _web(name: str, text: str | None) -> str | None:
    """An address of the web. Other schemes would run or open things in whatever application makes a link of it."""
    typed = _line(name, text)
    if typed is None:
        return None
    wrong = Refusal("address_of_web_invalid", _l("Enter a web address, like https://example.com."), field=name)
    if "://" not in typed and ":" not in typed.partition("/")[0]:
        typed = f"https://{typed}"
    try:
        parts = urlsplit(typed)
        _port = parts.port
    except ValueError:
        raise wrong from None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "." not in host.strip(".") or "@" in parts.netloc or len(typed) > 500:
        raise wrong
    if any(sign.isspace() or sign in "\\\"'<>`" for sign in typed):
        raise wrong
    return typed


def _birthdate(text: str | None, today: date) -> str | None:
    """`YYYY-MM-DD`; also a year alone, or `0000-MM-DD` without one (Core §5.1)."""
    typed = (text or "").strip()
    if not typed:
        return None
    wrong = Refusal("birthdate_invalid", _l("Enter a date of birth, like 1990-05-17."), field="birthdate")
    if not typed.isascii() or len(typed) not in (4, 10):
        raise wrong
    whole = f"{typed}-01-01" if len(typed) == 4 else typed
    without_year = whole.startswith("0000-")
    try:
        found = date.fromisoformat(f"2000{whole[4:]}" if without_year else whole)
    except ValueError:
        raise wrong from None
    if whole[4] != "-" or whole[7] != "-" or not (without_year or OLDEST <= found.year <= today.year):
        raise wrong
    if not without_year and found > today:
        raise wrong
    return typed


def _of(choices: Callable[[], Iterable[str]], message: Any) -> Callable[[str, str | None], str | None]:
    def one_of(name: str, text: str | None) -> str | None:
        if text and text not in choices():
            raise Refusal(f"{name}_unknown", message, field=name)
        return text or None

    return one_of


def _too_long(name: str) -> Refusal:
    message = _l("Use at most %(number)s characters.", number=LONGEST[name])
    return Refusal("text_too_long", message, field=name)


_READERS: Mapping[str, Callable[[str, str | None], str | None]] = {
    "given_name": _name,
    "family_name": _name,
    "phone_number": _phone,
    "street_address": _lines,
    "website": _web,
    "profile": _web,
    "locale": _of(lambda: LANGUAGES, _l("Choose one of these languages.")),
    "theme": _of(lambda: THEMES, _l("Choose one of these.")),
    "zoneinfo": _of(time_zones, _l("Choose one of these time zones.")),
}
