"""The demo's own pages: the mail viewer and the movable clock."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, jsonify, render_template, request

from idp.kernel import clock
from idp.kernel.web import csrf
from idp.settings import ROOT

from . import durations, sink

blueprint = Blueprint("demo", __name__)
PAGE = 25
FRAMING = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# A mail carries its styles inline, as mail programs want; the sandbox keeps everything but following links from it.
LETTER = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)


def mail_file() -> Path:
    """Where the sink keeps what it took."""
    return Path(os.environ.get("ONIX_DEMO_MAIL") or ROOT / ".run" / "mail.jsonl")


def _paragraphs(text: str) -> list[dict[str, Any]]:
    """A mail's text as the page shows it: paragraphs, links with the words before them, and the closing lines."""
    shown: list[dict[str, Any]] = []
    linked = closing = False
    for paragraph in text.split("\n\n"):
        closing = closing or any(line.strip() == "--" for line in paragraph.splitlines())
        lines = [line.strip() for line in paragraph.splitlines() if line.strip() and line.strip() != "--"]
        if len(lines) == 2 and lines[1].startswith(("http://", "https://")) and " " not in lines[1]:
            shown.append({"words": lines[0].rstrip(":"), "link": lines[1], "first": not linked})
            linked = True
        elif lines:
            shown.append({"words": "\n".join(lines), "link": "", "closing": closing})
    return shown


@blueprint.get("/demo/mail")
def mail() -> Response:
    """Every mail that the demo has sent, newest first; `?view=html` shows them as a mail program does."""
    found = list(reversed(sink.read(mail_file())))
    number = max(1, request.args.get("page", 1, type=int))
    pages = max(1, -(-len(found) // PAGE))
    number = min(number, pages)
    shown = [
        {**entry, "paragraphs": _paragraphs(entry["text"])} for entry in found[(number - 1) * PAGE : number * PAGE]
    ]
    rich = request.args.get("view") == "html"
    response = Response(render_template("demo/mail.html", mails=shown, page=number, pages=pages, rich=rich))
    if rich:
        response.headers["Content-Security-Policy"] = FRAMING
    return response


@blueprint.get("/demo/mail/<id_>")
def letter(id_: str) -> Response:
    """The HTML of one mail, for a frame of the viewer: its own styles, no script, links lead out of the frame."""
    found = next((entry for entry in sink.read(mail_file()) if entry["id"] == id_), None)
    if found is None:
        abort(404)
    response = Response(found["html"].replace("<head>", '<head><base target="_top">', 1))
    response.headers["Content-Security-Policy"] = LETTER
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@blueprint.get("/demo/mail.json")
def mail_json() -> Response:
    """The same for scripts: all of them, oldest first."""
    response = jsonify(sink.read(mail_file()))
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/demo/clock")
@csrf.exempt
def advance() -> tuple[Response, int]:
    """Move the clock of provider, worker and applications ahead: {"advance": "P28D"}."""
    try:
        body: Any = request.get_json(force=True, silent=True)
    except RecursionError:  # nested deeper than anybody means
        body = None
    wanted = body.get("advance") if isinstance(body, dict) else None
    try:
        ahead = durations.seconds(wanted, clock.now())
    except ValueError as error:
        return jsonify(error="invalid_request", error_description=str(error)), 400
    shift = clock.advance(ahead)
    return jsonify(now=clock.now(), shift=shift), 200
