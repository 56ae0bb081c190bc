"""The demo's own pages: the mail viewer and the movable clock."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from idp.kernel import clock
from idp.kernel.web import csrf
from idp.settings import ROOT

from . import durations, sink

blueprint = Blueprint("demo", __name__)
PAGE = 25


def mail_file() -> Path:
    """Where the sink keeps what it took."""
    return Path(os.environ.get("ONIX_DEMO_MAIL") or ROOT / ".run" / "mail.jsonl")


def _paragraphs(text: str) -> list[dict[str, str]]:
    """A mail's text as the page shows it: plain paragraphs, and links with the words that stand before them."""
    shown = []
    for paragraph in text.split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip() and line.strip() != "--"]
        if len(lines) == 2 and lines[1].startswith(("http://", "https://")) and " " not in lines[1]:
            shown.append({"words": lines[0].rstrip(":"), "link": lines[1]})
        elif lines:
            shown.append({"words": "\n".join(lines), "link": ""})
    return shown


@blueprint.get("/demo/mail")
def mail() -> str:
    """Every mail that the demo has sent, newest first."""
    found = list(reversed(sink.read(mail_file())))
    number = max(1, request.args.get("page", 1, type=int))
    pages = max(1, -(-len(found) // PAGE))
    number = min(number, pages)
    shown = [
        {**entry, "paragraphs": _paragraphs(entry["text"])} for entry in found[(number - 1) * PAGE : number * PAGE]
    ]
    return render_template("demo/mail.html", mails=shown, page=number, pages=pages, total=len(found))


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
    body: Any = request.get_json(force=True, silent=True)
    wanted = body.get("advance") if isinstance(body, dict) else None
    try:
        ahead = durations.seconds(wanted, clock.now())
    except ValueError as error:
        return jsonify(error="invalid_request", error_description=str(error)), 400
    shift = clock.advance(ahead)
    return jsonify(now=clock.now(), shift=shift), 200
