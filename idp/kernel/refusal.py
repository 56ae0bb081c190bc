"""A *no* that a person reads: a stable code, a sentence, and the HTTP status it travels under."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """Raised by services when nothing may be written. One handler per surface renders it; it is never a 5xx.

    code: stable, snake_case, fit for logs and JSON.  message: a (lazy) translated sentence for the person.
    field: the form field it belongs to, if any.  retry_after: seconds, sent as `Retry-After` with status 429.
    """

    def __init__(
        self, code: str, message: Any, *, status: int = 400, field: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status
        self.field, self.retry_after = field, retry_after
