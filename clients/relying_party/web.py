"""What every web application of the family shares: its routes to and from the provider, its guard, and its pages.

`build(product, settings)` makes the application. A view that only signed-in people may reach says so with
`@needs("<app>:<thing>.<verb>")`; the guard runs before anything else of the request, so a POST without the privilege
is refused whatever else it carries. Views without it are open to everybody.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import secrets
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import (
    session as form_session,
)
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from clients.relying_party import clock, words
from clients.relying_party.access import Denied, Granted, decide
from clients.relying_party.flow import PROMPTS, Client, RelyingParty, SignInFailed
from clients.relying_party.provider import Provider, Unreachable
from clients.relying_party.settings import Settings
from clients.relying_party.store import SIGN_IN_SECONDS, Ended, Session, Store
from clients.relying_party.tokens import TokenRefused

HERE = Path(__file__).resolve().parent
log = logging.getLogger(__name__)
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Product:
    """One application: what it is called, what it says, and what it does once it is open."""

    id: str
    name: str
    slogan: str
    pitch: str
    points: tuple[str, ...]
    blueprint: Blueprint
    schema: str
    seed: Callable[[sqlite3.Connection, str], None]
    translations: dict[str, str] = field(default_factory=dict)


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
    def fingerprint(self) -> str:
        """Changes whenever the verdict does; a denial page compares it to learn of news."""
        verdict = self.verdict
        if isinstance(verdict, Granted):
            said: list[Any] = ["allow", verdict.organization_id, sorted(verdict.privileges)]
        else:
            said = ["deny", verdict.code, verdict.cause, verdict.organization_id, list(verdict.ask)]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


class ConfirmForm(FlaskForm):
    """A form with nothing but its proof of origin."""


def needs(privilege: str) -> Callable[[View], View]:
    """Mark a view as open only to people who hold `privilege` now."""

    def mark(view: View) -> View:
        view.needs = privilege  # type: ignore[attr-defined]
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


def say(sentence: str, **values: str) -> str:
    """A sentence of a page in the language of this request, with `{name}` places filled."""
    found = words.text(sentence, g.language, current_app.extensions["onix_product"].translations)
    for name, value in values.items():
        found = found.replace("{" + name + "}", value)
    return found


def work_data() -> Store:
    """The application's own file, for its working data."""
    store: Store = current_app.extensions["onix_rp"].store
    return store


def build(product: Product, settings: Settings) -> Flask:
    """The application of a product, in one place."""
    app = Flask("clients.relying_party", template_folder="templates", static_folder="static", static_url_path="/static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME=settings.cookie("form"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure,
        SEND_FILE_MAX_AGE_DEFAULT=86400,
        MAX_CONTENT_LENGTH=64 * 1024,
        MAX_FORM_MEMORY_SIZE=64 * 1024,
        MAX_FORM_PARTS=50,
        WTF_CSRF_TIME_LIMIT=None,
    )
    provider = Provider(settings.issuer)
    client = Client(
        provider, settings.client_id, settings.client_secret, settings.resource, f"{settings.base_url}/callback"
    )
    store = Store(settings.database)
    with store.open() as connection:
        connection.executescript(product.schema)
        connection.execute("CREATE TABLE IF NOT EXISTS rp_seeded (organization_id TEXT PRIMARY KEY)")
    app.extensions["onix_rp"] = RelyingParty(client, store)
    app.extensions["onix_product"] = product
    app.extensions["onix_settings"] = settings

    app.before_request(_choose_language)
    app.before_request(_right_address)
    app.before_request(_guard)  # before the check of forms: without the privilege the answer is 403, not "expired form"
    csrf = CSRFProtect(app)
    app.register_blueprint(blueprint)
    app.register_blueprint(product.blueprint)
    for name in ("login", "receive_logout"):
        csrf.exempt(app.view_functions[f"rp.{name}"])
    app.after_request(_headers)
    app.context_processor(_page_values)
    app.register_error_handler(Unreachable, _unreachable)
    app.register_error_handler(SignInFailed, _sign_in_failed)
    app.register_error_handler(CSRFError, _form_expired)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _broken)
    return app


