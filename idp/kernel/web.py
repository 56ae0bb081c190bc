"""What every response shares: headers, the form token, the origin check, limits, static files, and error pages.

A page may widen its own policy by `allow_form_action()` (the one validated redirect origin, security P23) and
`allow_image()` (a client's registered logo); everything else is the same strict policy everywhere (R42).
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import structlog
from flask import Flask, Request, Response, current_app, g, jsonify, render_template, request
from flask.ctx import RequestContext, _AppCtxGlobals
from flask.globals import request_ctx
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFError, CSRFProtect
from itsdangerous import URLSafeTimedSerializer
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage.memory import MemoryStorage
from redis.exceptions import RedisError
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import MapAdapter
from whitenoise import WhiteNoise

from idp.settings import current_settings

from . import clock, language
from .counters import network_of
from .database import db
from .refusal import Refusal

log = structlog.get_logger(__name__)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
csrf = CSRFProtect()


class _Memory(MemoryStorage):
    """Request rates in this process. What has run out is swept away now and then, by whoever comes: the library starts
    a thread for it at nearly every count, which costs more than all the counting."""

    STORAGE_SCHEME = ["process"]
    SWEPT_EVERY = 10.0  # seconds

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._swept_at = time.monotonic()

    def _MemoryStorage__schedule_expiry(self) -> None:  # the library's private name
        if time.monotonic() - self._swept_at >= self.SWEPT_EVERY:
            self._swept_at = time.monotonic()
            self._MemoryStorage__expire_events()  # type: ignore[attr-defined]


class _Limiter(Limiter):
    """Request rates per address. Who only reads is not counted, nor are programs: both leave before any bookkeeping."""

    def _check_request_limit(self, *arguments: Any, **options: Any) -> None:  # what the library hooks on each request
        asked = request_ctx.request
        if (asked.method not in _SAFE and not is_machine_path(asked.path)) or g.get("counted"):
            super()._check_request_limit(*arguments, **options)

    def count(self) -> None:
        """Count this request too, once: it is read by method and yet makes a row. Outside of units.

        Raises `RateLimitExceeded` (429 with `Retry-After`) before anything is written.
        """
        g.counted = True
        self._check_request_limit()


limiter = _Limiter(
    lambda: network_of(request.remote_addr or "127.0.0.1"),
    application_limits=[lambda: f"{current_settings().throttle.requests_per_minute}/minute"],
    in_memory_fallback_enabled=True,
    swallow_errors=True,
    headers_enabled=False,
)


@cache
def _rate(per_minute: int) -> RateLimitItem:
    return parse(f"{per_minute}/minute")


def in_rate(what: str, who: str, per_minute: int) -> bool:
    """Whether `who` did this at most so often in a minute; counts it, in Redis where there is one, else per process.

    A store of rates that is away keeps nobody out.
    """
    try:
        return limiter.limiter.hit(_rate(per_minute), what, who)
    except (RedisError, StorageError):
        return True


_MACHINE = (
    "/oauth2/token", "/oauth2/userinfo", "/oauth2/jwks", "/oauth2/introspect", "/oauth2/revoke", "/.well-known/o",
    "/.well-known/jwks", "/api/", "/scim/", "/healthz/", "/metrics", "/demo/mail.json", "/demo/clock", "/pictures/",
    "/signatures/",
)  # fmt: skip
_DAY = "day"
"""Cookie key: the day on which it was last written, counted from 1970."""
_cross_site: set[str] = set()
_STATIC = Path(__file__).resolve().parent.parent / "static"
View = TypeVar("View", bound=Callable[..., Any])


def is_machine_path(path: str) -> bool:
    """Whether programs call this path: they get JSON, never a page."""
    return path.startswith(_MACHINE)


class _InMemory(Request):
    """Files of a form stay in memory, as far as `largest_form` lets them in: nobody's upload touches a disk."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> BytesIO:
        return BytesIO()


Before = Callable[[Request, _AppCtxGlobals], None]
After = Callable[[Request, _AppCtxGlobals, Response], None]
"""A hook gets the request and what is kept of it (`g`): looking both up costs more than what most hooks do."""


