"""Error pages, and the same for programs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, cast

import structlog
from flask import Flask, Response, current_app, g, jsonify, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, InternalError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from ..database import db
from ..refusal import Refusal
from . import kept
from .application import is_machine_path
from .input import largest_form

log = structlog.get_logger(__name__)


READ_ONLY = "25006"  # PostgreSQL's read_only_sql_transaction: a standby, or an administrator at work


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
        again = kept.sent() if code in _AGAIN or status in _AGAIN else None
        if code == "form_expired" and not kept.of_who_is_here():
            again = None
        response = current_app.make_response(
            render_template(
                page,
                code=code,
                message=message,
                status=status,
                reference=reference,
                retry_after=retry_after,
                again=again,
            )
        )
    response.status_code = status
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def form_expired(_error: CSRFError) -> Response:
    """The form's token is not this browser's, or not of today."""
    return _answer("form_expired", _("This form is too old. Go back, reload the page and send it again."), 400)


def answer_errors(app: Flask, prefix: str, render: Callable[[str, Any, int, int | None], Response]) -> None:
    """Let a room whose programs expect a form of their own render every error below a path: also those that no view of
    it raised. `render` takes code, sentence, status and seconds to wait."""
    app.extensions.setdefault("onix_error_answers", {})[prefix] = render


_AGAIN: frozenset[str | int] = frozenset({"form_expired", "conflict", "unavailable", 429})
"""Codes and statuses after which the same form may well be taken."""

_PAGES = frozenset({400, 403, 404, 405, 413, 429, 500, 503})


def register(app: Flask) -> None:
    @app.errorhandler(Refusal)
    def _refusal(error: Refusal) -> Response:
        return _answer(error.code, error.message, error.status, retry_after=error.retry_after)

    app.register_error_handler(CSRFError, form_expired)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:
            return current_app.make_response(error.get_response())
        retry = 60 if status == 429 else None
        message: Any = error.name
        if status == 413 and (most := largest_form()):
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

    @app.errorhandler(InternalError)
    def _read_only(error: InternalError) -> Response:
        return _database(error) if getattr(error.orig, "sqlstate", None) == READ_ONLY else _bug(error)

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        if app.testing and app.config.get("PROPAGATE_BUGS", True):
            raise error
        db.session.rollback()
        log.exception("unexpected_error")
        return _answer("server_error", _("Something went wrong on our side."), 500)
