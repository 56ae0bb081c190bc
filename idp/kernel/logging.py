"""Structured logs: one line per event and per answered request, with a request id and without secrets (R19).

A request's line names its *route* (`/activate/<token>`), never its address: mailed links, codes and query strings
stay out. Whatever is logged elsewhere passes `redact()`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from flask import Request, Response, g, has_request_context
from flask.ctx import _AppCtxGlobals

from .database import new_id

if TYPE_CHECKING:
    from .web import Application

REDACTED = "[redacted]"
# Keys whose values are secret wherever they appear. `token_endpoint`, `password_changed_at` and the like are not.
_SECRET_KEY = re.compile(
    r"^(.*_)?(password|passphrase|secret|token|code|authorization|cookie|assertion|verifier|handle|private_key|"
    r"key_encryption_key|session|csrf|link|url_with_token|logout_token|id_token_hint)$",
    re.IGNORECASE,
)
_PUBLIC_KEYS = frozenset({"status_code", "error_code", "exit_code", "reason_code"})
# Values that give themselves away: JSON web tokens, Authorization headers, our 43-character handles, URL credentials.
_SECRET_VALUE = re.compile(
    r"eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"
    r"|(?i:\b(?:bearer|basic|dpop)\s+)[\w.~+/=-]{8,}"
    r"|(?i:\b(?:code|token|password|client_secret|refresh_token|access_token|state|id_token_hint|code_verifier)=)[^&\s\"']+"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
    r"|(?<![\w-])[\w-]{43}(?![\w-])"
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_access = logging.getLogger("idp.access")
_lines: _Lines | None = None
Event = MutableMapping[str, Any]


def redact(value: Any, key: str = "") -> Any:
    """The same value with whatever is secret replaced: by its key's name, or by its look."""
    if key and key not in _PUBLIC_KEYS and _SECRET_KEY.match(key) and value is not None:
        return REDACTED
    if isinstance(value, str):
        return _SECRET_VALUE.sub(REDACTED, value) if len(value) > 8 else value
    if isinstance(value, dict):
        return {name: redact(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    return value


def _redact(_logger: Any, _method: str, event: Event) -> Event:
    return {name: redact(value, name) for name, value in event.items()}


def _of_the_request(_logger: Any, _method: str, event: Event) -> Event:
    """The id of the request that a line was written in; looked up by the few that write one, not told to every one."""
    if has_request_context() and "request_id" in g:
        event.setdefault("request_id", g.request_id)
    return event


def configure(log_format: str = "json", level: str = "INFO") -> None:
    """Set up logging for this process; calling it again replaces what was there.

    `log_format`: `json` (one object per line on standard error) or `console` (for people).
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _of_the_request,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    if log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)
    structlog.configure(
        processors=[*shared, structlog.stdlib.add_logger_name, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        cache_logger_on_first_use=True,
    )
    global _lines
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact,
                renderer,
            ],
        )
    )
    handler.set_name("onix")
    _lines = _Lines(handler) if log_format == "json" else None
    root = logging.getLogger()
    root.handlers = [kept for kept in root.handlers if kept.get_name() != "onix"] + [handler]
    root.setLevel(level)
    # Authlib writes whole tokens at DEBUG (security P05); these others print headers or addresses there.
    for name in ("authlib", "urllib3", "requests", "mail.log"):
        logging.getLogger(name).setLevel(max(logging.INFO, getattr(logging, level)))
    # At INFO the engine writes every statement with its values.
    for name in ("alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(max(logging.WARNING, getattr(logging, level)))


class _Lines:
    """Writes the one line of a request where everything else goes, in the same shape: one pass instead of a dozen steps
    of two libraries, which took a tenth of a token's time."""

    def __init__(self, handler: logging.StreamHandler[Any]) -> None:
        self._handler = handler
        self._encode = json.JSONEncoder(ensure_ascii=False).encode

    @property
    def open(self) -> bool:
        return self._handler in logging.root.handlers

    def write(self, entry: dict[str, Any], request_id: str) -> None:
        entry |= {
            "event": "request",
            "request_id": request_id,
            "level": "info",
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "logger": _access.name,
        }
        line = self._encode(entry) + "\n"
        self._handler.acquire()
        try:
            self._handler.stream.write(line)
            self._handler.flush()
        except (OSError, ValueError):  # nobody can be told that nobody listens; the answer goes out all the same
            pass
        finally:
            self._handler.release()


def init_app(app: Application) -> None:
    """Give every request an id (`X-Request-ID` of the answer, `request_id` of each log line) and a line of its own."""
    settings = app.extensions["onix_settings"]
    if not app.testing:
        configure(settings.log_format, settings.log_level)
    app.before_any.append(_begin)
    app.after_any.append(_answered)


def _begin(_asked: Request, kept: _AppCtxGlobals) -> None:
    kept.request_id = new_id()
    kept.request_started = time.perf_counter()


def route(asked: Request) -> str:
    """The pattern that a request matched: a bounded set of words that carries no secret."""
    return asked.url_rule.rule if asked.url_rule is not None else "(none)"


def _answered(asked: Request, kept: _AppCtxGlobals, response: Response) -> None:
    request_id = kept.get("request_id")
    if request_id is None:
        return
    response.headers.add("X-Request-ID", request_id)
    if not _access.isEnabledFor(logging.INFO) or asked.path.startswith("/healthz/"):
        return
    entry = {
        "method": asked.method if asked.method in METHODS else "OTHER",
        "route": _redacted(route(asked)),
        "status": response.status_code,
        "milliseconds": round((time.perf_counter() - kept.request_started) * 1000, 1),
        "address": redact(asked.remote_addr, "address"),
    }
    if _lines is not None and _lines.open:
        _lines.write(entry, request_id)
    else:
        structlog.get_logger(_access.name).info("request", **entry)


@cache
def _redacted(rule: str) -> str:
    """A route as it may be shown; there are as many as there are views."""
    return str(redact(rule, "route"))


__all__ = ["configure", "init_app", "redact", "route"]
