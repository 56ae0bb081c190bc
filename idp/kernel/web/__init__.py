"""What every response shares: headers, the form token, the origin check, limits, static files, and error pages.

A page may widen its own policy by `allow_form_action()` (the one validated redirect origin, security P23) and
`allow_image()` (a client's registered logo); everything else is the same strict policy everywhere (R42).
Start reading: `application.py`, then `init_app`, which puts the rest on it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Request, Response
from flask.ctx import _AppCtxGlobals
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

from .. import language
from . import errors, kept, rates
from .answers import Answer, Status, allow_camera, allow_form_action, allow_image, image, page, page_headers, private
from .application import Application, is_machine_path
from .cookie import CookieInterface
from .entrance import Entrance
from .errors import answer_errors, form_expired
from .input import check_input, cross_site, csrf, large_forms, widen
from .rates import count_request, in_rate, in_rate_here

_STATIC = Path(__file__).resolve().parents[2] / "static"


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
    )
    # Merging slashes answers a redirect that is built from the Host header; an address with two of them is no address.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.own_host = urlsplit(settings.issuer).netloc.lower()
    app.session_interface = CookieInterface(app)
    language.init_app(app)
    csrf.init_app(app)
    rates.init_app(app)
    app.add_url_rule("/static/<path:filename>", endpoint="static", build_only=True)
    app.url_default_functions.setdefault(None, []).append(_versioned)
    files = WhiteNoise(app.wsgi_app, max_age=31_536_000, charset="utf-8")
    files.add_files(str(_STATIC), prefix="static/")
    app.wsgi_app = Entrance(files, settings.at_once)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    app.url_value_preprocessor(widen)
    app.before_request(check_input)
    secure: bool = settings.secure

    def _each(_asked: Request, kept: _AppCtxGlobals, response: Response) -> None:
        response.headers.add("X-Content-Type-Options", "nosniff")
        if secure:
            response.headers.add("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if response.mimetype == "text/html":
            page_headers(kept, response)

    app.after_any.append(_each)
    errors.register(app)


__all__ = [
    "Answer",
    "Application",
    "Status",
    "allow_camera",
    "allow_form_action",
    "allow_image",
    "answer_errors",
    "count_request",
    "cross_site",
    "csrf",
    "form_expired",
    "image",
    "in_rate",
    "in_rate_here",
    "init_app",
    "is_machine_path",
    "kept",
    "large_forms",
    "page",
    "private",
]
