"""What a view answers with, and by how much a page widens its own policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlsplit

from flask import Response, current_app, g, render_template, request
from flask.ctx import _AppCtxGlobals
from werkzeug.datastructures import Headers

from ..refusal import Refusal


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


def allow_form_action(origin: str) -> None:
    """Let this response's forms be redirected to one more origin (`https://rp.example`, or a private `scheme:`)."""
    g.setdefault("csp_form_action", []).append(origin)


def allow_image(url: str) -> None:
    """Let this response show one image of another host: a client's registered logo."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.netloc:
        g.setdefault("csp_img", []).append(f"{parts.scheme}://{parts.netloc}")


Status = int | Refusal
"""What a page answers with: a status, or the refusal that it shows, which has one and knows when to try again (429)."""


def page(template: str, status: Status = 200, /, **values: Any) -> Response:
    """A page that is not always 200."""
    number, wait = (status.status, status.retry_after) if isinstance(status, Refusal) else (status, None)
    response = current_app.make_response((render_template(template, **values), number))
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    return response


def private(answer: Response) -> Response:
    """An answer about somebody that no cache may keep, where it is no page: those say so by themselves."""
    answer.headers["Cache-Control"] = "no-store"
    return answer


def image(content: bytes, mimetype: str, digest: str, *, cache: str, elsewhere: bool = False) -> Response:
    """An image that was made here, as an answer that can be nothing else: fixed type, a sandbox (R45). That nothing is
    to be sniffed stands on every answer.

    `digest` changes whenever the image does; `cache` is the `Cache-Control`. `elsewhere`: pages of other sites may show
    it (Cross-Origin-Resource-Policy).
    """
    response = Response(content, mimetype=mimetype)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if elsewhere else "same-origin"
    response.headers["Content-Disposition"] = f"inline; filename=image.{mimetype.rpartition('/')[2]}"
    response.headers["Cache-Control"] = cache
    response.set_etag(digest[:32])
    return response.make_conditional(request)  # type: ignore[return-value]


def allow_camera() -> None:
    """Let this page ask for the camera; the browser asks the person."""
    g.camera = True


def page_headers(kept: _AppCtxGlobals, response: Response) -> None:
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
