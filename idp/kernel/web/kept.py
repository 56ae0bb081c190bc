"""What a form held that could not be taken: too old, too often, or sent after its person was signed out.

The page that says so carries it on, and one press sends it again. Pages are not cached, so the browser's own *Back*
may show the form empty.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flask import current_app, request
from flask import session as cookie
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException

from .input import SAFE, from_here

TYPED_AGAIN = ("current_password", "password", "code")
"""Secrets, which never come back to a page: it asks for them anew."""

MADE = frozenset({"credential", "ceremony"})
"""Fields that a script made for one moment; their form is not sent again."""

LONGEST = 20_000
"""Characters of names and values together; what is longer is not carried on."""

LONGEST_PATH = 500

BEFORE = "form_before"
"""Cookie key: the form token that the present one has replaced, and whether whoever is signed in now may send a form
with that one: not where it was another person's."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A form as it was sent: to which path of ours, name and value of each field in order, and which secrets it had."""

    path: str
    fields: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]

    def stored(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def sent() -> Kept | None:
    """The form that this request sent, without secrets and the form token; None where there is nothing to keep or a
    file came with it, and where no page of ours sent it: then a press would be another site's doing (R43)."""
    path = request.full_path.rstrip("?")
    if request.method in SAFE or not from_here() or len(path) > LONGEST_PATH:
        return None
    try:
        form, files = request.form, request.files
    except HTTPException:  # too large, and refused for that
        return None
    if not MADE.isdisjoint(form) or any(file.filename for file in files.values()):
        return None
    fields = tuple(
        (name, value) for name, value in form.items(multi=True) if name != "csrf_token" and name not in TYPED_AGAIN
    )
    secrets = tuple(name for name in TYPED_AGAIN if name in form)
    if not (fields or secrets) or sum(len(name) + len(value) for name, value in fields) > LONGEST:
        return None
    return Kept(path, fields, secrets)


def of_who_is_here() -> bool:
    """Whether the form of this request may be sent by whoever is signed in now, although its token is not of today: it
    was not another person's. True where nobody is signed in."""
    if "_user_id" not in cookie:  # Flask-Login's key
        return True
    before = cookie.get(BEFORE)
    if not isinstance(before, list) or len(before) != 2 or not before[1]:
        return False
    signed = URLSafeTimedSerializer(current_app.secret_key or "", salt="wtf-csrf-token")  # Flask-WTF's
    try:
        return bool(signed.loads(request.form.get("csrf_token", "")) == before[0])
    except BadData:
        return False


def read(stored: Any) -> Kept | None:
    """What `stored` gave, back again."""
    if not isinstance(stored, dict):
        return None
    fields = tuple((str(name), str(value)) for name, value in stored["fields"])
    return Kept(str(stored["path"]), fields, tuple(map(str, stored["secrets"])))
