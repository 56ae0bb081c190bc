"""Serving: the provider on Granian, with worker processes, threads and TLS.

Granian's access log stays off, since it would write paths and query strings; the application logs each request by its
route instead (`kernel/logging.py`).
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from idp.kernel.web.entrance import WAITING
from idp.settings import ROOT, Passwords


@dataclass(frozen=True)
class Options:
    """How to listen. `certificate` and `key` are PEM files; both or none."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 4
    certificate: Path | None = None
    key: Path | None = None
    key_password: str | None = None
    http2: bool = False


def problems(options: Options, *, production: bool, proxies: int) -> list[str]:
    """What stands against listening like this, one line each."""
    found = []
    if (options.certificate is None) != (options.key is None):
        found.append("--tls-certificate and --tls-key go together")
    unreadable = [
        f"{name}: {path} can't be read"
        for name, path in (("--tls-certificate", options.certificate), ("--tls-key", options.key))
        if path is not None and not (path.is_file() and os.access(path, os.R_OK))
    ]
    found += unreadable
    if options.certificate is not None and options.key is not None and not unreadable:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
                options.certificate, options.key, lambda: options.key_password or ""
            )
        except (OSError, ValueError):
            found.append("--tls-certificate: not a PEM file, or --tls-key is not its key or has another password")
    if (taken := _taken(options.host, options.port)) is not None:
        found.append(f"--port: can't listen on {options.host}:{options.port}: {taken}")
    if production and options.certificate is None and not proxies:
        found.append(
            "ONIX_TRUSTED_PROXIES: without --tls-certificate a proxy must end TLS in front; say how many there are"
        )
    return found


def _taken(host: str, port: int) -> str | None:
    """Why nobody can listen there, or None.

    Granian's workers share their port, so a second server would be let in beside the first and get some of its
    requests; a socket that shares nothing is refused.
    """
    try:
        family, kind, _proto, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except UnicodeError:
        return "the host is no name"
    except OSError as error:
        return error.strerror or "the address can't be used"
    return None


def serve(options: Options, passwords: Passwords) -> None:
    """Listen until told to stop (SIGINT, SIGTERM). Each worker is a process in which `threads` threads work; the others
    only wait for what is sent (`kernel/web/entrance.py`)."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, SSLProtocols
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    share_cores(options.workers, passwords)
    os.environ["ONIX_AT_ONCE"] = str(options.threads)
    metrics = None
    if options.workers > 1 and not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        # Counters of several processes are added up through files in this folder.
        metrics = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="onix-metrics-")
    try:
        Granian(
            "wsgi:app",
            address=options.host,
            port=options.port,
            interface=Interfaces.WSGI,
            workers=options.workers,
            blocking_threads=options.threads + WAITING,
            http=HTTPModes.auto if options.http2 else HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=15_000),
            websockets=False,
            log_level=LogLevels.error,
            log_access=False,
            ssl_cert=options.certificate,
            ssl_key=options.key,
            ssl_key_password=options.key_password,
            ssl_protocol_min=SSLProtocols.tls12,  # what RFC 9325 §3.1.1 demands; its suites here are all ECDHE and AEAD
            respawn_failed_workers=True,
            workers_kill_timeout=15,
            working_dir=ROOT,
        ).serve()
    finally:
        if metrics:
            shutil.rmtree(metrics, ignore_errors=True)


def share_cores(workers: int, passwords: Passwords) -> None:
    """Hash as many passwords at once as there are cores, if the settings say nothing: more take each other's cache,
    and all of them become slower."""
    if "concurrency" not in passwords.model_fields_set:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        os.environ["ONIX_PASSWORDS__CONCURRENCY"] = str(max(1, cores // workers))
