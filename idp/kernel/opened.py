"""A mailed link's secret leaves the address bar as soon as it is opened (security R19, P24).

`/activate/<token>` keeps the token in this browser's signed cookie and answers 303 to `/activate/opened/<mark>`; the
mark is a digest, worth nothing in any other browser. So nothing secret stays in the history, on a shared screen, or in
what an extension reads. No row changes: HEAD and mail scanners may follow as they like. Each link has a mark of its
own, so that one opened twice and two in two tabs all go on; only what a link still opens is worth the trip, so a view
shows dead ones where they are.
"""

from __future__ import annotations

from flask import redirect, request
from flask import session as cookie
from werkzeug.wrappers import Response

from .secrets import digest

_KEY = "opened"
_MOST = 4  # links, each some 120 characters of the cookie


def by_link() -> bool:
    """Whether this is a look at the mailed address itself."""
    return request.method != "POST" and "token" in (request.view_args or {})


def keep(place: str, token: str) -> str:
    """Keep the token of a link to `place` (`/activate`) in this browser; gives the path that stands for it."""
    mark = digest(token)[:20]
    others = [pair for pair in cookie.get(_KEY, ()) if pair[0] != mark]
    cookie[_KEY] = [*others, [mark, token]][-_MOST:]
    return f"{place}/opened/{mark}"


def go_on(place: str, token: str) -> Response:
    """Keep it, and send the browser to where the token is not seen."""
    return redirect(keep(place, token), 303)


def token_of(mark: str) -> str:
    """The token behind a mark in this browser; empty when it was never opened here."""
    return next((str(token) for known, token in cookie.get(_KEY, ()) if known == mark), "")
