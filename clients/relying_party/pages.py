"""What pages have in common: their words and values, and the pages that any request may end in."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import current_app, g, jsonify, render_template, request, url_for
from flask_wtf import FlaskForm
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from clients.relying_party import words
from clients.relying_party.access import Denied, request_address
from clients.relying_party.flow import SignInFailed
from clients.relying_party.guard import Person
from clients.relying_party.product import Product
from clients.relying_party.provider import Unreachable
from clients.relying_party.settings import Settings

log = logging.getLogger(__name__)


class ConfirmForm(FlaskForm):
    """A form with nothing but its proof of origin."""


def say(sentence: str, **values: str) -> str:
    """A sentence of a page in the language of this request, with `{name}` places filled."""
    found = words.text(sentence, g.language, current_app.extensions["onix_product"].translations)
    for name, value in values.items():
        found = found.replace("{" + name + "}", value)
    return found


def choose_language() -> None:
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


def page_values() -> dict[str, Any]:
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
        "request_address": _request_address,
        "day": _day,
        "moment": _moment,
        "page_address": _page_address,
        "member_type": _member_type,
        "role_names": _role_names,
        "edition_name": _edition_name,
        "spaced": _spaced,
        "for_windows": bool(settings.desktop_client_id),
    }


def _request_address(verdict: Denied) -> str | None:
    """Where the person asks the administrators for access; None where nobody can be asked, or asking helps nothing."""
    settings: Settings = current_app.extensions["onix_settings"]
    return request_address(verdict, settings.issuer, settings.resource)


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
    """A day as Onix Account writes it."""
    moment = datetime.fromtimestamp(instant, UTC)
    month = words.MONTHS[g.language][moment.month - 1]
    return f"{moment.day}{'.' if g.language == 'nb' else ''} {month} {moment.year}"


def _moment(instant: int) -> str:
    """Day and time, in UTC as everywhere in the family."""
    between = " " if g.language == "nb" else ", "
    return f"{_day(instant)}{between}{datetime.fromtimestamp(instant, UTC):%H:%M} UTC"


def _page_address(page: int) -> str:
    """This list at another page, narrowed as it is."""
    kept = {name: value for name, value in request.args.items() if name not in ("page", "lang")}
    return f"?{urlencode({**kept, 'page': page})}"


def allow_frame() -> None:
    """Let this page show a file of this very application in a frame."""
    g.frame = True


def _spaced(number: int) -> str:
    """125000 as 125 000 with a space that does not break, which both languages read."""
    return f"{number:,}".replace(",", "\u00a0")


def _member_type(value: str) -> str:
    known = {"employee": "Employee", "express": "Express guest", "bidder": "Bidder", "consultant": "Consultant"}
    return say(known[value]) if value in known else value


def _role_names(names: tuple[str, ...]) -> str:
    return ", ".join(words.ROLES.get(name, name) if g.language == "nb" else name for name in names)


def _edition_name(edition: str) -> str:
    product: Product = current_app.extensions["onix_product"]
    return f"{product.name} {edition.split(':')[-1].replace('_', ' ').title()}"


def _message(status: int, headline: str, body: str, *, again: str | None = None, retry: bool = False) -> Any:
    page = render_template("kit/message.html", headline=headline, body=body, again=again, retry=retry, status=status)
    response = current_app.make_response((page, status))
    if retry:
        response.headers["Retry-After"] = "10"
    return response


def _wants_json() -> bool:
    return request.endpoint in ("rp.me", "rp.recheck", "rp.receive_logout")


def unreachable(error: Unreachable) -> Any:
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


def sign_in_failed(error: SignInFailed) -> Any:
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


def form_expired(error: CSRFError) -> Any:
    return _message(400, say("This form has expired"), say("Go back, load the page again and send the form once more."))


def http_error(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400 and error.response is not None:
        return error.response
    if _wants_json():
        return jsonify(error="invalid_request"), status
    said = {
        403: (
            "You can't do that here",
            "Your role does not include this. Ask your administrator for the privilege if you need it.",
        ),
        413: ("This is too large", "Choose a smaller file, or send less at once."),
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


def broken(error: Exception) -> Any:
    log.exception("unexpected error")
    if _wants_json():
        return jsonify(error="server_error"), 500
    return _message(500, say("Something went wrong here"), say("We have noted it. Please try again in a moment."))