# before and after each request


def _choose_language() -> None:
    settings: Settings = current_app.extensions["onix_settings"]
    wanted = request.args.get("lang")
    if wanted in words.LANGUAGES:
        g.language, g.set_language = wanted, True
        return
    kept = request.cookies.get(settings.cookie("language"))
    if kept in words.LANGUAGES:
        g.language = kept
    else:
        g.language = words.best_language([str(tag) for tag, _ in request.accept_languages])


def _right_address() -> BaseResponse | None:
    # the browser's cookies and the registered redirect URI belong to one host name; localhost and 127.0.0.1 are two
    settings: Settings = current_app.extensions["onix_settings"]
    if request.host == settings.host or request.endpoint in ("rp.live", "rp.receive_logout", "static"):
        return None
    if request.method in ("GET", "HEAD"):
        return redirect(settings.base_url + request.full_path.rstrip("?"), 307)
    return abort(400)


def _guard() -> Any:
    view = current_app.view_functions.get(request.endpoint or "")
    privilege: str | None = getattr(view, "needs", None)
    if privilege is None:
        return None
    found = who(recheck_denied=True)
    if not isinstance(found, Person):
        return _not_signed_in(found)
    g.person = found
    if isinstance(found.verdict, Denied):
        return _denied_page(found, found.verdict)
    if not found.verdict.may(privilege):
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
    if "set_language" not in g and settings.cookie("language") not in request.cookies:
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


def _headers(response: Response) -> Response:
    settings: Settings = current_app.extensions["onix_settings"]
    rp: RelyingParty = current_app.extensions["onix_rp"]
    # signing out is a form whose redirect leads to the provider, and form-action is held against redirects too
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        f"form-action 'self' {rp.client.provider.origin}; base-uri 'none'; frame-ancestors 'none'",
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if settings.secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint not in ("static", f"{current_app.extensions['onix_product'].blueprint.name}.static"):
        response.headers["Cache-Control"] = "no-store"
        response.vary.add("Cookie")
        response.vary.add("Accept-Language")
    if g.get("set_language"):
        _set_cookie(response, "language", g.language, max_age=365 * 86400)
    return response


def _set_cookie(response: BaseResponse, name: str, value: str, max_age: int | None = None) -> None:
    settings: Settings = current_app.extensions["onix_settings"]
    response.set_cookie(
        settings.cookie(name), value, max_age=max_age, httponly=True, secure=settings.secure, samesite="Lax", path="/"
    )


def _forget_cookie(response: BaseResponse, name: str) -> None:
    settings: Settings = current_app.extensions["onix_settings"]
    response.delete_cookie(settings.cookie(name), httponly=True, secure=settings.secure, samesite="Lax", path="/")


def _page_values() -> dict[str, Any]:
    product: Product = current_app.extensions["onix_product"]
    settings: Settings = current_app.extensions["onix_settings"]
    kept = {name: value for name, value in request.args.items() if name not in ("lang", "code", "state", "iss")}
    if request.endpoint in ("rp.callback", "rp.login"):
        kept = {}
    here = request.path if request.method == "GET" and request.endpoint != "rp.callback" else "/"
    found = g.get("person")
    if isinstance(found, Person) and isinstance(found.verdict, Denied):
        # the sentences of a denial are in the token: another language means another token
        here, kept = "/login", {"organization": found.verdict.organization_id or ""}
    return {
        "t": say,
        "language": g.language,
        "languages": [
            (code, words.LANGUAGE_NAMES[code], f"{here}?{urlencode({**kept, 'lang': code})}")
            for code in words.LANGUAGES
        ],
        "product": product,
        "person": g.get("person"),
        "asset": _asset,
        "account_address": f"{settings.issuer}/",
        "day": _day,
        "member_type": _member_type,
        "edition_name": _edition_name,
    }


_versions: dict[str, str] = {}


def _asset(endpoint: str, filename: str) -> str:
    """The address of a static file with a mark of its content, so that it may be kept by browsers."""
    key = f"{endpoint}:{filename}"
    if key not in _versions:
        owner = current_app if endpoint == "static" else current_app.blueprints[endpoint.removesuffix(".static")]
        content = Path(str(owner.static_folder), filename).read_bytes()
        _versions[key] = hashlib.sha256(content).hexdigest()[:10]
    return url_for(endpoint, filename=filename, v=_versions[key])


