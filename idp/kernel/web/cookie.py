"""The one cookie."""

from __future__ import annotations

import hashlib
from functools import cached_property

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import URLSafeTimedSerializer

from .. import clock
from .application import is_machine_path

_DAY = "day"
"""Cookie key: the day on which it was last written, counted from 1970."""


class CookieInterface(SecureCookieSessionInterface):
    """Flask's signed cookie with SHA-256; it carries random handles and the form token only (security P17).

    It is written when it changes, and on a new day so that it does not run out for somebody who keeps coming. Signing
    it at every answer took a tenth of an authorization.
    """

    digest_method = staticmethod(hashlib.sha256)

    @cached_property
    def _signer(self) -> URLSafeTimedSerializer | None:
        return super().get_signing_serializer(self._app)

    def __init__(self, app: Flask) -> None:
        self._app = app

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        return self._signer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Programs have no cookie: theirs is empty, and nothing is kept of it."""
        return self.session_class() if is_machine_path(request.path) else super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if is_machine_path(request.path):
            return
        today = clock.now() // 86400
        if session.permanent and session.get(_DAY) != today:
            session[_DAY] = today
        super().save_session(app, session, response)
