"""The pages, a file for each part of a sign-in; all on one blueprint.

Each carries on with what waits for the person (a continuation), and ends in `onward`.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from idp.accounts import service as accounts
from idp.kernel import continuation, web
from idp.kernel.continuation import Continuation

from .. import guard, service

blueprint = Blueprint("sessions", __name__)


def read_continuation() -> tuple[str | None, Continuation | None]:
    """The handle to carry on and what it stands for; a foreign or expired one is as good as none.

    Lets the page's forms end at the one validated origin that the waiting request leads to (security P23).
    """
    handle = request.values.get("continue")
    found = continuation.find(handle)
    if found is None:
        return None, None
    if found.context.get("form_action"):
        web.allow_form_action(str(found.context["form_action"]))
    if found.context.get("logo_uri"):
        web.allow_image(str(found.context["logo_uri"]))
    return handle, found


def with_handle(path: str, handle: str | None) -> str:
    return f"{path}?continue={handle}" if handle else path


def onward(handle: str | None, waiting: Continuation | None) -> ResponseReturnValue:
    """Required actions first, then back to where the person came from; 303, so no password is posted on (R09)."""
    who = service.actor()
    if who is not None and accounts.required_action(who.account) is not None:
        return redirect(with_handle("/login/required", handle), 303)
    if waiting is not None and (waiting.context.get(guard.TYPED) or waiting.context.get(guard.KEPT)):
        return redirect(with_handle(waiting.path, handle), 303)
    return redirect(waiting.path if waiting else "/", 303)


def page(name: str, status: web.Status = 200, **values: Any) -> ResponseReturnValue:
    return web.page(f"sessions/{name}.html", status, **values)


from . import kept, required, second_step, sign_in, sign_out  # noqa: E402 (each puts its routes on the blueprint)

__all__ = [
    "blueprint",
    "kept",
    "onward",
    "page",
    "read_continuation",
    "required",
    "second_step",
    "sign_in",
    "sign_out",
    "with_handle",
]