class Application(Flask):
    """Flask, where a hook says whom it is for.

    What stands in `before_any` and `after_any` runs at every request, first and last. What `before_request`,
    `after_request` and `teardown_request` of the application register is for people: cookie, form token, language,
    request rate. A program's request passes all that by; the hooks of a blueprint run for whoever asks.
    """

    request_class = _InMemory

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.before_any: list[Before] = []
        self.after_any: list[After] = []
        self.own_host = ""
        self._hooked: dict[str | None, bool] = {}

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """No view or hook here is a coroutine; looking each time costs as much as routing."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Flask's, but for requests at the issuer's own host without a look at names of servers and subdomains, which
        no route of ours minds."""
        if request is None or request.environ.get("HTTP_HOST") != self.own_host:
            return super().create_url_adapter(request)
        return MapAdapter(
            self.url_map,
            server_name=self.own_host,
            script_name=request.root_path + "/",
            subdomain="",
            url_scheme=request.scheme,
            path_info=request.path,
            default_method=request.method,
            query_args=request.query_string.decode(errors="replace"),
        )

    def preprocess_request(self) -> ResponseReturnValue | None:
        here = request_ctx._get_current_object()  # type: ignore[attr-defined]
        kept = g._get_current_object()
        for hook in self.before_any:
            hook(here.request, kept)
        return super().preprocess_request() if self._for_people(here) else None

    def process_response(self, response: Response) -> Response:
        here = request_ctx._get_current_object()  # type: ignore[attr-defined]
        if self._for_people(here):
            response = super().process_response(response)
        kept = g._get_current_object()
        for hook in self.after_any:
            hook(here.request, kept, response)
        return response

    def do_teardown_request(self, *error: Any) -> None:
        if self._for_people(request_ctx._get_current_object()):  # type: ignore[attr-defined]
            super().do_teardown_request(*error)

    def _for_people(self, here: RequestContext) -> bool:
        asked = here.request
        return not is_machine_path(asked.path) or bool(here._after_request_functions) or self._has_hooks(asked)

    def _has_hooks(self, asked: Request) -> bool:
        """Whether a blueprint of the request has hooks of its own; known after the first request of its kind."""
        found = self._hooked.get(asked.endpoint)
        if found is None:
            registered = (
                self.url_value_preprocessors, self.before_request_funcs, self.after_request_funcs,
                self.teardown_request_funcs,
            )  # fmt: skip
            found = any(name in hooks for name in asked.blueprints for hooks in registered)
            self._hooked[asked.endpoint] = found
        return found


class _Lines(Headers):
    """Headers that are sent as they are written here, not copied and looked through for line breaks."""

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        self._list = list(lines)

    def add(self, key: str, value: Any, /, **_options: Any) -> None:
        self._list.append((key, value))

    def extend(self, lines: Any = (), /, **_more: str) -> None:
        self._list.extend(lines)


class Answer(Response):
    """An answer that a program reads, whose body and headers are whole: nothing in a header was taken as it came.

    It goes out as it is. Werkzeug looks through the headers of other responses for what a view may have left to mend.
    """

    def __init__(
        self,
        body: str,
        headers: Iterable[tuple[str, str]],
        mimetype: str = "application/json",
        *,
        status: str = "200 OK",
    ) -> None:
        self._status, self._status_code = status, int(status[:3])
        sent = body.encode()
        self.headers = _Lines(headers)
        self.headers.add("Content-Type", mimetype)
        self.headers.add("Content-Length", str(len(sent)))
        self.response = [sent]
        self.direct_passthrough = False
        self._on_close = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(self.status, self.headers.to_wsgi_list())
        return [] if environ["REQUEST_METHOD"] == "HEAD" else cast(list[bytes], self.response)


def cross_site(view: View) -> View:
    """Mark a view that other sites post to by specification: no form token, no origin check.

    Such a view must not act on the person's session without a page of ours in between.
    """
    csrf.exempt(view)
    _cross_site.add(f"{view.__module__}.{view.__name__}")
    return view


def allow_form_action(origin: str) -> None:
    """Let this response's forms be redirected to one more origin (`https://rp.example`, or a private `scheme:`)."""
    g.setdefault("csp_form_action", []).append(origin)