def _day(instant: int) -> str:
    moment = datetime.fromtimestamp(instant, UTC)
    return moment.strftime("%d.%m.%Y" if g.language == "nb" else "%Y-%m-%d")


def _member_type(value: str) -> str:
    known = {"employee": "Employee", "express": "Express guest", "bidder": "Bidder", "consultant": "Consultant"}
    return say(known[value]) if value in known else value


def _edition_name(edition: str) -> str:
    product: Product = current_app.extensions["onix_product"]
    return f"{product.name} {edition.split(':')[-1].replace('_', ' ').title()}"


# pages that any request may end in


def _not_signed_in(found: Ended | None) -> Any:
    if request.method not in ("GET", "HEAD"):
        return redirect(url_for("rp.login", target_link_uri="/"), 303)
    if isinstance(found, Ended):
        return _begin(request.full_path.rstrip("?"), prompt="none", organization=found.organization_id)
    if request.path != "/":
        return _begin(request.full_path.rstrip("?"))
    return render_template("kit/signed_out.html", notice="signed_out" in request.args)


def _denied_page(found: Person, verdict: Denied) -> Any:
    return render_template("kit/denied.html", verdict=verdict, fingerprint=found.fingerprint), 403


def _message(status: int, headline: str, body: str, *, again: str | None = None, retry: bool = False) -> Any:
    page = render_template("kit/message.html", headline=headline, body=body, again=again, retry=retry, status=status)
    response = current_app.make_response((page, status))
    if retry:
        response.headers["Retry-After"] = "10"
    return response


def _wants_json() -> bool:
    return request.endpoint in ("rp.me", "rp.recheck", "rp.receive_logout")


def _unreachable(error: Unreachable) -> Any:
    log.warning("provider unreachable: %s", error)
    if _wants_json():
        return jsonify(error="sign_in_service_unreachable"), 503, {"Retry-After": "10"}
    again = request.full_path.rstrip("?") if request.method == "GET" and request.endpoint != "rp.callback" else "/"
    return _message(
        503,
        say("The sign-in service can't be reached"),
        say(
            "Your sign-in has to be renewed, and Onix Account does not answer right now. Nothing is lost: this page "
            "tries again by itself."
        ),
        again=again,
        retry=True,
    )


def _sign_in_failed(error: SignInFailed) -> Any:
    log.info("sign-in failed: %s", error.code)
    told = {
        "access_denied": "The sign-in was cancelled, or your account may not be used. You can try again whenever you "
        "like.",
        "unknown_state": "The sign-in took too long, was begun in another browser, or was already completed. Please "
        "begin again.",
        "wrong_issuer": "The answer did not come from the sign-in service that this app trusts, so it was not used.",
    }
    sentence = told.get(error.code, "The answer of the sign-in service could not be used. Please begin again.")
    status = 403 if error.code == "access_denied" else 400
    return _message(status, say("You were not signed in"), say(sentence), again=url_for("rp.login"))


def _form_expired(error: CSRFError) -> Any:
    return _message(400, say("This form has expired"), say("Go back, load the page again and send the form once more."))


