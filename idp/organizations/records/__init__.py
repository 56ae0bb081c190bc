"""The tables of the zone Core, for *Records* (`idp.kernel.records`): User, Organization, Role, License, Seat.

Holders of OneOffice's privileges find only what belongs to the platform's own organization (DESIGN §3). Each table has
a file; `rights.py` says who may, `places.py` what all of them have of organizations.
"""

from .licenses import LICENSE, licenses_of
from .organizations import ORGANIZATION, RESUME, SUSPEND, Place, place_rows
from .places import found_in, names_of
from .roles import ROLE
from .seats import SEAT
from .users import USER, User, editions_held, own_member, user_row

TABLES = (USER, ORGANIZATION, ROLE, LICENSE, SEAT)

__all__ = [
    "LICENSE",
    "ORGANIZATION",
    "RESUME",
    "SEAT",
    "SUSPEND",
    "TABLES",
    "USER",
    "Place",
    "User",
    "editions_held",
    "found_in",
    "licenses_of",
    "names_of",
    "own_member",
    "place_rows",
    "user_row",
]