def allow_image(url: str) -> None:
    """Let this response show one image of another host: a client's registered logo."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.netloc:
        g.setdefault("csp_img", []).append(f"{parts.scheme}://{parts.netloc}")


def page(template: str, status: int = 200, retry_after: int | None = None, /, **values: Any) -> Response:
    """A page that is not always 200; `retry_after`: seconds, told where it says that there was too much (429)."""
    response = current_app.make_response((render_template(template, **values), status))
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def private(answer: Response) -> Response:
    """An answer about somebody that no cache may keep, where it is no page: those say so by themselves."""
    answer.headers["Cache-Control"] = "no-store"
    return answer


def image(content: bytes, mimetype: str, digest: str, *, cache: str, elsewhere: bool = False) -> Response:
    """An image that was made here, as an answer that can be nothing else: fixed type, no sniffing, a sandbox (R45).

    `digest` changes whenever the image does; `cache` is the `Cache-Control`. `elsewhere`: pages of other sites may show
    it (Cross-Origin-Resource-Policy).
    """
    response = Response(content, mimetype=mimetype)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if elsewhere else "same-origin"
    response.headers["Content-Disposition"] = f"inline; filename=image.{mimetype.rpartition('/')[2]}"
    response.headers["Cache-Control"] = cache
    response.set_etag(digest[:32])
    return response.make_conditional(request)  # type: ignore[return-value]


def allow_camera() -> None:
    """Let this page ask for the camera; the browser asks the person."""
    g.camera = True


class _CookieInterface(SecureCookieSessionInterface):
    """Flask's signed cookie with SHA-256; it carries random handles and the form token only (security P17).

    It is written when it changes, and on a new day so that it does not run out for somebody who keeps coming. Signing
    it at every answer took a tenth of an authorization.
    """

    digest_method = staticmethod(hashlib.sha256)

    @cached_property
    def _signer(self) -> URLSafeTimedSerializer | None:
        return super().get_signing_serializer(self._app)

    def __init__(self, app: Flask) -> None:
        self._app = app

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        return self._signer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Programs have no cookie: theirs is empty, and nothing is kept of it."""
        return self.session_class() if is_machine_path(request.path) else super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if is_machine_path(request.path):
            return
        today = clock.now() // 86400
        if session.permanent and session.get(_DAY) != today:
            session[_DAY] = today
        super().save_session(app, session, response)


def large_forms(most: int) -> Callable[[View], View]:
    """Mark a view whose form may be larger than others, up to `most` bytes, when it comes in parts.

    Parts are few; the other kind of form may hold a million fields, which anybody could have us read.
    """

    def mark(view: View) -> View:
        view.largest_form = most  # type: ignore[attr-defined]
        return view

    return mark


def _largest_form() -> int | None:
    found = getattr(current_app.view_functions.get(request.endpoint or ""), "largest_form", None)
    return found if isinstance(found, int) else None


