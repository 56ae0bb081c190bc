"""Who makes a request, and whether the view is open to that person.

A view that only signed-in people may reach says so with `@needs("<app>:<thing>.<verb>")`; the guard runs before
anything else of the request, so a POST without the privilege is refused whatever else it carries.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import abort, current_app, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from clients.relying_party import clock, words
from clients.relying_party.access import Denied, Granted, decide
from clients.relying_party.flow import RelyingParty
from clients.relying_party.product import Product
from clients.relying_party.settings import Settings
from clients.relying_party.store import SIGN_IN_SECONDS, Ended, Session, Store

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who makes this request, with today's verdict."""

    session: Session
    verdict: Granted | Denied

    @property
    def name(self) -> str:
        """The name to greet with; an account without one is known by its address, or else its id."""
        claims = self.session.identity
        return str(claims.get("name") or claims.get("email") or claims["sub"])

    @property
    def email(self) -> str | None:
        value = self.session.identity.get("email")
        return value if isinstance(value, str) else None

    @property
    def picture(self) -> str | None:
        """Where the person's picture is, small: at the provider; pictures elsewhere are not shown."""
        value = self.session.identity.get("picture")
        origin = current_app.extensions["onix_rp"].client.provider.origin
        return f"{value}?size=64" if isinstance(value, str) and value.startswith(f"{origin}/pictures/") else None

    @property
    def fingerprint(self) -> str:
        """Changes whenever the verdict does; a denial page compares it to learn of news."""
        verdict = self.verdict
        if isinstance(verdict, Granted):
            said: list[Any] = ["allow", verdict.organization_id, sorted(verdict.privileges)]
        else:
            said = ["deny", verdict.code, verdict.cause, verdict.organization_id, list(verdict.ask)]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def needs(privilege: str, *others: str) -> Callable[[View], View]:
    """Mark a view as open only to people who hold `privilege` or one of the `others` now."""

    def mark(view: View) -> View:
        view.needs = (privilege, *others)  # type: ignore[attr-defined]
        return view

    return mark


def large_form(most: int) -> Callable[[View], View]:
    """Mark a view whose form carries a file and may have up to `most` bytes."""

    def mark(view: View) -> View:
        view.largest_form = most  # type: ignore[attr-defined]
        return view

    return mark


def person() -> Person:
    """The person of a view marked with `needs`."""
    found: Person = g.person
    return found


def granted() -> Granted:
    """The grant of a view marked with `needs`."""
    verdict = person().verdict
    assert isinstance(verdict, Granted)
    return verdict


def work_data() -> Store:
    """The application's own file, for its working data."""
    store: Store = current_app.extensions["onix_rp"].store
    return store


def guard() -> Any:
    view = current_app.view_functions.get(request.endpoint or "")
    privileges: tuple[str, ...] = getattr(view, "needs", ())
    if not privileges:
        return None
    found = who(recheck_denied=True)
    if not isinstance(found, Person):
        return _not_signed_in(found)
    g.person = found
    if isinstance(found.verdict, Denied):
        return denied_page(found, found.verdict)
    if not any(map(found.verdict.may, privileges)):
        abort(403)
    _seed(found.verdict.organization_id)
    return None


def who(*, recheck_denied: bool = False) -> Person | Ended | None:
    """Whose request this is. Raises `Unreachable` when the token has run out and cannot be renewed."""
    rp: RelyingParty = current_app.extensions["onix_rp"]
    settings: Settings = current_app.extensions["onix_settings"]
    session = rp.current(request.cookies.get(settings.cookie("session")))
    if not isinstance(session, Session):
        return session
    if not _language_chosen():
        locale = session.identity.get("locale")
        if isinstance(locale, str) and locale:
            g.language = words.best_language([locale])
    verdict = _verdict(session)
    if recheck_denied and isinstance(verdict, Denied):
        again = rp.recheck(session)
        if not isinstance(again, Session):
            return again
        session, verdict = again, _verdict(again)
    return Person(session=session, verdict=verdict)


def _language_chosen() -> bool:
    """Whether the person has chosen the language on a page of this application, now or earlier."""
    settings: Settings = current_app.extensions["onix_settings"]
    return "set_language" in g or settings.cookie("language") in request.cookies


def _verdict(session: Session) -> Granted | Denied:
    settings: Settings = current_app.extensions["onix_settings"]
    return decide(session.access, settings.resource, clock.now(), g.language)


def _seed(organization_id: str) -> None:
    product: Product = current_app.extensions["onix_product"]
    with work_data().open() as connection:
        if connection.execute("SELECT 1 FROM rp_seeded WHERE organization_id = ?", (organization_id,)).fetchone():
            return
    with work_data().writing() as connection:
        if connection.execute("INSERT OR IGNORE INTO rp_seeded VALUES (?)", (organization_id,)).rowcount:
            product.seed(connection, organization_id)


def _not_signed_in(found: Ended | None) -> Any:
    if request.method not in ("GET", "HEAD"):
        return redirect(url_for("rp.login", target_link_uri="/"), 303)
    if isinstance(found, Ended):
        return begin(request.full_path.rstrip("?"), prompt="none", organization=found.organization_id)
    if request.path != "/":
        return begin(request.full_path.rstrip("?"))
    settings: Settings = current_app.extensions["onix_settings"]
    just_left = settings.cookie("goodbye") in request.cookies
    response = current_app.make_response(
        render_template("kit/signed_out.html", notice=just_left or "signed_out" in request.args)
    )
    if just_left:
        forget_cookie(response, "goodbye")
    return response


def denied_page(found: Person, verdict: Denied) -> Any:
    return render_template("kit/denied.html", verdict=verdict, fingerprint=found.fingerprint), 403


def begin(target: str, **wishes: str | None) -> Any:
    rp: RelyingParty = current_app.extensions["onix_rp"]
    settings: Settings = current_app.extensions["onix_settings"]
    browser = request.cookies.get(settings.cookie("browser")) or secrets.token_urlsafe(32)
    # What nobody has chosen here is not asked for: it would stand above the language of the account, which these pages
    # follow, and a denial would speak two languages.
    response = redirect(
        rp.begin(browser, target=target, language=g.language if _language_chosen() else None, **wishes), 303
    )
    set_cookie(response, "browser", browser, max_age=SIGN_IN_SECONDS)
    return response


def set_cookie(response: BaseResponse, name: str, value: str, max_age: int | None = None) -> None:
    settings: Settings = current_app.extensions["onix_settings"]
    response.set_cookie(
        settings.cookie(name), value, max_age=max_age, httponly=True, secure=settings.secure, samesite="Lax", path="/"
    )


def forget_cookie(response: BaseResponse, name: str) -> None:
    settings: Settings = current_app.extensions["onix_settings"]
    response.delete_cookie(settings.cookie(name), httponly=True, secure=settings.secure, samesite="Lax", path="/")
