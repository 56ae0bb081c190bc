"""The web application of a product: `build(product, settings)` puts the kit's parts together, in one place.

Start reading here; then `guard` (who may do what), `routes` (to and from the provider) and `pages`.
"""

from __future__ import annotations

from flask import Flask, Response, abort, current_app, g, redirect, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from clients.relying_party import native, pages, routes
from clients.relying_party.bodies import Bodies
from clients.relying_party.flow import SCOPE, Client, RelyingParty, SignInFailed
from clients.relying_party.guard import guard, set_cookie
from clients.relying_party.product import Product
from clients.relying_party.provider import Provider, Unreachable
from clients.relying_party.settings import Settings
from clients.relying_party.store import Store


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
        provider,
        settings.client_id,
        settings.client_secret,
        settings.resource,
        f"{settings.base_url}/callback",
        scope=" ".join((SCOPE, *product.scope)),
    )
    store = Store(settings.database)
    with store.open() as connection:
        connection.executescript(product.schema)
        connection.execute("CREATE TABLE IF NOT EXISTS rp_seeded (organization_id TEXT PRIMARY KEY)")
    app.extensions["onix_rp"] = RelyingParty(client, store)
    app.extensions["onix_product"] = product
    app.extensions["onix_settings"] = settings

    app.before_request(_widen)
    app.before_request(pages.choose_language)
    app.before_request(_right_address)
    app.before_request(guard)  # before the check of forms: without the privilege the answer is 403, not "expired form"
    csrf = CSRFProtect(app)
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(native.blueprint)
    app.register_blueprint(product.blueprint)
    for name in ("login", "receive_logout"):
        csrf.exempt(app.view_functions[f"rp.{name}"])
    app.wsgi_app = Bodies(app.wsgi_app)  # type: ignore[method-assign]
    app.after_request(_headers)
    app.context_processor(pages.page_values)
    app.register_error_handler(Unreachable, pages.unreachable)
    app.register_error_handler(SignInFailed, pages.sign_in_failed)
    app.register_error_handler(CSRFError, pages.form_expired)
    app.register_error_handler(HTTPException, pages.http_error)
    app.register_error_handler(Exception, pages.broken)
    return app


def _widen() -> None:
    """Before anything reads the form: a view that takes a file says how large its form may be (`guard.large_form`)."""
    most = getattr(current_app.view_functions.get(request.endpoint or ""), "largest_form", None)
    if most is not None and request.mimetype == "multipart/form-data":
        request.max_content_length = most


def _right_address() -> BaseResponse | None:
    # the browser's cookies and the registered redirect URI belong to one host name; localhost and 127.0.0.1 are two
    settings: Settings = current_app.extensions["onix_settings"]
    if request.host == settings.host or request.endpoint in ("rp.live", "rp.receive_logout", "static"):
        return None
    if request.method in ("GET", "HEAD"):
        return redirect(settings.base_url + request.full_path.rstrip("?"), 307)
    return abort(400)


def _headers(response: Response) -> Response:
    settings: Settings = current_app.extensions["onix_settings"]
    rp: RelyingParty = current_app.extensions["onix_rp"]
    frames = "frame-src 'self'; " if g.get("frame") else ""
    # signing out is a form whose redirect leads to the provider, and form-action is held against redirects too
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self' {rp.client.provider.origin}; "  # people's pictures
        f"{frames}form-action 'self' {rp.client.provider.origin}; base-uri 'none'; frame-ancestors 'none'",
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
        set_cookie(response, "language", g.language, max_age=365 * 86400)
    return response
