"""What machines ask about this process: alive, ready, and numbers (R49).

`/healthz/live` answers as long as the process does. `/healthz/ready` looks at whether the database can be written, its
migrations are at head, and the signing keys can be used. `/metrics` is Prometheus text; its labels are routes, never
addresses or ids. It says how busy the house is and what it fails at, so production shows it for a token alone: a proxy
on the same machine makes everybody's request look like one from here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import cache

import structlog
from flask import Blueprint, Request, Response, abort, jsonify, request
from flask.ctx import _AppCtxGlobals
from flask_migrate import Migrate
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from idp import migrations
from idp.kernel import clock
from idp.kernel.database import autocommit, db
from idp.kernel.logging import METHODS, route
from idp.kernel.secrets import same
from idp.kernel.web import Application, csrf
from idp.oidc import clients, keys
from idp.outbox import service as outbox
from idp.settings import current_settings

log = structlog.get_logger(__name__)
blueprint = Blueprint("health", __name__)
_REQUESTS = Counter("onix_requests_total", "Answered requests", ["method", "route", "status"])
_SECONDS = Histogram(
    "onix_request_seconds",
    "Seconds until the answer",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


def init_app(app: Application) -> None:
    Migrate(app, db, directory=str(migrations.FOLDER))
    csrf.exempt(blueprint)
    app.register_blueprint(blueprint)
    app.after_any.append(_count)


def _count(asked: Request, kept: _AppCtxGlobals, response: Response) -> None:
    where, method = route(asked), asked.method
    _requests(method if method in METHODS else "OTHER", where, response.status_code).inc()
    started = kept.get("request_started")
    if started is not None:
        _seconds(where).observe(time.perf_counter() - started)


@cache
def _requests(method: str, where: str, status: int) -> Counter:
    """The counter of these labels: a bounded number, and finding one costs as much as counting."""
    return _REQUESTS.labels(method, where, status)


@cache
def _seconds(where: str) -> Histogram:
    return _SECONDS.labels(where)


def problems() -> dict[str, str]:
    """What keeps this process from serving, by check; empty when ready. Says what, never where or with which secret."""
    found: dict[str, str] = {}
    try:
        with autocommit() as connection:
            connection.execute(text("SELECT 1"))
            if (
                connection.dialect.name == "postgresql"
                and connection.scalar(text("SHOW transaction_read_only")) == "on"
            ):
                found["database"] = "read-only"
            if migrations.current_revision(connection) != migrations.head():
                found["migrations"] = "not at head"
    except SQLAlchemyError as error:
        log.warning("not_ready", error=type(error).__name__)
        return {"database": "not reachable"}
    try:
        for alg in ("ES256", "RS256"):
            keys.signing_key(alg, clock.now())
    except Exception as error:  # whatever is wrong with a key, the answer is the same: not ready
        log.warning("not_ready", error=type(error).__name__)
        found["keys"] = "no usable signing key"
    finally:
        db.session.rollback()
    return found


def remarks() -> list[str]:
    """What an operator should know although the process may serve; asked only where `problems` found none."""
    settings = current_settings()
    hidden = settings.environment == "production" and settings.metrics_token is None
    try:
        return [
            *(["ONIX_METRICS_TOKEN is not set: /metrics answers nobody"] if hidden else []),
            *(
                f"client {client_id} is of the app {app_id}, which the catalog lacks: its people hold nothing"
                for client_id, app_id in clients.of_unknown_apps()
            ),
        ]
    finally:
        db.session.rollback()


@blueprint.get("/healthz/live")
def live() -> Response:
    return _plain({"status": "ok"}, 200)


@blueprint.get("/healthz/ready")
def ready() -> Response:
    found = problems()
    checks = {name: found.get(name, "ok") for name in ("database", "migrations", "keys")}
    return _plain({"status": "not ready" if found else "ok", "checks": checks}, 503 if found else 200)


def _plain(body: dict[str, object], status: int) -> Response:
    response = jsonify(body)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


class _Deliveries(Collector):
    """Deliveries that wait or were given up, counted in the database when asked."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("onix_deliveries", "Mails and logout tokens", labels=["lane", "state"])
        try:
            for lane, state, count in outbox.counts():
                family.add_metric([lane, state], count)
        except SQLAlchemyError as error:
            log.warning("metrics_without_database", error=type(error).__name__)
        finally:
            db.session.rollback()
        yield family


@blueprint.get("/metrics")
def metrics() -> Response:
    """The numbers, for whoever has the token; where there is none, in production for nobody (404)."""
    settings = current_settings()
    if settings.metrics_token is None:
        if settings.environment == "production":
            abort(404)
    elif not same(_bearer(), settings.metrics_token.get_secret_value()):
        refused = _plain({"error": "invalid_token"}, 401)
        refused.headers["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refused
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    deliveries = CollectorRegistry()
    deliveries.register(_Deliveries())
    return Response(generate_latest(registry) + generate_latest(deliveries), content_type=CONTENT_TYPE_LATEST)


def _bearer() -> str:
    scheme, _space, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
