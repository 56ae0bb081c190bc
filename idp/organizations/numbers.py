"""Organization numbers: as they are kept, compared, and checked. Pure.

A number of nine digits is Norwegian, with or without blanks, `NO` before it and `MVA` behind it; others are kept as
they are typed and compared without blanks and punctuation (docs/decisions/0012).
"""

from __future__ import annotations

import re

from stdnum.no import mva, orgnr

_NORWEGIAN = re.compile(r"(?:NO)?(\d{9})(?:MVA)?")


def key_of(typed: str | None) -> str | None:
    """The number as it is compared; None where there is none."""
    plain = "".join(sign for sign in (typed or "").upper() if sign.isalnum())
    if not plain:
        return None
    norwegian = _NORWEGIAN.fullmatch(plain)
    return norwegian[1] if norwegian and plain.isascii() else plain[:20]


def tidy(typed: str) -> str:
    """The number as it is kept: a Norwegian one as its nine digits."""
    key = key_of(typed)
    return key if key and is_norwegian(typed) else " ".join(typed.split())


def is_norwegian(typed: str) -> bool:
    """Whether it reads as a Norwegian number, right or wrong."""
    key = key_of(typed)
    return key is not None and key.isascii() and key.isdecimal() and len(key) == 9


def reads_as_number(typed: str) -> bool:
    """Whether somebody who was asked for a name or a number typed the number: it has digits and no other words."""
    return is_norwegian(typed) or (any(map(str.isdecimal, typed)) and not any(map(str.isalpha, typed)))


def is_wrong(typed: str) -> bool:
    """Whether it reads as a Norwegian number whose check digit is another (`stdnum.no.orgnr`)."""
    key = key_of(typed)
    if key is None or not is_norwegian(typed):
        return False
    return not (orgnr.is_valid(key) or mva.is_valid(key + "MVA"))


def shown(number: str | None) -> str:
    """A Norwegian number in groups of three, as the register writes it."""
    if number and is_norwegian(number):
        return str(orgnr.format(number))
    return number or ""