def _http_error(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400 and error.response is not None:
        return error.response
    if _wants_json():
        return jsonify(error="invalid_request"), status
    said = {
        403: (
            "You can't do that here",
            "Your role lets you look at this, or does not include it at all. Ask your administrator for the privilege "
            "if you need it.",
        ),
        404: ("This page does not exist", "The address may be mistyped, or what was here is gone."),
        500: ("Something went wrong here", "We have noted it. Please try again in a moment."),
    }
    headline, body = said.get(
        status,
        (
            "That request could not be understood",
            "Something in the address or in the form is not as it should be.",
        ),
    )
    response = _message(status, say(headline), say(body))
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return response


def _broken(error: Exception) -> Any:
    log.exception("unexpected error")
    if _wants_json():
        return jsonify(error="server_error"), 500
    return _message(500, say("Something went wrong here"), say("We have noted it. Please try again in a moment."))


# the routes to and from the provider

blueprint = Blueprint("rp", __name__)


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> Any:
    """Begin a sign-in; also when the provider or another site asks for it (OpenID Connect Core §4)."""
    settings: Settings = current_app.extensions["onix_settings"]
    values = request.values
    if any(len(values.getlist(name)) > 1 for name in ("iss", "login_hint", "target_link_uri", "organization")):
        abort(400)
    if "iss" in values and values["iss"] != settings.issuer:
        raise SignInFailed("wrong_issuer")
    target = values.get("target_link_uri") or "/"
    path = local_path(target, settings.base_url)
    if path is None:
        abort(400)
    prompt = values.get("prompt")
    return _begin(
        path,
        prompt=prompt if prompt in PROMPTS and prompt != "none" else None,
        login_hint=(values.get("login_hint") or "")[:320] or None,
        organization=(values.get("organization") or "")[:200] or None,
    )


def local_path(target: str, base_url: str) -> str | None:
    """Path and query of an address within this application, or None for any other address."""
    if len(target) > 2000 or any(ord(character) < 33 for character in target) or "\\" in target:
        return None
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    if (parts.scheme or parts.netloc) and f"{parts.scheme}://{parts.netloc}" != base_url:
        return None
    path = parts.path or "/"
    if not path.startswith("/") or path.startswith("//") or path.split("?")[0].rstrip("/") in ("/login", "/callback"):
        return None
    return f"{path}?{parts.query}" if parts.query else path


def _begin(target: str, **wishes: str | None) -> Any:
    rp: RelyingParty = current_app.extensions["onix_rp"]
    settings: Settings = current_app.extensions["onix_settings"]
    browser = request.cookies.get(settings.cookie("browser")) or secrets.token_urlsafe(32)
    response = redirect(rp.begin(browser, target=target, language=g.language, **wishes), 303)
    _set_cookie(response, "browser", browser, max_age=SIGN_IN_SECONDS)
    return response


@blueprint.get("/callback")
def callback() -> Any:
    """The provider's answer to a sign-in."""
    rp: RelyingParty = current_app.extensions["onix_rp"]
    settings: Settings = current_app.extensions["onix_settings"]
    old = request.cookies.get(settings.cookie("session"))
    try:
        session, sign_in = rp.finish(
            request.args.to_dict(flat=False), request.cookies.get(settings.cookie("browser"), ""), replaces=old
        )
    except SignInFailed as error:
        if error.sign_in is None:
            raise
        if error.code == "overtaken":
            return _begin(error.sign_in.target, organization=error.sign_in.organization)
        if error.sign_in.silent and error.code == "login_required":
            if old:
                rp.store.end_session(old)
            response = redirect(url_for("rp.home_signed_out"), 303)
            _forget_cookie(response, "session")
            return response
        if error.sign_in.silent and error.code.endswith(("_required", "_selection_required")):
            return _begin(error.sign_in.target, organization=error.sign_in.organization)
        raise
    form_session.clear()
    response = redirect(sign_in.target, 303)
    _set_cookie(response, "session", session.handle)
    return response


@blueprint.get("/signed-out")
def home_signed_out() -> Any:
    """Where somebody lands whose sign-in ended elsewhere."""
    return redirect("/?signed_out=1", 303)


@blueprint.route("/logout", methods=["GET", "POST"])
def logout() -> Any:
    """Ask, then sign out here and at the provider (RP-Initiated Logout 1.0)."""
    rp: RelyingParty = current_app.extensions["onix_rp"]
    settings: Settings = current_app.extensions["onix_settings"]
    handle = request.cookies.get(settings.cookie("session"))
    session = rp.store.find_session(handle) if handle else None
    if request.method == "GET" and isinstance(session, Session):
        return render_template("kit/sign_out.html", form=ConfirmForm())
    target: str | None = None
    if request.method == "POST" and handle and isinstance(session, Session):
        target = rp.client.end_session_url(session.id_token, f"{settings.base_url}/", g.language)
        rp.store.end_session(handle)
    response = redirect(target or "/?signed_out=1", 303)
    _forget_cookie(response, "session")
    form_session.clear()
    return response


@blueprint.post("/backchannel-logout")
def receive_logout() -> Any:
    """The provider says that sessions ended or that somebody's access changed (Back-Channel Logout 1.0 §2.5)."""
    rp: RelyingParty = current_app.extensions["onix_rp"]
    given = request.form.getlist("logout_token")
    if request.mimetype != "application/x-www-form-urlencoded" or len(given) != 1:
        return jsonify(error="invalid_request"), 400
    try:
        ended = rp.receive_logout(given[0])
    except TokenRefused as error:
        log.warning("logout token refused: %s", error.reason)
        return jsonify(error="invalid_request", error_description=f"the logout token fails on: {error.reason}"), 400
    except Unreachable:
        return jsonify(error="temporarily_unavailable"), 400
    log.info("logged out by the provider: %d sessions", ended)
    return "", 200


@blueprint.get("/me.json")
def me() -> Any:
    """Verdict and claims of the person who is signed in."""
    found = who()
    if not isinstance(found, Person):
        return jsonify(error="not_signed_in"), 401
    verdict = found.verdict
    if isinstance(verdict, Granted):
        said: dict[str, Any] = {"decision": "allow", "code": None, "privileges": sorted(verdict.privileges)}
        said |= {"organization_id": verdict.organization_id, "organization_name": verdict.organization_name}
        said |= {"roles": list(verdict.roles), "edition": verdict.edition, "expires_at": verdict.expires_at}
    else:
        said = {"decision": "deny", "code": verdict.code, "privileges": [], "headline": verdict.headline}
        said |= {"cause": verdict.cause, "remedy": verdict.remedy, "ask": list(verdict.ask)}
        said |= {"organization_id": verdict.organization_id, "organization_name": verdict.organization_name}
        said |= {"expires_at": verdict.expires_at}
    return jsonify(verdict=said, claims=found.session.access, id_token_claims=found.session.identity)


@blueprint.get("/recheck")
def recheck() -> Any:
    """Asked by a denial page now and then: has the verdict changed since `was`?"""
    found = who(recheck_denied=True)
    if not isinstance(found, Person):
        return jsonify(changed=True)
    return jsonify(changed=found.fingerprint != request.args.get("was", ""))


@blueprint.get("/windows")
def windows() -> Any:
    """How to get the application for Windows."""
    return render_template("kit/windows.html", settings=current_app.extensions["onix_settings"])


@blueprint.get("/windows/<name>.pyz")
def windows_download(name: str) -> Any:
    """The native client with this application's addresses in it: one file, made of the code in `clients/desktop`."""
    settings: Settings = current_app.extensions["onix_settings"]
    product: Product = current_app.extensions["onix_product"]
    if name != windows_name() or not settings.desktop_client_id:
        abort(404)
    content = io.BytesIO()
    root = HERE.parent
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(path: str, data: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(path, (2022, 10, 1, 0, 0, 0)), data)

        for folder in ("relying_party", "desktop"):
            for file in sorted((root / folder).glob("*.py")):
                put(f"clients/{folder}/{file.name}", file.read_bytes())
        put("clients/__init__.py", (root / "__init__.py").read_bytes())
        about = {"app": product.id, "issuer": settings.issuer, "client_id": settings.desktop_client_id}
        put("clients/desktop/preset.json", json.dumps({**about, "resource": settings.resource}).encode())
        put("__main__.py", b"from clients.desktop.__main__ import main\n\nraise SystemExit(main())\n")
    response = current_app.make_response(content.getvalue())
    response.headers["Content-Type"] = "application/zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pyz"'
    return response


def windows_name() -> str:
    """The native client's file name without its ending, such as `onix-pick-and-pack`."""
    product: Product = current_app.extensions["onix_product"]
    return product.name.lower().replace(" ", "-")


@blueprint.app_context_processor
def _windows_values() -> dict[str, Any]:
    return {"windows_name": windows_name}


@blueprint.get("/healthz/live")
def live() -> Any:
    """This process answers."""
    return jsonify(status="ok")