def _widen(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Before anything reads the form: the limits of a view that takes large ones."""
    most = _largest_form()
    if most is not None and request.mimetype == "multipart/form-data":
        request.max_content_length = request.max_form_memory_size = most


@cache
def _version(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]


def _versioned(endpoint: str, values: dict[str, Any]) -> None:
    """Static addresses carry their content's version, so that they can be cached for a year."""
    if endpoint == "static" and "v" not in values:
        values["v"] = _version(values["filename"])


def init_app(app: Application) -> None:
    """Put the shared behaviour on an application; its settings are already in `app.extensions`."""
    settings = app.extensions["onix_settings"]
    app.config.update(
        SECRET_KEY=settings.all_secret_keys[0],
        SECRET_KEY_FALLBACKS=settings.all_secret_keys[1:],
        SESSION_COOKIE_NAME=settings.session_cookie,
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=settings.lifetimes.session_absolute,
        MAX_CONTENT_LENGTH=1_000_000,
        MAX_FORM_MEMORY_SIZE=500_000,
        MAX_FORM_PARTS=100,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        RATELIMIT_STORAGE_URI=settings.redis_url.get_secret_value() if settings.redis_url else "process://",
        RATELIMIT_STRATEGY="sliding-window-counter",
    )
    # Merging slashes answers a redirect that is built from the Host header; an address with two of them is no address.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.own_host = urlsplit(settings.issuer).netloc.lower()
    app.session_interface = _CookieInterface(app)
    language.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)
    app.add_url_rule("/static/<path:filename>", endpoint="static", build_only=True)
    app.url_default_functions.setdefault(None, []).append(_versioned)
    files = WhiteNoise(app.wsgi_app, max_age=31_536_000, charset="utf-8")
    files.add_files(str(_STATIC), prefix="static/")
    app.wsgi_app = files  # type: ignore[method-assign]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    app.url_value_preprocessor(_widen)
    app.before_request(_check_input)
    secure: bool = settings.secure

    def _each(_asked: Request, kept: _AppCtxGlobals, response: Response) -> None:
        response.headers.add("X-Content-Type-Options", "nosniff")
        if secure:
            response.headers.add("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if response.mimetype == "text/html":
            _page_headers(kept, response)

    app.after_any.append(_each)
    _register_errors(app)


def _check_input() -> None:
    """Refuse what no person types and no row can hold, and posts that another site caused (R43)."""
    if "\0" in request.full_path or (
        request.method not in _SAFE and any("\0" in value for value in request.form.values())
    ):
        raise Refusal("bad_character", _("The text contains a character that can't be stored."))
    if request.method in _SAFE or request.endpoint is None:
        return
    view = current_app.view_functions[request.endpoint]
    if f"{view.__module__}.{view.__name__}" in _cross_site:
        return
    origin = request.headers.get("Origin")
    issuer = current_settings().issuer
    # Under `Referrer-Policy: no-referrer` browsers send "null" for our own forms too; the fetch metadata decides then.
    foreign = origin not in (None, "null", issuer)
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Refusal("cross_site", _("This form was sent from another site."), status=403)


def _page_headers(kept: _AppCtxGlobals, response: Response) -> None:
    head = response.headers
    there = {name.lower() for name, _value in head}
    form_action = " ".join(["'self'", *kept.get("csp_form_action", [])])
    images = " ".join(["'self'", "data:", *kept.get("csp_img", [])])
    camera = "(self)" if g.get("camera") else "()"
    for name, value in (
        (
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; font-src 'self'; "
            f"connect-src 'self'; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'",
        ),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Permissions-Policy", f"camera={camera}, geolocation=(), microphone=(), payment=()"),
        ("X-Frame-Options", "DENY"),
        ("Cache-Control", "no-store"),
    ):
        if name.lower() not in there:
            head.add(name, value)


def _answer(code: str, message: Any, status: int, *, retry_after: int | None = None) -> Response:
    """The one place that renders an error: JSON for programs, a page for people."""
    reference = g.get("request_id") or uuid.uuid4().hex
    for prefix, render in current_app.extensions.get("onix_error_answers", {}).items():
        if request.path.startswith(prefix):
            return cast("Response", render(code, message, status, retry_after))
    if is_machine_path(request.path):
        response = jsonify(error=code, error_description=str(message) if str(message).isascii() else code)
        response.headers["Cache-Control"] = "no-store"
    else:
        page = f"errors/{status}.html" if status in _PAGES else "errors/error.html"
        response = current_app.make_response(
            render_template(
                page, code=code, message=message, status=status, reference=reference, retry_after=retry_after
            )
        )
    response.status_code = status
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def answer_errors(app: Flask, prefix: str, render: Callable[[str, Any, int, int | None], Response]) -> None:
    """Let a room whose programs expect a form of their own render every error below a path: also those that no view of
    it raised. `render` takes code, sentence, status and seconds to wait."""
    app.extensions.setdefault("onix_error_answers", {})[prefix] = render


_PAGES = frozenset({400, 403, 404, 405, 413, 419, 429, 500, 503})


def _register_errors(app: Flask) -> None:
    @app.errorhandler(Refusal)
    def _refusal(error: Refusal) -> Response:
        return _answer(error.code, error.message, error.status, retry_after=error.retry_after)

    @app.errorhandler(CSRFError)
    def _form(error: CSRFError) -> Response:
        return _answer("form_expired", _("This form is too old. Go back, reload the page and send it again."), 400)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:
            return current_app.make_response(error.get_response())
        retry = 60 if status == 429 else None
        message: Any = error.name
        if status == 413 and (most := _largest_form()):
            message = _("What is sent here may have at most %(size)s MB, so nothing was saved.", size=most // 1_000_000)
        response = _answer(error.name.lower().replace(" ", "_"), message, status, retry_after=retry)
        if status == 405 and error.get_response().headers.get("Allow"):
            response.headers["Allow"] = error.get_response().headers["Allow"]
        return response

    @app.errorhandler(IntegrityError)
    @app.errorhandler(StaleDataError)
    def _conflict(error: Exception) -> Response:
        db.session.rollback()
        log.warning("conflict", error=type(error).__name__)
        return _answer("conflict", _("Someone else changed this at the same moment. Look again and repeat."), 409)

    @app.errorhandler(DataError)
    def _data(error: DataError) -> Response:
        db.session.rollback()
        return _answer("bad_value", _("A value can't be stored."), 400)

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    def _database(error: Exception) -> Response:
        db.session.rollback()
        log.error("database_unavailable", error=type(error).__name__)
        return _answer("unavailable", _("The service is busy. Try again in a moment."), 503, retry_after=5)

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        if app.testing and app.config.get("PROPAGATE_BUGS", True):
            raise error
        db.session.rollback()
        log.exception("unexpected_error")
        return _answer("server_error", _("Something went wrong on our side."), 500)
