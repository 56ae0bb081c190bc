"""The answer to an authorization request, and the one place that makes it (RFC 6749 §4.1.2, RFC 9207, Form Post).

Success and error, query and form_post: the same members in the same order, `state` unchanged, `iss` always there.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import g, make_response, render_template
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

from idp.kernel.web import Answer

_PRINTABLE = frozenset(map(chr, (*range(0x20, 0x22), *range(0x23, 0x5C), *range(0x5D, 0x7F))))


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an answer goes: a redirect URI that was compared with the registered ones, and how."""

    redirect_uri: str
    response_mode: str = "query"
    state: str | None = None


def success(to: Destination, code: str, issuer: str) -> Response:
    """The code, for the client (RFC 6749 §4.1.2)."""
    return _send(to, [("code", code)], issuer)


def failure(to: Destination, error: str, description: str | None, issuer: str) -> Response:
    """A registered error, for the client (RFC 6749 §4.1.2.1): printable ASCII without quote and backslash."""
    params = [("error", error)]
    if description:
        params.append(("error_description", "".join(c if c in _PRINTABLE else "?" for c in description)))
    return _send(to, params, issuer)


def origin(uri: str) -> str:
    """What a Content-Security-Policy calls the place of a URI: its origin, or `scheme:` for a private scheme (P23)."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _send(to: Destination, params: list[tuple[str, str]], issuer: str) -> Response:
    if to.state is not None:
        params.append(("state", to.state))
    params.append(("iss", issuer))
    if to.response_mode == "form_post":
        return _form_post(to.redirect_uri, params)
    # The registered URI keeps its own query, byte for byte (RFC 6749 §3.1.2).
    location = iri_to_uri(f"{to.redirect_uri}{'&' if '?' in to.redirect_uri else '?'}{urlencode(params)}")
    headers = (("Location", location), ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))
    return Answer("", headers, "text/html; charset=utf-8", status="303 SEE OTHER")


def _form_post(redirect_uri: str, params: list[tuple[str, str]]) -> Response:
    """A page whose form goes to the client and nowhere else; a script of ours sends it, a button without scripting."""
    response = make_response(render_template("oidc/form_post.html", action=redirect_uri, params=params))
    images = " ".join(["'self'", "data:", *g.get("csp_img", [])])
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; font-src 'self'; "
        f"form-action {origin(redirect_uri)}; frame-ancestors 'none'; base-uri 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response
