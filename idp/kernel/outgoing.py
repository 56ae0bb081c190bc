"""Calls to addresses that others registered: a client's key set, its back-channel logout."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from requests_hardened import Config, Manager
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_here = threading.local()


@cache
def caller(connect: float, read: float, *, loopback: bool) -> Manager:
    """What makes them. They never reach private networks and follow no redirects (R34).

    `connect` and `read` are seconds, for each piece that comes: `in_time` bounds the whole. `loopback` lets them reach
    this machine, for the local demo only.
    """
    return _Caller(
        Config(
            ip_filter_enable=True,
            ip_filter_allow_loopback_ips=loopback,
            never_redirect=True,
            default_timeout=(connect, read),
            user_agent_override="Onix-Account",
        )
    )


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """End whatever these calls are doing in this thread when so many seconds are over.

    A server that sends a letter now and then is never late for the next one, and could keep a thread for days.
    """
    watch = _Watch()
    timer = threading.Timer(seconds, watch.cut)
    timer.daemon = True
    timer.start()
    _here.watch = watch
    try:
        yield
    finally:
        _here.watch = None
        timer.cancel()


class _Watch:
    """The connections in use, and whether their time is over."""

    def __init__(self) -> None:
        self._sockets: set[socket.socket] = set()
        self._over = False
        self._lock = threading.Lock()

    def add(self, line: socket.socket) -> None:
        with self._lock:
            self._sockets.add(line)
            if self._over:
                _end(line)

    def cut(self) -> None:
        with self._lock:
            self._over = True
            for line in self._sockets:
                _end(line)


def _end(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _watched(line: Any) -> None:
    watch: _Watch | None = getattr(_here, "watch", None)
    if watch is not None and line is not None:
        watch.add(line)


class _Connection(HTTPConnection):
    def getresponse(self) -> Any:
        _watched(self.sock)
        return super().getresponse()


class _SecureConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        _watched(self.sock)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(IPFilterAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Caller(Manager):
    def get_session(self) -> Any:
        session = super().get_session()
        loopback = self.config.ip_filter_allow_loopback_ips
        session.mount("http://", _Adapter(is_https_proto=False, allow_loopback=loopback))
        session.mount("https://", _Adapter(is_https_proto=True, allow_loopback=loopback))
        return session
