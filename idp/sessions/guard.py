"""What stands before a page that is for signed-in people, or for those who have just shown that it is they.

Which acts ask for a recent sign-in, and why those: docs/decisions/0038.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, redirect, request
from werkzeug.wrappers import Response

from idp.accounts.credentials.methods import methods_of
from idp.accounts.service import required_action
from idp.kernel import clock, continuation
from idp.kernel.counters import network_of
from idp.kernel.database import unit_of_work
from idp.kernel.web import count_request, in_rate, kept
from idp.settings import current_settings

from . import policy
from .service import Actor, account_here, actor

View = TypeVar("View", bound=Callable[..., Any])

LONGEST_PATH = kept.LONGEST_PATH
TYPED = "typed"
"""Key in a continuation's context: what was typed into a form that could not be taken yet, which starts with it."""
KEPT, KEPT_OF = "kept", "kept_of"
"""The same, a whole form, to be sent again from the page `AGAIN`; and whose it is, an account's id."""
AGAIN = "/login/kept"
KEPT_A_MINUTE = 20
"""So many forms of one network are kept in a minute: whoever is signed out can send them."""


def login_required(view: View) -> View:
    """Let only a signed-in person with no action outstanding in; others go to sign-in and come back to this page.

    What a form held that was sent too late is kept, and sent again by one press after signing in.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        who = actor()
        if who is None:
            return redirect(_and_back("/login"), 303)
        if required_action(who.account) is not None:
            return redirect(_and_back("/login/required"), 303)
        return view(*args, **kwargs)

    return cast(View, guarded)


def recent_sign_in_required(*, back: str | None = None, keep: Iterable[str] = ()) -> Callable[[View], View]:
    """Let a person in whose sign-in is minutes old (R27, setting `lifetimes.recent_sign_in`); others confirm first.

    Who had to confirm comes back to this page, or to `back`, which a view that answers posts alone has to name. What a
    refused post typed into the fields of `keep` (never a secret) is there again in `typed()`.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            who = actor()
            if who is not None and not is_recent(who):
                typed = {name: request.form[name][:1000] for name in keep if name in request.form}
                return redirect(_and_back("/login/again", back, {TYPED: typed}), 303)
            return view(*args, **kwargs)

        guarded.asks_recent_sign_in = True  # type: ignore[attr-defined]
        return cast(View, login_required(guarded))

    return mark


def confirm_first() -> Response:
    """Send the person to *Confirm that it is you*, and back as `login_required` does: for what another guard finds."""
    return back_here("/login/again")


def is_recent(who: Actor) -> bool:
    """Whether the sign-in is recent enough to change how one signs in, and shown as well as the account asks by now: a
    session of a password alone, from before there was a second factor, has not shown that one."""
    within = current_settings().lifetimes.recent_sign_in
    if not policy.recent(auth_time=who.session.auth_time, within=within, now=clock.now()):
        return False
    return has_two_factors(who) or not methods_of(who.account.id).second_factor


def typed() -> dict[str, str]:
    """What was typed into this page's form before its person had to confirm; the form starts with it."""
    found = continuation.find(request.args.get("continue")) if request.method == "GET" else None
    kept = found.context.get(TYPED) if found is not None and found.path == request.path else None
    return {str(name): str(value) for name, value in kept.items()} if isinstance(kept, dict) else {}


def has_two_factors(who: Actor) -> bool:
    """Whether the session stands on two factors (`urn:onix:acr:2`)."""
    return policy.acr_of(who.session.amr) == policy.ACR_TWO_FACTORS


def to_second_factor(back: str) -> Response:
    """Send the person to the second step, or to setting one up, and back to this page; a post leads to `back`."""
    return back_here("/login/stronger", back)


def _and_back(page: str, back: str | None = None, context: dict[str, Any] | None = None) -> str:
    """The address of `page`, with a continuation that returns to the page that was asked for.

    A post returns to `AGAIN`, which keeps what was typed; where nothing was, or `context` has it already, to `back`, or
    else to the nearest page above. Anybody may ask for that, and it makes a row: a look counts like a form that is
    posted.
    """
    looks = request.method in ("GET", "HEAD")
    where = request.full_path.rstrip("?") if looks else back or _page_above(request.path)
    if not looks and not (context or {}).get(TYPED) and (owner := account_here()) and (form := _to_keep()):
        where, context = AGAIN, {KEPT: form.stored(), KEPT_OF: owner}
    if where == "/" or len(where) > LONGEST_PATH or where.startswith("//"):
        return page
    if looks:
        count_request()
    with unit_of_work():
        handle = continuation.begin(where, context)
    return f"{page}?continue={handle}"


def back_here(page: str, back: str | None = None) -> Response:
    """Send the person to `page` and back, for guards of other rooms; as `login_required` does."""
    return redirect(_and_back(page, back), 303)


def _to_keep() -> kept.Kept | None:
    """The form of a post, where there is one to keep; one with a password is filled in from the beginning."""
    form = kept.sent()
    if form is None or form.secrets or not in_rate("kept", network_of(request.remote_addr or ""), KEPT_A_MINUTE):
        return None
    return form


def _page_above(path: str) -> str:
    """The path itself where it can be looked at, or else the nearest one above it that can."""
    routes = current_app.url_map.bind("")
    while path:
        if routes.test(path, method="GET"):
            return path
        path = path.rpartition("/")[0]
    return "/"
