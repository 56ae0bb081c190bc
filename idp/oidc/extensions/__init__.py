"""What is added to Authlib's code grant at the authorization endpoint, one file per specification.

Authlib keeps hooks in a set, so several hooks on one event run in no order. Which error a faulty request gets must
not depend on that: `OrderedChecks` is the one hook, and it runs a tuple of plain functions from top to bottom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Check = Callable[[Any], None]
"""Looks at a grant's request and returns, or raises an `OAuth2Error` with a fixed, printable description."""


class OrderedChecks:
    """An extension of a grant: run these checks once client, redirect URI and response type stand."""

    def __init__(self, *checks: Check) -> None:
        self.checks = checks

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self._run)

    def _run(self, grant: Any, _redirect_uri: Any) -> None:
        for check in self.checks:
            check(grant)
