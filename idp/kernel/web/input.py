"""What is taken in: the form token, the origin check, and how much a form may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from flask import current_app, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFProtect

from idp.settings import current_settings

from ..refusal import Refusal
from .entrance import LARGEST

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM = "application/x-www-form-urlencoded"
csrf = CSRFProtect()
_cross_site: set[str] = set()
View = TypeVar("View", bound=Callable[..., Any])


def cross_site(view: View) -> View:
    """Mark a view that other sites post to by specification: no form token, no origin check.

    Such a view must not act on the person's session without a page of ours in between.
    """
    csrf.exempt(view)
    _cross_site.add(f"{view.__module__}.{view.__name__}")
    return view


def large_forms(most: int) -> Callable[[View], View]:
    """Mark a view whose form may be larger than others, up to `most` bytes, when it comes in parts.

    Parts are few; the other kind of form may hold a million fields, which anybody could have us read.
    """
    if most > LARGEST:
        raise ValueError("no form of this size is let in")

    def mark(view: View) -> View:
        view.largest_form = most  # type: ignore[attr-defined]
        return view

    return mark


def largest_form() -> int | None:
    found = getattr(current_app.view_functions.get(request.endpoint or ""), "largest_form", None)
    return found if isinstance(found, int) else None


def widen(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Before anything reads the form: the limits of a view that takes large ones."""
    most = largest_form()
    if most is not None and request.mimetype == "multipart/form-data":
        request.max_content_length = request.max_form_memory_size = most


def check_input() -> None:
    """Refuse what no person types and no row can hold, and posts that another site caused (R43).

    What other sites post comes as OpenID Connect Core §13.2 has it: of parts (multipart) one couldn't say whether they
    are in UTF-8, for each may name a character set of its own.
    """
    if request.method not in SAFE and request.mimetype not in ("", _FORM) and _from_anywhere():
        raise Refusal("form_kind", _("A request by POST has to be sent as application/x-www-form-urlencoded."))
    if (
        "\0" in request.full_path
        or not _is_text(request.query_string)
        or (request.method not in SAFE and not _can_be_stored())
    ):
        raise Refusal("bad_character", _("The text contains a character that can't be stored."))
    if request.method in SAFE or request.endpoint is None or _from_anywhere():
        return
    if _foreign() or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Refusal("cross_site", _("This form was sent from another site."), status=403)


def _foreign() -> bool:
    """Whether the request names another site as its origin.

    Under `Referrer-Policy: no-referrer` browsers send "null" for our own forms too; the fetch metadata decides then.
    """
    return request.headers.get("Origin") not in (None, "null", current_settings().issuer)


def from_here() -> bool:
    """Whether the browser says that a page of ours sent this. What says nothing is not believed."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    return not _foreign() and (site == "same-origin" or (site is None and origin == current_settings().issuer))


def _from_anywhere() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return view is not None and f"{view.__module__}.{view.__name__}" in _cross_site


def _can_be_stored() -> bool:
    """Whether the form is one that a row can hold and that can be given back as it came."""
    if request.mimetype == _FORM and not _is_text(request.get_data()):
        return False
    return not any("\0" in value for value in request.form.values())


def _is_text(form: bytes) -> bool:
    """Whether it is in UTF-8. What is not would be read as other characters, and a `state` come back changed."""
    try:
        (unquote_to_bytes(form) if b"%" in form else form).decode()
    except UnicodeDecodeError:
        return False
    return True
