"""A continuation is an opaque, browser-bound "come back here".

A room that sends the browser away (the authorize endpoint to sign-in, say) stores where it must return and what the
pages in between may show: the application's name, a login hint, a language. The browser carries only the handle, so
no address to return to ever stands in a URL or cookie, and another browser cannot use it.
"""

from __future__ import annotations

from typing import Any

from flask import session as cookie
from sqlalchemy import String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from . import clock
from .database import Base, change, db
from .secrets import digest, random_handle

LIFETIME = 3600

JOINS = "joins"
"""Key in a continuation's context: nobody was signed in when it began, so it goes on by itself once somebody is."""


class Continuation(Base):
    """`path` is a local path of ours; `context` plain values for the pages in between (all optional):

    client_id, client_name, logo_uri, policy_uri, tos_uri, app_id, login_hint, language, `JOINS`, and what the sessions'
    guard keeps of a form.
    """

    __tablename__ = "continuation"
    handle_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_digest: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(500))
    context: Mapped[dict[str, Any]]
    expires_at: Mapped[int] = mapped_column(index=True)


def browser() -> str:
    """This browser's random id, made on first use and kept in the signed cookie; survives signing in and out."""
    if "browser" not in cookie:
        cookie["browser"] = random_handle()
    return str(cookie["browser"])


def begin(path: str, context: dict[str, Any] | None = None) -> str:
    """Store where to return to and give the handle for `?continue=`. Call inside a unit of work."""
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError("a continuation leads to a path of this provider")
    handle = random_handle()
    db.session.add(
        Continuation(
            handle_digest=digest(handle),
            browser_digest=digest(browser()),
            path=path,
            context=context or {},
            expires_at=clock.now() + LIFETIME,
        )
    )
    return handle


def find(handle: str | None) -> Continuation | None:
    """The continuation of this handle in this browser, or None: unknown, expired and foreign ones look alike."""
    if not handle or "browser" not in cookie:
        return None
    return db.session.scalar(
        select(Continuation).where(
            Continuation.handle_digest == digest(handle),
            Continuation.browser_digest == digest(str(cookie["browser"])),
            Continuation.expires_at > clock.now(),
        )
    )


def forget(names: set[str]) -> int:
    """Delete those whose `login_hint` is one of these (in small letters), in a unit of work."""
    hint = func.lower(Continuation.context["login_hint"].as_string())
    return change(delete(Continuation).where(hint.in_(names)).execution_options(synchronize_session=False))


def tidy(now: int) -> int:
    """Delete the expired ones; returns how many. A job calls this inside a unit of work."""
    return change(delete(Continuation).where(Continuation.expires_at <= now))
